"""What a log line means: one table a kind, the first row that fits wins.

A row's needle must be in the text (or begin it); its pattern, where the needle
alone could be somebody's input, must match too, and its named groups are the
signal's fields. A row's severity raises the line's own, never lowers it, but
for the rows that name what is no concern at all (``calm``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from rampdeck.model import Severity
from rampdeck.view import Metric, Unit

LOOKED_AT = 16_384
"""Characters at the beginning, and at the end, of a text in which signals are looked for."""
_KEY = 4
"""Characters by which the rows that begin a text are found."""


class Signal(NamedTuple):
    """A row: the signal's name, its severity, what must be in the text, what the text must match.

    With ``begins`` the needle must be the text's beginning. ``help`` says what is
    counted under the name; one row of a name is enough to say it. A row without a
    needle only names a signal that takes more than a line to know.
    """

    name: str
    severity: Severity
    needle: str
    pattern: re.Pattern[str] | None = None
    calm: bool = False
    help: str = ""
    begins: bool = False


Found = tuple[Signal, dict[str, str]]
"""A row that fits, and its fields."""


class SignalTable:
    """The rows of one kind of log."""

    def __init__(self, *rows: Signal) -> None:
        self._named = rows
        # Needle by needle is quicker than one pattern of all of them: most begin with letters that every line
        # has. Rows that begin a text are looked at only where its first characters are theirs.
        self._anywhere = _of(row for row in rows if row.needle and not row.begins)
        keys = {row.needle[:_KEY] for row in rows if row.begins}
        self._by_key = {
            key: _of(row for row in rows if row.needle and (not row.begins or row.needle[:_KEY] == key))
            for key in keys
        }
        self._beginning = {
            key: _of(row for row in rows if row.begins and row.needle[:_KEY] == key) for key in keys
        }

    def find(self, text: str) -> Signal | None:
        """Return the first row that fits the text."""
        found = self.read(text)
        return found and found[0]

    def read(self, text: str) -> Found | None:
        """Return the first row that fits the text, and its fields."""
        return _first(self._by_key.get(text[:_KEY], self._anywhere), text)

    def read_beginning(self, text: str) -> Found | None:
        """Return the same, of the rows that begin a text: enough for a line that says that all is well."""
        rows = self._beginning.get(text[:_KEY])
        return _first(rows, text) if rows else None

    def metrics(self) -> tuple[Metric, ...]:
        """Return a metric for each name: how often it was said, in the second of a sample."""
        helps: dict[str, str] = {}
        for row in self._named:
            helps[row.name] = helps.get(row.name) or row.help
        return tuple(
            Metric(
                name,
                Unit.PER_SECOND,
                f"{told or name.replace('_', ' ') + ' events'}, in the second of the sample",
            )
            for name, told in helps.items()
        )

    def counts(self) -> dict[str, float]:
        """Return a count of 0 for each name."""
        return dict.fromkeys((row.name for row in self._named), 0.0)


def _of(rows: Iterable[Signal]) -> list[tuple[str, Signal]]:
    return [(row.needle, row) for row in rows]


def _first(rows: list[tuple[str, Signal]], text: str) -> Found | None:
    if len(text) > 2 * LOOKED_AT:
        text = f"{text[:LOOKED_AT]}\n{text[-LOOKED_AT:]}"
    for needle, row in rows:
        if needle in text and (not row.begins or text.startswith(needle)):
            if row.pattern is None:
                return row, {}
            if found := row.pattern.search(text):
                fields = found.groupdict()
                return row, {name: fields[name] for name in fields if fields[name]}
    return None


def severity_of(own: Severity, signal: Signal | None) -> Severity:
    """Return the severity of a line with its signal taken into account."""
    if signal is None:
        return own
    return signal.severity if signal.calm else min(own, signal.severity)
