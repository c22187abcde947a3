"""A row of a table, whole, and what came of something that was done with one."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from rampdeck import format as fmt
from rampdeck.model import Value
from rampdeck.view import Table, Unit

from ..drawing import fit, safe
from ..panes.tables import Row
from .dialogs import MOST_LINES, Dialog, plain

LABEL = 20


class OpenedRow(Dialog[None]):
    """Every cell of a row: a long query, what the table has no room for."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,q", "leave", "Close")]

    def __init__(self, table: Table, row: Row) -> None:
        super().__init__()
        self._table = table
        self._row = row

    def compose(self) -> ComposeResult:
        """Lay out the columns of the table, then what else is known."""
        columns = {column.key: column for column in self._table.columns}
        cells = {key: value for key, value in self._row.cells.items() if not key.startswith("_")}
        known = [key for key in columns if key in cells] + [key for key in cells if key not in columns]
        lines = []
        for key in known:
            column = columns.get(key)
            name = column.title.lower() if column else key.replace("_", " ")
            lines.append(
                f"{fit(safe(name, LABEL), LABEL)}  {_cell(cells[key], column.unit if column else Unit.COUNT)}"
            )
        with Vertical(classes="dialog dialog-wide"):
            title = f"{self._table.title} · {safe(self._row.host, 60)}"
            yield Static(plain(title), classes="dialog-title")
            with VerticalScroll(classes="dialog-scroll"):
                yield Static(plain("\n".join(lines)), classes="dialog-text")
            yield Static("as of this moment · esc closes", classes="dialog-hint")


class Answered(Dialog[None]):
    """What a collector answered: a plan, as lines."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,q", "leave", "Close")]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title = title
        self._text = text

    def compose(self) -> ComposeResult:
        """Lay out the answer."""
        lines = self._text.splitlines()
        shown = [_indented(line) for line in lines[:MOST_LINES]]
        if len(lines) > MOST_LINES:
            shown.append(f"… {len(lines) - MOST_LINES} more lines; the session file has them")
        with Vertical(classes="dialog dialog-wide"):
            yield Static(plain(safe(self._title, 200)), classes="dialog-title")
            with VerticalScroll(classes="dialog-scroll"):
                yield Static(plain("\n".join(shown)), classes="dialog-text")
            yield Static("it stands in the session too · ↑ ↓ scroll · esc closes", classes="dialog-hint")


def _indented(line: str) -> str:
    """Return a line of a server, its indentation kept: a plan is a tree."""
    text = line.lstrip(" ")
    return " " * min(len(line) - len(text), 60) + safe(text, 2_000)


def _cell(value: Value, unit: Unit) -> str:
    if isinstance(value, str):
        return safe(value, 4_000)
    return fmt.with_unit(value, unit)
