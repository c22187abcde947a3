"""Forwards through a host, to a port or to a unix socket of it.

The local end takes every connection, and drops it unexplained where the host
forbids forwarding or nobody listens at its end. So the way is tried once
before, and what the host answers is said.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import asyncssh

from rampdeck.errors import TunnelRefused
from rampdeck.remote import Completed
from rampdeck.remote.own import SOCKET

PATH_MAX = 107
"""Bytes of a unix socket's path, at the most (unix(7))."""

Connection = asyncssh.SSHClientConnection
Open = Callable[[], Awaitable[tuple[Any, asyncssh.SSHWriter[bytes]]]]
Run = Callable[[str], Awaitable[Completed]]


class Forwards:
    """Opens forwards through a connection to ``host``; a trial may take ``patience`` seconds."""

    def __init__(self, host: str, patience: float) -> None:
        self._host = host
        self._patience = patience

    @asynccontextmanager
    async def port(self, connection: Connection, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
        """Forward a free local port to ``host:port``; yields the local address.

        Raises :class:`TunnelRefused`, or asyncssh's own errors where the connection is lost.
        """
        what = f"no tunnel through {self._host} to {host}:{port}"
        try:
            await self._try(what, lambda: connection.open_connection(host, port))
        except asyncssh.ChannelOpenError as error:
            if connection.is_closed():
                raise
            raise self._refused(what, error) from None
        with self._listening("127.0.0.1"):
            listener = await connection.forward_local_port("127.0.0.1", 0, host, port)
        try:
            yield "127.0.0.1", listener.get_port()
        finally:
            # Its wait_closed() would wait for open connections, from Python 3.12.
            listener.close()

    @asynccontextmanager
    async def socket(self, connection: Connection, path: PurePosixPath, run: Run) -> AsyncIterator[Path]:
        """Forward a local unix socket of the same name to one of the host; yields its path.

        It lies in a folder that nobody else may enter, and that is gone
        afterwards. Raises as :meth:`port` does.
        """
        what = f"no tunnel through {self._host} to its socket {path}"
        try:
            await self._try(what, lambda: connection.open_unix_connection(str(path)))
        except asyncssh.ChannelOpenError as error:
            if connection.is_closed():
                raise
            raise await self._socket_refused(what, error, path, run) from None
        with self._listening("a socket of our own"):
            folder = Path(tempfile.mkdtemp(prefix="rampdeck-"))
        try:
            near = folder / path.name
            if len(bytes(near)) > PATH_MAX:
                fix = "Set TMPDIR to a shorter folder."
                raise TunnelRefused(what, f"{near} is too long for a unix socket here", fix)
            with self._listening(str(near)):
                listener = await connection.forward_local_path(str(near), str(path))
            try:
                yield near
            finally:
                listener.close()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def _try(self, what: str, opened: Open) -> None:
        try:
            async with asyncio.timeout(self._patience):
                _, writer = await opened()
        except TimeoutError:
            why = f"no answer from there within {self._patience:g} s, seen from {self._host}"
            fix = "Check the address and the port, and the firewall between the two."
            raise TunnelRefused(what, why, fix) from None
        writer.close()

    @contextlib.contextmanager
    def _listening(self, where: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"cannot listen on {where} for a tunnel through {self._host}"
            raise TunnelRefused(what, str(error)) from None

    def _refused(self, what: str, error: asyncssh.ChannelOpenError) -> TunnelRefused:
        if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
            why = "the host forbids forwarding"
            fix = "Allow it in its sshd_config (AllowTcpForwarding, PermitOpen) or in authorized_keys."
            return TunnelRefused(what, why, fix)
        why = f'nothing answers there, seen from {self._host} ("{error.reason}")'
        return TunnelRefused(what, why, "Check the address and the port, and that the server listens there.")

    async def _socket_refused(
        self, what: str, error: asyncssh.ChannelOpenError, path: PurePosixPath, run: Run
    ) -> TunnelRefused:
        """Look on the host why: sshd gives the same answer whether it forbids a socket or finds none."""
        allow = "Allow it in its sshd_config (AllowStreamLocalForwarding) or in authorized_keys."
        if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
            return TunnelRefused(what, "the host forbids forwarding to sockets", allow)
        found = (await run(SOCKET.format(shlex.quote(str(path))))).stdout.decode(errors="replace").strip()
        if found == "none":
            fix = "Check the address and the port, and that the server listens there."
            return TunnelRefused(what, "there is no such socket", fix)
        if found == "closed":
            why = "the user of the login may not write to it"
            return TunnelRefused(what, why, "Allow the user to, there, or set address and port.")
        why = "the host forbids forwarding to sockets, or nobody listens there"
        return TunnelRefused(what, why, f"{allow} Check that the server runs.")
