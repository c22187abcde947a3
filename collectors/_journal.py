"""Following one unit's lines in a systemd journal on a host.

``journalctl`` gives every entry a cursor; with the last one reading goes on
exactly where it stopped. Two things need care. Where the journal of that cursor
is gone (moved, vacuumed), journalctl starts at another entry without a word:
what was seen already is left out here. And text that is no plain UTF-8 comes as a list of
byte values, lines over 48 KiB in several entries marked ``_LINE_BREAK``.
"""

from __future__ import annotations

import json
import shlex
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from rampdeck.errors import HostUnreachable, SourceError
from rampdeck.model import Instant
from rampdeck.remote import Remote

from ._follow import Hearer, last_line, on
from ._lines import MAX_LINE, LineBuffer, lines_of, storable, text_of

FIELDS = "MESSAGE,PRIORITY,_PID,_LINE_BREAK,SYSLOG_IDENTIFIER"
SLICE = 64
"""Entries that are handed over at once."""


class Entry(NamedTuple):
    """A line that a service wrote; what its log does not tell is None."""

    text: str
    sent: float | None = None
    pid: str = ""
    priority: int | None = None
    before: bool = False
    """Whether it is from before the beginning."""


TakeEntries = Callable[[Sequence[Entry]], Awaitable[None]]
"""Takes entries in their order."""


class _Mark(NamedTuple):
    """When an entry was written: by the monotonic clock of a boot, and by the wall clock."""

    boot: str
    monotonic: int
    realtime: int

    def before(self, other: _Mark) -> bool:
        if self.boot == other.boot:
            return self.monotonic < other.monotonic
        return self.realtime < other.realtime


