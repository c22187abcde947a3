"""The table of a source: what its view declares, in cells of a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rampdeck import format as fmt
from rampdeck.model import Health, Value
from rampdeck.snapshot import SourceView
from rampdeck.view import Column, Table, Unit

from ..drawing import Line, Span, Tone, fit, fit_right, safe, width_of
from ..signs import HEALTH

TIGHT = {
    Unit.COUNT: 3,
    Unit.PERCENT: 4,
    Unit.MILLISECONDS: 5,
    Unit.SECONDS: 5,
    Unit.BYTES: 6,
    Unit.BYTES_PER_SECOND: 6,
    Unit.PER_SECOND: 5,
}
"""Cells that a number needs at least, by its unit."""
NARROWEST = 8
"""A column that takes what is left gets at least this."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: of which source and host, how it does, its cells by column key."""

    source: str
    host: str
    health: Health | None
    cells: Mapping[str, Value]


def rows_of(table: Table, sources: Sequence[SourceView], *, first: bool = True) -> list[Row]:
    """Return a table's rows of all sources of a kind; with ``per_host`` a source is a row.

    The ``first`` table has the rows that name none, too.
    """
    if table.per_host:
        return [
            Row(
                source.info.name,
                source.info.host,
                source.health,
                {"host": source.info.host, **source.values},
            )
            for source in sources
        ]
    rows = []
    for source in sources:
        for cells in source.rows:
            if cells.get("_table", table.key if first else "") != table.key:
                continue
            health = cells.get("_health")
            known = Health(health) if isinstance(health, str) else None
            rows.append(Row(source.info.name, source.info.host, known, cells))
    return rows


def table_lines(
    table: Table, rows: Sequence[Row], width: int, host_width: int, selected: int | None = None
) -> tuple[Line, list[Line]]:
    """Return the header line and a line for each row, one of them under the cursor."""
    columns = list(table.columns)
    longest = max((width_of(row.host) for row in rows), default=4)
    if table.per_host and not any(column.key == "host" for column in columns):
        columns.insert(0, Column("host", "HOST", width=longest))
    widths = _widths(columns, width - 2 - host_width, longest, rows)
    header: list[Span] = [("  " + (fit("HOST", host_width) if host_width else ""), Tone.MUTED)]
    for column, room in zip(columns, widths, strict=True):
        if room:
            header.append((_aligned(column, column.title.upper(), room) + " ", Tone.MUTED))
    lines = [_line(row, columns, widths, host_width) for row in rows]
    if selected is not None and selected < len(lines):
        lines[selected] = ((fit("".join(text for text, _ in lines[selected]), width), Tone.SELECTED),)
    return tuple(header), lines


def _line(row: Row, columns: list[Column], widths: list[int], host_width: int) -> Line:
    sign, tone = HEALTH[row.health] if row.health else (" ", Tone.TEXT)
    loud = tone if tone in (Tone.BAD, Tone.WARNING) else Tone.TEXT
    spans: list[Span] = [(f"{sign} ", tone)]
    if host_width:
        spans.append((fit(row.host, host_width - 1) + " ", Tone.MUTED))
    text = "".join(
        _aligned(column, _written(row.cells.get(column.key), column.unit), room) + " "
        for column, room in zip(columns, widths, strict=True)
        if room
    )
    spans.append((text, loud))
    return tuple(spans)


def _written(value: Value, unit: Unit) -> str:
    if value is None:
        return fmt.NOTHING
    if isinstance(value, str):
        return safe(value, 600)
    return fmt.value(value, unit)


def _aligned(column: Column, text: str, room: int) -> str:
    return fit(text, room) if column.unit is Unit.TEXT else fit_right(text, room)


def _widths(columns: list[Column], width: int, longest_host: int, rows: Sequence[Row]) -> list[int]:
    """Return a width for each column.

    What is left goes to the column that takes it, or else to the first text: all
    of it to the last column, to one before others no more than its cells need.
    Where there is too little room, numbers get what they need at least; where that
    is still too much, the last columns are left out (0).
    """
    fixed = [column.width and max(column.width, width_of(column.title)) for column in columns]
    if sum(room or NARROWEST for room in fixed) + len(columns) > width:
        fixed = [room and _tight(column, longest_host) for room, column in zip(fixed, columns, strict=True)]
    needed = [room or NARROWEST for room in fixed]
    number = len(columns)
    while number > 1 and sum(needed[:number]) + number > width:
        number -= 1
    widths = [room if place < number else 0 for place, room in enumerate(needed)]
    spare = width - sum(widths) - number
    open_ended = [place for place in range(number) if not fixed[place]]
    takes = open_ended or [place for place in range(number) if columns[place].unit is Unit.TEXT][:1]
    if takes and spare > 0:
        wider = takes[-1]
        if wider < number - 1 or not open_ended:
            cells = (_written(row.cells.get(columns[wider].key), columns[wider].unit) for row in rows)
            spare = min(spare, max(max(map(width_of, cells), default=0) - widths[wider], 0))
        widths[wider] += spare
    return widths


def _tight(column: Column, longest_host: int) -> int:
    """Return the least width of a column that has one."""
    if column.key == "host":
        return max(min(column.width, longest_host), width_of(column.title))
    return max(min(column.width, TIGHT.get(column.unit, column.width)), width_of(column.title))
