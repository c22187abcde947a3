"""This machine, with the face of a remote one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, Process, SubprocessStreamProtocol
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath

from rampdeck.errors import CommandFailed
from rampdeck.remote import Hear, Stream, Told
from rampdeck.remote.command import CHUNK, LEAVE, CommandHost, Running, brief, guarded
from rampdeck.remote.turns import Turn


class LocalRemote(CommandHost):
    """Runs commands here, each in a session of its own, so that it is ended with all its children.

    Ctrl-C in our terminal does not reach them. A tunnel is the address itself.
    """

    def __init__(self, name: str = "local") -> None:
        super().__init__(name)

    @property
    def local(self) -> bool:
        """Whether it is this machine: yes."""
        return True

    @asynccontextmanager
    async def _running(self, command: str, *, stdin: bool, short: bool) -> AsyncIterator[Stream]:  # noqa: ARG002
        """Start a command; leaving the context kills it and its children."""
        transport, process = await self._start(command, stdin=stdin)
        assert process.stdout
        assert process.stderr

        async def ended() -> int:
            status = await process.wait()
            return 128 - status if status < 0 else status

        running = Running(command, process.stdin if stdin else None, process.stdout, process.stderr, ended)
        try:
            yield running
        finally:
            running.abandon()
            if transport.get_returncode() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            # Closed first: asyncio's wait is for the end of the pipes too, and an unread one has none.
            transport.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), LEAVE)

    @asynccontextmanager
    async def tunnel(self, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
        """Yield the address unchanged: what this machine reaches needs no tunnel."""
        yield host, port

    @asynccontextmanager
    async def tunnel_socket(self, path: PurePosixPath) -> AsyncIterator[Path]:
        """Yield the path unchanged."""
        yield Path(path)

    async def turn(self, rank: int, hear: Hear) -> Turn:  # noqa: ARG002
        """Wait for nothing: where there is no connection, all may begin at once."""
        return Turn()

    async def pause(self, seconds: float, *, session: bool = False) -> None:  # noqa: ARG002
        """Wait so long: there is no connection to be lost."""
        await asyncio.sleep(seconds)

    def heed(self, told: Told) -> None:
        """Do nothing: there is nothing to be found out."""

    async def close(self) -> None:
        """Do nothing: there is no connection, and each command ends with its stream."""

    async def _start(self, command: str, *, stdin: bool) -> tuple[asyncio.SubprocessTransport, Process]:
        loop = asyncio.get_running_loop()
        shell, option, script, *rest = guarded(command, stdin=stdin)
        # The shell waits for a line before it does anything. A child that has ended before asyncio
        # watches it is lost in this process: gevent has reaped it, and asyncio (its pidfd watcher, the
        # default from Python 3.12) finds none: ProcessLookupError.
        arguments = [shell, option, "read -r _ || exit; " + script, *rest]
        try:
            transport, protocol = await loop.subprocess_exec(
                lambda: SubprocessStreamProtocol(limit=CHUNK, loop=loop),
                *arguments,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                start_new_session=True,
            )
        except OSError as error:
            why = error.strerror or str(error)
            raise CommandFailed(f'cannot start "{brief(command)}" on this machine', why) from None
        process = Process(transport, protocol, loop)
        assert process.stdin
        process.stdin.write(b"\n")
        return transport, process
