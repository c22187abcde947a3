"""What it costs to read a log line: from what a host sends to an event, on one core, without a host.

Time is this process's own, so that a busy machine is not the line's fault; the best of some rounds counts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from bench.report import Aim
from collectors._journal import Entry, JournalFollower
from collectors._lines import lines_of, text_of
from collectors._python_signals import GUNICORN, UVICORN
from collectors._reading import Reader
from rampdeck.collector import Sink
from rampdeck.model import Event, Sample, SourceInfo
from rampdeck.templates import template

LINES = 20_000
ROUNDS = 5
LIMIT = 100_000
"""Lines a second, the least that is aimed at."""
_SLICE = 64


@dataclass(frozen=True)
class Read:
    """Lines of one sort: how many came in, what became of them, and µs of processor for one."""

    name: str
    lines: int
    stored: int
    counted: int
    cost: float

    @property
    def rate(self) -> float:
        """Lines a second."""
        return 1e6 / self.cost


def _gunicorn(number: int, level: str, message: str) -> str:
    clock = f"18:{number // 600 % 60:02}:{number // 10 % 60:02}"
    return f"[2026-11-22 {clock} +0000] [{4000 + number % 8}] [{level}] {message}"


_SORTS: dict[str, Callable[[int], str]] = {
    "Gunicorn, a line of the application": lambda n: _gunicorn(
        n, "INFO", f"order {n} of customer {n % 997} sent"
    ),
    "Gunicorn, a signal": lambda n: _gunicorn(n, "INFO", f"Booting worker with pid: {n}"),
    "Gunicorn, an error": lambda n: _gunicorn(n, "ERROR", f"payment {n} was lost"),
    "Django, a formatted line": lambda n: (
        f"INFO 2026-11-22 18:01:02,123 shop.views order {n} of {n % 97} sent"
    ),
    "Gunicorn, an access line": lambda n: (
        f'10.0.0.{n % 250} - - [22/Nov/2026:18:01:02 +0000] "GET /orders/{n}/ HTTP/1.1" 200 {n} "-" "curl/8"'
    ),
}


def measured(count: int = LINES, rounds: int = ROUNDS) -> list[Read]:
    """Read lines of every sort, and a journal's."""
    found = []
    for name, sort in _SORTS.items():
        block = "".join(f"{sort(number)}\n" for number in range(count)).encode()
        found.append(_read(f"{name}, from a file", count, rounds, partial(_of_file, block)))
    uvicorn = "".join(f'INFO:     10.0.0.1:{n} - "GET /orders/{n}/ HTTP/1.1" 200 OK\n' for n in range(count))
    block = uvicorn.encode()
    found.append(_read("Uvicorn, an access line, from a file", count, rounds, partial(_of_file, block)))
    sort = next(iter(_SORTS.values()))
    entries = [_entry(number, sort(number)) for number in range(count)]
    found.append(_read("Gunicorn, from the journal", count, rounds, partial(_of_journal, entries)))
    return found


def templates(count: int = LINES, rounds: int = ROUNDS) -> float:
    """Return the µs of processor for one template."""
    lines = [
        f"order {number} of customer {number % 997} sent in {number % 89}.5 ms" for number in range(count)
    ]
    return _best(rounds, lambda: [template(line) for line in lines]) / count * 1e6


def table(found: Sequence[Read], of_template: float) -> Iterator[str]:
    """Yield the figures as a table."""
    yield "| a line | µs | lines/s |"
    yield "| --- | ---: | ---: |"
    for one in found:
        rate = f"{one.rate:,.0f}".replace(",", " ")
        yield f"| {one.name} | {one.cost:.1f} | {rate} |"
    yield f"| its template | {of_template:.1f} | |"


def aims(found: Sequence[Read]) -> list[Aim]:
    """Return what was aimed at: quick enough, and not a line lost."""
    slowest = min(found, key=lambda one: one.rate)
    lost = sum(one.lines - one.stored - one.counted for one in found)
    return [
        Aim(
            f"reading a line; slowest: {slowest.name}",
            f">= {LIMIT}/s",
            f"{slowest.rate:.0f}/s",
            slowest.rate >= LIMIT,
        ),
        Aim("lines read that are neither stored nor counted", "0", str(lost), lost == 0),
    ]


class _Kept:
    """A sink that counts what it is handed."""

    def __init__(self) -> None:
        self.stored = self.counted = 0
        self.sink = Sink(SourceInfo("gunicorn@here", "gunicorn", "here"), self._take, limit=10**9)

    def _take(self, item: Sample | Event) -> None:
        if isinstance(item, Sample):
            self.stored += int(item.values["lines_stored"])
            self.counted += int(item.values["lines_counted"])

    def end(self, reader: Reader) -> None:
        reader.flush()
        self.sink.lines(counted=reader.counted)
        self.sink.sample({})


def _of_file(block: bytes) -> _Kept:
    kept = _Kept()
    reader = Reader(UVICORN if block.startswith(b"INFO: ") else GUNICORN, kept.sink.log)
    lines = lines_of(block)
    for start in range(0, len(lines), _SLICE):
        kept.sink.lines(read=len(lines[start : start + _SLICE]))
        for line in lines[start : start + _SLICE]:
            reader.read(Entry(text_of(line)))
    kept.end(reader)
    return kept


def _of_journal(lines: Sequence[bytes]) -> _Kept:
    kept = _Kept()
    reader, journal = Reader(GUNICORN, kept.sink.log), JournalFollower("gunicorn.service")
    for start in range(0, len(lines), _SLICE):
        entries = journal.entries(lines[start : start + _SLICE], before=False)
        kept.sink.lines(read=len(entries))
        for entry in entries:
            reader.read(entry)
    kept.end(reader)
    return kept


def _entry(number: int, message: str) -> bytes:
    boot = "5a8a4f3e1a3b4d6f8f0b1e1f3b0e8c11"
    fields = {
        "__CURSOR": f"s={boot};i={number:x};b={boot};m={number:x};t=6{number:x};x=9d0f",
        "__REALTIME_TIMESTAMP": str(1_795_350_000_000_000 + number),
        "__MONOTONIC_TIMESTAMP": str(number),
        "_BOOT_ID": boot,
        "_PID": str(4000 + number % 8),
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": "gunicorn",
        "MESSAGE": message,
    }
    return json.dumps(fields).encode()


def _read(name: str, count: int, rounds: int, read: Callable[[], _Kept]) -> Read:
    kept = read()
    return Read(name, count, kept.stored, kept.counted, _best(rounds, read) / count * 1e6)


def _best(rounds: int, work: Callable[[], object]) -> float:
    """Return the seconds of processor that the quickest of some rounds took."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)
