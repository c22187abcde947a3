"""The tables of a pane: which of them is shown, and where in it one stands.

The rows come anew every second, in whatever order; the cursor stays with its
row, by the host and the first cell of it, and where that row is gone, with its place.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rampdeck.model import Value
from rampdeck.view import Table

from .tables import Row


class TableBook:
    """A place in one of several tables."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = tuple(tables)
        self.cursor = 0
        self._place = 0
        self._top = 0
        self._rows: Sequence[Row] = ()
        self._chosen: tuple[str, Value] | None = None

    @property
    def table(self) -> Table:
        """The table that is shown."""
        return self.tables[self._place]

    def turn(self, filled: Collection[str]) -> None:
        """Go to the next table that has rows, after the last one to the first that has."""
        number = len(self.tables)
        for step in range(1, number):
            place = (self._place + step) % number
            if self.tables[place].key in filled:
                self._place, self.cursor, self._top, self._chosen = place, 0, 0, None
                return

    def take(self, rows: Sequence[Row]) -> None:
        """Take the rows of this moment; the cursor goes where its row is now."""
        self._rows = rows
        if self._chosen is not None:
            found = next((place for place, row in enumerate(rows) if self._key(row) == self._chosen), None)
            if found is not None:
                self.cursor = found
        self.cursor = max(min(self.cursor, len(rows) - 1), 0)

    def move(self, lines: int) -> None:
        """Move the cursor by some rows."""
        self.select(self.cursor + lines)

    def select(self, place: int) -> None:
        """Put the cursor on a row."""
        self.cursor = max(min(place, len(self._rows) - 1), 0)
        self._chosen = self._key(self._rows[self.cursor]) if self._rows else None

    def leave(self) -> None:
        """Go to the head of the table, where one looks first."""
        self.cursor, self._top, self._chosen = 0, 0, None

    def chosen(self) -> Row | None:
        """Return the row under the cursor."""
        return self._rows[self.cursor] if self._rows else None

    def window(self, height: int) -> int:
        """Return the first row on the screen: so that the cursor is on it, moved no further than needed."""
        lowest = max(len(self._rows) - height, 0)
        self._top = min(max(self._top, self.cursor - height + 1), self.cursor, lowest)
        return self._top

    def _key(self, row: Row) -> tuple[str, Value]:
        return row.source, row.cells.get(self.table.columns[0].key)
