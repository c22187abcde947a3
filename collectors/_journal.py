"""Following one unit's lines in a systemd journal on a host.

``journalctl`` gives every entry a cursor; with the last one reading goes on
exactly where it stopped. Three things need care. Where the journal of that cursor
is gone (moved, vacuumed), journalctl starts at another entry without a word:
what was seen already is left out here. A journal that vanishes under a following
journalctl leaves it waiting for ever, and takes with it what was written last:
a shell beside it looks whether the file is still there. And text that is no plain
UTF-8 comes as a list of byte values, lines over 48 KiB in several entries marked
``_LINE_BREAK``.
"""

from __future__ import annotations

import json
import shlex
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rampdeck.errors import HostUnreachable, SourceError
from rampdeck.model import Instant
from rampdeck.remote import Remote

from ._follow import Hearer
from ._lines import MAX_LINE, LineBuffer, lines_of, storable, text_of
from ._logfile import last_line, on
from ._tasks import Pace

FIELDS = "MESSAGE,PRIORITY,_PID,_LINE_BREAK,N_DROPPED"
SLICE = 64
"""Entries that are handed over at once."""
GONE = "rampdeck: the journal is gone"
"""What the shell beside journalctl says when the journal's file vanished."""
LOOKS = 5
"""Seconds between its looks: two short commands each."""


class Entry(NamedTuple):
    """A line that a service wrote; what its log does not tell is None."""

    text: str
    sent: float | None = None
    pid: str = ""
    priority: int | None = None
    before: bool = False
    """Whether it is from before the beginning."""
    suppressed: int = 0
    """Lines that the sender left out before this one: journald's own "Suppressed N messages from UNIT"."""


