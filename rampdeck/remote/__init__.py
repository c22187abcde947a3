"""Reaching a host: run a command, follow a stream, tunnel to a port.

Collectors see only :class:`Remote`, so they read a staging host over SSH and
a stack on this machine alike. :mod:`rampdeck.remote.ssh` and
:mod:`rampdeck.remote.local` are the two ways.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from rampdeck.model import Instant


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

    async def close(self) -> None:
        """Give the connection up; nothing of ours runs on the host after that."""
