"""The log of a pane: entries folded, filtered, and a place in them that one reads at.

Lines that are alike (:mod:`rampdeck.templates`) and near one another are one
entry. It stays where its first line stood, for a pane is read in the order of
time, and shows the newest one's text.

Nothing is cleaned or drawn here: of thousands of lines only those on the screen
are worth that (:class:`.panes.source.SourcePane`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from rampdeck.model import Event, EventKind, Severity
from rampdeck.templates import template

KEPT = 1_000
"""Entries that a pane keeps; the session file has them all."""
LONGEST = 65_536
"""Characters of an event that are kept for opening it."""
SEARCHED = 4_000
"""Characters of an event that a filter looks at."""
NEAR = 10
"""Entries back at most with which a line is folded: further up nobody would see that it came again."""
EARLIER = 5
"""Texts of a folded entry that are kept beside the newest, for opening it and for the filter."""

_Likeness = tuple[str, Severity, EventKind, str]


@dataclass(slots=True)
class Entry:
    """One event, or several that are alike from one source: ``event`` is the newest of them.

    ``first`` is the line that is shown, the first one's, with ``more`` lines after it,
    ``began`` its time by its sender, or else by us, ``number`` the entry's place among
    all. ``earlier`` are the last texts before the newest.
    """

    event: Event
    host: str
    first: str
    more: int
    began: float
    number: int = 0
    times: int = 1
    earlier: tuple[str, ...] = ()

    @classmethod
    def of(cls, event: Event) -> Entry:
        """Fold an event of several lines to its first one."""
        text = event.text.strip("\r\n")
        if len(text) > LONGEST:
            text = text[:LONGEST]
        if text is not event.text:
            event = replace(event, text=text)
        first, _, rest = text.partition("\n")
        return cls(event, host_of(event.source), first, rest.count("\n") + 1 if rest else 0, moment_of(event))

    @property
    def ended(self) -> float:
        """The newest one's time."""
        return moment_of(self.event)

    def fold(self, newer: Entry) -> None:
        """Take in an entry that is alike; the line stays the first one's, for so does its time."""
        before = self.event.text[:SEARCHED]
        if newer.event.text != self.event.text and before not in self.earlier:
            self.earlier = (*self.earlier[1 - EARLIER :], before)
        self.event = newer.event
        self.times += 1


@dataclass(frozen=True, slots=True)
class Filter:
    """What a log shows: a text in the line or its host, and a severity at least as bad."""

    text: str = ""
    severity: Severity = Severity.DEBUG

    def __bool__(self) -> bool:
        return bool(self.text) or self.severity is not Severity.DEBUG

    def passes(self, entry: Entry) -> bool:
        """Tell whether an entry is to be shown."""
        event = entry.event
        if event.severity > self.severity:
            return False
        wanted = self.text.casefold()
        return (
            not wanted
            or wanted in event.text[:SEARCHED].casefold()
            or wanted in event.source.casefold()
            or any(wanted in text.casefold() for text in entry.earlier)
        )