TakeEntries = Callable[[Sequence[Entry]], None]
"""Takes entries in their order, as many as may be taken in one go."""


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
            f"journalctl {where}-u {shlex.quote(unit)} --no-pager -o json -a --output-fields={FIELDS}"
        )
        self._files = shlex.quote(file) if file else _system_files(namespace)
        self._rotates = not file
        self._cursor = ""
        self._seen: deque[str] = deque(maxlen=1000)
        self._last: _Mark | None = None
        self._boot = ""
        self._begun = False
        self._catching_up = False
        self._unfinished: dict[str, str] = {}
        self._read_at = Instant.now()
        self._pace = Pace()

    def asks(self) -> tuple[str, ...]:
        """Return every command that it may send."""
        return (self._look(), self._tail(""), self._tail("--since=@SECONDS "), self._tail("--cursor=CURSOR "))

    async def follow(self, remote: Remote, hearer: Hearer, take: TakeEntries) -> None:
        """Hand entries to ``take`` as they come; goes on where an earlier call ended.

        Ends only by raising: :class:`SourceError` when the journal cannot be
        read, a remote error when the host cannot.
        """
        empty = not await self._begin(remote, hearer, take)
        buffer = LineBuffer()
        self._catching_up = self._last is not None
        async with remote.stream(self._tail(self._place())) as stream:
            async for chunk in stream.chunks():
                self._read_at = Instant.now()
                if empty:
                    hearer.live()
                    empty = False
                await self._hand_over(lines_of(buffer.feed(chunk)), take, before=False)
            ended = await stream.wait()
        what = f"cannot follow the journal of {self.unit} {on(remote)}"
        if ended.status == -1:
            raise HostUnreachable(what, "the connection was lost")
        if GONE.encode() in ended.stderr:
            self._lost_lines(hearer, "the journal vanished, with what was written to it last")
            raise SourceError(what, "its file is gone", "It is read again as soon as there is a new one")
        if b"Failed to seek to cursor" in ended.stderr:
            self._cursor = ""
            self._lost_lines(hearer, "the journal was replaced")
        raise SourceError(what, last_line(ended.stderr) or f"journalctl ended with status {ended.status}")

    def _look(self) -> str:
        boot = "cat /proc/sys/kernel/random/boot_id >&2 2>/dev/null || echo >&2"
        return f"LC_ALL=C {self._command} -n {self._context}; s=$?; {boot}; id -un >&2; exit $s"

    def _place(self) -> str:
        """Return journalctl's option for where to go on; nothing where all of the unit's lines are new."""
        if self._cursor:
            # Not --after-cursor: where the entry is gone, that leaves out the one which took its place.
            return f"--cursor={shlex.quote(self._cursor)} "
        return f"--since=@{self._last.realtime // 1_000_000} " if self._last else ""

    def _tail(self, place: str) -> str:
        # The time of birth as well, since a new file may get the number of the old one.
        # A file that was rotated is there by another name; journalctl follows that, but not with --file.
        moved = 'ls -i "${f%/*}" | grep -q "^ *${i%% *} " && i=$n && continue; ' if self._rotates else ""
        watch = (
            f'for f in {self._files}; do test -e "$f" && break; done; '
            'i=$(stat -L -c "%i %W" -- "$f" 2>/dev/null) && '
            f"(while sleep {LOOKS}; do "
            'n=$(stat -L -c "%i %W" -- "$f" 2>/dev/null); test "$n" = "$i" && continue; '
            f'{moved}echo "{GONE}" >&2; kill $$; exit; done) & '
        )
        return f"LC_ALL=C; export LC_ALL; {watch}exec {self._command} {place}-f --no-tail"

    def _lost_lines(self, hearer: Hearer, why: str) -> None:
        hearer.gap(self._read_at, f"lines of {self.unit} may be missing: {why}")

    async def _begin(self, remote: Remote, hearer: Hearer, take: TakeEntries) -> bool:
        """Look whether the journal may be read; say whether it has a line of the unit.

        The last of these are read if there is no place to go on from.
        """
        found = await remote.run(self._look(), timeout=30.0)
        boot = self._judge(remote, found.status, found.stderr)
        if boot != self._boot and self._boot:
            self._lost_lines(hearer, "the host was rebooted, and what it had not written to its disk is lost")
        self._boot = boot
        lines = [line for line in lines_of(found.stdout) if line.startswith(b"{")]
        if lines:
            hearer.live()
        else:
            hearer.warn(f"the journal has no line of {self.unit} yet: is the unit's name right?")
        if not self._begun:
            self._begun = True
            await self._hand_over(lines, take, before=True)
        return bool(lines)

    def _judge(self, remote: Remote, status: int, stderr: bytes) -> str:
        """Raise what keeps the journal from being read; return which boot of the host this is."""
        *said, boot, user = ["", "USER", *text_of(stderr).splitlines()][-20:]
        what = f"cannot read the journal of {self.unit} {on(remote)}"
        # Without the right, journalctl shows the user's own entries: none of them is the service's.
        if any(words in line for line in said for words in _NO_RIGHT):
            fix = f"sudo usermod -aG systemd-journal {user}, then log in anew"
            raise SourceError(what, f"user {user} has no right to", fix)
        if status == 127:
            raise SourceError(what, "there is no journalctl", "Give the log file instead, with file")
        if status:
            raise SourceError(what, last_line("\n".join(said).encode()) or f"its status was {status}")
        return boot.replace("-", "")

    async def _hand_over(self, lines: Sequence[bytes], take: TakeEntries, *, before: bool) -> None:
        for start in range(0, len(lines), SLICE):
            # In one go: who is cancelled in between has handed over exactly what the cursor says.
            if entries := self.entries(lines[start : start + SLICE], before=before):
                take(entries)
            await self._pace.breathe()

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
            # A boot that began since is new, whatever its clock says.
            rebooted = mark.boot == self._boot != self._last.boot
            if cursor in self._seen or (mark.before(self._last) and not rebooted):
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
        dropped = str(said.get("N_DROPPED"))
        suppressed = int(dropped) if dropped.isdecimal() and len(dropped) < 16 else 0
        return Entry(text, sent, pid, int(priority) if known else None, before, suppressed)


_NO_RIGHT = ("insufficient permissions", "not seeing messages from other users", "Permission denied")


def _system_files(namespace: str) -> str:
    """Return, as words of a shell, where journald writes: on disk, or in memory where that is not wanted."""
    machine = '"$(cat /etc/machine-id)"' + (shlex.quote(f".{namespace}") if namespace else "")
    return " ".join(
        f"{folder}/{machine}/system.journal" for folder in ("/var/log/journal", "/run/log/journal")
    )


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
    if isinstance(message, list) and not all(isinstance(part, int) for part in message):
        return "\n".join(map(_text_of_one, message))
    return _text_of_one(message)


def _text_of_one(message: Any) -> str:
    if isinstance(message, str):
        return storable(message)
    try:
        return text_of(bytes(message)) if isinstance(message, list) else ""
    except (TypeError, ValueError):
        return ""
