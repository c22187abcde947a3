"""Which load levels have bent: their throughput no longer follows users, or p95 rises.

The rules, and where they come from:

- **Throughput.** Users who think and wait make ``users / (think + response)``
  requests a second (Little's law for a closed system), so below saturation
  every user brings the same rate, and beyond it less; users with a constant
  pace behave alike. Operational analysis (Denning and Buzen, Computing Surveys
  1978) calls the place where that line meets the capacity the saturation
  point, Gunther's Universal Scalability Law bends smoothly there. So each
  level's successes per user and second are held against those of the lowest
  levels. Counts are Poisson; the ratio of two rates has the interval
  ``exp(log ratio +- 1.96 sqrt(1/n + 1/m))`` (Rothman, Epidemiology, ch. 9).
  A level has bent when more than :data:`LOSS` is lost for certain (95 %).
- **p95** of the successes, bounded by order statistics (Conover, Practical
  Nonparametric Statistics, 3.2). A level has bent when it is for certain
  :data:`BEND` times that of the lowest levels, and :data:`LEAST_MS` above it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from rampdeck.histogram import Histogram

LOSS = 0.10
"""Share of the rate per user whose certain loss is a bend of the throughput."""
BEND = 1.5
"""Times the p95 of the lowest levels that are a bend of the response times."""
LEAST_MS = 5.0
"""Milliseconds that p95 must rise in any case: a bend from 1 to 2 ms is none that a release is bet on."""
ENOUGH = 1_000
"""Requests after which the lowest levels are a base: their rate is known to some 6 %."""
Z = 1.96
"""Standard deviations on both sides that hold 95 %."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % bounds."""

    low: float
    best: float
    high: float


@dataclass
class Point:
    """All levels of one number of users together; ``times`` are those of the successes, ``None`` unknown."""

    users: int
    seconds: float = 0.0
    successes: int = 0
    times: Histogram | None = field(default_factory=Histogram)

    def add(self, seconds: float, successes: int, times: Histogram | None) -> None:
        """Take in the measured part of a level."""
        self.seconds += seconds
        self.successes += successes
        if self.times is None or times is None:
            self.times = None
        elif not self.times.count:
            self.times = times
        else:
            self.times = _merged((self.times, times))

    @property
    def user_seconds(self) -> float:
        """The seconds of all users together."""
        return self.users * self.seconds

    @cached_property
    def p95(self) -> Interval | None:
        """The p95 in ms, asked for once all levels are in."""
        return p95_bounds(self.times) if self.times is not None else None


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of a point: ``True`` for certain, ``False`` certainly not, ``None`` too close to call."""

    users: int
    throughput_bent: bool | None
    p95_bent: bool | None

    @property
    def bent(self) -> bool:
        """Whether it has bent for certain."""
        return bool(self.throughput_bent or self.p95_bent)

    @property
    def follows(self) -> bool:
        """Whether it has certainly not bent."""
        return self.throughput_bent is False and self.p95_bent is False


def p95_bounds(times: Histogram) -> Interval | None:
    """Return the p95 in ms with the order statistics that bound it; the upper is infinite for few times."""
    count = times.count
    if not count:
        return None
    middle, spread = 0.95 * count, Z * math.sqrt(0.95 * 0.05 * count)
    first, last = max(1, math.floor(middle - spread)), math.ceil(middle + spread) + 1
    ranks = (first, middle, min(last, count))
    low, best, high = (value or 0.0 for value in times.percentiles(100 * rank / count for rank in ranks))
    return Interval(low, best, math.inf if last > count else high)


def judged(points: Sequence[Point]) -> list[Judged]:
    """Hold each point against the lowest ones."""
    throughput = throughput_base(points)
    p95 = _p95_base(points)
    return [
        Judged(point.users, _has_lost(ratio(point, throughput)), _has_risen(point.p95, p95))
        for point in points
    ]


def _has_lost(ratio: Interval) -> bool | None:
    if ratio.high < 1 - LOSS:
        return True
    return False if ratio.low >= 1 - LOSS else None


def _has_risen(p95: Interval | None, base: Interval | None) -> bool | None:
    if p95 is None or base is None:
        # Nobody knows the spread, so throughput decides alone.
        return False
    if p95.low > max(BEND * base.high, base.high + LEAST_MS):
        return True
    return False if p95.high <= max(BEND * base.best, base.best + LEAST_MS) else None


def throughput_base(points: Sequence[Point]) -> Point:
    """Return the lowest points together, up to :data:`ENOUGH` requests or the first that falls off."""
    base = points[0]
    for point in points[1:]:
        if base.successes >= ENOUGH or ratio(point, base).high < 1 - LOSS / 2:
            break
        # As one user of all their user seconds, so that a rate is one per user.
        seconds, successes = base.user_seconds + point.user_seconds, base.successes + point.successes
        base = Point(1, seconds, successes, None)
    return base


def _p95_base(points: Sequence[Point]) -> Interval | None:
    """Return the p95 of the lowest points together, up to :data:`ENOUGH` requests or the first that rises."""
    times = points[0].times
    for point in points[1:]:
        if times is None or point.times is None or times.count >= ENOUGH:
            break
        bounds, base = point.p95, p95_bounds(times)
        if bounds is None or base is None or bounds.low > (1 + BEND) / 2 * base.best:
            break
        times = _merged((times, point.times))
    return p95_bounds(times) if times is not None else None


def _rate_per_user(point: Point) -> float:
    return (point.successes + 0.5) / point.user_seconds


def ratio(point: Point, base: Point) -> Interval:
    """Return the rate per user against that of the base; half a request keeps zero in bounds (Haldane)."""
    best = _rate_per_user(point) / _rate_per_user(base)
    factor = math.exp(Z * math.sqrt(1 / (point.successes + 0.5) + 1 / (base.successes + 0.5)))
    return Interval(best / factor, best, best * factor)


def rate(point: Point) -> Interval:
    """Return the successes a second; the spread of a Poisson count is its root."""
    spread = Z * math.sqrt(point.successes)
    counts = (max(0.0, point.successes - spread), point.successes, point.successes + spread)
    low, best, high = (count / point.seconds for count in counts)
    return Interval(low, best, high)


def _merged(histograms: Iterable[Histogram]) -> Histogram:
    together = Histogram()
    for histogram in histograms:
        together.add(histogram)
    return together
