"""Writing a session: append at any time, commit once a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rampdeck.errors import SessionError
from rampdeck.loop import in_thread
from rampdeck.model import Event, EventKind, Instant, Sample, Severity
from rampdeck.secrets import redact_values
from rampdeck.session import Session
from rampdeck.store.database import Database
from rampdeck.store.schema import Item
from rampdeck.store.seal import sealed

MOST_KEPT = 200_000
"""Items kept in memory while the file cannot be written."""
MOST_TEXT = 128_000_000
"""Characters of event text kept in memory meanwhile."""
PORTION = 20_000
"""Items a transaction; more than any ordinary second brings."""
SOURCE = "session"
"""The source of the events that the store itself writes."""


class SessionWriter:
    """The one writer of a session file.

    :meth:`append` only puts an item on a list; :meth:`commit` stores the list
    in a native thread. Neither ever raises for the disk's sake: while the file
    cannot be written, :attr:`problem` says why, items stay in memory and each
    commit tries again. Beyond :data:`MOST_KEPT` items or :data:`MOST_TEXT`
    characters the oldest log lines go first, then the oldest samples; requests,
    steps and all other events stay. What went is counted in :attr:`dropped` and
    written into the session as a gap as soon as it can be.

    Once it is closed, :attr:`sha256` is that of the file, or :attr:`unsealed` says why there is none.

    The file is made by the first commit; one that exists already is never
    touched. A file that is moved or deleted meanwhile is written anew, whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        self.bytes = 0
        self.dropped = 0
        self.sha256 = ""
        self.unsealed = ""
        self._items: list[Item] = []
        self.meta: dict[str, object] = {}  # all that was said; what is not stored yet is in _meta
        self._meta: dict[str, object] = {}
        self._text = 0
        self._most = MOST_KEPT
        self._most_text = MOST_TEXT
        self._lost: _Lost | None = None
        self._database = Database(path)
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def append(self, item: Item) -> None:
        """Take an item for the next commit; costs well under a microsecond."""
        self._items.append(item)
        if type(item) is Event:
            self._text += len(item.text)
        if len(self._items) > self._most or self._text > self._most_text:
            self._make_room()

    def set_meta(self, key: str, value: object) -> None:
        """Say something about the whole session, as JSON; the last value of a key stays.

        Secrets are taken out here. :func:`rampdeck.store.about.about` gives the
        usual keys; :meth:`close` adds ``ended`` (UTC seconds).
        """
        self.meta[key] = self._meta[key] = redact_values(value)

    @property
    def missing(self) -> str:
        """Say what of the session is not in the file, in a sentence; empty if all of it is."""
        if self.problem:
            return f"the session file is not complete: {self.problem}"
        return self.lost

    @property
    def lost(self) -> str:
        """Say what will never be in the file, in a sentence; empty if nothing was lost."""
        if not self.dropped:
            return ""
        lost = f"{self.dropped} log lines and samples were lost while it could not be written"
        return f"the session file is not complete: {lost}"

    async def commit(self) -> None:
        """Store what was appended; a cancelled wait leaves the work to end by itself."""
        task = asyncio.create_task(self._commit())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)

    async def close(self, session: Session | None = None) -> None:
        """Store the rest and leave one file; nothing can be appended afterwards.

        ``session`` is the one that took in the same items: with its sums a report is quick.
        """
        if self._closed:
            return
        self.set_meta("ended", Instant.now().utc)
        await self.commit()
        await self.commit()  # a gap is written after what could be written again
        self._closed = True
        async with self._lock:
            summed = None if self.problem else session
            self.bytes, problem, defect = await in_thread(_close, self._database, summed)
            self.sha256, self.unsealed = await in_thread(sealed, self.path)
        self.problem = self.problem or problem
        if defect is not None:
            raise defect

    async def _commit(self) -> None:
        async with self._lock:
            if self._closed:
                return
            taken, self._items = self._items, []
            meta, self._meta = self._meta, {}
            self._text = 0
            stored, size, self.problem = await in_thread(_store, self._database, taken, meta)
            self.bytes = size or self.bytes
            if self.problem:
                self._items = taken[stored:] + self._items
                self._meta = meta | self._meta
                self._text = sum(len(item.text) for item in self._items if type(item) is Event)
                self._make_room()
                return
            self._most, self._most_text = MOST_KEPT, MOST_TEXT
            if self._lost is not None:
                self.append(self._lost.event())
                self._lost = None

    def _make_room(self) -> None:
        """Drop the oldest log lines, or else samples, down to nine tenths of the limits."""
        if len(self._items) <= self._most and self._text <= self._most_text:
            return
        self._drop(lambda item: type(item) is Event and item.kind is EventKind.LOG)
        self._drop(lambda item: type(item) is Sample)
        # What is left stays; look again only when there is a good deal more of it.
        self._most = max(MOST_KEPT, len(self._items) + MOST_KEPT // 10)
        self._most_text = max(MOST_TEXT, self._text + MOST_TEXT // 10)

    def _drop(self, may_go: Callable[[Item], bool]) -> None:
        count, text = len(self._items), self._text
        kept: list[Item] = []
        dropped: list[Item] = []
        for item in self._items:
            enough = count <= MOST_KEPT * 0.9 and text <= MOST_TEXT * 0.9
            if enough or not may_go(item):
                kept.append(item)
                continue
            count -= 1
            text -= len(item.text) if isinstance(item, Event) else 0
            dropped.append(item)
        self._items, self._text = kept, text
        if dropped:
            self.dropped += len(dropped)
            before = self._lost or _Lost(0, _moment(dropped[0]), _moment(dropped[0]))
            self._lost = replace(before, count=before.count + len(dropped), last=_moment(dropped[-1]))


@dataclass(frozen=True, slots=True)
class _Lost:
    """What had to be dropped: how much, and between when."""

    count: int
    first: Instant
    last: Instant

    def event(self) -> Event:
        return Event(
            at=Instant.now(),
            source=SOURCE,
            kind=EventKind.GAP,
            severity=Severity.ERROR,
            text=f"{self.count} log lines and samples dropped: the session file could not be written",
            fields={"from": str(self.first.utc), "until": str(self.last.utc), "dropped": str(self.count)},
        )


def _store(database: Database, items: Sequence[Item], meta: Mapping[str, object]) -> tuple[int, int, str]:
    """Store items portion by portion; return how many are stored, the file's size and the problem."""
    size = 0
    for start in range(0, len(items), PORTION) or (0,):
        try:
            size = database.write(items[start : start + PORTION], {} if start else meta)
        except SessionError as error:
            return start, size, str(error)
    return len(items), size, ""


def _close(database: Database, session: Session | None) -> tuple[int, str, Exception | None]:
    """End the file; return size, problem, and a defect of the sums, which it can do without."""
    problem, defect = "", None
    if session is not None:
        try:
            database.sum_up(session)
        except SessionError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - the supervising edge: the file is to be ended
            defect = error
    try:
        return database.close(), problem, defect
    except SessionError as error:
        return 0, problem or str(error), defect


def _moment(item: Item) -> Instant:
    return item.at if isinstance(item, Event | Sample) else Instant.now()
