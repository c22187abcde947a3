"""A key shows the plan of a statement, and whatever stands in that statement, nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from functools import partial

import psycopg
import pytest
from psycopg.rows import TupleRow

from collectors._plans import explicable
from collectors.postgres import PostgresCollector
from rampdeck.demo.servers import PostgresServer
from rampdeck.errors import RampdeckError, SourceError
from rampdeck.model import Health, Value
from rampdeck.pace import Ticks

from .postgres_crew import collector, row_of, rows_of, wait_until_left, worker
from .watching import Watch, watching


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten readings a second, five of the statements."""
    monkeypatch.setattr("collectors.postgres.Ticks", partial(Ticks, 0.1))
    monkeypatch.setattr("collectors._postgres_readings.STATEMENTS_PAUSE", 0.2)
    monkeypatch.setattr("collectors._postgres_readings.STATEMENTS_SHARE", 1.0)


@pytest.fixture
def postgres(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> PostgresCollector:
    wait_until_left(postgres_server)
    return collector(postgres_server, monkeypatch)


@pytest.fixture
def goods(postgres_server: PostgresServer) -> Iterator[psycopg.Connection[TupleRow]]:
    """A table with 1 000 rows and an index; yields the owner's connection."""
    with closing(postgres_server.connect(as_owner=True)) as owner:
        owner.execute("CREATE TABLE goods (id int PRIMARY KEY, name text)")
        owner.execute("INSERT INTO goods SELECT n, 'name ' || n FROM generate_series(1, 1000) AS n")
        owner.execute("ANALYZE goods")
        yield owner
        owner.execute("DROP TABLE goods")


@asynccontextmanager
async def row_for(watch: Watch, server: PostgresServer, query: str) -> AsyncIterator[dict[str, Value]]:
    """A session of the application that ran this last, as the pane shows it."""
    async with worker(server) as application:
        await application.execute(query.encode(), binary=False)
        pid = application.info.backend_pid
        sample = await watch.sample(lambda sample: bool(row_of(sample, pid)))
        yield row_of(sample, pid)


async def refused(postgres: PostgresCollector, action: str, row: dict[str, Value]) -> str:
    with pytest.raises(RampdeckError) as caught:
        await postgres.act(action, row)
    return str(caught.value)


async def test_the_plan_of_what_a_session_runs(
    postgres: PostgresCollector, postgres_server: PostgresServer, goods: psycopg.Connection[TupleRow]
) -> None:
    async with watching(postgres) as watch:
        async with row_for(watch, postgres_server, "SELECT name FROM goods WHERE id = 7") as row:
            plan = await postgres.act("plan", row)
            timed = await postgres.act("analyze", row)
        # The session is the one that reads, and it goes on.
        await watch.sample()
        assert watch.sink.health is Health.LIVE
    assert "Index Scan using goods_pkey on goods" in plan
    assert "actual time" not in plan
    assert "actual time" in timed
    assert "Execution Time" in timed


async def test_the_plan_of_a_statement_is_the_one_for_any_values(
    postgres: PostgresCollector, postgres_server: PostgresServer, goods: psycopg.Connection[TupleRow]
) -> None:
    async with watching(postgres) as watch, worker(postgres_server) as application:
        await watch.sample(lambda sample: bool(rows_of(sample, "statements")))
        await application.execute("SELECT name FROM goods WHERE id = 9 AND name <> 'x' LIMIT 5")
        sample = await watch.sample(
            lambda sample: any("FROM goods" in str(row["query"]) for row in rows_of(sample, "statements"))
        )
        row = next(row for row in rows_of(sample, "statements") if "FROM goods" in str(row["query"]))
        plan = await postgres.act("plan", row)
        after = await watch.sample(lambda sample: bool(rows_of(sample, "statements")))
    assert "The generic plan" in plan
    assert "Index Cond: (id = $1)" in plan
    listed = [str(row["query"]) for row in rows_of(after, "statements")]
    assert not [query for query in listed if "rampdeck" in query]
    # What we roll back is not the application's.
    assert sum(sample.values.get("rollbacks", 0) for sample in watch.samples) == 0


async def test_a_session_whose_values_are_not_told_is_explained_but_not_run(
    postgres: PostgresCollector, postgres_server: PostgresServer, goods: psycopg.Connection[TupleRow]
) -> None:
    async with watching(postgres) as watch, worker(postgres_server) as application:
        await application.execute("SELECT name FROM goods WHERE id = %s", [7])
        pid = application.info.backend_pid
        sample = await watch.sample(lambda sample: bool(row_of(sample, pid)))
        row = row_of(sample, pid)
        assert "Index Cond: (id = $1)" in await postgres.act("plan", row)
        assert "values that stood for $1 are not known" in await refused(postgres, "analyze", row)


async def test_a_statement_that_writes_has_a_plan_but_is_never_run(
    postgres_server: PostgresServer, goods: psycopg.Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWNER", postgres_server.owner_password)
    owner = collector(postgres_server, monkeypatch, user=postgres_server.owner, password_env="OWNER")
    async with watching(owner) as watch:
        async with row_for(watch, postgres_server, "UPDATE goods SET name = '' WHERE id = 7") as row:
            assert "Update on goods" in await owner.act("plan", row)
            assert "it writes, and nothing is written here" in await refused(owner, "analyze", row)
        cunning = "WITH gone AS (DELETE FROM goods RETURNING id) SELECT count(*) FROM gone"
        async with worker(postgres_server) as application:
            await application.execute(cunning)
            pid = application.info.backend_pid
            sample = await watch.sample(lambda sample: bool(row_of(sample, pid)))
            await application.rollback()
            assert "it writes" in await refused(owner, "analyze", row_of(sample, pid))
    assert goods.execute("SELECT count(*), max(name) FROM goods WHERE name <> ''").fetchone() == (
        1000,
        "name 999",
    )


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1; DROP TABLE goods",
        "SELECT 1; COMMIT; DROP TABLE goods",
        "SELECT 1 /* ; */; DELETE FROM goods",
    ],
)
async def test_a_second_statement_is_refused_by_the_server_itself(
    postgres_server: PostgresServer,
    goods: psycopg.Connection[TupleRow],
    monkeypatch: pytest.MonkeyPatch,
    query: str,
) -> None:
    monkeypatch.setenv("OWNER", postgres_server.owner_password)
    owner = collector(postgres_server, monkeypatch, user=postgres_server.owner, password_env="OWNER")
    async with watching(owner) as watch:
        # What a client sends in one go is one text in pg_stat_activity while it runs.
        held = f"{query.replace('SELECT 1', 'SELECT pg_sleep(120)', 1)}"
        with closing(postgres_server.connect(as_owner=True)) as application:
            running = asyncio.ensure_future(_send(application, held))
            pid = application.info.backend_pid
            sample = await watch.sample(lambda sample: bool(row_of(sample, pid)))
            for action in ("plan", "analyze"):
                assert "more than one statement" in await refused(owner, action, row_of(sample, pid))
            goods.execute("SELECT pg_terminate_backend(%s)", [pid])
            await running
    assert goods.execute("SELECT count(*) FROM goods").fetchone() == (1000,)


