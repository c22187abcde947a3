"""A run over time, in as many columns as a picture has room for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rampdeck.histogram import Histogram
from rampdeck.model import RequestBatch
from rampdeck.snapshot import Trend

MOST = 360
"""Columns of a timeline."""


@dataclass(frozen=True, slots=True)
class Column:
    """A stretch of the run: the most users, the mean rate, the worst second's p95, the share of errors.

    ``p95`` is in ms, ``error_rate`` 0 to 1; ``None`` where no request ended.
    """

    users: float | None
    rps: float | None
    p95: float | None
    error_rate: float | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Columns of equal width in seconds, from ``began`` (UTC seconds) on; an empty stretch is ``None``."""

    began: float
    width: float
    columns: tuple[Column | None, ...]

    @property
    def seconds(self) -> float:
        """Return how long it is."""
        return self.width * len(self.columns)


@dataclass
class _Second:
    seconds: float = 0.0
    users: int = 0
    requests: int = 0
    failures: int = 0
    p95: float | None = None


def timeline(batches: Iterable[RequestBatch], most: int = MOST) -> Timeline:
    """Return the timeline of a session's requests; one second's worth is held at a time."""
    seconds: dict[int, _Second] = {}
    began: float | None = None
    times, now = Histogram(), 0
    for batch in batches:
        begin = batch.at.mono - batch.seconds
        if began is None:
            began, utc = begin, batch.at.utc - batch.seconds
        place = max(0, int(begin + batch.seconds / 2 - began))
        if place != now:
            times, now = Histogram(), place
        second = seconds.setdefault(place, _Second())
        second.seconds += batch.seconds
        second.users = max(second.users, batch.users)
        for stats in batch.entries:
            times.add(stats.successes)
            times.add(stats.failures)
            second.requests += stats.successes.count + stats.failures.count
            second.failures += stats.failures.count
        second.p95 = times.percentile(95)
    if began is None:
        return Timeline(0.0, 1.0, ())
    length = max(seconds) + 1
    width = math.ceil(length / most)
    columns = (
        [seconds[place] for place in range(start, start + width) if place in seconds]
        for start in range(0, length, width)
    )
    return Timeline(utc, float(width), tuple(_column(column) for column in columns))


def recent(trend: Trend, until: float) -> Timeline:
    """Return what the screen knows of the last minutes, up to ``until`` (UTC seconds)."""
    series = (trend.users, trend.rps, trend.p95, trend.error_rate)
    columns = tuple(Column(*values) for values in zip(*series, strict=False))
    return Timeline(until - len(columns), 1.0, columns)


def _column(seconds: Sequence[_Second]) -> Column | None:
    if not seconds:
        return None
    length = sum(second.seconds for second in seconds)
    requests = sum(second.requests for second in seconds)
    return Column(
        users=max(second.users for second in seconds),
        rps=requests / length if length > 0 else None,
        p95=max((second.p95 for second in seconds if second.p95 is not None), default=None),
        error_rate=sum(second.failures for second in seconds) / requests if requests else None,
    )
