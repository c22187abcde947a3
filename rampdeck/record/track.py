"""A number over time, and how it is folded into columns that are wider than a second."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor, inf, isfinite, nan
from statistics import median

from rampdeck.model import STALE

Values = tuple[float | None, ...]
USUAL = 2.5
"""Usual intervals that a reading stands for at most, where sources are read seldom."""


@dataclass(frozen=True, slots=True)
class Line:
    """One value a column, ``None`` where there is none.

    ``lows`` and ``highs`` are the lowest and highest second of each column; empty
    where a column is one second.
    """

    values: Values = ()
    lows: Values = ()
    highs: Values = ()

    @property
    def known(self) -> bool:
        """Return whether there is any value."""
        return any(value is not None for value in self.values)


NO_LINE = Line()
"""A line without anything on it."""


@dataclass(frozen=True, slots=True)
class Track:
    """The readings of one metric of a source of some kind, at moments in UTC seconds; NaN where it gave none.

    ``most`` is the metric that it cannot come to more than (``usable`` for ``connections``).
    """

    kind: str
    moments: Sequence[float]
    values: Sequence[float]
    most: str = ""

    def line(self, began: float, width: int, count: int) -> Line:
        """Return it in ``count`` columns of ``width`` seconds from ``began`` on.

        A reading stands for the time until the next one, unless that comes late:
        then there is a gap.
        """
        seconds: list[float | None] = [None] * (width * count)
        known = [
            (moment - began, value)
            for moment, value in zip(self.moments, self.values, strict=True)
            if isfinite(value)
        ]
        steps = [after - before for (before, _), (after, _) in pairwise(known[:200])]
        hold = max(STALE, USUAL * median(steps)) if steps else STALE
        for (moment, value), (following, _) in zip(known, [*known[1:], (inf, 0.0)], strict=False):
            first = floor(moment)
            last = floor(following) if following - moment <= hold else first
            for second in range(max(0, first), min(len(seconds), max(last, first + 1))):
                seconds[second] = value
        return folded(seconds, width, "mean")


class Readings:
    """All readings of a source, by metric; cheap to add to."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._moments = array("d")
        self._columns: dict[str, array[float]] = {}

    def add(self, moment: float, values: Mapping[str, float], wanted: Collection[str] | None) -> None:
        """Take in what it said at a moment (monotonic seconds); of that only what is ``wanted``."""
        columns = self._columns
        if not values.keys() <= columns.keys():
            for name in values:
                if name not in columns and (wanted is None or name in wanted):
                    columns[name] = array("d", [nan]) * len(self._moments)
        self._moments.append(moment)
        get = values.get
        for name, column in columns.items():
            column.append(get(name, nan))

    def tracks(self, shift: float, mosts: Mapping[str, str]) -> dict[str, Track]:
        """Return each metric, ``shift`` seconds later; ``mosts`` says by metric which is its most."""
        moments = array("d", (moment + shift for moment in self._moments))
        return {
            name: Track(self._kind, moments, values, mosts.get(name, ""))
            for name, values in self._columns.items()
        }


def folded(seconds: Sequence[float | None], width: int, how: str) -> Line:
    """Return seconds as columns of ``width``: the ``max`` or the ``mean`` of each, its lowest and highest."""
    if width == 1:
        return Line(tuple(seconds))
    values: list[float | None] = []
    lows: list[float | None] = []
    highs: list[float | None] = []
    for start in range(0, len(seconds), width):
        known = [value for value in seconds[start : start + width] if value is not None]
        lows.append(min(known, default=None))
        highs.append(max(known, default=None))
        mean = sum(known) / len(known) if known else None
        values.append(mean if how == "mean" else highs[-1])
    return Line(tuple(values), tuple(lows), tuple(highs))
