"""The sources of a run: announced, read under supervision, and closed at its end."""

from __future__ import annotations

from collections.abc import Sequence

from rampdeck.collector import Sink, supervise
from rampdeck.duties import Duties
from rampdeck.remote.hosts import Hosts
from rampdeck.session import Session
from rampdeck.setup import Source


class Readers:
    """Reads the sources into the session."""

    def __init__(self, sources: Sequence[Source], hosts: Hosts, session: Session) -> None:
        self._hosts = hosts
        self._sinks = [(source, Sink(source.info, session.append)) for source in sources]
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

    def close(self) -> None:
        """Say that nothing is read any more."""
        for source, sink in self._sinks:
            if not source.absent:
                sink.close()
