"""Following the log of a Docker Compose service, or of a plain container, on a host.

Docker stamps every line; with the last stamp reading goes on where it stopped.
It begins some seconds before, because the lines of several containers come in
no order of their stamps, and leaves out what it has handed over: each line as
often as it came.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter, deque

from rampdeck.errors import HostUnreachable, SourceError
from rampdeck.model import Instant
from rampdeck.remote import Remote

from ._follow import Hearer
from ._journal import Entry, TakeEntries
from ._lines import LineBuffer, lines_of, text_of
from ._logfile import last_line, on
from ._tasks import Pace
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
OVERLAP = 5
"""Seconds before the newest stamp from which on lines are asked for again."""


class ComposeFollower:
    """Follows all containers of a service, or one ``container``, from now on.

    ``context`` lines before that are shown. What a container wrote that was
    removed meanwhile is gone with it: that is told as a gap.
    """

    def __init__(
        self,
        service: str = "",
        *,
        container: str = "",
        file: str = "",
        directory: str = "",
        context: int = 20,
    ) -> None:
        self.name = container or service
        self._context = context
        quoted = shlex.quote(self.name)
        compose = "docker compose"
        if file:
            compose += f" -f {shlex.quote(file)}"
        if directory:
            compose += f" --project-directory {shlex.quote(directory)}"
        if container:
            self._list = f"docker inspect --type container --format '{{{{.Id}}}}' {quoted}"
            # What a container writes to its stderr comes on stderr here, unlike with compose.
            self._logs = ("docker logs --timestamps", f"{quoted} 2>&1")
        else:
            self._list = f"{compose} ps -aq {quoted}"
            self._logs = (f"{compose} logs --no-color --no-log-prefix --timestamps", quoted)
        self._fix = f"docker start {quoted}" if container else f"{compose} up -d {quoted}"
        self._containers: set[bytes] = set()
        self._began: float | None = None
        self._newest = 0.0
        self._given: deque[tuple[float, int]] = deque()
        self._again: Counter[int] = Counter()
        self._read_at = Instant.now()
        self._pace = Pace()

    def asks(self) -> tuple[str, ...]:
        """Return every command that it may send."""
        return (self._look(), self._last(), self._tail("SECONDS"))

    async def follow(self, remote: Remote, hearer: Hearer, take: TakeEntries) -> None:
        """Hand lines to ``take`` as they come; goes on where an earlier call ended.

        Ends only by raising: :class:`SourceError` when the log cannot be
        read, a remote error when the host cannot.
        """
        since = await self._begin(remote, hearer, take)
        hearer.live()
        # Whatever of these comes again was handed over before.
        self._again = Counter(known for _, known in self._given)
        buffer = LineBuffer()
        async with remote.stream(self._tail(str(since))) as stream:
            async for chunk in stream.chunks():
                self._read_at = Instant.now()
                lines = lines_of(buffer.feed(chunk))
                for start in range(0, len(lines), SLICE):
                    found = [self._entry(line) for line in lines[start : start + SLICE]]
                    take([entry for entry in found if entry is not None])
                    await self._pace.breathe()
            ended = await stream.wait()
        what = f"cannot follow the log of {self.name} {on(remote)}"
        if ended.status == -1:
            raise HostUnreachable(what, "the connection was lost")
        raise SourceError(what, last_line(ended.stderr) or "its containers have ended")

    def _look(self) -> str:
        return f"date +%s; {self._list}"

    def _last(self) -> str:
        command, name = self._logs
        return f"{command} --tail {self._context} {name}"

    def _tail(self, since: str) -> str:
        command, name = self._logs
        return f"{command} -f --since {since} {name}"

    async def _begin(self, remote: Remote, hearer: Hearer, take: TakeEntries) -> int:
        """Look whether the log may be read, at first also at its last lines; return from which second on."""
        found = await remote.run(self._look(), timeout=30.0)
        what = f"cannot read the log of {self.name} {on(remote)}"
        if found.status == 127:
            raise SourceError(what, "there is no docker", "Give the unit or the log file instead")
        if found.status:
            fix = next((fix for said, fix in _FIXES if said in found.stderr), "")
            raise SourceError(what, last_line(found.stderr), fix)
        clock, *containers = found.stdout.split()
        if self._containers - set(containers):
            gone = f"lines of {self.name} may be missing: a container was removed, with what it wrote last"
            hearer.gap(self._read_at, gone)
        self._containers = set(containers)
        if not containers:
            raise SourceError(what, "it has no container", self._fix)
        if self._began is None:
            began = float(clock)
            shown = await remote.run(self._last(), timeout=30.0)
            last = map(_stamped, lines_of(shown.stdout))
            before = [Entry(text, sent, before=True) for sent, text in last if sent and sent < began]
            take(before[-self._context :])
            self._began = began
        return max(int(self._began), self._overlap())

    def _overlap(self) -> int:
        return int(self._newest) - OVERLAP

    def _entry(self, line: bytes) -> Entry | None:
        """Return a line, or None if it was handed over before the connection was lost."""
        sent, text = _stamped(line)
        if sent is None:
            return Entry(text)
        known = hash(line)
        if self._again[known] > 0:
            self._again[known] -= 1
            return None
        self._newest = max(self._newest, sent)
        self._given.append((sent, known))
        while self._given[0][0] < self._overlap():
            self._given.popleft()
        return Entry(text, sent)


def _stamped(line: bytes) -> tuple[float | None, str]:
    """Return Docker's stamp of a line, in UTC seconds, and the line without it."""
    found = _STAMP.match(line)
    sent = utc_seconds(text_of(found[1])) if found else None
    return (None, text_of(line)) if found is None or sent is None else (sent, text_of(line[found.end() :]))
