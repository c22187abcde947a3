"""The log of a pane: entries folded, filtered, and a place in them that one reads at.

Nothing is cleaned or drawn here: of thousands of lines only those on the screen
are worth that (:class:`.panes.source.SourcePane`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from rampdeck.model import Event, Severity

KEPT = 1_000
"""Entries that a pane keeps; the session file has them all."""
LONGEST = 65_536
"""Characters of an event that are kept for opening it."""
SEARCHED = 4_000
"""Characters of an event that a filter looks at."""


@dataclass(slots=True)
class Entry:
    """One event, or several with the same text from one source."""

    event: Event
    host: str
    first: str
    more: int
    times: int = 1

    @classmethod
    def of(cls, event: Event) -> Entry:
        """Fold an event of several lines to its first one."""
        text = event.text.strip("\r\n")
        if len(text) > LONGEST:
            text = text[:LONGEST]
        if text is not event.text:
            event = replace(event, text=text)
        first, _, rest = text.partition("\n")
        return cls(event, host_of(event.source), first, rest.count("\n") + 1 if rest else 0)


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
        return not wanted or wanted in event.text[:SEARCHED].casefold() or wanted in event.source.casefold()


class Logbook:
    """The newest entries, what the filter leaves of them, and where one reads.

    While it follows, the newest entry is the last line shown. Moving stops
    that: then ``cursor`` stands on an entry and stays with it, whatever
    arrives, until it leaves at the old end.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._entries: deque[Entry] = deque()
        self._shown: list[Entry] = []
        self._last: dict[str, Entry] = {}
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
            before = self._last.get(event.source)
            if before is not None and _same(before.event, entry.event):
                # The time stays that of the first: a pane is read in the order of time.
                before.times += 1
                continue
            self._last[event.source] = entry
            self._entries.append(entry)
            if self._filter.passes(entry):
                self._shown.append(entry)
                if not self.following:
                    self.unseen += 1
        self._forget()
        return changed

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
            if self._last.get(old.event.source) is old:
                del self._last[old.event.source]
        if gone:
            del self._shown[:gone]
            self.cursor = max(self.cursor - gone, 0)
            self.top = max(self.top - gone, 0)


def host_of(source: str) -> str:
    """Return the host in a source's name (``nginx:access@web-1``); the name itself where it has none."""
    return source.rpartition("@")[2]


def _same(one: Event, other: Event) -> bool:
    return one.text == other.text and one.severity == other.severity and one.kind == other.kind
