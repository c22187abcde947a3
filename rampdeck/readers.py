"""The sources of a run: announced, read under supervision, and closed at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rampdeck.collector import Actor, Sink, StepReader, supervise
from rampdeck.duties import Duties
from rampdeck.errors import SourceError
from rampdeck.model import Severity, Step, Value
from rampdeck.remote.hosts import Hosts
from rampdeck.session import Session
from rampdeck.sources import Source
from rampdeck.view import Action


class Readers:
    """Reads the sources into the session."""

    def __init__(self, sources: Sequence[Source], hosts: Hosts, session: Session) -> None:
        self._hosts = hosts
        self._sinks = [(source, Sink(source.info, session.append, source.limit)) for source in sources]
        for source in sources:
            session.append(source.info)

    def connect(self, duties: Duties) -> None:
        """Begin to read, each source as a duty of its own."""
        for source, sink in self._sinks:
            if source.absent:
                sink.absent(source.absent)
            else:
                reading = supervise(source.collector, self._hosts.remote(source.host), sink)
                duties.start(source.info.name, reading)

    async def act(self, name: str, action: Action, row: Mapping[str, Value]) -> str:
        """Let a source's collector do something with a row; the answer is an event of the source.

        Raises :class:`RampdeckError` when it cannot be done.
        """
        source, sink = next((each for each in self._sinks if each[0].info.name == name), (None, None))
        if source is None or sink is None or not isinstance(source.collector, Actor):
            raise SourceError(f"{name} cannot do that", f"it has no “{action.label}”")
        answer = await source.collector.act(action.name, row)
        sink.log(f"{action.label}:\n{answer}", Severity.NOTICE, fields={"action": action.name}, lines=0)
        return answer

    def step(self, step: Step) -> None:
        """Tell those whose figures are of a load level that it is another, or in another phase."""
        for source, _ in self._sinks:
            if isinstance(source.collector, StepReader):
                source.collector.step(step)

    def close(self) -> None:
        """Say that nothing is read any more."""
        for source, sink in self._sinks:
            if not source.absent:
                sink.close()