class JournalFollower:
    """Follows a unit, from now on, with some entries before as ``context``.

    ``file`` reads a journal file instead of the host's own journal,
    ``namespace`` a journal namespace of the host.
    """

    def __init__(self, unit: str, *, namespace: str = "", file: str = "", context: int = 20) -> None:
        self.unit = unit
        self._context = context
        # Following a file means this boot's entries, and fails while it has none; merging does not.
        where = f"--file={shlex.quote(file)} --merge " if file else ""
        where += f"--namespace={shlex.quote(namespace)} " if namespace else ""
        self._command = (
            f"LC_ALL=C journalctl {where}-u {shlex.quote(unit)} "
            f"--no-pager -o json -a --output-fields={FIELDS}"
        )
        self._cursor = ""
        self._seen: deque[str] = deque(maxlen=1000)
        self._last: _Mark | None = None
        self._catching_up = False
        self._unfinished: dict[str, str] = {}
        self._read_at = Instant.now()

    def asks(self) -> tuple[str, ...]:
        """Return every command that it may send."""
        return (self._look(), self._following(""), self._following("CURSOR"))

    def _look(self) -> str:
        return f"{self._command} -n {self._context}; s=$?; id -un >&2; exit $s"

    def _following(self, cursor: str) -> str:
        # Not --after-cursor: where the entry is gone, that leaves out the one which took its place.
        place = f"--cursor={shlex.quote(cursor)} " if cursor else ""
        return f"{self._command} {place}-f --no-tail"

    async def follow(self, remote: Remote, hearer: Hearer, take: TakeEntries) -> None:
        """Hand entries to ``take`` as they come; goes on where an earlier call ended.

        Ends only by raising: :class:`SourceError` when the journal cannot be
        read, a remote error when the host cannot.
        """
        await self._begin(remote, hearer, take)
        buffer = LineBuffer()
        self._catching_up = self._last is not None
        async with remote.stream(self._following(self._cursor)) as stream:
            async for chunk in stream.chunks():
                self._read_at = Instant.now()
                await self._hand_over(lines_of(buffer.feed(chunk)), take, before=False)
            ended = await stream.wait()
        what = f"cannot follow the journal of {self.unit} {on(remote)}"
        if ended.status == -1:
            raise HostUnreachable(what, "the connection was lost")
        if b"Failed to seek to cursor" in ended.stderr:
            self._cursor = ""
            hearer.gap(self._read_at, f"lines of {self.unit} may be missing: the journal was replaced")
        raise SourceError(what, last_line(ended.stderr) or f"journalctl ended with status {ended.status}")

    async def _begin(self, remote: Remote, hearer: Hearer, take: TakeEntries) -> None:
        """Look whether the journal may be read; read its last entries if there is no place to go on from."""
        found = await remote.run(self._look(), timeout=30.0)
        self._judge(remote, found.status, found.stderr)
        lines = [line for line in lines_of(found.stdout) if line.startswith(b"{")]
        if lines:
            hearer.live()
        else:
            hearer.warn(f"the journal has no line of {self.unit} yet: is the unit's name right?")
        if not self._cursor:
            self._catching_up = self._last is not None
            await self._hand_over(lines, take, before=self._last is None)

    def _judge(self, remote: Remote, status: int, stderr: bytes) -> None:
        *said, user = text_of(stderr).strip().splitlines() or ["USER"]
        what = f"cannot read the journal of {self.unit} {on(remote)}"
        # Without the right, journalctl shows the user's own entries: none of them is the service's.
        if any(words in line for line in said for words in _NO_RIGHT):
            fix = f"sudo usermod -aG systemd-journal {user}, then log in anew"
            raise SourceError(what, f"user {user} has no right to", fix)
        if status == 127:
            raise SourceError(what, "there is no journalctl", "Give Gunicorn's log file instead, with file")
        if status:
            raise SourceError(what, said[-1][:300] if said else f"journalctl ended with status {status}")

    async def _hand_over(self, lines: Sequence[bytes], take: TakeEntries, *, before: bool) -> None:
        for start in range(0, len(lines), SLICE):
            if entries := self.entries(lines[start : start + SLICE], before=before):
                await take(entries)

    def entries(self, lines: Sequence[bytes], *, before: bool) -> list[Entry]:
        """Return what lines of journalctl's JSON tell that was not told before."""
        new = filter(self._is_new, _parsed(lines))
        return [entry for said in new if (entry := self._entry(said, before))]

    def _is_new(self, said: dict[str, Any]) -> bool:
        """Keep the place; say whether the entry was not seen before."""
        try:
            cursor = str(said["__CURSOR"])
            mark = _Mark(
                str(said.get("_BOOT_ID")),
                int(said.get("__MONOTONIC_TIMESTAMP", 0)),
                int(said.get("__REALTIME_TIMESTAMP", 0)),
            )
        except (KeyError, ValueError, TypeError, OverflowError):
            return True
        if self._catching_up and self._last is not None:
            if cursor in self._seen or mark.before(self._last):
                return False
            self._catching_up = mark == self._last
        self._cursor, self._last = cursor, mark
        self._seen.append(cursor)
        return True

    def _entry(self, said: dict[str, Any], before: bool) -> Entry | None:
        """Return an entry, or None for a part of a line whose end is yet to come."""
        text = _text(said.get("MESSAGE"))
        pid = str(said.get("_PID") or "")
        if begun := self._unfinished.pop(pid, ""):
            text = begun + text[: MAX_LINE - len(begun)]
        if said.get("_LINE_BREAK") == "line-max":
            self._unfinished[pid] = text
            return None
        try:
            sent = int(said["__REALTIME_TIMESTAMP"]) / 1e6
        except (KeyError, ValueError, TypeError, OverflowError):
            sent = None
        priority = str(said.get("PRIORITY"))
        known = len(priority) == 1 and priority in "01234567"
        return Entry(text, sent, pid, int(priority) if known else None, before)


_NO_RIGHT = ("insufficient permissions", "not seeing messages from other users", "Permission denied")


def _parsed(lines: Sequence[bytes]) -> list[dict[str, Any]]:
    """Return the JSON objects of lines; what else journalctl says stays a message."""
    try:
        # One document is quicker than one a line.
        found = json.loads(b"[" + b",".join(lines) + b"]")
    except (ValueError, RecursionError):
        found = [_parsed_one(line) for line in lines]
    return [said for said in found if isinstance(said, dict)]


def _parsed_one(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        # "-- No entries --", "-- Boot ... --": journalctl's own.
        return None if line.startswith(b"-- ") or not line else {"MESSAGE": text_of(line)}


def _text(message: Any) -> str:
    """Return a MESSAGE field as text: a string, byte values, or several of these."""
    if isinstance(message, str):
        return storable(message)
    if not isinstance(message, list):
        return ""
    try:
        return text_of(bytes(message))
    except (TypeError, ValueError):
        return "\n".join(_text(part) for part in message)
