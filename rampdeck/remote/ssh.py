"""A host over SSH: one connection, shared by everything that is read there.

How it comes about is in :mod:`.login`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeVar

import asyncssh

from rampdeck.config import HostConfig
from rampdeck.errors import HostUnreachable, NoSession, RemoteError
from rampdeck.model import Instant
from rampdeck.remote import Completed, Hear, Stream, Told, reader
from rampdeck.remote.bell import Bell
from rampdeck.remote.command import LEAVE, CommandHost, Running, guarded_line
from rampdeck.remote.forwards import Forwards
from rampdeck.remote.link import Link
from rampdeck.remote.login import Login, Surroundings
from rampdeck.remote.own import BOOT_ID, Identity
from rampdeck.remote.sessions import Holder, Refused, Sessions
from rampdeck.remote.turns import Turn, Turns

KEEPALIVE = 5
"""Seconds of silence after which a host is asked whether it is still there, and then between questions."""
QUESTIONS = 2
"""Questions without an answer, after which the connection is given up: 15 s after the last word.

Shorter would not bring a pane back any sooner, for that is a matter of the
tries after it; and a host under full load, which is what a load test makes,
would be cut off in the moment when it is to be seen.
"""
WINDOW = 512 * 1024
"""Bytes of a stream that may wait here unread before the host has to stop sending."""

T = TypeVar("T")
_LOST = (asyncssh.Error, OSError)

# asyncssh tells every channel at INFO, and a scenario may have set the root logger to that.
logging.getLogger("asyncssh").setLevel(logging.WARNING)


class SshRemote(CommandHost):
    """Runs commands on a host over SSH.

    The connection is made when it is first needed, again when it was lost, and
    by one attempt for all that wait for it. ``door`` is shared by hosts at one
    address, which are connected one after the other; ``around`` is what all hosts
    have in common. Host keys are always verified.
    """

    def __init__(
        self,
        name: str,
        config: HostConfig,
        door: asyncio.Lock | None = None,
        around: Surroundings | None = None,
    ) -> None:
        super().__init__(name)
        self._config = config
        self.login = Login(name, config, door or asyncio.Lock(), around or Surroundings())
        self._bell = Bell()
        self._link = Link(self._made, self._lost, self._bell)
        self._turns = Turns()
        self._sessions = Sessions(name, self._bell, self._turns.short)
        self._forwards = Forwards(name, config.connect_timeout)
        self._known = Identity()
        self._told: Told | None = None

    @property
    def local(self) -> bool:
        """Whether it is this machine: no."""
        return False

    @property
    def heard(self) -> Instant | None:
        """When the host last said anything over the connection that was lost; ``None`` if none was."""
        keys = self.login.keys
        # A silence is noticed when all of it has passed.
        return keys.lost.plus(-_silence()) if keys.lost is not None and keys.silent else keys.lost

    @property
    def connected(self) -> bool:
        """Whether there is a connection at this moment."""
        return self._link.up

    async def turn(self, rank: int, hear: Hear) -> Turn:
        """Wait for the connection, and then for those who come first; see :class:`rampdeck.remote.Remote`."""
        while True:
            await self._link.wait(hear)
            turn = await self._turns.take(rank)
            if self._link.up:
                return turn
            turn.over()

    async def pause(self, seconds: float, *, session: bool = False) -> None:
        """Wait, until the connection is lost or a session given back at the most."""
        sessions, freed = self._sessions, self._sessions.freed
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._link.up and not (session and sessions.freed > freed):
                    await self._bell.wait()

    def heed(self, told: Told) -> None:
        """Say who is to be told that the host was rebooted or has another address."""
        self._told = told

    async def run(self, command: str, *, timeout: float = 10.0) -> Completed:
        """Run a short command to its end; its status is the caller's to judge."""
        completed = await super().run(command, timeout=timeout)
        if completed.status == -1:
            raise self._lost()
        return completed

    @asynccontextmanager
    async def _running(self, command: str, *, stdin: bool, short: bool) -> AsyncIterator[Stream]:
        """Start a command; leaving the context ends it, there too."""
        connection = await self._link.get()
        holder = Holder(reader.get(), command, short)
        start = partial(self._start, connection, command, stdin=stdin)
        async with self._sessions.take(holder, start) as process:

            async def ended() -> int:
                await process.wait_closed()
                return _status(process)

            pipe = process.stdin if stdin else None
            running = Running(command, pipe, process.stdout, process.stderr, ended, _LOST)
            try:
                yield running
            finally:
                running.abandon()
                process.close()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait_closed(), LEAVE)

    def tunnel(self, host: str, port: int) -> AbstractAsyncContextManager[tuple[str, int]]:
        """Make ``host:port``, as seen from the remote host, reachable; yields the local address."""
        return self._through(lambda connection: self._forwards.port(connection, host, port))

    def tunnel_socket(self, path: PurePosixPath) -> AbstractAsyncContextManager[Path]:
        """Make a unix socket of the host reachable; yields a local one of the same name."""
        return self._through(lambda connection: self._forwards.socket(connection, path, self.run))

    @asynccontextmanager
    async def _through(
        self, forward: Callable[[asyncssh.SSHClientConnection], AbstractAsyncContextManager[T]]
    ) -> AsyncIterator[T]:
        connection = await self._link.get()
        async with AsyncExitStack() as stack:
            try:
                near = await stack.enter_async_context(forward(connection))
            except _LOST:
                raise self._lost() from None
            stack.push(partial(self._blame, connection))
            yield near

    def _blame(self, connection: asyncssh.SSHClientConnection, _: object, error: object, __: object) -> None:
        """Say that the connection was lost, which whoever used a forward took for their server's end."""
        if isinstance(error, Exception) and connection.is_closed():
            raise self._lost() from None

    @property
    def left_out(self) -> str:
        """Why the host is not tried until :meth:`log_in`; empty as long as it is."""
        return self.login.credentials.left_out

    async def log_in(self) -> None:
        """Try the host again that was left out, with new questions. Raises :class:`RemoteError`."""
        self.login.credentials.ask_again()
        await self._link.get(now=True)

    async def connection(self) -> asyncssh.SSHClientConnection:
        """Return the one connection, for hosts behind this one."""
        return await self._link.get()

    async def close(self) -> None:
        """Give the connection up; the next call would make a new one."""
        await self._link.close()
        await self.login.credentials.close()

    async def _made(self) -> asyncssh.SSHClientConnection:
        """Connect, and look whether the host is what it was, if somebody wants to know."""
        connection = await self._connect()
        self._sessions = Sessions(self.host, self._bell, self._turns.short)
        if self._told is None:
            return connection
        try:
            identity = await self._identity(connection)
        except BaseException:
            connection.abort()
            raise
        before, self._known = self._known, identity.known_with(self._known)
        for signal_name, text in identity.news(self.host, before):
            self._told(signal_name, text)
        return connection

    async def _identity(self, connection: asyncssh.SSHClientConnection) -> Identity:
        boot = b""
        start = partial(self._start, connection, BOOT_ID, stdin=False)
        with contextlib.suppress(TimeoutError, NoSession):
            async with (
                asyncio.timeout(self._config.connect_timeout),
                self._sessions.take(Holder("", BOOT_ID, short=True), start) as process,
            ):
                boot = await process.stdout.read()
                await process.wait_closed()
        # Behind a jump host there is no address to be seen from here.
        peer = (None if self.login.over else connection.get_extra_info("peername")) or ("",)
        return Identity(boot.decode(errors="replace").strip(), str(peer[0]))

    async def _connect(self) -> asyncssh.SSHClientConnection:
        return await self.login.connect(keepalive_interval=KEEPALIVE, keepalive_count_max=QUESTIONS)

    async def _start(
        self, connection: asyncssh.SSHClientConnection, command: str, *, stdin: bool
    ) -> asyncssh.SSHClientProcess[bytes]:
        try:
            return await connection.create_process(
                guarded_line(command, stdin=stdin), encoding=None, request_pty=False, window=WINDOW
            )
        except asyncssh.ChannelOpenError as error:
            if connection.is_closed():
                raise self._lost() from None
            raise Refused(error.reason) from None
        except _LOST:
            raise self._lost() from None

    def _lost(self) -> RemoteError:
        why = f"it was closed there, or nothing answered for {_silence():g} s"
        return HostUnreachable(f"the connection to {self.login.endpoint} was lost", why)


def _silence() -> float:
    """Return the seconds without a word after which a connection is given up."""
    return (QUESTIONS + 1) * KEEPALIVE


def _status(process: asyncssh.SSHClientProcess[bytes]) -> int:
    """Return the exit status as a shell counts it, -1 for a lost connection."""
    if process.exit_status is not None and process.exit_status >= 0:
        return process.exit_status
    if process.exit_signal is not None:
        name = f"SIG{process.exit_signal[0]}"
        return 128 + (signal.Signals[name] if name in signal.Signals.__members__ else 0)
    return -1
