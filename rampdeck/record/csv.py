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

from rampdeck.histogram import Histogram, bucket_of, value_of
from rampdeck.model import OTHER_NAMES
from rampdeck.requests import Key, RequestBook, Span, Tally
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
_NO_TOTALS: tuple[Cell, ...] = (0, 0, 0, 0.0, 0, 0, 0)


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
    """What the history says of one second: the last seconds, and cells of the whole run, entry by entry."""

    utc: float
    users: int
    window: Totals
    whole: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class _Median:
    """In which bucket the median was: of how many values, how many of them below it and in it."""

    bucket: int
    count: int
    below: int
    inside: int


class Medians:
    """The medians of histograms that only grow, exact at every moment.

    A name's median of the whole run stays in its bucket for minutes. It is
    looked for anew only when so many values have come that it may have left it.
    """

    def __init__(self) -> None:
        self._known: dict[Key, _Median] = {}

    def of(self, key: Key, tally: Tally) -> float:
        """Return the median (ms) of what a tally, always the same one of a key, holds; it is not empty."""
        good, bad = tally.successes, tally.failures
        count = good.count + bad.count
        rank = (count + 1) // 2
        known = self._known.get(key)
        if known is None or not known.below + count - known.count < rank <= known.below + known.inside:
            near = known.bucket if known else bucket_of((good.total + bad.total) / count)
            known = self._known[key] = _median((good.buckets, bad.buckets), rank, count, near)
        lowest, highest = min(good.lowest, bad.lowest), max(good.highest, bad.highest)
        return min(max(value_of(known.bucket), lowest), highest)


def _median(parts: Sequence[Mapping[int, int]], rank: int, count: int, near: int) -> _Median:
    """Go from a bucket that cannot be far to the one that has the value of a rank."""
    below = sum(number for part in parts for bucket, number in part.items() if bucket < near)
    inside = sum(part.get(near, 0) for part in parts)
    while rank <= below:
        near -= 1
        inside = sum(part.get(near, 0) for part in parts)
        below -= inside
    while rank > below + inside:
        near += 1
        below += inside
        inside = sum(part.get(near, 0) for part in parts)
    return _Median(near, count, below, inside)


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


def second(book: RequestBook, utc: float, users: int, medians: Medians, *, full: bool) -> Second:
    """Copy what the history needs of this second; ``full``: of each name, not only of all together.

    Of the whole run only single figures: its histograms are large, and copying
    those of all names every second would hold up the users. ``medians`` are
    kept from one second to the next.
    """
    window, whole = book.window, book.whole
    keys = sorted(whole.names, key=lambda key: (key[1], key[0])) if full else []
    empty = Tally()
    now = [_entry(*key, window.names.get(key, empty)) for key in keys]
    so_far = [_so_far(key, whole.names[key], medians) for key in keys]
    everything = ("", AGGREGATED)
    return Second(
        utc,
        users,
        Totals(window.seconds, (*now, _entry(*everything, window.total))),
        (*so_far, _so_far(everything, whole.total, medians)),
    )


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
            *so_far,
        )
        for moment in seconds
        for now, so_far in zip(moment.window.entries, moment.whole, strict=True)
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
    if tally.successes.count:
        times.add(tally.successes)
    if tally.failures.count:
        times.add(tally.failures)
    return Entry(method, name, times, tally.failures.count, tally.bytes)


def _so_far(key: Key, tally: Tally, medians: Medians) -> tuple[Cell, ...]:
    good, bad = tally.successes, tally.failures
    count = good.count + bad.count
    if not count:
        return _NO_TOTALS
    return (
        count,
        bad.count,
        rounded(medians.of(key, tally)),
        (good.total + bad.total) / count,
        min(good.lowest, bad.lowest),
        max(good.highest, bad.highest),
        tally.bytes / count,
    )


def _totals(entry: Entry) -> tuple[Cell, ...]:
    times = entry.times
    if not times.count:
        return _NO_TOTALS
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
    if not times.count:
        return (NOTHING,) * len(percents)
    values = times.percentiles(percents)
    return tuple(
        round(times.highest if exact and percent >= 100 else value or 0.0, 2)
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
