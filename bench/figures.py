"""Percentiles, ratios and tables: the arithmetic of the bench, without a clock in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return a percentile of ascending values, nearest rank; exact, not an estimate."""
    if not ordered:
        raise ValueError("no values, no percentile")
    return ordered[max(1, math.ceil(len(ordered) * percent / 100 - 1e-9)) - 1]


@dataclass(frozen=True)
class Spread:
    """How long things took, in ms."""

    count: int
    p50: float
    p95: float
    p99: float
    p999: float
    highest: float

    @classmethod
    def of(cls, times_ms: Sequence[float]) -> Spread:
        """Return the spread of times in ms, in any order; all zero without times."""
        if not times_ms:
            return cls(0, 0.0, 0.0, 0.0, 0.0, 0.0)
        ordered = sorted(times_ms)
        p50, p95, p99, p999 = (percentile(ordered, percent) for percent in (50, 95, 99, 99.9))
        return cls(len(ordered), p50, p95, p99, p999, ordered[-1])

    def as_dict(self) -> dict[str, float]:
        """Return it as JSON can hold it."""
        return asdict(self)
