"""Following a log file on a host: nothing lost, nothing twice.

``tail`` does the following, and this module keeps the place: the byte offset
in the file and the last bytes before it. After a lost connection it starts
again a little before that offset and compares; so it notices when the file is
another one. ``tail`` watches by polling, not by inotify: at a rename it then
goes on with the old file until that has been quiet for a while, as long as
Nginx still writes there, where an inotify ``tail`` lets go at once. Its own
notes ("file truncated", "has been replaced") come in the same stream, since
only there it is known between which bytes they belong.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from rampdeck.errors import HostUnreachable, SourceError
from rampdeck.model import Instant
from rampdeck.remote import Remote

from ._lines import LineBuffer, lines_of, text_of

CONTEXT_BYTES = 16 * 1024
"""How far back the lines before the beginning are looked for."""
REMEMBERED = 512
"""Bytes before the offset that tell a file from another: two lines of a log, with their times."""
POLLING = "---disable-inotify -s 0.2 --max-unchanged-stats=15"
"""GNU tail's options for polling; a renamed file counts as done after 3 s of quiet."""
OPENING = 10.0
"""Seconds in which ``tail`` must show the bytes that are known."""

Take = Callable[[bytes, bool], Awaitable[None]]
"""Takes whole lines, each with its newline, and whether they are from before the beginning."""


class Hearer(Protocol):
    """Hears how reading fares; :class:`rampdeck.collector.Sink` is one."""

    def live(self) -> None:
        """Hear that the file can be read."""

    def warn(self, reason: str) -> None:
        """Hear that the file is gone; it may come back."""

    def gap(self, since: Instant, why: str) -> None:
        """Hear that lines since a moment may be missing."""


_FILE = re.compile(r"^(\d+) (\d+) (\d+) (.+)$", re.MULTILINE)


@dataclass(slots=True)
class _Place:
    """Where reading stands: after a rotation under our eyes the inode is not known."""

    inode: int | None
    offset: int
    last: bytes

    def advance(self, data: bytes) -> None:
        self.offset += len(data)
        self.last = (self.last + data)[-REMEMBERED:]


class _File(NamedTuple):
    inode: int
    size: int
    modified: int
    path: str


class _Probe(NamedTuple):
    """What a host says of a log file: itself, its last bytes, and what it was rotated to."""

    utc_offset: int
    polls: bool
    file: _File | None
    last: bytes
    rotated: tuple[_File, ...]


class _Part(NamedTuple):
    """A file to read from an offset on.

    Reading begins ``back`` bytes before it, and those must end as ``expect``:
    only then the file is the one that is meant, and ``tail`` has opened it.
    """

    file: _File
    offset: int = 0
    back: int = 0
    expect: bytes = b""
    follow: bool = True


class _OtherFileError(Exception):
    """The file's bytes are not those that were read before."""


