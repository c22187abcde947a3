"""A PostgreSQL collector for the tests' server, and sessions of an application that keep it busy."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing

import psycopg
import pytest

from collectors.postgres import PostgresCollector, PostgresConfig
from rampdeck.demo.servers import PostgresServer
from rampdeck.model import Sample, Value

from .watching import PATIENCE


def collector(server: PostgresServer, monkeypatch: pytest.MonkeyPatch, **keys: object) -> PostgresCollector:
    monkeypatch.setenv("MONITOR_PASSWORD", server.password)
    table = {
        "kind": "postgres",
        "port": server.port,
        "user": server.user,
        "database": server.database,
        "password_env": "MONITOR_PASSWORD",
    }
    return PostgresCollector(PostgresConfig.model_validate(table | keys))


@asynccontextmanager
async def worker(server: PostgresServer) -> AsyncIterator[psycopg.AsyncConnection]:
    """A session of the application; its first statement begins a transaction."""
    connection = await psycopg.AsyncConnection.connect(
        host=server.host,
        port=server.port,
        user=server.owner,
        password=server.owner_password,
        dbname=server.database,
    )
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def workers(server: PostgresServer, count: int) -> AsyncIterator[list[psycopg.AsyncConnection]]:
    """Several sessions of the application."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(worker(server)) for _ in range(count)]


def wait_until_left(server: PostgresServer) -> None:
    """Wait until the sessions of earlier tests are gone: the server ends them later than a client does."""
    clients = "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend'"
    deadline = time.monotonic() + PATIENCE
    with closing(server.connect(as_admin=True)) as admin:
        while left := admin.execute(f"{clients} AND pid <> pg_backend_pid()").fetchall():
            assert time.monotonic() < deadline, f"{len(left)} sessions stay"
            time.sleep(0.01)


def row_of(sample: Sample, pid: int) -> dict[str, Value]:
    return next((row for row in rows_of(sample, "sessions") if row["pid"] == str(pid)), {})


def rows_of(sample: Sample, table: str) -> list[dict[str, Value]]:
    return [dict(row) for row in sample.rows if row["_table"] == table]


def pids(connections: list[psycopg.AsyncConnection]) -> list[int]:
    return [connection.info.backend_pid for connection in connections]
