"""The sources of a run: announced, read under supervision, and closed at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from rampdeck.collector import Actor, Sink, StepReader
from rampdeck.duties import Duties
from rampdeck.errors import SourceError
from rampdeck.model import Event, EventKind, Instant, Severity, SourceInfo, Step, Value
from rampdeck.remote.hosts import Hosts
from rampdeck.secrets import redact
from rampdeck.session import Session
from rampdeck.sources import Source
from rampdeck.supervise import guarded, supervise
from rampdeck.view import Action


class Readers:
    """Reads the sources into the session; those of one host begin in the order in which they are given."""

    def __init__(self, sources: Sequence[Source], hosts: Hosts, session: Session) -> None:
        self._hosts = hosts
        self._append = session.append
        self._sinks = [(source, Sink(source.info, session.append, source.limit)) for source in sources]
        for source in sources:
            session.append(source.info)

    def connect(self, duties: Duties) -> None:
        """Begin to read, each source as a duty of its own."""
        for rank, (source, sink) in enumerate(self._sinks):
            if source.absent:
                sink.absent(source.absent)
            else:
                reading = supervise(source.collector, self._hosts.remote(source.host), sink, rank)
                duties.start(source.info.name, reading)
        for host in {source.host for source, _ in self._sinks if not source.absent}:
            self._hosts.remote(host).heed(partial(self._host_says, host))

    def _host_says(self, host: str, signal: str, text: str) -> None:
        """Tell what a host's connection found out, where its host is looked at, or else its first source."""
        there = [source.info for source, _ in self._sinks if source.host == host and not source.absent]
        info = next((info for info in there if info.kind == "host"), there[0])
        self._tell(info, Severity.WARNING, text, signal=signal)

    async def act(self, name: str, action: Action, row: Mapping[str, Value]) -> str:
        """Let a source's collector do something with a row; the answer is an event of the source.

        Raises :class:`RampdeckError` when it cannot be done.
        """
        source = next((source for source, _ in self._sinks if source.info.name == name), None)
        if source is None or not isinstance(source.collector, Actor):
            raise SourceError(f"{name} cannot do that", f"it has no “{action.label}”")
        answer = await guarded(partial(source.collector.act, action.name, row), source.info.kind)
        self._tell(source.info, Severity.NOTICE, f"{action.label}:\n{answer}", action=action.name)
        return redact(answer)

    def step(self, step: Step) -> None:
        """Tell those whose figures are of a load level that it is another, or in another phase."""
        for source, _ in self._sinks:
            if isinstance(source.collector, StepReader):
                source.collector.step(step)

    def _tell(self, info: SourceInfo, severity: Severity, text: str, **fields: str) -> None:
        """Tell something of a source past its sink: it does not mean that the source can be seen."""
        self._append(Event(Instant.now(), info.name, EventKind.LOG, severity, text, fields=fields))

    def close(self) -> None:
        """Say that nothing is read any more."""
        for source, sink in self._sinks:
            if not source.absent:
                sink.close()
