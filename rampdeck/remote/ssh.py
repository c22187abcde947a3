"""A host over SSH: one connection, shared by everything that is read there.

asyncssh reads ``~/.ssh/config``, the agent and the default keys, as ``ssh``
does; a key in the configuration of Rampdeck wins over them. Nothing is ever
asked on the terminal: that belongs to the cockpit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncssh

from rampdeck.config import HostConfig
from rampdeck.errors import CommandFailed, HostUnreachable, RemoteError, TunnelRefused
from rampdeck.remote import Completed, Stream
from rampdeck.remote.command import LEAVE, CommandHost, Running, brief, guarded_line
from rampdeck.remote.hostkeys import Endpoint, HostKeys
from rampdeck.remote.refusal import refusal

KEEPALIVE = 5
"""Seconds between questions whether the host is still there; three without an answer end the connection."""
WINDOW = 512 * 1024
"""Bytes of a stream that may wait here unread before the host has to stop sending."""
KNOCK = 0.1
"""Seconds between two logins at one address, at the most: sshd drops some of many at once (MaxStartups)."""

_LOST = (asyncssh.Error, OSError)

# asyncssh tells every channel at INFO, and a scenario may have set the root logger to that.
logging.getLogger("asyncssh").setLevel(logging.WARNING)


class SshRemote(CommandHost):
    """Runs commands on a host over SSH.

    The connection is made when it is first needed, again when it was lost, and
    by one attempt for all that wait for it. ``door`` is shared by hosts at one
    address, which are connected one after the other. Host keys are always verified.
    """

    def __init__(self, name: str, config: HostConfig, door: asyncio.Lock | None = None) -> None:
        super().__init__(name)
        self._config = config
        self._door = door or asyncio.Lock()
        self._endpoint = Endpoint(name, config.address or name, config.port or 22)
        self._connection: asyncssh.SSHClientConnection | None = None
        self._attempt: asyncio.Task[asyncssh.SSHClientConnection] | None = None

    @property
    def local(self) -> bool:
        """Whether it is this machine: no."""
        return False

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

    async def close(self) -> None:
        """Give the connection up; the next call would make a new one."""
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.wait([self._attempt])
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
        busy = self._door.locked()
        async with self._door:
            if busy:
                await asyncio.sleep(random.uniform(0, KNOCK))
            keys = HostKeys()
            try:
                options = await asyncssh.SSHClientConnectionOptions.construct(**self._given())
                self._endpoint = Endpoint(self.host, options.host, options.port, options.username)
                keys.load(options.known_hosts, self._endpoint)
                given = self._given() | {"known_hosts": keys.known, "client_factory": keys.client}
                return await asyncssh.connect(**given)
            except (asyncssh.Error, OSError, ValueError, TimeoutError) as error:
                raise refusal(error, self._endpoint, keys, self._config) from None

    def _given(self) -> dict[str, Any]:
        """Return what the configuration gives; asyncssh finds the rest in ``~/.ssh/config``."""
        config = self._config
        given: dict[str, Any] = {
            "username": config.user,
            "port": config.port,
            "client_keys": [str(config.identity_file)] if config.identity_file else None,
            "known_hosts": [str(config.known_hosts)] if config.known_hosts else None,
        }
        return {key: value for key, value in given.items() if value is not None} | {
            "host": config.address or self.host,
            "config": (),  # asyncssh's word for the usual files
            # The types of the known keys first, as asyncssh does by itself, then the others: a host
            # whose key has another type now would else break off before one can see what it offers.
            "server_host_key_algs": "+ssh-ed25519,ecdsa-sha2-nistp*,rsa-sha2-*",
            # The agent may hold what a key file with a passphrase keeps shut.
            "ignore_encrypted": True,
            "password_auth": False,
            "kbdint_auth": False,
            "agent_forwarding": False,
            "x11_forwarding": False,
            "connect_timeout": config.connect_timeout,
            # A server that accepts and says nothing is ended by this one only.
            "login_timeout": config.connect_timeout,
            "keepalive_interval": KEEPALIVE,
            "keepalive_count_max": 3,
        }

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
        why = f"it was closed there, or nothing answered for {3 * KEEPALIVE} s"
        return HostUnreachable(f"the connection to {self._endpoint} was lost", why)


def _status(process: asyncssh.SSHClientProcess[bytes]) -> int:
    """Return the exit status as a shell counts it, -1 for a lost connection."""
    if process.exit_status is not None and process.exit_status >= 0:
        return process.exit_status
    if process.exit_signal is not None:
        name = f"SIG{process.exit_signal[0]}"
        return 128 + (signal.Signals[name] if name in signal.Signals.__members__ else 0)
    return -1
