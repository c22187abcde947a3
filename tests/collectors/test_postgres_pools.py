"""A pool in front of PostgreSQL is recognised and said to be one.

What pools answer: PgBouncer's src/client.c ("unsupported startup parameter", 1.20 on "... in options") and
src/admin.c (its console calls itself "VERSION/bouncer"), which Azure's built-in pool is too; RDS Proxy as
those who met it quote it ("Feature not supported: RDS Proxy currently doesn't support ...").
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import psycopg
import pytest

from collectors.postgres import PostgresCollector, PostgresConfig
from rampdeck.demo.servers import PostgresServer

from .postgres_crew import collector
from .watching import failure, until

SSL_REQUEST = 80877103


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def fatal(code: str, text: str) -> bytes:
    fields = {"S": "FATAL", "V": "FATAL", "C": code, "M": text}
    return message(b"E", b"".join(f"{key}{value}\0".encode() for key, value in fields.items()) + b"\0")


CONSOLE = (
    message(b"R", struct.pack("!i", 0))
    + message(b"S", b"server_version\x001.18.0/bouncer\0")
    + message(b"S", b"client_encoding\0UTF8\0")
    + message(b"Z", b"I")
)


@asynccontextmanager
async def pool(answer: bytes) -> AsyncIterator[int]:
    """Somebody who answers a login so; yields the port."""

    met: list[asyncio.Task[None] | None] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(asyncio.current_task())
        while True:
            (length,) = struct.unpack("!i", await reader.readexactly(4))
            (code,) = struct.unpack("!i", (await reader.readexactly(length - 4))[:4])
            if code != SSL_REQUEST:
                break
            writer.write(b"N")
        writer.write(answer)
        await reader.read()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*(task for task in met if task))


@pytest.mark.parametrize(
    "answer",
    [
        fatal("08P01", "unsupported startup parameter: options"),
        fatal("08P01", "unsupported startup parameter in options: statement_timeout"),
        fatal("0A000", "Feature not supported: RDS Proxy currently doesn't support command-line options"),
        CONSOLE,
    ],
)
async def test_a_pool_says_that_it_is_one(answer: bytes) -> None:
    async with pool(answer) as port:
        said = await failure(PostgresCollector(PostgresConfig(kind="postgres", port=port, user="monitor")))
    assert "this is a pool, not the server. Set address and port of PostgreSQL itself" in said


async def test_a_pool_that_swallows_our_limits_is_not_read_through(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PgBouncer with `ignore_startup_parameters = options` hands out sessions without them."""
    connect = psycopg.AsyncConnection.connect

    async def without_options(conninfo: str, **keys: object) -> object:
        given = psycopg.conninfo.conninfo_to_dict(conninfo)
        given.pop("options")
        return await connect(psycopg.conninfo.make_conninfo(**given), **keys)  # type: ignore[arg-type]

    monkeypatch.setattr("psycopg.AsyncConnection.connect", without_options)
    assert "this is a pool, not the server" in await failure(collector(postgres_server, monkeypatch))
    with closing(postgres_server.connect(as_admin=True)) as admin:
        count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rampdeck'"
        await until(lambda: admin.execute(count).fetchone() == (0,) or None)
