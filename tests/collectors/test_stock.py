"""What lies in PostgreSQL and Redis is told: rows, sizes, statistics, and how warm it is."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import redis

from collectors.postgres import PostgresCollector, PostgresConfig
from collectors.redis import RedisCollector, RedisConfig
from rampdeck.demo.servers import PostgresServer, RedisServer
from rampdeck.stock import Holding, Stock

from .watching import PATIENCE, until, watching


async def test_tables_are_told_with_rows_size_statistics_and_warmth(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    server, password = postgres_server, tmp_path / "password"
    password.write_text(server.password)
    with contextlib.closing(server.connect(as_owner=True)) as owner:
        owner.execute("CREATE TABLE stocked (id int PRIMARY KEY, note text)")
        owner.execute("INSERT INTO stocked SELECT n, repeat('x', 100) FROM generate_series(1, 5000) n")
        there = f"SELECT 1 FROM pg_stat_activity WHERE pid = {owner.info.backend_pid}"
    with contextlib.closing(server.connect(as_owner=True)) as owner:
        # A session that is gone has sent what it counted: ANALYZE before that, and rows are counted twice.
        await until(lambda: owner.execute(there).fetchone() is None or None)
        owner.execute("ANALYZE stocked")
        owner.execute("CREATE SCHEMA other CREATE TABLE never (id int)")
        owner.execute("ALTER TABLE other.never SET (autovacuum_enabled = off)")  # which would analyze it
        owner.execute("INSERT INTO other.never SELECT generate_series(1, 2000)")
        try:
            owner.execute("SELECT count(*) FROM stocked")
            collector = PostgresCollector(
                PostgresConfig(
                    kind="postgres",
                    password_file=password,
                    port=server.port,
                    user=server.user,
                    database=server.database,
                )
            )
            async with watching(collector) as watch:
                await watch.sample()
                stock = await until_counted(collector)
        finally:
            owner.execute("DROP TABLE stocked")
            owner.execute("DROP SCHEMA other CASCADE")
    tables = {table.name: table for table in stock.holdings}
    stocked, never = tables["stocked"], tables["other.never"]
    assert (stocked.rows, stocked.exact) == (5000, False)
    assert stocked.bytes is not None
    assert stocked.bytes > 500_000, "with its index"
    assert stocked.analyzed is not None
    assert never.analyzed is None
    assert stocked.warm is not None
    assert stocked.warm > 0
    assert stock.what == f"PostgreSQL, database {server.database}"
    assert stock.bytes is not None
    assert stock.bytes > stocked.bytes
    sizes = [table.bytes or 0 for table in stock.holdings]
    assert sizes == sorted(sizes, reverse=True)


async def until_counted(collector: PostgresCollector) -> Stock:
    """Ask until the server has counted: it counts a little later than it does."""
    async with asyncio.timeout(PATIENCE):
        while True:
            stock = await collector.stock()
            rows = {table.name: table.rows for table in stock.holdings}
            if rows.get("stocked") and rows.get("other.never"):
                return stock
            await asyncio.sleep(0.05)


async def test_databases_of_redis_are_told_with_their_keys(redis_server: RedisServer, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(redis_server.password)
    with redis.Redis(redis_server.host, redis_server.port, db=3, password=redis_server.password) as client:
        client.mset({"a": 1, "b": 2})
        client.get("a")
        try:
            collector = RedisCollector(
                RedisConfig(kind="redis", password_file=password, port=redis_server.port)
            )
            async with watching(collector) as watch:
                await watch.sample()
                stock = await collector.stock()
        finally:
            client.delete("a", "b")
    assert Holding("db3", 2, exact=True) in stock.holdings
    assert stock.bytes
    assert stock.warm is not None