class Logbook:
    """The newest entries, what the filter leaves of them, and where one reads.

    While it follows, the newest entry is the last line shown. Moving stops
    that: then ``cursor`` stands on an entry and stays with it, whatever
    arrives, until it leaves at the old end.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._near = min(NEAR, kept)
        self._entries: deque[Entry] = deque()
        self._shown: list[Entry] = []
        self._alike: dict[_Likeness, Entry] = {}
        self._number = 0
        self._filter = Filter()
        self.following = True
        self.cursor = 0
        self.top = 0
        self.unseen = 0

    @property
    def shown(self) -> list[Entry]:
        """The entries that pass the filter, oldest first."""
        return self._shown

    @property
    def total(self) -> int:
        """Entries kept, with or without a filter."""
        return len(self._entries)

    @property
    def wanted(self) -> Filter:
        """What is shown."""
        return self._filter

    @wanted.setter
    def wanted(self, wanted: Filter) -> None:
        self._filter = wanted
        self._shown = [entry for entry in self._entries if wanted.passes(entry)]
        self.follow()

    def add(self, events: Iterable[Event]) -> bool:
        """Take new events, oldest first; tell whether anything changed."""
        changed = False
        for event in events:
            changed = True
            entry = Entry.of(event)
            likeness = _likeness(entry.event)
            before = self._alike.get(likeness)
            if before is not None and self._folds(before, entry):
                before.fold(entry)
                continue
            self._number += 1
            entry.number = self._number
            self._alike[likeness] = entry
            self._entries.append(entry)
            if self._filter.passes(entry):
                self._shown.append(entry)
                if not self.following:
                    self.unseen += 1
        self._forget()
        return changed

    def _folds(self, before: Entry, entry: Entry) -> bool:
        """Tell whether an entry is near enough to be one with the one before; a filter shows both or none."""
        if self._number - before.number >= self._near:
            return False
        return not self._filter or self._filter.passes(before) is self._filter.passes(entry)

    def follow(self) -> None:
        """Go to the newest entry and stay there."""
        self.following = True
        self.unseen = 0
        self.cursor = max(len(self._shown) - 1, 0)

    def move(self, lines: int, height: int) -> None:
        """Move the cursor; stops following. Moving down past the end follows again."""
        if not self._shown:
            return
        last = len(self._shown) - 1
        if self.following:
            if lines >= 0:
                return
            self.following = False
            self.cursor = last
            self.top = max(last - height + 1, 0)
        elif lines > 0 and self.cursor == last:
            self.follow()
            return
        self.cursor = min(max(self.cursor + lines, 0), last)

    def start(self) -> None:
        """Go to the oldest entry."""
        if self._shown:
            self.following = False
            self.cursor = self.top = 0

    def stay(self) -> None:
        """Stop following where one is."""
        if self.following and self._shown:
            self.following = False
            self.cursor = len(self._shown) - 1
            self.top = self.cursor

    def select(self, index: int, top: int) -> None:
        """Put the cursor on an entry of what is shown; stops following."""
        if 0 <= index < len(self._shown):
            self.following = False
            self.cursor, self.top = index, top

    def window(self, height: int) -> tuple[int, list[Entry]]:
        """Return the index of the first entry on the screen, and the entries."""
        if self.following:
            top = max(len(self._shown) - height, 0)
        else:
            lowest = max(len(self._shown) - height, 0)
            top = min(max(self.top, self.cursor - height + 1), self.cursor, lowest)
            self.top = top
        return top, self._shown[top : top + height]

    def chosen(self) -> Entry | None:
        """Return the entry that ``enter`` opens: under the cursor, or the newest one with more lines."""
        if not self._shown:
            return None
        if not self.following:
            return self._shown[self.cursor]
        return next((entry for entry in reversed(self._shown[-50:]) if entry.more), self._shown[-1])

    def _forget(self) -> None:
        gone = 0
        while len(self._entries) > self._kept:
            old = self._entries.popleft()
            if gone < len(self._shown) and self._shown[gone] is old:
                gone += 1
        if len(self._alike) > self._kept:
            far = self._number - self._near
            self._alike = {key: entry for key, entry in self._alike.items() if entry.number > far}
        if gone:
            del self._shown[:gone]
            self.cursor = max(self.cursor - gone, 0)
            self.top = max(self.top - gone, 0)


def host_of(source: str) -> str:
    """Return the host in a source's name (``nginx:access@web-1``); the name itself where it has none."""
    return source.rpartition("@")[2]


def moment_of(event: Event) -> float:
    """Return when an event was, in UTC seconds: by its sender, or else by us."""
    return event.at.utc if event.sent is None else event.sent


def _likeness(event: Event) -> _Likeness:
    """Return what is the same in events that fold; what is no line of a log must be equal to the letter."""
    text = template(event.text) if event.kind is EventKind.LOG else event.text
    return event.source, event.severity, event.kind, text
