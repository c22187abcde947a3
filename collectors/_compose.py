"""Following the log of a Docker Compose service on a host.

Docker stamps every line; with the last stamp reading goes on where it stopped.
``--since`` gives the lines of that very stamp again: those are left out.
"""

from __future__ import annotations

import re
import shlex

from rampdeck.errors import HostUnreachable, SourceError
from rampdeck.remote import Remote

from ._follow import Hearer, last_line, on
from ._journal import Entry, TakeEntries
from ._lines import LineBuffer, lines_of, text_of
from ._times import utc_seconds

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}(?:Z|[+-]\d\d:\d\d)) ?")
_FIXES = (
    (b"unknown command", "Install Docker's compose plugin there"),
    (b"permission denied", "sudo usermod -aG docker USER, then log in anew"),
    (b"Cannot connect to the Docker daemon", "Start Docker there, or name the right host"),
    (b"no configuration file provided", "Say where the project is, with compose_file or project_directory"),
)
SLICE = 64
"""Lines that are handed over at once."""


class ComposeFollower:
    """Follows all containers of a service, from now on, with some lines before as ``context``."""

    def __init__(self, service: str, *, file: str = "", directory: str = "", context: int = 20) -> None:
        self.service = service
        self._context = context
        self._compose = "docker compose"
        if file:
            self._compose += f" -f {shlex.quote(file)}"
        if directory:
            self._compose += f" --project-directory {shlex.quote(directory)}"
        self._began: float | None = None
        self._last = b""
        self._of_last: set[bytes] = set()

    def asks(self) -> tuple[str, ...]:
        """Return every command that it may send."""
        return (self._look(), self._following(""), self._following("TIME"))

    def _look(self) -> str:
        return f"date +%s; {self._compose} ps -q {shlex.quote(self.service)}"

    def _following(self, since: str) -> str:
        span = f"--since {shlex.quote(since)}" if since else f"--tail {self._context}"
        options = f"--no-color --no-log-prefix --timestamps {span}"
        return f"{self._compose} logs -f {options} {shlex.quote(self.service)}"

    async def follow(self, remote: Remote, hearer: Hearer, take: TakeEntries) -> None:
        """Hand lines to ``take`` as they come; goes on where an earlier call ended.

        Ends only by raising: :class:`SourceError` when the log cannot be
        read, a remote error when the host cannot.
        """
        await self._check(remote)
        hearer.live()
        buffer = LineBuffer()
        async with remote.stream(self._following(text_of(self._last))) as stream:
            async for chunk in stream.chunks():
                lines = lines_of(buffer.feed(chunk))
                for start in range(0, len(lines), SLICE):
                    found = [self._entry(line) for line in lines[start : start + SLICE]]
                    await take([entry for entry in found if entry is not None])
            ended = await stream.wait()
        what = f"cannot follow the log of {self.service} {on(remote)}"
        if ended.status == -1:
            raise HostUnreachable(what, "the connection was lost")
        raise SourceError(what, last_line(ended.stderr) or "its containers have ended")

    async def _check(self, remote: Remote) -> None:
        found = await remote.run(self._look(), timeout=30.0)
        what = f"cannot read the log of {self.service} {on(remote)}"
        if found.status == 127:
            raise SourceError(what, "there is no docker", "Give the unit or the log file instead")
        if found.status:
            fix = next((fix for said, fix in _FIXES if said in found.stderr), "")
            raise SourceError(what, last_line(found.stderr), fix)
        clock, *containers = found.stdout.split()
        if not containers:
            raise SourceError(
                what, "no container of this service runs", f"{self._compose} up -d {self.service}"
            )
        if self._began is None:
            self._began = float(clock)

    def _entry(self, line: bytes) -> Entry | None:
        """Return a line, or None if it was handed over before the connection was lost."""
        found = _STAMP.match(line)
        if found is None:
            return Entry(text_of(line))
        stamp = found[1]
        if stamp == self._last:
            if line in self._of_last:
                return None
        elif stamp > self._last:
            self._last = stamp
            self._of_last.clear()
        self._of_last.add(line)
        sent = utc_seconds(text_of(stamp))
        before = sent is not None and self._began is not None and sent < self._began
        return Entry(text_of(line[found.end() :]), sent, before=before)
