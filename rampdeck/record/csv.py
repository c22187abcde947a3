"""Locust's four CSV files with our figures: pure text, made from what a session holds.

Headers and columns are Locust's (``StatsCSV`` in its ``stats`` module), so what
reads those files reads these. They differ on purpose in three things:

- Times are those of our histograms: at most 1 % off instead of rounded to two
  digits, with decimals, and wire times where the kernel stamped the answer.
- Percentiles of the history are of the last ten seconds, as its rates are;
  Locust's are of all that was before, in which a collapse does not show.
- The figures are of the whole session; Locust begins anew with each load.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from rampdeck.histogram import Histogram
from rampdeck.model import OTHER_NAMES
from rampdeck.requests import RequestBook, Span, Tally
from rampdeck.secrets import redact

AGGREGATED = "Aggregated"
NOTHING = "N/A"
LEFT_OUT = "(errors left out)"
"""The text of errors that came after too many others."""
_STATS = (
    "Type",
    "Name",
    "Request Count",
    "Failure Count",
    "Median Response Time",
    "Average Response Time",
    "Min Response Time",
    "Max Response Time",
    "Average Content Size",
    "Requests/s",
    "Failures/s",
)
_HISTORY = ("Timestamp", "User Count", "Type", "Name", "Requests/s", "Failures/s")
_HISTORY_TOTALS = (
    "Total Request Count",
    "Total Failure Count",
    "Total Median Response Time",
    "Total Average Response Time",
    "Total Min Response Time",
    "Total Max Response Time",
    "Total Average Content Size",
)
_FAILURES = ("Method", "Name", "Error", "Occurrences", "First Seen", "Last Seen")
_EXCEPTIONS = ("Count", "Message", "Traceback", "Nodes")
Cell = str | int | float


@dataclass(frozen=True, slots=True)
class Entry:
    """The requests of one name, or of all, at one moment; not touched by what comes later."""

    method: str
    name: str
    times: Histogram
    failures: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The requests of a span: its length in seconds, an entry for each name, then all together."""

    seconds: float
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Second:
    """What the history says of one second: the last seconds and the whole run, entry by entry alike."""

    utc: float
    users: int
    window: Totals
    whole: Totals


@dataclass(frozen=True, slots=True)
class Failure:
    """How often requests of a name failed in one way, and when first and last (UTC seconds)."""

    method: str
    name: str
    error: str
    count: int
    first: float | None = None
    last: float | None = None


def totals(span: Span, *, names: bool = True) -> Totals:
    """Copy a span, quickly: what is dear to work out can then wait for a thread."""
    keys = sorted(span.names, key=lambda key: (key[1], key[0])) if names else []
    entries = [_entry(*key, span.names[key]) for key in keys]
    return Totals(span.seconds, (*entries, _entry("", AGGREGATED, span.total)))


def second(book: RequestBook, utc: float, users: int, *, full: bool) -> Second:
    """Copy what the history needs of this second; ``full``: of each name, not only of all together."""
    whole = totals(book.whole, names=full)
    window = {(entry.method, entry.name): entry for entry in totals(book.window, names=full).entries}
    empty = Histogram()
    alike = tuple(
        window.get((entry.method, entry.name)) or Entry(entry.method, entry.name, empty, 0, 0)
        for entry in whole.entries
    )
    return Second(utc, users, Totals(book.window.seconds, alike), whole)


def failures(book: RequestBook, spelled: Mapping[str, str]) -> tuple[Failure, ...]:
    """Copy the failures, the most frequent first; ``spelled``: Locust's way to write an error, by text."""
    found = [
        Failure(method, name, spelled.get(text, text), count, *book.errors_seen[method, name, text])
        for (method, name, text), count in book.errors.items()
    ]
    found.sort(key=lambda failure: -failure.count)
    if book.errors_left_out:
        found.append(Failure("", OTHER_NAMES, LEFT_OUT, book.errors_left_out))
    return tuple(found)


