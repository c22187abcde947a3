"""What the record says of the tables that sources keep for each load level: what statements cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rampdeck.gate.words import NOTHING, told
from rampdeck.model import Value
from rampdeck.record.gfm import prose
from rampdeck.record.result import TableResult
from rampdeck.session import Session
from rampdeck.view import Column, Unit

MOST_LEVELS = 10
"""Load levels whose tables stand in the Markdown, the newest; the JSON has those of all."""
MOST_ROWS = 6
"""Rows of a table there."""

Table = Callable[[Sequence[str], Iterable[Sequence[str]], int], str]
Written = Callable[[str], str]


def of_session(session: Session) -> tuple[TableResult, ...]:
    """Return the tables of all load levels, by source, table and level."""
    found = []
    for name, source in session.sources.items():
        view = session.views.get(source.info.kind)
        for table in view.tables if view else ():
            for step in sorted(step for step, key in source.by_step if key == table.key):
                rows = source.by_step[step, table.key]
                found.append(TableResult(step, name, table.key, table.title, table.columns, rows))
    return tuple(found)


def shown(tables: Sequence[TableResult]) -> list[TableResult]:
    """Return those of the newest load levels."""
    levels = set(sorted({one.step for one in tables})[-MOST_LEVELS:])
    return [one for one in tables if one.step in levels]


def section(tables: Sequence[TableResult], table: Table, code: Written) -> str:
    """Return the section of the Markdown record; empty where there is nothing to say."""
    parts = []
    for one in shown(tables):
        head, rows, left = grid(one, code)
        head = [prose(title) for title in head]
        parts.append(
            f"### {prose(one.title)} of step {one.step}, {code(one.source)}\n\n{table(head, rows, left)}"
        )
        if (more := len(one.rows) - MOST_ROWS) > 0:
            parts.append(f"{more} more are in record.json.")
    if (more := len({one.step for one in tables}) - MOST_LEVELS) > 0:
        parts.append(f"Those of {more} levels before these are in record.json.")
    return "\n\n".join(parts)


def grid(one: TableResult, code: Written) -> tuple[Sequence[str], list[Sequence[str]], int]:
    """Return a table's head and first rows, and how many of its columns are words, which stand first."""
    left = [column for column in one.columns if column.unit is Unit.TEXT]
    right = [column for column in one.columns if column.unit is not Unit.TEXT]
    head = tuple(column.title.capitalize() for column in (*left, *right))
    rows: list[Sequence[str]] = [
        (*(code(str(row.get(it.key) or "")) for it in left), *(_number(row.get(it.key), it) for it in right))
        for row in one.rows[:MOST_ROWS]
    ]
    return head, rows, len(left)


def _number(value: Value, column: Column) -> str:
    return told(value, column.unit) if isinstance(value, int | float) else NOTHING
