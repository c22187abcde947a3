"""A host over SSH: one connection, shared by everything that is read there.

How it comes about is in :mod:`.login`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncssh

from rampdeck.config import HostConfig
from rampdeck.errors import CommandFailed, HostUnreachable, RemoteError, TunnelRefused
from rampdeck.model import Instant
from rampdeck.remote import Completed, Stream
from rampdeck.remote.command import LEAVE, CommandHost, Running, brief, guarded_line
from rampdeck.remote.login import Login, Surroundings

KEEPALIVE = 5
"""Seconds of silence after which a host is asked whether it is still there, and then between questions."""
QUESTIONS = 3
"""Questions without an answer, after which the connection is given up."""
SILENCE = (QUESTIONS + 1) * KEEPALIVE
"""Seconds without a word from the host by then."""
WINDOW = 512 * 1024
"""Bytes of a stream that may wait here unread before the host has to stop sending."""

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
        self._connection: asyncssh.SSHClientConnection | None = None
        self._attempt: asyncio.Task[asyncssh.SSHClientConnection] | None = None

    @property
    def local(self) -> bool:
        """Whether it is this machine: no."""
        return False

    @property
    def heard(self) -> Instant | None:
        """When the host last said anything over the connection that was lost; ``None`` if none was."""
        keys = self.login.keys
        # A silence is noticed when all of it has passed.
        return keys.lost.plus(-SILENCE) if keys.lost is not None and keys.silent else keys.lost

    async def run(self, command: str, *, timeout: float = 10.0) -> Completed:
        """Run a short command to its end; its status is the caller's to judge."""
        completed = await super().run(command, timeout=timeout)
        if completed.status == -1:
            raise self._lost()
        return completed

    @asynccontextmanager
    async def stream(self, command: str, *, stdin: bool = False) -> AsyncIterator[Stream]:
        """Start a long command; leaving the context ends it, there too."""
        connection = await self._connected()
        process = await self._start(connection, command, stdin=stdin)

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

    @asynccontextmanager
    async def tunnel(self, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
        """Make ``host:port``, as seen from the remote host, reachable; yields the local address.

        The way is tried once before: a forward that the host forbids, or that
        nobody listens at, would take connections here and drop them unexplained.
        """
        connection = await self._connected()
        await self._try_forward(connection, host, port)
        try:
            listener = await connection.forward_local_port("127.0.0.1", 0, host, port)
        except OSError as error:
            raise TunnelRefused(
                f"cannot listen on 127.0.0.1 for a tunnel through {self.host}", str(error)
            ) from None
        try:
            yield "127.0.0.1", listener.get_port()
        finally:
            # Its wait_closed() would wait for open connections, from Python 3.12.
            listener.close()

    @property
    def left_out(self) -> str:
        """Why the host is not tried until :meth:`log_in`; empty as long as it is."""
        return self.login.credentials.left_out

    async def log_in(self) -> None:
        """Try the host again that was left out, with new questions. Raises :class:`RemoteError`."""
        self.login.credentials.ask_again()
        await self._connected()

    async def connection(self) -> asyncssh.SSHClientConnection:
        """Return the one connection, for hosts behind this one."""
        return await self._connected()

    async def close(self) -> None:
        """Give the connection up; the next call would make a new one."""
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.wait([self._attempt])
        await self.login.credentials.close()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(connection.wait_closed(), LEAVE)

    async def _connected(self) -> asyncssh.SSHClientConnection:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        if self._attempt is None:
            self._attempt = asyncio.create_task(self._connect())
            self._attempt.add_done_callback(self._attempted)
        # One who no longer waits must not end the attempt for the others.
        return await asyncio.shield(self._attempt)

    def _attempted(self, attempt: asyncio.Task[asyncssh.SSHClientConnection]) -> None:
        self._attempt = None
        if not attempt.cancelled() and attempt.exception() is None:
            self._connection = attempt.result()

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
            raise CommandFailed(
                f'cannot start "{brief(command)}" on {self.host}',
                f'the host gives no further session in this connection ("{error.reason}")',
                "Raise MaxSessions in its sshd_config (10 by default), or read fewer sources there.",
            ) from None
        except _LOST:
            raise self._lost() from None

    async def _try_forward(self, connection: asyncssh.SSHClientConnection, host: str, port: int) -> None:
        what = f"no tunnel through {self.host} to {host}:{port}"
        try:
            async with asyncio.timeout(self._config.connect_timeout):
                _, writer = await connection.open_connection(host, port)
        except asyncssh.ChannelOpenError as error:
            if connection.is_closed():
                raise self._lost() from None
            if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
                why = "the host forbids forwarding"
                fix = "Allow it in its sshd_config (AllowTcpForwarding, PermitOpen) or in authorized_keys."
            else:
                why = f'nothing answers there, seen from {self.host} ("{error.reason}")'
                fix = "Check the address and the port, and that the server listens there."
            raise TunnelRefused(what, why, fix) from None
        except TimeoutError:
            why = f"no answer from there within {self._config.connect_timeout:g} s, seen from {self.host}"
            fix = "Check the address and the port, and the firewall between the two."
            raise TunnelRefused(what, why, fix) from None
        except _LOST:
            raise self._lost() from None
        writer.close()

    def _lost(self) -> RemoteError:
        why = f"it was closed there, or nothing answered for {SILENCE} s"
        return HostUnreachable(f"the connection to {self.login.endpoint} was lost", why)


def _status(process: asyncssh.SSHClientProcess[bytes]) -> int:
    """Return the exit status as a shell counts it, -1 for a lost connection."""
    if process.exit_status is not None and process.exit_status >= 0:
        return process.exit_status
    if process.exit_signal is not None:
        name = f"SIG{process.exit_signal[0]}"
        return 128 + (signal.Signals[name] if name in signal.Signals.__members__ else 0)
    return -1
