"""Reaching a host: run a command, follow a stream, tunnel to a port or a socket.

Collectors see only :class:`Remote`, so they read a staging host over SSH and
a stack on this machine alike. :mod:`rampdeck.remote.ssh` and
:mod:`rampdeck.remote.local` are the two ways.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from rampdeck.errors import RemoteError
from rampdeck.model import Instant
from rampdeck.remote.turns import Turn

reader: ContextVar[str] = ContextVar("reader", default="")
"""The source that reads in this task and those that it starts: a host tells by it who has its sessions."""

Hear = Callable[[RemoteError, Instant | None], None]
"""Hears why a host cannot be used, and when it is tried next."""
Told = Callable[[str, str], None]
"""Is told what is found out about a host itself: the signal (``rebooted``) and a sentence."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that has ended: its exit status and what it wrote, as bytes."""

    command: str
    status: int
    stdout: bytes
    stderr: bytes


class Stream(Protocol):
    """A command that goes on writing.

    ``chunks`` yields what arrives as it arrives (at most 64 KiB at once, any
    split), and ends when the command or the connection ends; then
    :meth:`wait` tells how.
    """

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield stdout as it arrives."""

    async def write(self, data: bytes) -> None:
        """Send bytes to the command's stdin, if the stream was opened with ``stdin=True``."""

    async def wait(self) -> Completed:
        """Wait for the end; stdout is empty here, stderr holds its last 4 KiB.

        A status of -1 means that the connection was lost, not that the
        command ended.
        """


class Shell(Protocol):
    """A host that short commands can be run on; a :class:`Remote` is one."""

    @property
    def host(self) -> str:
        """The host's name as the configuration calls it."""

    @property
    def local(self) -> bool:
        """Whether it is this machine, without a connection."""

    async def run(self, command: str, *, timeout: float = 10.0) -> Completed:
        """Run a short command to its end; its status is the caller's to judge."""


class Remote(Protocol):
    """A host that commands can be run on.

    Every method may raise :class:`rampdeck.errors.RemoteError`; each connects
    first where there is no connection. Commands are POSIX shell command lines.
    """

    @property
    def host(self) -> str:
        """The host's name as the configuration calls it."""

    @property
    def local(self) -> bool:
        """Whether it is this machine, without a connection."""

    @property
    def heard(self) -> Instant | None:
        """When the host last said anything over the connection that was lost; ``None`` if none was."""

    async def run(self, command: str, *, timeout: float = 10.0) -> Completed:
        """Run a short command to its end; its status is the caller's to judge."""

    def stream(self, command: str, *, stdin: bool = False) -> AbstractAsyncContextManager[Stream]:
        """Start a long command; leaving the context ends it, there too.

        It ends as well when the connection or this process dies, whether it
        writes or not: with all its children, by SIGKILL. Its stdin is empty,
        unless ``stdin`` asks for one to write to.
        """

    def talk(self, command: str) -> AbstractAsyncContextManager[Stream]:
        """Start a short command that is written to; it waits its turn as one of ``run`` does."""

    def tunnel(self, host: str, port: int) -> AbstractAsyncContextManager[tuple[str, int]]:
        """Make ``host:port``, as seen from the remote host, reachable; yields the local address."""

    def tunnel_socket(self, path: PurePosixPath) -> AbstractAsyncContextManager[Path]:
        """Make a unix socket of the remote host reachable; yields a local one of the same file name.

        Whoever listens there sees the user of the login, whom it may trust
        without a password (PostgreSQL's peer authentication).
        """

    async def turn(self, rank: int, hear: Hear) -> Turn:
        """Wait until the host can be used, and until it is the turn of this rank to begin (0 is the first).

        While the host cannot be used, ``hear`` is told why and when it is tried
        next; all who wait do so for the same attempts. The next one's turn comes
        when this one is over: release it as soon as reading has begun. Who has
        begun before waits for the host only, unless it gives too few sessions.
        """

    async def pause(self, seconds: float, *, session: bool = False) -> None:
        """Wait before a new try, but no longer than until the connection is lost.

        With ``session``, for one who found none: no longer than until a stream
        of another has given one back.
        """

    def heed(self, told: Told) -> None:
        """Say who is to be told that the host was rebooted or has another address."""

    async def close(self) -> None:
        """Give the connection up; nothing of ours runs on the host after that."""