def stats_csv(whole: Totals, percents: Sequence[float]) -> str:
    """Return ``_stats.csv``."""
    rows: list[Sequence[Cell]] = [(*_STATS, *readable(percents))]
    for entry in whole.entries:
        count, failed, *times, size = _totals(entry)
        rates = (_rate(entry.times.count, whole.seconds), _rate(entry.failures, whole.seconds))
        cells = (_plain(entry.method), _plain(entry.name), count, failed, *times, size, *rates)
        rows.append((*cells, *_percentiles(entry.times, percents, exact=True)))
    return _text(rows)


def history_head(percents: Sequence[float]) -> str:
    """Return the first line of ``_stats_history.csv``."""
    return _text([(*_HISTORY, *readable(percents), *_HISTORY_TOTALS)])


def history_csv(seconds: Iterable[Second], percents: Sequence[float]) -> str:
    """Return the lines of some seconds for ``_stats_history.csv``."""
    return _text(
        (
            int(moment.utc),
            moment.users,
            _plain(now.method),
            _plain(now.name),
            f"{_rate(now.times.count, moment.window.seconds):2f}",
            f"{_rate(now.failures, moment.window.seconds):2f}",
            *_percentiles(now.times, percents),
            *_totals(so_far),
        )
        for moment in seconds
        for now, so_far in zip(moment.window.entries, moment.whole.entries, strict=True)
    )


def failures_csv(found: Iterable[Failure]) -> str:
    """Return ``_failures.csv``."""
    rows = (
        (
            _plain(one.method),
            _plain(one.name),
            _plain(one.error),
            one.count,
            _moment(one.first),
            _moment(one.last),
        )
        for one in found
    )
    return _text([_FAILURES, *rows])


def exceptions_csv(raised: Iterable[tuple[int, str, str, Sequence[str]]]) -> str:
    """Return ``_exceptions.csv`` from counts, messages, tracebacks and nodes."""
    rows = ((count, _plain(text), _plain(trace), ", ".join(nodes)) for count, text, trace, nodes in raised)
    return _text([_EXCEPTIONS, *rows])


def readable(percents: Iterable[float]) -> tuple[str, ...]:
    """Return percentiles as the headers name them: ``50%``, ``99.9%``."""
    return tuple(f"{percent:.10g}%" for percent in percents)


def rounded(milliseconds: float) -> float:
    """Return a time to a hundredth of a millisecond, without decimals that say nothing."""
    return round(milliseconds, 2)


def _entry(method: str, name: str, tally: Tally) -> Entry:
    times = Histogram()
    times.add(tally.successes)
    times.add(tally.failures)
    return Entry(method, name, times, tally.failures.count, tally.bytes)


def _totals(entry: Entry) -> tuple[Cell, ...]:
    times = entry.times
    if not times.count:
        return (0, 0, 0, 0.0, 0, 0, 0)
    return (
        times.count,
        entry.failures,
        rounded(times.percentile(50) or 0.0),
        times.mean or 0.0,
        times.lowest,
        times.highest,
        entry.bytes / times.count,
    )


def _percentiles(times: Histogram, percents: Sequence[float], *, exact: bool = False) -> tuple[Cell, ...]:
    """Return percentiles; ``exact``: the largest value is known, as it is not in a sliding window."""
    values = times.percentiles(percents)
    return tuple(
        NOTHING if value is None else rounded(times.highest if exact and percent >= 100 else value)
        for percent, value in zip(percents, values, strict=True)
    )


def _rate(count: int, seconds: float) -> float:
    return count / seconds if seconds > 0 else 0.0


def _moment(utc: float | None) -> str:
    return "" if utc is None else datetime.fromtimestamp(int(utc), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=4_096)
def _plain(text: str) -> str:
    # The same few names and errors every second.
    return redact(text)


def _text(rows: Iterable[Iterable[Cell]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
