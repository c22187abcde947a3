"""A command under way on a host, the same over SSH and on this machine.

What a host runs for us must end with us: when the context is left, when the
connection dies, when this process is killed. A command that writes notices a
closed pipe; one that does not write would stay for ever. So every command runs
beside a guard, a shell that waits for the end of its stdin, which closes in all
three cases, and then kills the process group.
"""

from __future__ import annotations

import asyncio
import shlex
import textwrap
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from rampdeck.errors import CommandFailed
from rampdeck.model import Instant
from rampdeck.remote import Completed, Stream

CHUNK = 65536
"""Bytes handed over at once, at the most."""
TAIL = 4096
"""Bytes of stderr that are kept."""
OUTPUT = 16 * 1024 * 1024
"""Bytes that a short command may write."""
LEAVE = 2.0
"""Seconds that the end of a command is waited for when its stream is left."""

# The scripts run as leader of a process group, $$, so that one signal reaches all of it. sshd and
# LocalRemote start a command so; where something in between does not (a ForceCommand, another
# server), there is no group of that number, and setsid makes one.
_LEADING = (
    'kill -0 -$$ 2>/dev/null && exec sh -c "$1" rampdeck "$2"; '
    'exec 3<&0; setsid sh -c "$1" rampdeck "$2" <&3 3<&- & wait $!'
)
# At the end of the command, TERM takes the guard away and what the command left in the background;
# who carries the exit status must outlive that. The shell's own remarks ("Terminated") go nowhere.
_GUARDED = (
    "exec 3<&0 4>&2 2>/dev/null; "
    'sh -c "$1" </dev/null 2>&4 3<&- 4>&- & c=$!; '
    "(read -r _ <&3; kill -9 -$$) >&2 4>&- & "
    'wait $c; s=$?; trap "" TERM; kill -TERM -$$; exit $s'
)
# The first cat carries stdin to the command, the second waits on where a command has closed its stdin.
# The end is told inside the pipeline: dash's wait for one process of a pipeline waits for all of it.
# The command begins when the guard has said so: in its first moments it still has its parent's trap.
_GUARDED_WITH_STDIN = (
    "exec 3<&0 4>&2 2>/dev/null; trap : TERM; "
    "(echo; cat <&3; cat <&3 >&2; kill -9 -$$) 4>&- | "
    '(read -r _; sh -c "$1" 2>&4 3<&- 4>&-; s=$?; trap "" TERM; kill -TERM -$$; exit $s)'
)


def guarded(command: str, *, stdin: bool) -> list[str]:
    """Return the arguments that run a POSIX shell command line beside its guard (dash, bash, busybox)."""
    return ["sh", "-c", _LEADING, "rampdeck", _GUARDED_WITH_STDIN if stdin else _GUARDED, command]


def guarded_line(command: str, *, stdin: bool) -> str:
    """Return :func:`guarded` as one line for the login shell of a host."""
    return "exec " + shlex.join(guarded(command, stdin=stdin))


def brief(command: str) -> str:
    """Return a command as a message shows it: one line of at most 60 characters."""
    return textwrap.shorten(command, 60, placeholder=" ...")


class Reader(Protocol):
    """The half of a pipe that is read; asyncio's and asyncssh's are such."""

    async def read(self, n: int = ..., /) -> bytes:
        """Return what is there, at most ``n`` bytes; nothing at the end."""


class Writer(Protocol):
    """The half of a pipe that is written."""

    def write(self, data: bytes, /) -> None:
        """Take bytes for sending."""

    async def drain(self) -> None:
        """Wait until more can be taken."""


