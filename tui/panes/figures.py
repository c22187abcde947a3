"""The figure lines of a source: labels and values in columns, and their trends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rampdeck import format as fmt
from rampdeck.snapshot import SourceView
from rampdeck.view import Figure, Unit, View

from ..drawing import Line, Tone, fit, fit_right, width_of
from ..spark import span_of, sparkline

BETWEEN = 3
NARROWEST_VALUE = {
    Unit.COUNT: 3,
    Unit.PERCENT: 6,
    Unit.MILLISECONDS: 7,
    Unit.SECONDS: 6,
    Unit.BYTES: 6,
    Unit.PER_SECOND: 7,
    Unit.BYTES_PER_SECOND: 8,
}
"""Room that a value has at least, so that a column does not jump with its numbers."""

Cell = tuple[str, str, Tone]
"""Label, value and the tone of the value."""


def figure_lines(
    view: View, values: Mapping[str, float], units: Mapping[str, Unit], width: int
) -> list[Line]:
    """Return the figures of one source in aligned columns, as many beside each other as fit."""
    rows = _cells(view, values, units)
    number = max((len(row) for row in rows), default=0)
    while number > 1 and _needed(_folded(rows, number), number) > width:
        number -= 1
    if not number:
        return []
    folded = _folded(rows, number)
    labels, texts = _column_widths(folded, number)
    spare = max(width - _needed(folded, number), 0)
    gap = BETWEEN + min(spare // number, 3)
    lines: list[Line] = []
    for row in folded:
        line: Line = ()
        for place, (label, value, tone) in enumerate(row):
            head = fit(label, labels[place] + 1)
            line = (*line, (head, Tone.MUTED), (fit_right(value, texts[place]), tone), (" " * gap, Tone.TEXT))
        lines.append(line[:-1])
    return lines


def spark_lines(
    view: View, sources: Sequence[SourceView], width: int, second: int, host_width: int
) -> list[Line]:
    """Return one trend line for each figure that has one, per source."""
    figures = [figure for line in view.figures for figure in line if figure.spark]
    label_width = max((width_of(figure.label) for figure in figures), default=0) + 1
    span = span_of(*(source.series.get(figure.metric, ()) for source in sources for figure in figures))
    lines: list[Line] = []
    for source in sources:
        host = fit(source.info.host, host_width - 1) + " " if host_width else ""
        for figure in figures:
            series = source.series.get(figure.metric, ())
            drawn = sparkline(series, width - label_width - host_width, second, span)
            lines.append(((host + fit(figure.label, label_width), Tone.MUTED), (drawn, Tone.SPARK)))
    return lines


def _cells(view: View, values: Mapping[str, float], units: Mapping[str, Unit]) -> list[list[Cell]]:
    """Return a cell for each figure; one that is there twice, for its trend, is shown once."""
    seen: set[str] = set()
    rows: list[list[Cell]] = []
    for line in view.figures:
        row = []
        for figure in line:
            if figure.metric not in seen:
                seen.add(figure.metric)
                row.append(_cell(figure, values, units))
        if row:
            rows.append(row)
    return rows


def _cell(figure: Figure, values: Mapping[str, float], units: Mapping[str, Unit]) -> Cell:
    unit = units.get(figure.metric, Unit.COUNT)
    value = values.get(figure.metric)
    named = figure.label.endswith("/s") and unit is Unit.PER_SECOND
    text = fmt.value(value, unit) if named else fmt.with_unit(value, unit)
    most = values.get(figure.limit) if figure.limit else None
    if most is not None:
        limit = fmt.with_unit(most, unit)
        number, _, size = text.rpartition(fmt.THIN)
        if number and limit.endswith(fmt.THIN + size) and not size.isdigit():
            text = number
        text = f"{text}/{limit}"
    text = text.rjust(NARROWEST_VALUE.get(unit, 0))
    return figure.label, text, _tone(figure, value, most)


def _tone(figure: Figure, value: float | None, most: float | None) -> Tone:
    """Return the tone of a value; with a limit, ``warn`` and ``bad`` are shares of it."""
    if value is None:
        return Tone.MUTED
    if figure.limit:
        if not most:
            return Tone.STRONG
        value = value / most
    if figure.bad is not None and value >= figure.bad:
        return Tone.BAD
    if figure.warn is not None and value >= figure.warn:
        return Tone.WARNING
    return Tone.STRONG


def _folded(rows: list[list[Cell]], number: int) -> list[list[Cell]]:
    return [row[start : start + number] for row in rows for start in range(0, len(row), number)]


def _column_widths(rows: list[list[Cell]], number: int) -> tuple[list[int], list[int]]:
    labels, texts = [0] * number, [0] * number
    for row in rows:
        for place, (label, value, _) in enumerate(row):
            labels[place] = max(labels[place], width_of(label))
            texts[place] = max(texts[place], width_of(value))
    return labels, texts


def _needed(rows: list[list[Cell]], number: int) -> int:
    labels, texts = _column_widths(rows, number)
    return sum(labels) + sum(texts) + number + BETWEEN * (number - 1)