class FileFollower:
    """Follows one file by its name, from its present end on, with some lines before as ``context``.

    ``utc_offset`` is the host's offset from UTC in seconds, once it is known.
    """

    def __init__(self, path: str, *, context: int = 0) -> None:
        self.path = path
        self.utc_offset = 0
        self._context = context
        self._buffer = LineBuffer()
        self._place: _Place | None = None
        self._read_at = Instant.now()
        quoted = re.escape(path.encode())
        # The name may be quoted, or not, by the rules of a shell.
        self._note = re.compile(
            rb"tail: [^\n]{0,2}%b[^\n]?(?: has been replaced;| has appeared;| has become accessible"
            rb"|(?P<cut>: file truncated)|(?P<gone> has become inaccessible: ))(?P<more>[^\n]*)\n" % quoted
        )

    async def follow(self, remote: Remote, hearer: Hearer, take: Take) -> None:
        """Hand lines to ``take`` as they come; goes on where an earlier call ended.

        Ends only by raising: :class:`SourceError` when the file cannot be
        read, a remote error when the host cannot.
        """
        probe = await self._probe(remote)
        if probe.file is None:
            # Whatever it will hold when it comes is new.
            self._place = self._place or _Place(None, 0, b"")
            what, fix = f"cannot read {self.path} {on(remote)}", "It is read as soon as it is there"
            raise SourceError(what, "there is no such file", fix)
        self.utc_offset = probe.utc_offset
        for part in self._plan(probe.file, probe.last, probe.rotated, hearer):
            try:
                await self._read(remote, hearer, part, probe.polls, take)
            except _OtherFileError:
                self._lost_lines(hearer, "the file was truncated or replaced by another one")
                await self._read(remote, hearer, _Part(part.file, follow=part.follow), probe.polls, take)

    def _plan(self, file: _File, last: bytes, rotated: tuple[_File, ...], hearer: Hearer) -> list[_Part]:
        place = self._place
        if place is None:
            last = last[: file.size]
            back = min(file.size, CONTEXT_BYTES) if self._context else len(last)
            return [_Part(file, file.size, back, last)]
        if place.inode in (None, file.inode) and file.size >= place.offset:
            return [_Part(file, place.offset, len(place.last), place.last)]
        old = next((other for other in rotated if other.inode == place.inode), None)
        if old is None or old.size < place.offset:
            self._lost_lines(hearer, "the file was rotated or truncated meanwhile")
            return [_Part(file)]
        if any(other.modified > old.modified for other in rotated):
            self._lost_lines(hearer, "the file was rotated more than once meanwhile")
        return [_Part(old, place.offset, len(place.last), place.last, follow=False), _Part(file)]

    def _lost_lines(self, hearer: Hearer, why: str) -> None:
        self._buffer.clear()
        hearer.gap(self._read_at, f"lines of {self.path} may be missing: {why}")

    async def _read(self, remote: Remote, hearer: Hearer, part: _Part, polls: bool, take: Take) -> None:
        begins = self._place is None
        self._place = _Place(part.file.inode, part.offset, part.expect)
        async with remote.stream(self._command(part, polls)) as stream:
            chunks = stream.chunks()
            known, chunk = await self._known(chunks, part)
            if chunk is not None:
                hearer.live()
            if begins and self._context:
                await take(self._last_lines(known, whole=part.back == part.offset), True)
            while chunk is not None:
                self._read_at = Instant.now()
                for block in self._take(chunk, hearer):
                    await take(block, False)
                chunk = await anext(chunks, None)
            ended = await stream.wait()
        if ended.status == -1:
            raise HostUnreachable(f"cannot follow {self.path} {on(remote)}", "the connection was lost")
        if part.follow or ended.status:
            why = last_line(ended.stderr) or f"tail ended with status {ended.status}"
            raise SourceError(f"cannot follow {self.path} {on(remote)}", why)
        if rest := self._buffer.clear():
            await take(rest + b"\n", False)

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

    def asks(self) -> tuple[str, ...]:
        """Return every command that it may send."""
        tails = (_tail(self.path, "OFFSET", follow=True, polls=polls) for polls in (True, False))
        return (_look(self.path), *tails, _tail("ROTATED_LOG", "OFFSET", follow=False, polls=False))

    def _command(self, part: _Part, polls: bool) -> str:
        path = self.path if part.follow else part.file.path
        return _tail(path, str(part.offset - part.back + 1), follow=part.follow, polls=polls)

    def _last_lines(self, context: bytes, *, whole: bool) -> bytes:
        """Return the last lines of what came before; the unfinished one is live, for it is yet to end."""
        cut = context.rfind(b"\n") + 1
        self._buffer.feed(context[cut:])
        lines = lines_of(context[:cut])
        kept = lines[-self._context :] if whole else lines[1:][-self._context :]
        return b"".join(line + b"\n" for line in kept)

    def _take(self, chunk: bytes, hearer: Hearer) -> list[bytes]:
        """Return the lines that a chunk completes, without tail's own notes."""
        assert self._place is not None
        self._place.advance(chunk)
        block = self._buffer.feed(chunk)
        if b"tail: " not in block:
            return [block] if block else []
        blocks = []
        start = 0
        for note in self._note.finditer(block):
            # An unfinished line before a note ends there: its file has no more.
            blocks.append(block[start : note.start()])
            start = note.end()
            after = block[start:] + chunk[chunk.rfind(b"\n") + 1 :]
            inode = self._place.inode if note["cut"] else None
            self._place = _Place(inode, len(after), after[-REMEMBERED:])
            if note["gone"]:
                hearer.warn(f"{self.path} is gone: {text_of(note['more'])}")
            else:
                hearer.live()
        blocks.append(block[start:])
        return [part if part.endswith(b"\n") else part + b"\n" for part in blocks if part]

    async def _probe(self, remote: Remote) -> _Probe:
        found = await remote.run(_look(self.path))
        said, _, last = found.stdout.partition(b"\0")
        zone, user, polls, *_ = [*text_of(said).splitlines(), "", "", ""]
        files = [
            _File(int(inode), int(size), int(modified), name)
            for inode, size, modified, name in _FILE.findall(text_of(said))
        ]
        if found.status == 0 and files:
            return _Probe(_seconds_east(zone), polls == "0", files[0], last, tuple(files[1:]))
        if b"No such file" in found.stderr:
            return _Probe(0, False, None, b"", ())
        what = f"cannot read {self.path} {on(remote)}"
        if found.status == 3:
            raise SourceError(what, "it is no ordinary file", "Name the file that the log is written to")
        if b"Permission denied" in found.stderr:
            fix = f"Add the user to the group that may, mostly: sudo usermod -aG adm {user}"
            raise SourceError(what, f"user {user} has no right to", fix)
        raise SourceError(what, last_line(found.stderr))


def _look(path: str) -> str:
    """Return the command that finds out what the log is, what it ends with, and what it was rotated to."""
    path = shlex.quote(path)
    return (
        "LC_ALL=C; export LC_ALL; date +%z; id -un; "
        "tail ---disable-inotify -c 0 /dev/null >/dev/null 2>&1; echo $?; "
        f"f=$(stat -L -c '%i %s %Y %n' -- {path}) || exit 2; test -f {path} || exit 3; echo \"$f\"; "
        f"stat -c '%i %s %Y %n' -- {path}[.-]* 2>/dev/null; "
        # The last bytes of that size, though the log may have grown since.
        f"s=${{f#* }}; s=${{s%% *}}; s=$((s > {REMEMBERED} ? s - {REMEMBERED} + 1 : 1)); "
        f"printf '\\0'; tail -c +$s -- {path} | head -c {REMEMBERED}; "
        f"head -c 1 -- {path} >/dev/null || exit 2"
    )


def _tail(path: str, first: str, *, follow: bool, polls: bool) -> str:
    """Return the command that reads from the ``first`` byte on."""
    options = f"-c +{first}"
    if follow:
        options += f" -F {POLLING}" if polls else " -F"
    return f"LC_ALL=C tail {options} -- {shlex.quote(path)} 2>&1"


def on(remote: Remote) -> str:
    """Return where a host is, as a message says it."""
    return "on this machine" if remote.local else f"on {remote.host}"


def last_line(output: bytes) -> str:
    """Return the last line that a command wrote, which mostly is why it failed."""
    lines = text_of(output).strip().splitlines()
    return lines[-1][:300] if lines else ""


def _seconds_east(zone: str) -> int:
    """Return the offset in seconds of ``date +%z``'s answer, such as ``-0330``."""
    if not re.fullmatch(r"[+-]\d{4}", zone):
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[3:])
    return (-minutes if zone[0] == "-" else minutes) * 60
