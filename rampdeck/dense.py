"""A histogram for what is added to, taken from and looked at every second.

It counts in the buckets of :class:`~rampdeck.histogram.Histogram` and says the
same, but keeps them in a row: adding takes a fifth of the time, and a high
percentile, which is near the end of the row, a quarter. It is larger (6 kB), so
only windows that are judged are made of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from rampdeck.histogram import FIRST, GAMMA, LAST, Histogram, value_of

_LENGTH = LAST - FIRST + 1


class Dense:
    """Counts by bucket in a row, with the exact count and sum.

    Buckets below 0 stand at the end of the row, where Python finds them by
    their negative numbers.
    """

    __slots__ = ("_bottom", "_top", "count", "counts", "highest", "lowest", "total")

    def __init__(self) -> None:
        self.counts = [0] * _LENGTH
        self._clear()

    def _clear(self) -> None:
        self.count = 0
        self.total = 0.0
        self.lowest = math.inf
        self.highest = 0.0
        self._top, self._bottom = FIRST, LAST

    def add(self, other: Histogram) -> None:
        """Take in all that a histogram has counted."""
        counts = self.counts
        for bucket, count in other.buckets.items():
            counts[bucket] += count
        self.count += other.count
        self.total += other.total
        if other.highest > self.highest:
            self.highest = other.highest
            self._top = max(self._top, max(other.buckets))
        if other.lowest < self.lowest:
            self.lowest = other.lowest
            self._bottom = min(self._bottom, min(other.buckets))

    def subtract(self, other: Histogram) -> None:
        """Take out what was once added.

        Where the largest or smallest value may have gone with it, the middle of
        the outermost bucket that is left stands for it: at most 1 % off.
        """
        counts = self.counts
        for bucket, count in other.buckets.items():
            counts[bucket] -= count
        self.count -= other.count
        self.total -= other.total
        if not self.count:
            self._clear()
            return
        # A value left in the bucket of the one that went may be smaller by the width of a bucket.
        if other.highest * GAMMA >= self.highest:
            while not counts[self._top]:
                self._top -= 1
            self.highest = min(self.highest, value_of(self._top))
        if other.lowest <= self.lowest * GAMMA:
            while not counts[self._bottom]:
                self._bottom += 1
            self.lowest = max(self.lowest, value_of(self._bottom))

    @property
    def mean(self) -> float | None:
        """Return the exact mean in ms, ``None`` without values."""
        return self.total / self.count if self.count else None

    def percentiles(self, percents: Iterable[float]) -> dict[float, float | None]:
        """Return percentiles in ms (nearest rank) from one pass, ``None`` without values."""
        if not self.count:
            return dict.fromkeys(percents)
        found: dict[float, float | None] = {}
        counts, bucket, above = self.counts, self._top, 0
        here = counts[bucket]
        for percent in sorted(percents, reverse=True):
            # So many values lie above that of this rank.
            more = self.count - (math.ceil(self.count * percent / 100 - 1e-9) or 1)
            while above + here <= more:
                above += here
                bucket -= 1
                here = counts[bucket]
            value = value_of(bucket)
            found[percent] = self.lowest if value < self.lowest else min(value, self.highest)
        return found
