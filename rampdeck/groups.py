"""What a source's log said, grouped: one entry a template, with how often, from when to when.

A flood of lines that nobody knows is read here in a few entries. The table is
bounded; what was rare has to make room and is only counted (:attr:`Groups.others`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rampdeck.model import Event, Severity
from rampdeck.templates import template

KEPT = 500
"""Groups of one source."""
FREED = 4
"""When the table is full, one of so many groups leaves: each time one would be a search for each new line."""
EXAMPLE = 2_000
"""Characters of a group's example."""


@dataclass(slots=True)
class Group:
    """Lines of one template and severity; times are this machine's, UTC seconds.

    ``example`` is the text of the newest one, as it came: clean it where it is shown.
    """

    template: str
    severity: Severity
    signal: str
    count: int
    first: float
    last: float
    example: str


class Groups:
    """The groups of one source."""

    def __init__(self, kept: int = KEPT) -> None:
        self.others = 0
        self._kept = kept
        self._groups: dict[tuple[str, Severity], Group] = {}

    def add(self, event: Event) -> None:
        """Take in one event of the log; one that stands for several says so (``count``)."""
        text, at = event.text, event.at.utc
        times = int(event.fields.get("count", 1))
        severity = event.severity
        key = (template(text), severity)
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= self._kept:
                self._make_room()
            signal = event.fields.get("signal", "")
            self._groups[key] = Group(key[0], severity, signal, times, at, at, text[:EXAMPLE])
        else:
            group.count += times
            group.last = at
            group.example = text[:EXAMPLE]

    def put(self, group: Group) -> None:
        """Take in a group as it was kept before."""
        self._groups[group.template, group.severity] = group

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups.values())

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def lines(self) -> int:
        """All lines, those of groups that had to leave too."""
        return self.others + sum(group.count for group in self._groups.values())

    def worst(self, most: int) -> list[Group]:
        """Return groups by severity, then by count."""
        return sorted(self._groups.values(), key=lambda group: (group.severity, -group.count))[:most]

    def _make_room(self) -> None:
        """Let the rarest groups go, the longest unseen of them first; grave ones stay as long as they can."""
        ranked = sorted(
            self._groups.items(),
            key=lambda item: (item[1].severity <= Severity.WARNING, item[1].count, item[1].last),
        )
        for key, group in ranked[: max(len(ranked) // FREED, 1)]:
            del self._groups[key]
            self.others += group.count
