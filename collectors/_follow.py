"""Following a log file on a host: nothing lost, nothing twice.

``tail`` does the following, and this module keeps the place: the inode, the byte
offset behind the last whole line that was handed over, and the last bytes before
it. After a lost connection it starts again a little before that offset and
compares; so it notices when the file is another one. What is left of the old
one is read where it was renamed or copied to.

``tail`` watches by polling, not by inotify: at a rename it then goes on with the
old file until that has been quiet for a while, as long as Nginx still writes
there, where busybox's lets go at once. Its own notes
("file truncated", "has been replaced") come in the same stream, since only there
it is known between which bytes they belong. A note is no more than a hint to
look again: whoever writes its words into the log changes nothing.

What nobody can read is told as a gap: what was written between a copy and the
truncation that followed it (logrotate's ``copytruncate``), and what a file held
that is gone.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from rampdeck.errors import HostUnreachable, SourceError
from rampdeck.model import Instant
from rampdeck.remote import Remote

from ._lines import LineBuffer, lines_of, pieces, text_of
from ._logfile import REMEMBERED, LogFile, Probe, last_line, look, on, probe
from ._tasks import Pace

CONTEXT_BYTES = 16 * 1024
"""How far back the lines before the beginning are looked for."""
POLLING = "---disable-inotify -s 0.5 --max-unchanged-stats=6"
"""GNU tail's options for polling; a renamed file counts as done after 3 s of quiet."""
OPENING = 10.0
"""Seconds in which ``tail`` must show the bytes that are known."""

QUIET = 1.0
"""Seconds after which a renamed file is looked at again, until its writer has left it."""
ABSENT = 2.0
"""Seconds between looks for a file that is gone."""
MOST_COPIES = 3
"""Rotated files, the newest, in which the rest of a truncated one is looked for."""

Take = Callable[[bytes, bool], None]
"""Takes some whole lines, each with its newline, and whether they are from before the beginning."""


class Hearer(Protocol):
    """Hears how reading fares; :class:`rampdeck.collector.Sink` is one."""

    def live(self) -> None:
        """Hear that the file can be read."""

    def warn(self, reason: str) -> None:
        """Hear that the file is gone; it may come back."""

    def gap(self, since: Instant, why: str) -> None:
        """Hear that lines since a moment may be missing."""


Follow = Callable[[Remote, Hearer], Coroutine[Any, Any, None]]
"""Follows a log until it cannot be read, and goes on where an earlier call ended."""


@dataclass(slots=True)
class _Place:
    """Where reading stands: behind which line; there is no inode before the file was there."""

    inode: int | None
    offset: int
    last: bytes

    def advance(self, lines: bytes, skipped: int) -> None:
        """Go on behind lines, of which so many bytes more stand in the file: an endless line is cut."""
        self.offset += len(lines) + skipped
        self.last = b"\n" if skipped else (self.last + lines)[-REMEMBERED:]


class _Part(NamedTuple):
    """A file to read from an offset on.

    Reading begins ``back`` bytes before it, and those must end as ``expect``:
    only then the file is the one that is meant, and ``tail`` has opened it.
    """

    file: LogFile
    offset: int = 0
    back: int = 0
    expect: bytes = b""
    follow: bool = True


class _OtherFileError(Exception):
    """The file's bytes are not those that were read before."""


class _Source(NamedTuple):
    """Where lines come from and go to: what a reading is handed through all its steps."""

    remote: Remote
    hearer: Hearer
    take: Take


