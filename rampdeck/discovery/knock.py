"""The first words with a database or a cache: is it there, and does it let us in without a password?

Nobody logs in: PostgreSQL says at once what it wants to see of a user, and is
left again; Redis is greeted with a ``PING``.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from enum import Enum
from pathlib import PurePosixPath

from rampdeck.errors import RemoteError
from rampdeck.remote import Remote

PATIENCE = 4.0
"""Seconds that a server may take to say its first word."""
_VERSION = 196_608
"""Version 3.0 of PostgreSQL's protocol: 3 in the upper, 0 in the lower half (its manual, 53.7)."""
_TRUSTED = 0
ASKS = (
    "PostgreSQL: a start-up packet as USER to DATABASE; what it wants for a password is read, nobody logs in",
    "Redis: PING",
)


class Door(Enum):
    """How a server receives us."""

    OPEN = "it lets us in without a password"
    LOCKED = "it wants a password"
    SHUT = "it does not let this user in"
    GONE = "nobody answers there"


async def postgres(remote: Remote, address: str, port: int, user: str, database: str) -> Door:
    """Return how PostgreSQL receives a user; ``address`` as seen from the host, a folder for its socket."""
    words = b"".join(
        text.encode() + b"\0"
        for text in ("user", user, "database", database, "application_name", "rampdeck", "")
    )
    packet = struct.pack("!II", len(words) + 8, _VERSION) + words
    try:
        async with _reached(remote, address, port, f".s.PGSQL.{port}") as (reader, writer):
            writer.write(packet)
            kind = await reader.readexactly(1)
            (length,) = struct.unpack("!I", await reader.readexactly(4))
            rest = await reader.readexactly(min(max(length - 4, 0), 4096))
            if kind == b"R" and len(rest) >= 4:
                wanted = struct.unpack("!I", rest[:4])[0]
                writer.write(b"X" + struct.pack("!I", 4))
                return Door.OPEN if wanted == _TRUSTED else Door.LOCKED
            return Door.SHUT if kind == b"E" else Door.GONE
    except (RemoteError, OSError, EOFError, TimeoutError):
        return Door.GONE


async def redis(remote: Remote, address: str, port: int) -> Door:
    """Return how Redis receives us."""
    try:
        async with _reached(remote, address, port, "") as (reader, writer):
            writer.write(b"PING\r\n")
            said = await reader.readline()
    except (RemoteError, OSError, EOFError, ValueError, TimeoutError):
        return Door.GONE
    if said.startswith((b"-NOAUTH", b"-WRONGPASS", b"-NOPERM")):
        return Door.LOCKED
    if said.startswith(b"-DENIED"):
        return Door.SHUT
    return Door.OPEN if said.startswith((b"+PONG", b"-LOADING")) else Door.GONE


@asynccontextmanager
async def _reached(
    remote: Remote, address: str, port: int, file: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
        if address.startswith("/"):
            path = PurePosixPath(address, file) if file else PurePosixPath(address)
            near = await stack.enter_async_context(remote.tunnel_socket(path))
            reader, writer = await asyncio.open_unix_connection(str(near))
        else:
            host, there = await stack.enter_async_context(remote.tunnel(address, port))
            reader, writer = await asyncio.open_connection(host, there)
        stack.callback(writer.close)
        yield reader, writer
