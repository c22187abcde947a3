"""A number over time, and how it is folded into columns that are wider than a second."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import floor
from statistics import median

from rampdeck.session import STALE

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


@dataclass(slots=True)
class Track:
    """The readings of one metric of a source of some kind, at moments in seconds."""

    kind: str
    moments: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def since(self, mono: float, utc: float) -> Track:
        """Return it with UTC moments instead of monotonic ones: ``mono`` was at ``utc``."""
        return Track(self.kind, array("d", (moment - mono + utc for moment in self.moments)), self.values)

    def line(self, began: float, width: int, count: int) -> Line:
        """Return it in ``count`` columns of ``width`` seconds from ``began`` on.

        A reading stands for the time until the next one, unless that comes late:
        then there is a gap.
        """
        seconds: list[float | None] = [None] * (width * count)
        moments = self.moments
        hold = self._hold()
        for place, value in enumerate(self.values):
            moment = moments[place]
            following = moments[place + 1] if place + 1 < len(moments) else moment
            first = floor(moment - began)
            last = floor(following - began) if following - moment <= hold else first
            for second in range(max(0, first), min(len(seconds), max(last, first + 1))):
                seconds[second] = value
        return folded(seconds, width, "mean")

    def _hold(self) -> float:
        moments = self.moments[:200]
        steps = [after - before for before, after in pairwise(moments)]
        return max(STALE, USUAL * median(steps)) if steps else STALE


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
