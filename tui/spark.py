"""Trends in few cells: sparklines and a small area chart, as text.

A series has one value a second, oldest first. Several seconds share a column;
a column shows the worst (highest) of its seconds. Columns are cut at fixed
moments, not counted from the newest second, so that a trend moves one column at
a time instead of shimmering. A column without data stays blank: a gap is drawn
as a gap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇"
"""Without the full block, so that trends one above the other stay apart."""
EIGHTHS = " ▁▂▃▄▅▆▇█"


SPANS = (60, 120, 300)
"""Seconds that a trend shows: a young run fills its width too."""


def span_of(*series: Sequence[float | None]) -> int:
    """Return the shortest span that has room for all that is known."""
    known = 0
    for one in series:
        first = next((place for place, value in enumerate(one) if value is not None), len(one))
        known = max(known, len(one) - first)
    return next((span for span in SPANS if known <= span), SPANS[-1])


def columns(series: Sequence[float | None], number: int, second: int, span: int) -> list[float | None]:
    """Return the last ``span`` seconds as at most ``number`` columns, each the highest of its seconds.

    ``second`` is the moment of the newest value; columns begin at multiples of
    their length, which is whole seconds: they show a little less than ``span``
    rather than leave cells empty. Missing columns are ``None``.
    """
    if number <= 0:
        return []
    length = max(1, span // number)
    newest = second // length
    result: list[float | None] = [None] * number
    oldest_second = second - len(series) + 1
    for index in range(max(0, len(series) - number * length), len(series)):
        value = series[index]
        if value is None:
            continue
        place = number - 1 - (newest - (oldest_second + index) // length)
        if place >= 0 and ((known := result[place]) is None or value > known):
            result[place] = value
    return result


def bars(values: Sequence[float | None], top: float | None = None) -> str:
    """Return a sparkline from zero to ``top`` (the highest value unless given); gaps are spaces."""
    known = [value for value in values if value is not None]
    highest = max(known, default=0.0) if top is None else top
    if highest <= 0:
        return "".join(" " if value is None else BARS[0] for value in values)
    scale = (len(BARS) - 1) / highest
    last = len(BARS) - 1
    return "".join(
        " " if value is None else BARS[min(last, max(0, math.ceil(value * scale - 0.001)))]
        for value in values
    )


def sparkline(series: Sequence[float | None], width: int, second: int, span: int) -> str:
    """Return the last ``span`` seconds of a series in ``width`` cells."""
    return bars(columns(series, width, second, span))


def area(values: Sequence[float | None], height: int, top: float) -> list[str]:
    """Return an area chart, one value a column, eight steps a row, top row first; a gap stays blank."""
    heights = [0 if value is None else max(1, round(value / top * height * 8)) for value in values]
    rows = []
    for row in range(height):
        floor = (height - 1 - row) * 8
        rows.append("".join(EIGHTHS[min(max(steps - floor, 0), 8)] for steps in heights))
    return rows


def nice_top(highest: float) -> float:
    """Return a round number at or above ``highest`` for the top of an axis."""
    if highest <= 0:
        return 1.0
    magnitude: float = 10 ** math.floor(math.log10(highest))
    for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10):
        if highest <= step * magnitude:
            return step * magnitude
    return 10 * magnitude
