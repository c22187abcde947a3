"""A mergeable histogram of response times with a known relative error.

Locust rounds to two digits, which turns 795 to 805 ms into the very limit of
a gate. Here a value falls into a bucket whose bounds differ by 2 %, and is
reported as the bucket's middle: never more than 1 % off. (The scheme is that
of DDSketch, Masson, Rim and Lee, VLDB 2019.)
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import accumulate

LOWEST_MS = 0.05
"""Values below are counted as this: kernels do not answer quicker over TCP."""
HIGHEST_MS = 600_000.0
"""Values above are counted as this: ten minutes."""
RELATIVE_ERROR = 0.01
GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_SCALE = 1 / math.log(GAMMA)
FIRST = math.ceil(math.log(LOWEST_MS) * _SCALE)
LAST = math.ceil(math.log(HIGHEST_MS) * _SCALE)
"""The numbers of the lowest and the highest bucket; their bounds differ by the factor ``GAMMA``."""
_MIDDLE = 2 / (1 + GAMMA)
_FEW = 32
"""Values that are counted one by one rather than by the buckets they span."""
_log = math.log
_ceil = math.ceil


def bucket_of(milliseconds: float) -> int:
    """Return the number of the bucket that holds a response time."""
    if milliseconds <= LOWEST_MS:
        return FIRST
    if milliseconds >= HIGHEST_MS:
        return LAST
    return _ceil(_log(milliseconds) * _SCALE)


def value_of(bucket: int) -> float:
    """Return the response time in ms that stands for a bucket."""
    return float(GAMMA**bucket) * _MIDDLE


class Histogram:
    """Counts by bucket, with the exact count, sum, smallest and largest value.

    Mutable while it is being filled, then handed on and left alone.
    """

    __slots__ = ("buckets", "count", "highest", "lowest", "total")

    def __init__(self) -> None:
        self.buckets: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        self.lowest = math.inf
        self.highest = 0.0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        return self.buckets == other.buckets and self.count == other.count and self.highest == other.highest

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Histogram of {self.count}, p50 {self.percentile(50)} ms, max {self.highest} ms>"

    @classmethod
    def of(cls, values: Iterable[float]) -> Histogram:
        """Return a histogram of response times in ms."""
        histogram = cls()
        for value in values:
            histogram.record(value)
        return histogram

    @classmethod
    def restored(cls, buckets: Mapping[int, int], total: float, lowest: float, highest: float) -> Histogram:
        """Return a histogram from its stored parts."""
        histogram = cls()
        histogram.buckets = dict(buckets)
        histogram.count = sum(buckets.values())
        histogram.total = total
        histogram.lowest = lowest
        histogram.highest = highest
        return histogram

    def record(self, milliseconds: float) -> None:
        """Count one response time."""
        if milliseconds <= LOWEST_MS:
            bucket = FIRST
        elif milliseconds >= HIGHEST_MS:
            bucket = LAST
        else:
            bucket = _ceil(_log(milliseconds) * _SCALE)
        buckets = self.buckets
        buckets[bucket] = buckets.get(bucket, 0) + 1
        self.count += 1
        self.total += milliseconds
        if milliseconds > self.highest:
            self.highest = milliseconds
        if milliseconds < self.lowest:
            self.lowest = milliseconds

    def record_down(self, highest: float, step: float) -> None:
        """Count ``highest``, ``highest - step``, ``highest - 2 * step`` ... as long as they reach ``step``.

        These are the requests that a late answer kept from being sent
        (:mod:`rampdeck.levels.omission`). The work is bounded by the number of
        buckets, however many values there are. ``step`` is above 0.
        """
        if highest < step:
            return
        # What is short of a whole step by the rounding of a float is one.
        count = int(highest / step + 1e-9)
        if count <= _FEW:
            for number in range(count):
                self.record(highest - number * step)
            return
        lowest = highest - (count - 1) * step
        buckets = self.buckets
        below = 0
        for bucket in range(bucket_of(lowest), bucket_of(highest) + 1):
            upto = count if bucket >= LAST else int((GAMMA**bucket - lowest) / step) + 1
            upto = max(below, min(upto, count))
            if upto > below:
                buckets[bucket] = buckets.get(bucket, 0) + upto - below
            below = upto
        if below < count:  # the rounding of the last bound
            last = bucket_of(highest)
            buckets[last] = buckets.get(last, 0) + count - below
        self.count += count
        self.total += count * (highest + lowest) / 2
        self.highest = max(self.highest, highest)
        self.lowest = min(self.lowest, lowest)

    def add(self, other: Histogram) -> None:
        """Take in all that another histogram has counted."""
        if self.buckets:
            buckets = self.buckets
            for bucket, count in other.buckets.items():
                buckets[bucket] = buckets.get(bucket, 0) + count
        else:
            self.buckets = dict(other.buckets)
        self.count += other.count
        self.total += other.total
        if other.lowest < self.lowest:
            self.lowest = other.lowest
        if other.highest > self.highest:
            self.highest = other.highest

    def subtract(self, other: Histogram) -> None:
        """Take out what was once added: how a sliding window moves on.

        Where the largest or smallest value may have gone with it, the middle of
        the outermost bucket that is left stands for it: at most 1 % off.
        """
        buckets = self.buckets
        for bucket, count in other.buckets.items():
            left = buckets[bucket] - count
            if left:
                buckets[bucket] = left
            else:
                del buckets[bucket]
        self.count -= other.count
        self.total -= other.total
        if not buckets:
            self.total, self.lowest, self.highest = 0.0, math.inf, 0.0
            return
        # A value left in the bucket of the one that went may be smaller by the width of a bucket.
        if other.highest * GAMMA >= self.highest:
            self.highest = min(self.highest, value_of(max(buckets)))
        if other.lowest <= self.lowest * GAMMA:
            self.lowest = max(self.lowest, value_of(min(buckets)))

    @property
    def mean(self) -> float | None:
        """Return the exact mean in ms, ``None`` without values."""
        return self.total / self.count if self.count else None

    def percentile(self, percent: float) -> float | None:
        """Return a percentile in ms (nearest rank), ``None`` without values.

        At most 1 % off, and never outside of the values seen.
        """
        values = self.percentiles((percent,))
        return values[0]

    def percentiles(self, percents: Iterable[float]) -> tuple[float | None, ...]:
        """Return several percentiles in ms from one pass."""
        count = self.count
        if not count:
            return tuple(None for _ in percents)
        buckets = sorted(self.buckets)
        seen = list(accumulate(map(self.buckets.__getitem__, buckets)))
        lowest, highest = self.lowest, self.highest
        found: list[float] = []
        for percent in percents:
            rank = _ceil(count * percent / 100 - 1e-9) or 1
            value = float(GAMMA ** buckets[bisect_left(seen, rank)]) * _MIDDLE
            found.append(lowest if value < lowest else min(value, highest))
        return tuple(found)