async def _send(application: psycopg.Connection[TupleRow], query: str) -> None:
    """Send without waiting for the answer."""
    application.pgconn.send_query(query.encode())
    while application.pgconn.flush():
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("BEGIN", "this is BEGIN"),
        ("ANALYZE DELETE FROM goods", "this is ANALYZE"),
        ("/* SELECT */ -- SELECT\n DROP TABLE goods", "this is DROP"),
        ("EXECUTE rampdeck_plan", "this is EXECUTE"),
        ("", "this is nothing"),
        ("/* never ends SELECT 1", "this is /*"),
    ],
)
def test_what_has_no_plan_is_not_even_sent(query: str, words: str) -> None:
    with pytest.raises(
        SourceError, match=r"only SELECT, INSERT, UPDATE, DELETE and MERGE have one"
    ) as caught:
        explicable(query)
    assert words in str(caught.value)


def test_the_query_of_a_cursor_is_what_has_a_plan() -> None:
    cursor = 'DECLARE "_django_curs_1" NO SCROLL CURSOR WITH HOLD FOR SELECT id FROM goods'
    assert explicable(cursor) == "SELECT id FROM goods"
    assert explicable("  /* a */ -- b\n(SELECT 1)") == "(SELECT 1)"


async def test_what_lasts_longer_than_five_seconds_is_ended_and_leaves_nothing_behind(
    postgres: PostgresCollector, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors._plans.ANALYZE_TIMEOUT_MS", 1000)
    async with watching(postgres) as watch, row_for(watch, postgres_server, "SELECT pg_sleep(1.5)") as slow:
        assert "it took over 1 s and was ended" in await refused(postgres, "analyze", slow)
        async with row_for(watch, postgres_server, "SELECT pg_advisory_lock_shared(11)") as locking:
            assert "actual time" in await postgres.act("analyze", locking)
        held = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory'"
        with closing(postgres_server.connect()) as other:
            ours = f"{held} AND application_name = 'rampdeck'"
            assert other.execute(ours).fetchone() == (0,)
        assert "Result" in await postgres.act("plan", slow)
        await watch.sample()
        assert watch.sink.health is Health.LIVE


async def test_a_text_that_the_server_cut_is_explained_by_its_normalised_one(
    postgres: PostgresCollector, postgres_server: PostgresServer, goods: psycopg.Connection[TupleRow]
) -> None:
    long = "SELECT id FROM goods WHERE name IN (" + ", ".join(f"'some name {n}'" for n in range(100)) + ")"
    async with watching(postgres) as watch, row_for(watch, postgres_server, long) as row:
        await watch.sample(lambda sample: bool(rows_of(sample, "statements")))
        assert "Seq Scan on goods" in await postgres.act("plan", row)
        assert "cut the text at 1024 bytes" in await refused(postgres, "analyze", row)


async def test_a_statement_of_another_database_cannot_be_explained_from_here(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = collector(postgres_server, monkeypatch, database="postgres")
    async with watching(elsewhere) as watch, row_for(watch, postgres_server, "SELECT 1") as row:
        words = "this session is in database postgres, the statement runs in shop"
        assert words in await refused(elsewhere, "plan", row)


async def test_a_role_without_the_right_to_a_table_is_told_what_to_grant(
    postgres_server: PostgresServer, goods: psycopg.Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(postgres_server.connect(as_admin=True)) as admin:
        admin.execute("CREATE ROLE looker LOGIN PASSWORD 'little' IN ROLE pg_monitor")
        monkeypatch.setenv("LOOKER", "little")
        looker = collector(postgres_server, monkeypatch, user="looker", password_env="LOOKER")
        async with watching(looker) as watch, row_for(watch, postgres_server, "TABLE goods") as row:
            said = await refused(looker, "plan", row)
        admin.execute("DROP ROLE looker")
    assert "permission denied for table goods" in said
    assert "GRANT pg_read_all_data" in said


async def test_a_table_is_found_where_the_statement_s_role_looks_for_it(
    postgres: PostgresCollector, postgres_server: PostgresServer, goods: psycopg.Connection[TupleRow]
) -> None:
    goods.execute("CREATE SCHEMA tenant")
    goods.execute("CREATE TABLE tenant.orders (id int)")
    goods.execute(f"ALTER ROLE {postgres_server.owner} SET search_path = tenant, public")
    try:
        orders = "SELECT count(*) FROM orders"
        async with watching(postgres) as watch, row_for(watch, postgres_server, orders) as row:
            assert "Seq Scan on orders" in await postgres.act("plan", row)
    finally:
        goods.execute(f"ALTER ROLE {postgres_server.owner} RESET search_path")
        goods.execute("DROP SCHEMA tenant CASCADE")


async def test_without_a_session_it_is_said_that_there_is_none(postgres: PostgresCollector) -> None:
    assert "there is no session with PostgreSQL now" in await refused(postgres, "plan", {"pid": "1"})
