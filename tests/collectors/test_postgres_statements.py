"""What statements cost is told for the load level, exactly, and our own are left out."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial

import pytest

from collectors._postgres_sql import statement
from collectors.postgres import PostgresCollector
from rampdeck.demo.servers import PostgresServer
from rampdeck.model import Health, Instant, Sample, Step, Value
from rampdeck.pace import Ticks

from .postgres_crew import collector, rows_of, wait_until_left, worker
from .watching import watching


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten readings a second, five of the statements."""
    monkeypatch.setattr("collectors.postgres.Ticks", partial(Ticks, 0.1))
    monkeypatch.setattr("collectors._postgres_readings.STATEMENTS_PAUSE", 0.2)
    monkeypatch.setattr("collectors._postgres_readings.STATEMENTS_SHARE", 1.0)
    monkeypatch.setattr("collectors._postgres_readings.AFTER_A_TURN", 0.2)


@pytest.fixture
def postgres(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> PostgresCollector:
    wait_until_left(postgres_server)
    return collector(postgres_server, monkeypatch)


def statements(sample: Sample, step: int | None = None) -> list[dict[str, Value]]:
    """The rows of statements, of one load level only if it is given, without the one of all."""
    rows = rows_of(sample, "statements")
    return [row for row in rows if "_statement" in row and step in (None, row["_step"])]


def of(sample: Sample, part: str, step: int | None = None) -> dict[str, Value]:
    return next((row for row in statements(sample, step) if part in str(row["query"])), {})


def everything(sample: Sample, step: int) -> str:
    rows = rows_of(sample, "statements")
    found = [str(row["query"]) for row in rows if "_statement" not in row and row["_step"] == step]
    return found[0] if found else ""


STEP = Step(1, 20, 5.0, "plan", Instant.now())


async def test_the_table_counts_from_the_measured_part_of_the_level_to_its_end(
    postgres: PostgresCollector, postgres_server: PostgresServer
) -> None:
    async with watching(postgres) as watch, worker(postgres_server) as application:
        await application.set_autocommit(True)
        for _ in range(7):
            await application.execute("SELECT 'before', count(*) FROM pg_class")
        await watch.sample(lambda sample: bool(rows_of(sample, "statements")))
        postgres.step(STEP)
        await watch.sample(lambda sample: "ramp and settling" in everything(sample, 1))
        await application.execute("SELECT 'while ramping', count(*) FROM pg_class")
        reached = replace(STEP, reached=Instant.now())
        postgres.step(reached)
        postgres.step(measured := replace(reached, measured_from=Instant.now()))
        # Who ends the ramp does not wait for the reading that closes it: only what comes later is counted.
        await watch.sample(lambda sample: "measured" in everything(sample, 1))
        first = len(watch.samples)
        for _ in range(5):
            await application.execute("SELECT relname, relkind FROM pg_class LIMIT 3")
        live = await watch.sample(lambda sample: bool(of(sample, "relkind", 1)))
        postgres.step(replace(measured, ended=Instant.now()))
        last = await watch.sample(lambda sample: bool(of(sample, "relkind", 1)))
        await application.execute("SELECT relname, relkind FROM pg_class LIMIT 3")
        after = await watch.sample(lambda sample: bool(of(sample, "relkind", 0)))

    row = of(last, "relkind", 1)
    assert row["rows"] == 3
    assert row["user"] == "shop"
    assert float(row["mean"] or 0) > 0
    assert row["hit"] == 100
    assert row["query"] == "SELECT relname, relkind FROM pg_class LIMIT $1"
    assert row["count"] == 5
    assert not any(of(sample, "before") for sample in watch.samples[first:])
    assert not any(of(sample, "while ramping", 1) for sample in watch.samples[first:])
    assert "step 1 (20 users), measured" in everything(live, 1)
    assert "without load" in everything(after, 0)


async def test_shares_add_up_and_nothing_of_ours_is_in_them(
    postgres: PostgresCollector, postgres_server: PostgresServer
) -> None:
    async with watching(postgres) as watch, worker(postgres_server) as application:
        await application.set_autocommit(True)
        await watch.sample(lambda sample: bool(rows_of(sample, "statements")))
        for _ in range(20):
            await application.execute("SELECT sum(n) FROM generate_series(1, 20000) AS n")
            await application.execute("SELECT 1")
        sample = await watch.sample(lambda sample: bool(of(sample, "generate_series")))
        sample = await watch.sample(lambda sample: bool(of(sample, "generate_series")))
        listed = [row for one in watch.samples for row in statements(one)]
    assert sum(float(row["share"] or 0) for row in statements(sample)) == pytest.approx(100, abs=1)
    assert not [row for row in listed if "rampdeck" in str(row["query"])]
    assert not [row for row in listed if "pg_stat" in str(row["query"])]
    costs = [float(row["share"] or 0) for row in statements(sample)]
    assert costs == sorted(costs, reverse=True)
    assert "generate_series" in str(statements(sample)[0]["query"])


async def test_a_reset_by_somebody_else_is_told_and_counted_from(
    postgres: PostgresCollector, postgres_server: PostgresServer
) -> None:
    with closing(postgres_server.connect(as_admin=True, database=postgres_server.database)) as admin:
        async with watching(postgres) as watch, worker(postgres_server) as application:
            await application.set_autocommit(True)
            await watch.sample(lambda sample: bool(rows_of(sample, "statements")))
            for _ in range(9):
                await application.execute("SELECT 'counted', count(*) FROM pg_am")
            await watch.sample(lambda sample: bool(of(sample, "pg_am")))
            admin.execute("SELECT pg_stat_statements_reset()")
            await application.execute("SELECT 'counted', count(*) FROM pg_am")
            sample = await watch.sample(lambda sample: of(sample, "pg_am").get("count") == 1)
    told = [text for text in watch.logged() if "was reset by somebody" in text]
    assert len(told) == 1
    assert float(of(sample, "pg_am")["calls"] or 0) > 0


async def test_without_the_extension_the_table_says_how_to_get_it(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = collector(postgres_server, monkeypatch, database="postgres")
    async with watching(elsewhere) as watch:
        sample = await watch.sample(lambda sample: bool(rows_of(sample, "statements")))
        assert watch.sink.reason == ""
    (row,) = rows_of(sample, "statements")
    create = "as a superuser in database postgres: CREATE EXTENSION pg_stat_statements"
    assert row["query"] == f"no statements: {create}"


async def test_once_the_extension_is_there_the_statements_come_by_themselves(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors._postgres_readings.LOOK_AGAIN", 0.2)
    with closing(postgres_server.connect(as_admin=True)) as admin:
        async with watching(collector(postgres_server, monkeypatch, database="postgres")) as watch:
            await watch.sample(lambda sample: "no statements" in everything(sample, 0))
            admin.execute("CREATE EXTENSION pg_stat_statements")
            await watch.sample(lambda sample: "without load" in everything(sample, 0))
        admin.execute("DROP EXTENSION pg_stat_statements")


async def test_a_server_too_busy_to_tell_of_its_statements_is_still_read(
    postgres: PostgresCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(name: str, version: int) -> bytes:
        return b"SELECT pg_sleep(5)" if name == "statements" else statement(name, version)

    monkeypatch.setattr("collectors._postgres_session.STATEMENT_TIMEOUT_MS", 1000)
    monkeypatch.setattr("collectors._postgres_reader.statement", slow)
    async with watching(postgres) as watch:
        told = "no statements: the server took over 1 s to tell; it is asked again"
        sample = await watch.sample(lambda sample: everything(sample, 0) == told)
        assert "connections" in sample.values
        postgres.step(STEP)
        await watch.sample(lambda sample: everything(sample, 0) == told)
        # Once for each load level, not at every reading.
        later = [await watch.sample() for _ in range(5)]
        assert not [sample for sample in later if everything(sample, 0)]
        assert watch.sink.health is Health.LIVE


async def test_a_role_that_may_not_see_the_statements_of_others_is_told_what_to_grant(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(postgres_server.connect(as_admin=True)) as admin:
        admin.execute("CREATE ROLE blind LOGIN PASSWORD 'little'")
        monkeypatch.setenv("BLIND", "little")
        async with watching(
            collector(postgres_server, monkeypatch, user="blind", password_env="BLIND")
        ) as watch:
            sample = await watch.sample(lambda sample: bool(everything(sample, 0)))
        admin.execute("DROP OWNED BY blind")
        admin.execute("DROP ROLE blind")
    assert "more are hidden: GRANT pg_read_all_stats" in everything(sample, 0)
    hidden = [text for text in watch.logged() if "are hidden" in text]
    assert hidden == [hidden[0]]
    assert "GRANT pg_monitor TO blind" in hidden[0]