class FileFollower:
    """Follows one file by its name, from its present end on, with some lines before as ``context``.

    ``utc_offset`` is the host's offset from UTC in seconds, once it is known.
    """

    def __init__(self, path: str, *, context: int = 0) -> None:
        self.path = path
        self.utc_offset = 0
        self._context = context
        self._buffer = LineBuffer()
        self._unfinished = 0  # bytes of the line that is in the buffer, also those that it let go
        self._place: _Place | None = None
        self._read_at = Instant.now()
        self._pace = Pace()
        quoted = re.escape(path.encode())
        # The name may be quoted, or not, by the rules of a shell.
        self._note = re.compile(
            rb"tail: (?P<unread>cannot open )?[^\n]{0,2}%b[^\n]?(?: has been replaced| has appeared;"
            rb"| has become accessible|: (?P<cut>file truncated)"
            rb"|(?P<gone> has become inaccessible: | has been renamed or deleted: | for reading: ))"
            rb"(?P<more>[^\n]*)\n" % quoted
        )

    def asks(self) -> tuple[str, ...]:
        """Return every command that it may send."""
        tails = (self._tail("OFFSET", follow=True, polls=polls) for polls in (True, False))
        return (look(self.path), *tails, self._tail("OFFSET", "ROTATED_LOG"))

    async def follow(self, remote: Remote, hearer: Hearer, take: Take) -> None:
        """Hand lines to ``take`` as they come; goes on where an earlier call ended.

        Ends only by raising: :class:`SourceError` when the file cannot be
        read, a remote error when the host cannot.
        """
        source = _Source(remote, hearer, take)
        found = await probe(remote, self.path)
        if found.file is None:
            # Whatever it will hold when it comes is new.
            self._place = self._place or _Place(None, 0, b"")
            what, fix = f"cannot read {self.path} {on(remote)}", "It is read as soon as it is there"
            raise SourceError(what, "there is no such file", fix)
        finished = False
        while True:
            self.utc_offset = found.utc_offset
            part = await self._find_place(source, found, finished=finished)
            try:
                note = await self._read(source, part, polls=found.polls)
            except _OtherFileError:
                part = await self._leave(source, found, finished=False)
                note = await self._read(source, part, polls=found.polls)
            assert note is not None
            # A tail that polls lets go of a file when it has been quiet.
            finished = found.polls and not note["unread"] and not note["cut"]
            found = await self._present(source, text_of(note["more"]) if note["gone"] else "")

    async def _present(self, source: _Source, why: str) -> Probe:
        """Return what the host says of the file, once it is there; between two files there may be none."""
        while (found := await probe(source.remote, self.path)).file is None:
            source.hearer.warn(f"{self.path} is gone: {why or 'No such file or directory'}")
            await asyncio.sleep(ABSENT)
        return found

    async def _find_place(self, source: _Source, found: Probe, *, finished: bool) -> _Part:
        """Return where to go on in the file; what another one has left is read before."""
        place, file = self._place, found.file
        assert file is not None
        if place is None:
            last = found.last[: file.size]
            back = min(file.size, CONTEXT_BYTES) if self._context else len(last)
            return _Part(file, file.size, back, last)
        if place.inode in (None, file.inode) and file.size >= place.offset:
            return _Part(file, place.offset, len(place.last), place.last)
        return await self._leave(source, found, finished=finished)

    async def _leave(self, source: _Source, found: Probe, *, finished: bool) -> _Part:
        """Read the rest of the file that was read until now, wherever it is; the new one is new as a whole.

        ``finished`` says that the old file was read to its end, so that it may be gone.
        """
        place, file, since = self._place, found.file, self._read_at
        assert place is not None
        assert file is not None
        old = next((one for one in found.rotated if one.inode == place.inode), None)
        if old is not None:
            left = await self._read_rest(source, old, until_quiet=not finished)
        else:
            copies = sorted(found.rotated, key=lambda one: -one.modified)[:MOST_COPIES] if place.last else []
            left = False
            for copy in copies:
                left = left or (copy.size >= place.offset and await self._read_rest(source, copy))
        if rest := self._buffer.clear():
            source.take(rest + b"\n", False)
        self._place = _Place(file.inode, 0, b"")
        if place.inode == file.inode:
            copied = "what came between its copy and that" if left else "what had not been read of it"
            self._lost_lines(source, since, f"the file was truncated, {copied} is in no file")
        elif not left and not finished:
            self._lost_lines(source, since, "the file was replaced and is gone")
        elif old is not None and any(other.modified > old.modified for other in found.rotated):
            self._lost_lines(source, since, "the file was rotated more than once meanwhile")
        return _Part(file)

    async def _read_rest(self, source: _Source, old: LogFile, *, until_quiet: bool = False) -> bool:
        """Read on in a file that was rotated away; say whether it is the one that was read until now."""
        place = self._place
        assert place is not None
        try:
            while True:
                before = place.offset + self._unfinished
                await self._read(source, _Part(old, place.offset, len(place.last), place.last, follow=False))
                if not until_quiet or before == place.offset + self._unfinished:
                    return True
                await asyncio.sleep(QUIET)
        except _OtherFileError:
            return False

    def _lost_lines(self, source: _Source, since: Instant, why: str) -> None:
        source.hearer.gap(since, f"lines of {self.path} may be missing: {why}")

    async def _read(self, source: _Source, part: _Part, *, polls: bool = False) -> re.Match[bytes] | None:
        """Read a part to its end; of one that is followed, that is a note of tail's, which is returned.

        Raises :class:`_OtherFileError` where it is not the file that is meant.
        """
        path = self.path if part.follow else part.file.path
        start = str(part.offset - part.back + 1)
        async with source.remote.stream(self._tail(start, path, follow=part.follow, polls=polls)) as stream:
            chunks = stream.chunks()
            known, chunk = await self._known(chunks, part)
            if opened := chunk is not None:
                self._begin(source, part, known)
            while chunk is not None:
                self._read_at = Instant.now()
                if note := await self._receive(source, part, chunk):
                    return note
                chunk = await anext(chunks, None)
            ended = await stream.wait()
        if ended.status == -1:
            raise HostUnreachable(f"cannot follow {self.path} {on(source.remote)}", "the connection was lost")
        if part.follow:
            why = last_line(ended.stderr) or f"tail ended with status {ended.status}"
            raise SourceError(f"cannot follow {self.path} {on(source.remote)}", why)
        if not opened or ended.status:
            raise _OtherFileError
        return None

    async def _known(self, chunks: AsyncIterator[bytes], part: _Part) -> tuple[bytes, bytes | None]:
        """Read the bytes before the offset; return them, and what came with them of those after it.

        Raises :class:`_OtherFileError` when they differ from what is expected,
        or do not come: ``tail`` waits where the file is too short.
        """
        got = b""
        try:
            async with asyncio.timeout(OPENING):
                while len(got) < part.back and (chunk := await anext(chunks, None)) is not None:
                    got += chunk
        except TimeoutError:
            raise _OtherFileError from None
        known = got[: part.back]
        if len(known) < part.back:
            return b"", None
        if not known.endswith(part.expect):
            raise _OtherFileError
        return known, got[part.back :]

    def _begin(self, source: _Source, part: _Part, known: bytes) -> None:
        """Stand at the beginning of a part: what was held of a line is read again.

        At the very first one, the lines before it are handed over; an
        unfinished one is live, for it is yet to end.
        """
        self._buffer.clear()
        self._unfinished = 0
        if part.follow:
            source.hearer.live()
        if self._place is not None:
            self._place.inode = part.file.inode if part.follow else self._place.inode
            return
        whole = part.back == part.offset
        cut = known.rfind(b"\n") + 1
        if not cut and not whole:
            cut = len(known)
        self._place = _Place(part.file.inode, part.offset - len(known) + cut, known[:cut][-REMEMBERED:])
        self._hold(known[cut:])
        lines = lines_of(known[:cut])
        kept = lines[-self._context :] if whole else lines[1:][-self._context :]
        if self._context and kept:
            source.take(b"".join(line + b"\n" for line in kept), True)

    async def _receive(self, source: _Source, part: _Part, chunk: bytes) -> re.Match[bytes] | None:
        """Hand over the lines that a chunk completes; at a note of tail's, return it and leave the rest.

        In pieces, each with its place: whoever is cancelled in between has handed over exactly
        what the place says.
        """
        cut = chunk.rfind(b"\n") + 1
        if not cut:
            self._hold(chunk)
            return None
        block = self._buffer.feed(chunk[:cut])
        skipped, self._unfinished = self._unfinished + cut - len(block), 0
        note = self._find_note(part, block, skipped) if b"tail: " in block else None
        lines = block[: block.rfind(b"\n", 0, note.start()) + 1] if note else block
        # A line that has not ended before a note may go on where its file is now.
        rest = block[len(lines) : note.start()] if note else chunk[cut:]
        place = self._place
        assert place is not None
        for piece in pieces(lines):
            place.advance(piece, skipped)
            skipped = 0
            source.take(piece, False)
            await self._pace.breathe()
        self._hold(rest)
        return note

    def _hold(self, rest: bytes) -> None:
        self._buffer.feed(rest)
        self._unfinished += len(rest)

    def _find_note(self, part: _Part, block: bytes, skipped: int) -> re.Match[bytes] | None:
        """Return tail's first note; what stood in the file when it was opened is the log's own text."""
        assert self._place is not None
        sure = part.file.size - self._place.offset - skipped
        notes: Iterator[re.Match[bytes]] = self._note.finditer(block) if part.follow else iter(())
        return next((note for note in notes if note.start() >= sure), None)

    def _tail(self, start: str, path: str = "", *, follow: bool = False, polls: bool = False) -> str:
        name = shlex.quote(path or self.path)
        if not follow:
            return f"LC_ALL=C tail -c +{start} -- {name}"
        if polls:
            return f"LC_ALL=C tail -c +{start} -F {POLLING} -- {name} 2>&1"
        # Busybox's tail does not see that a file was truncated: a shell beside it says so in GNU's words,
        # unless within a second it has grown beyond what it was. The first size is taken before tail begins.
        note = shlex.quote(f"tail: {self.path}: file truncated")
        watch = (
            "while sleep 1; do "
            f"n=$(stat -L -c %s -- {name} 2>/dev/null) || continue; "
            f"test $n -ge $s || {{ echo {note}; kill $$; exit; }}; s=$n; done"
        )
        size = f"s=$(stat -L -c %s -- {name}) || s=0"
        return f"LC_ALL=C; export LC_ALL; {size}; ({watch}) & exec tail -c +{start} -F -- {name} 2>&1"
