"""What the collectors of Python servers' logs share: how a log is followed, read and counted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from rampdeck.collector import LINE_METRICS, CollectorConfig, Sink
from rampdeck.facts import Fact
from rampdeck.model import Health
from rampdeck.remote import Remote, Shell
from rampdeck.view import Metric, Unit, View

from ._facts_python import PythonFacts
from ._journal import Entry
from ._lines import lines_of, text_of
from ._places import LogConfig, follower_of
from ._reading import Reader
from ._signals import SignalTable
from ._tasks import every, together

BEAT = 0.5
"""Seconds between looks at errors that are held for their traceback; every second look is a sample."""


def log_metrics(table: SignalTable) -> tuple[Metric, ...]:
    """Return the numbers that a log gives whose signals are in a table."""
    return (
        *LINE_METRICS,
        Metric("errors", Unit.PER_SECOND, "errors and worse; one with its traceback is one"),
        Metric("warnings", Unit.PER_SECOND, "warnings"),
        *table.metrics(),
        Metric("workers", Unit.COUNT, "workers at work; known once the server's start was seen"),
    )


class LogCollector:
    """Follows one server's log; every line is an event or, of an access log, counted.

    A subclass names its kind, its table of signals and how its pane looks.
    """

    kind: ClassVar[str]
    Config: ClassVar[type[CollectorConfig]]
    metrics: ClassVar[tuple[Metric, ...]]
    view: ClassVar[View]
    table: ClassVar[SignalTable]

    def __init__(self, config: LogConfig) -> None:
        self.config = config
        self._follow, self._asks = follower_of(config, self._take_block, self._take)
        self._facts = PythonFacts(self.kind, config)
        self._sink: Sink | None = None
        self._reader: Reader | None = None
        self._beats = 0

    def asks(self) -> tuple[str, ...]:
        """Return every command that it may send."""
        return (*self._asks(), *self._facts.asks())

    async def facts(self, shell: Shell) -> tuple[Fact, ...]:
        """Ask once what the server is made of."""
        return await self._facts.facts(shell)

    async def run(self, remote: Remote, sink: Sink) -> None:
        """Follow until the log cannot be read; goes on where it stood."""
        self._sink = sink
        if self._reader is None:
            self._reader = Reader(self.table, sink.log)
        reader = self._reader
        try:
            await together(self._follow(remote, sink), every(BEAT, partial(self._beat, reader, sink)))
        finally:
            reader.flush()
            self._sample(reader, sink)

    def _beat(self, reader: Reader, sink: Sink) -> None:
        reader.ripen()
        self._beats += 1
        if self._beats % 2 == 0:
            self._sample(reader, sink)

    def _sample(self, reader: Reader, sink: Sink) -> None:
        if sink.health not in (Health.LIVE, Health.WARNING):
            return
        values = reader.take_counts()
        if reader.crew.present is not None:
            values["workers"] = float(len(reader.crew.present))
        sink.sample(values)

    def _take_block(self, block: bytes, before: bool) -> None:
        self._take([Entry(text_of(line), before=before) for line in lines_of(block)])

    def _take(self, entries: Sequence[Entry]) -> None:
        """Read entries in one go, so that what was read and what came of it agree at any moment."""
        assert self._reader is not None
        assert self._sink is not None
        reader, sink = self._reader, self._sink
        fresh = [entry for entry in entries if not entry.before]
        sink.lines(read=len(fresh), suppressed=sum(entry.suppressed for entry in fresh))
        for entry in entries:
            reader.read(entry)
        sink.lines(counted=reader.counted)
        reader.counted = 0