class Running:
    """A command under way: the :class:`rampdeck.remote.Stream` of both kinds of host.

    ``ended`` waits for its status, -1 for a lost connection; ``lost`` are the
    errors by which a pipe says that the connection is gone. Must be made in
    the loop: stderr is read beside, so that a full pipe never stops a command.
    """

    def __init__(
        self,
        command: str,
        stdin: Writer | None,
        stdout: Reader,
        stderr: Reader,
        ended: Callable[[], Awaitable[int]],
        lost: tuple[type[Exception], ...] = (OSError,),
    ) -> None:
        self._command = command
        self._stdin = stdin
        self._stdout = stdout
        self._ended = ended
        self._lost = lost
        self._tail = b""
        self._over = False
        self._stderr = asyncio.create_task(self._keep_tail(stderr))

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield stdout as it arrives."""
        async for chunk in self._read(self._stdout):
            yield chunk

    async def write(self, data: bytes) -> None:
        """Send bytes to the command's stdin."""
        if self._stdin is None:
            raise TypeError("this stream was opened without stdin=True")
        try:
            if self._over:  # a pipe may take some bytes more before it says so
                raise BrokenPipeError
            self._stdin.write(data)
            await self._stdin.drain()
        except self._lost:
            what = f'cannot write to "{brief(self._command)}"'
            raise CommandFailed(what, "it has ended, or the connection was lost") from None

    async def wait(self) -> Completed:
        """Wait for the end; what is left of stdout is thrown away."""
        async for _ in self.chunks():
            pass
        await asyncio.wait([self._stderr])
        status = await self._ended()
        self._over = True
        return Completed(self._command, status, b"", self._tail)

    def abandon(self) -> None:
        """Stop reading."""
        self._stderr.cancel()

    async def _read(self, pipe: Reader) -> AsyncIterator[bytes]:
        try:
            while chunk := await pipe.read(CHUNK):
                yield chunk
                # What is buffered is read without a pause: let the load and the screen in between.
                await asyncio.sleep(0)
        except self._lost:
            return

    async def _keep_tail(self, pipe: Reader) -> None:
        async for chunk in self._read(pipe):
            self._tail = (self._tail + chunk)[-TAIL:]


class CommandHost(ABC):
    """What both kinds of host have in common: a short command is a stream read to its end."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def host(self) -> str:
        """The host's name as the configuration calls it."""
        return self._name

    @property
    def heard(self) -> Instant | None:
        """When the host last said anything over the connection that was lost: there is none to lose."""
        return None

    def stream(self, command: str, *, stdin: bool = False) -> AbstractAsyncContextManager[Stream]:
        """Start a long command; leaving the context ends it, there too."""
        return self._running(command, stdin=stdin, short=False)

    @abstractmethod
    def _running(self, command: str, *, stdin: bool, short: bool) -> AbstractAsyncContextManager[Stream]:
        """Start a command, ``short`` or one that goes on; leaving the context ends it, there too."""

    def talk(self, command: str) -> AbstractAsyncContextManager[Stream]:
        """Start a short command that is written to; it waits its turn as one of :meth:`run` does."""
        return self._running(command, stdin=True, short=True)

    async def run(self, command: str, *, timeout: float = 10.0) -> Completed:
        """Run a short command to its end; its status is the caller's to judge.

        At most 16 MiB of output. Raises :class:`CommandFailed` when it takes
        longer than ``timeout`` seconds; it has been ended then.
        """
        async with self._running(command, stdin=False, short=True) as stream:
            try:
                async with asyncio.timeout(timeout):
                    completed = await self._complete(command, stream)
            except TimeoutError:
                why = f"it had not ended after {timeout:g} s and was stopped"
                raise CommandFailed(f'"{brief(command)}" on {self._name}', why) from None
        return completed

    async def _complete(self, command: str, stream: Stream) -> Completed:
        output: list[bytes] = []
        size = 0
        async for chunk in stream.chunks():
            output.append(chunk)
            size += len(chunk)
            if size > OUTPUT:
                why = f"it wrote more than {OUTPUT // 2**20} MiB and was stopped"
                raise CommandFailed(f'"{brief(command)}" on {self._name}', why)
        ended = await stream.wait()
        return Completed(command, ended.status, b"".join(output), ended.stderr)
