"""The first words with real servers: does one get in without a password? Nobody logs in."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from rampdeck.demo.servers import PostgresServer, RedisServer
from rampdeck.discovery import knock
from rampdeck.discovery.knock import Door
from rampdeck.remote.local import LocalRemote


async def test_postgres_that_wants_a_password_says_so_whoever_asks(postgres_server: PostgresServer) -> None:
    server = postgres_server
    for user in (server.user, server.owner, "nobody-there"):
        found = await knock.postgres(LocalRemote(), server.host, server.port, user, server.database)
        assert found is Door.LOCKED


@pytest.mark.parametrize(
    ("rule", "door"),
    [
        ("host all all 127.0.0.1/32 trust", Door.OPEN),
        ("host all all 127.0.0.1/32 reject", Door.SHUT),
        ("host all all 10.0.0.1/32 trust", Door.SHUT),
    ],
)
async def test_postgres_lets_in_whom_its_rules_let_in(
    postgres_server: PostgresServer, rule: str, door: Door
) -> None:
    rules = postgres_server.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    try:
        await _becomes(postgres_server, rules, f"{rule}\n", door)
    finally:
        await _becomes(postgres_server, rules, before, Door.LOCKED)


async def _becomes(server: PostgresServer, rules: Path, text: str, door: Door) -> None:
    """Change the rules, which PostgreSQL reads at a SIGHUP, and wait until it goes by them."""
    rules.write_text(text)
    os.kill(server.pid, signal.SIGHUP)
    async with asyncio.timeout(60):
        while door is not await knock.postgres(
            LocalRemote(), server.host, server.port, server.user, server.database
        ):
            await asyncio.sleep(0.05)


async def test_redis_with_a_password_is_locked_and_one_without_is_open(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    server = redis_server
    assert await knock.redis(LocalRemote(), server.host, server.port) is Door.LOCKED
    socket = tmp_path / "redis.sock"
    program = shutil.which("redis-server")
    assert program
    command = [program, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            # The socket is there a moment before it is listened at.
            async with asyncio.timeout(60):
                while (door := await knock.redis(LocalRemote(), str(socket), 0)) is Door.GONE:
                    assert process.poll() is None
                    await asyncio.sleep(0.02)
        finally:
            process.kill()  # SIGTERM in its first moments was once forgotten by Redis, and waited for in vain
    assert door is Door.OPEN


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 70_000, b"R\0\0\0\1"])
async def test_whoever_else_listens_there_is_nobody(said: bytes) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert await knock.redis(LocalRemote(), "127.0.0.1", port) is Door.GONE
        assert await knock.postgres(LocalRemote(), "127.0.0.1", port, "a", "b") is Door.GONE
    assert await knock.redis(LocalRemote(), "127.0.0.1", port) is Door.GONE
