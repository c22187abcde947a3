"""What a running cockpit has recorded so far, and the faults that it is put through."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from rampdeck.model import Event, EventKind, Sample
from rampdeck.store import SessionReader

BACK = 10.0
"""Seconds after a fault's end within which every pane lives again: that is promised."""
NAP = 0.1
LONG = 60.0
"""Seconds for what is promised for no moment."""
STORED = 1.5
"""Seconds until what was seen stands in the file: there is one commit a second."""
NUMBER = re.compile(r"number[/ ](\d+)")
_HEALTH = """
SELECT sources.name, json_extract(events.fields, '$.health'), max(events.seq), events.text
FROM events JOIN sources ON sources.id = events.source WHERE events.kind = 'health' GROUP BY sources.name"""
_SAMPLED = """
SELECT sources.name, max(samples.utc)
FROM samples JOIN sources ON sources.id = samples.source GROUP BY sources.name"""
_SAID = """
SELECT sources.name, max(events.seq), events.text || coalesce(events.fields, '')
FROM events JOIN sources ON sources.id = events.source
WHERE events.kind = 'log' AND events.text LIKE '%number%' GROUP BY sources.name"""


@dataclass(frozen=True)
class Fault:
    """From when to when something was broken, when all was well again, and whom it may have blinded."""

    name: str
    began: float
    ended: float
    over: float
    blinds: tuple[str, ...]


class Deck:
    """A headless run under way, seen through its session file; ``written`` is when each number was."""

    def __init__(
        self, file: Path, logs: tuple[str, ...], polled: tuple[str, ...], written: Mapping[int, float]
    ) -> None:
        self.file = file
        self.logs = logs
        self.sources = logs + polled
        self._written = written
        self.faults: list[Fault] = []

    @contextmanager
    def fault(self, name: str, *blinds: str) -> Iterator[None]:
        """Let the block do harm, then wait until every pane lives again."""
        began = time.time()
        yield
        ended = time.time()
        self.until_well(f"after: {name}")
        self.faults.append(Fault(name, began, ended, time.time(), blinds))
        time.sleep(0.5)

    def until_well(self, when: str, seconds: float = BACK + STORED) -> None:
        """Wait until every source is live and tells something of this moment or later."""
        since = time.time()
        _until(lambda: not self.missing(since), lambda: f"{when}: {self.missing(since)}", seconds)

    def until_read(self) -> None:
        """Wait until the last line that was written is recorded from every log."""
        last = max(self._written)
        _until(
            lambda: all(self._said().get(log) == last for log in self.logs),
            lambda: f"{last} was written, and read: {self._said()}",
            LONG,
        )

    def missing(self, since: float) -> list[str]:
        """Return the sources that do not live, and why not."""
        with closing(self._open()) as database:
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone():
                return ["the session file"]
            health = {name: (state, text) for name, state, _, text in database.execute(_HEALTH)}
            sampled = dict(database.execute(_SAMPLED).fetchall())
        said = self._said()
        first = next((number for number, at in list(self._written.items()) if at >= since), None)
        missing = []
        for source in self.sources:
            state, text = health.get(source, ("unknown", ""))
            # A warning: one of its logs is not read; but for a journal that nobody has written to yet.
            if state != "live" and (state != "warning" or "has no line" not in text):
                missing.append(f"{source} is {state}: {text}")
            elif sampled.get(source, 0.0) < since:
                missing.append(f"{source} gave no sample")
            elif source in self.logs and first is not None and said.get(source, 0) < first:
                missing.append(f"{source} said {said.get(source)}, not {first}")
        return missing

    def items(self) -> list[object]:
        """Return all that was recorded."""
        with SessionReader(self.file) as reader:
            return list(reader.items())

    def _said(self) -> dict[str, int]:
        with closing(self._open()) as database:
            said = database.execute(_SAID).fetchall()
        return {name: int(found[1]) for name, _, text in said if (found := NUMBER.search(text))}

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)


def _until(true: Callable[[], bool], why: Callable[[], str], seconds: float) -> None:
    """Wait for that many seconds, in naps: each is as much longer as this machine lets everybody wait."""
    for _ in range(round(seconds / NAP)):
        if true():
            return
        time.sleep(NAP)
    assert true(), why()


def numbers_of(items: list[object], source: str, *, with_field: str = "") -> Counter[int]:
    """Return how often each number is in the events of a source; with a field, or without ``status``."""
    found: Counter[int] = Counter()
    for item in items:
        if not isinstance(item, Event) or item.source != source or item.kind is not EventKind.LOG:
            continue
        if with_field not in item.fields if with_field else "status" in item.fields:
            continue
        if number := NUMBER.search(f"{item.text} {item.fields.get('request', '')}"):
            found[int(number[1])] += 1
    return found


def gaps_of(items: list[object], source: str) -> list[tuple[float, float, str]]:
    """Return the gaps of a source: from when, until when, and why."""
    return [
        (float(item.fields["from"]), float(item.fields["until"]), item.text)
        for item in items
        if isinstance(item, Event) and item.source == source and item.kind is EventKind.GAP
    ]


def total(items: list[object], source: str, metric: str) -> float:
    """Return the sum of a metric over all samples of a source."""
    samples = [item for item in items if isinstance(item, Sample) and item.source == source]
    return sum(sample.values.get(metric, 0.0) for sample in samples)


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    """Freeze processes, each with all that descends from it."""
    processes = [psutil.Process(pid) for pid in pids]
    processes += [child for process in processes for child in process.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
