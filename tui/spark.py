"""Trends in few cells: sparklines and a small braille chart, as text.

A series has one value a second, oldest first. Several seconds share a column;
a column shows the worst (highest) of its seconds. Columns are cut at fixed
moments, not counted from the newest second, so that a trend moves one column at
a time instead of shimmering. A column without data stays blank: a gap is drawn
as a gap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
"""Braille bits of the left and the right dot column, bottom row first."""


def columns(
    series: Sequence[float | None], number: int, second: int, span: int
) -> list[float | None]:
    """Return the last ``span`` seconds as at most ``number`` columns, each the highest of its seconds.

    ``second`` is the moment of the newest value; columns begin at multiples of
    their length. There are always ``number`` columns, missing ones are ``None``.
    """
    if number <= 0:
        return []
    length = max(1, math.ceil(span / number))
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


def sparkline(series: Sequence[float | None], width: int, second: int, span: int = 300) -> str:
    """Return the last ``span`` seconds of a series in ``width`` cells."""
    return bars(columns(series, width, second, span))


def braille(values: Sequence[float | None], height: int, top: float) -> list[str]:
    """Return a line chart: two values a cell, four steps a row, top row first.

    Neighbours are joined by vertical strokes; nothing joins across a gap.
    """
    width = (len(values) + 1) // 2
    cells = [[0] * width for _ in range(height)]
    steps = height * 4 - 1
    before: int | None = None
    for index, value in enumerate(values):
        if value is None:
            before = None
            continue
        level = min(steps, max(0, round(value / top * steps))) if top > 0 else 0
        low, high = _stroke(before, level)
        for step in range(low, high + 1):
            cells[height - 1 - step // 4][index // 2] |= _DOTS[index % 2][step % 4]
        before = level
    return ["".join(chr(0x2800 + bits) if bits else " " for bits in row) for row in cells]


def _stroke(before: int | None, level: int) -> tuple[int, int]:
    """Return the lowest and highest dot of a value's column, so that it touches the one before."""
    if before is None or abs(level - before) <= 1:
        return level, level
    return (before + 1, level) if level > before else (level, before - 1)


def nice_top(highest: float) -> float:
    """Return a round number at or above ``highest`` for the top of an axis."""
    if highest <= 0:
        return 1.0
    magnitude: float = 10 ** math.floor(math.log10(highest))
    for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10):
        if highest <= step * magnitude:
            return step * magnitude
    return 10 * magnitude
