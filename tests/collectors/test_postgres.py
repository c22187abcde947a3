"""The PostgreSQL pane tells the truth about a real server, also when that is in trouble."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest

from collectors._postgres_session import open_session, parameters
from collectors._postgres_sql import statement
from collectors.postgres import PostgresCollector, PostgresConfig
from rampdeck.demo.process import free_port
from rampdeck.demo.servers import PostgresServer
from rampdeck.demo.sshd import SshdServer
from rampdeck.model import Health
from rampdeck.pace import Ticks
from rampdeck.remote.local import LocalRemote

from .postgres_crew import collector, pids, row_of, rows_of, wait_until_left, worker, workers
from .watching import PATIENCE, failure, over_ssh, until, watching

NAMES = {metric.name for metric in PostgresCollector.metrics}
BACKENDS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rampdeck'"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten readings a second, and new tries soon."""
    monkeypatch.setattr("collectors.postgres.Ticks", partial(Ticks, 0.1))
    monkeypatch.setattr("rampdeck.backoff.FIRST", 0.2)


@pytest.fixture
def postgres(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> PostgresCollector:
    wait_until_left(postgres_server)
    return collector(postgres_server, monkeypatch)


@pytest.fixture
def stock(postgres_server: PostgresServer) -> Iterator[str]:
    """A table with two rows to fight for."""
    with closing(postgres_server.connect(as_owner=True)) as owner:
        owner.execute("CREATE TABLE stock (id int PRIMARY KEY, left_over int)")
        owner.execute("INSERT INTO stock VALUES (1, 10), (2, 10)")
        yield "stock"
        owner.execute("DROP TABLE stock")


async def test_every_metric_has_a_value_and_every_value_is_a_metric(
    postgres: PostgresCollector, postgres_server: PostgresServer
) -> None:
    async with watching(postgres) as watch, worker(postgres_server) as busy:
        full = await watch.sample(lambda sample: set(sample.values) == NAMES)
        await busy.execute("SELECT 1")
        await busy.rollback()
    assert all(set(sample.values) <= NAMES for sample in watch.samples)
    assert full.values["usable"] == 100 - 3 - 1
    assert 0 <= full.values["cache_hit"] <= 100


async def test_a_lock_shows_who_waits_and_who_blocks(
    postgres: PostgresCollector, postgres_server: PostgresServer, stock: str
) -> None:
    take = f"UPDATE {stock} SET left_over = left_over - 1 WHERE id = "
    async with watching(postgres) as watch, workers(postgres_server, 3) as crew:
        first, second, third = crew
        one, two, three = pids(crew)
        await first.execute(take + "1")
        await second.execute(take + "2")
        waiting = [asyncio.create_task(second.execute(take + "1"))]
        await watch.sample(lambda sample: sample.values["lock_waiting"] == 1)
        waiting.append(asyncio.create_task(third.execute(take + "2")))
        sample = await watch.sample(lambda sample: sample.values["lock_waiting"] == 2)
        await first.rollback()
        await waiting[0]
        await second.rollback()
        await waiting[1]
        calm = await watch.sample(lambda sample: sample.values["lock_waiting"] == 0)

    root = row_of(sample, one)
    assert (root["wait"], root["blocks"], root["state"]) == ("blocks 2", 2, "idle-tx")
    middle = row_of(sample, two)
    assert (middle["wait"], middle["blocked_by"]) == ("Lock:transactionid", str(one))
    assert middle["blocks"] == 0  # it waits itself: not the root of the trouble
    assert middle["_health"] is Health.WARNING
    assert row_of(sample, three)["blocked_by"] == str(two)
    assert sample.values["waiting"] == 2
    assert sample.values["idle_in_transaction"] == 1
    assert calm.values["waiting"] == 0


async def test_a_transaction_that_idles_and_blocks_turns_bad(
    postgres: PostgresCollector,
    postgres_server: PostgresServer,
    stock: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("collectors._sessions.LONG_IDLE", 0.2)
    async with watching(postgres) as watch, workers(postgres_server, 2) as crew:
        (holder, waiter), (one, _) = crew, pids(crew)
        await holder.execute(f"SELECT * FROM {stock} FOR UPDATE")
        harmless = await watch.sample(lambda sample: bool(row_of(sample, one)))
        waiting = asyncio.create_task(waiter.execute(f"DELETE FROM {stock}"))
        bad = await watch.sample(lambda sample: row_of(sample, one).get("_health") is Health.BLIND)
        await holder.rollback()
        await waiting
    assert row_of(harmless, one)["_health"] is Health.LIVE
    assert row_of(bad, one)["wait"] == "blocks 1"
    assert bad.values["longest_transaction"] > 0.1
    oldest_first = [row["age"] for row in rows_of(bad, "sessions")]
    assert oldest_first == sorted(oldest_first, key=lambda age: -float(age or 0))


async def test_a_session_that_idles_outside_a_transaction_but_holds_a_lock_is_shown(
    postgres: PostgresCollector, postgres_server: PostgresServer
) -> None:
    async with watching(postgres) as watch, workers(postgres_server, 2) as crew:
        (holder, waiter), (one, _) = crew, pids(crew)
        await holder.execute("SELECT pg_advisory_lock(7)")
        await holder.commit()
        waiting = asyncio.create_task(waiter.execute("SELECT pg_advisory_lock(7)"))
        sample = await watch.sample(lambda sample: bool(row_of(sample, one)))
        await holder.execute("SELECT pg_advisory_unlock(7)")
        await holder.commit()
        await waiting
    assert row_of(sample, one)["wait"] == "blocks 1"
    assert row_of(sample, one)["state"] == "idle"


async def test_a_deadlock_is_counted(
    postgres: PostgresCollector, postgres_server: PostgresServer, stock: str
) -> None:
    with closing(postgres_server.connect(as_admin=True)) as admin:
        admin.execute(f"ALTER DATABASE {postgres_server.database} SET deadlock_timeout = '20ms'")
        take = f"UPDATE {stock} SET left_over = 0 WHERE id = "
        async with watching(postgres) as watch, workers(postgres_server, 2) as (one, other):
            await watch.sample(lambda sample: "deadlocks" in sample.values)
            await one.execute(take + "1")
            await other.execute(take + "2")
            ends = await asyncio.gather(
                one.execute(take + "2"), other.execute(take + "1"), return_exceptions=True
            )
            assert [type(end) for end in ends].count(psycopg.errors.DeadlockDetected) == 1
            # A session hands in its counts at the end of a transaction, once a second at the most.
            async with asyncio.timeout(PATIENCE):
                while sum(sample.values.get("deadlocks", 0) for sample in watch.samples) != 1:
                    await one.rollback()
                    await other.rollback()
                    await watch.sample()
                    await one.execute("SELECT 1")
                    await other.execute("SELECT 1")
        admin.execute(f"ALTER DATABASE {postgres_server.database} RESET deadlock_timeout")


async def test_when_every_connection_is_taken_the_pane_still_reads_but_a_latecomer_is_told_why(
    postgres: PostgresCollector, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(postgres) as watch:
        await watch.sample()
        with ExitStack() as crowd:
            with suppress(psycopg.OperationalError):
                while True:
                    crowd.enter_context(closing(postgres_server.connect(as_owner=True)))
            full = await watch.sample(lambda sample: sample.values["connections"] == sample.values["usable"])
            assert full.values["idle"] == full.values["usable"]
            late = await failure(collector(postgres_server, monkeypatch))
            assert "every connection is taken" in late
            assert "before the load" in late
            assert watch.sink.health is Health.LIVE
        await watch.sample(lambda sample: sample.values["connections"] == 0)


async def test_after_a_restart_of_the_server_the_source_comes_back_and_says_so(
    postgres: PostgresCollector, postgres_server: PostgresServer
) -> None:
    async with watching(postgres) as watch:
        await watch.sample()
        postgres_server.stop()
        reason = await watch.health(Health.BLIND)
        postgres_server.start()
        await watch.sample()
        assert watch.sink.health is Health.LIVE
    assert f"PostgreSQL at 127.0.0.1:{postgres_server.port}: the server ended the session" in reason
    assert watch.logged() == ["PostgreSQL was restarted: every session was ended"]


async def test_a_role_without_pg_monitor_still_counts_and_is_told_what_it_lacks(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(postgres_server.connect(as_admin=True)) as admin:
        admin.execute("CREATE ROLE poor LOGIN PASSWORD 'little'")
        monkeypatch.setenv("POOR", "little")
        poor = collector(postgres_server, monkeypatch, user="poor", password_env="POOR")
        async with watching(poor) as watch, worker(postgres_server) as busy:
            await busy.execute("SELECT 1")
            reason = await watch.health(Health.WARNING)
            # The admin's and the worker's: a reading that was under way may not know of this one.
            sample = await watch.sample(lambda sample: sample.values["connections"] == 2)
        await until(lambda: admin.execute(BACKENDS).fetchone() == (0,) or None)
        admin.execute("DROP ROLE poor")
    assert reason == "other roles' sessions are hidden. GRANT pg_monitor TO poor"
    assert sample.values["active"] == 0


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"password_env": "WRONG"}, "the server refuses the password. Check user and password"),
        ({"password_env": ""}, "the server wants a password. Set password_env or password_file"),
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"port": free_port()}, "nothing listens there. Check address and port"),
        ({"address": "/nonexistent"}, "No such file or directory"),
    ],
)
async def test_what_keeps_it_from_connecting_is_said_in_clear_words(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch, keys: dict[str, object], words: str
) -> None:
    monkeypatch.setenv("WRONG", "no-such-password")
    monkeypatch.setenv("PGPASSFILE", "/dev/null")
    said = await failure(collector(postgres_server, monkeypatch, **keys))
    assert words in said
    assert said.startswith("PostgreSQL at ")
    assert "no-such-password" not in said


async def test_it_reads_through_an_ssh_tunnel(postgres: PostgresCollector, sshd_server: SshdServer) -> None:
    async with over_ssh(sshd_server) as remote, watching(postgres, remote) as watch:
        assert (await watch.sample()).values["connections"] == 0


async def test_behind_the_tunnel_too_it_is_said_that_nothing_listens(
    postgres_server: PostgresServer, sshd_server: SshdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = collector(postgres_server, monkeypatch, port=(port := free_port()))
    async with over_ssh(sshd_server) as remote:
        assert f"127.0.0.1:{port}" in await failure(lost, remote)


async def test_its_session_is_named_reads_only_and_is_gone_at_the_end(
    postgres: PostgresCollector, postgres_server: PostgresServer
) -> None:
    with closing(postgres_server.connect(as_admin=True)) as admin:
        async with open_session(parameters(postgres.config), LocalRemote()) as session:
            assert admin.execute(BACKENDS).fetchone() == (1,)
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                await session.execute("CREATE TABLE mine (id int)")
            with pytest.raises(psycopg.errors.QueryCanceled):
                await session.execute("SELECT pg_sleep(60)")
        await until(lambda: admin.execute(BACKENDS).fetchone() == (0,) or None)


def slow(name: str, version: int) -> bytes:
    return statement(name, version) if name == "session" else b"SELECT pg_sleep(1)"


async def test_a_server_too_busy_for_one_reading_is_a_warning_and_the_session_is_kept(
    postgres: PostgresCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors._postgres_session.STATEMENT_TIMEOUT_MS", 100)
    monkeypatch.setattr("collectors._postgres_reader.statement", slow)
    async with watching(postgres) as watch:
        assert "over 0.1 s for a reading" in await watch.health(Health.WARNING)


async def test_what_was_counted_stands_in_the_session_though_the_rest_of_a_reading_took_too_long(
    postgres: PostgresCollector, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def halting(name: str, version: int) -> bytes:
        return b"SELECT pg_sleep(1)" if name == "sessions" else statement(name, version)

    monkeypatch.setattr("collectors._postgres_session.STATEMENT_TIMEOUT_MS", 200)
    monkeypatch.setattr("collectors._postgres_reader.statement", halting)
    async with watching(postgres) as watch, worker(postgres_server) as busy:
        await watch.health(Health.WARNING)
        for _ in range(20):
            await busy.execute("SELECT 1")
            await busy.rollback()
        await watch.sample(lambda sample: sample.values.get("rollbacks", 0) > 0)


async def test_a_session_that_falls_silent_is_given_up_and_opened_anew(
    postgres: PostgresCollector, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors._postgres_session.READ_TIMEOUT", 0.5)
    with closing(postgres_server.connect(as_admin=True)) as admin:
        async with watching(postgres) as watch:
            await watch.sample()
            newest = BACKENDS.replace("count(*)", "pid") + " ORDER BY backend_start DESC"
            # On a busy machine it may just have been given up: never stop the process 0, which is all of us.
            (pid,) = await until(lambda: admin.execute(newest).fetchone())
            os.kill(pid, signal.SIGSTOP)
            try:
                assert "no answer for 0.5 s. It is tried again" in await watch.health(Health.BLIND)
                await watch.sample()
            finally:
                os.kill(pid, signal.SIGCONT)
        await until(lambda: admin.execute(BACKENDS).fetchone() == (0,) or None)


async def test_a_server_that_hangs_as_a_whole_is_told_within_the_time_for_one_reading(
    postgres: PostgresCollector,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("collectors._postgres_session.READ_TIMEOUT", 0.5)
    async with watching(postgres) as watch:
        await watch.sample()
        frozen = [postgres_server.pid, *(one.pid for one in psutil.Process(postgres_server.pid).children())]
        for pid in frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        try:
            assert "no answer for 0.5 s" in await watch.health(Health.BLIND)
        finally:
            for pid in frozen:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        await watch.sample()
    # psycopg would have said that it asked the server in vain to cancel.
    assert not caplog.messages


async def test_a_password_in_a_statement_is_not_shown(
    postgres: PostgresCollector, postgres_server: PostgresServer
) -> None:
    with closing(postgres_server.connect(as_admin=True)) as admin:
        async with watching(postgres) as watch:
            admin.execute("BEGIN")
            admin.execute("CREATE ROLE brief\n  LOGIN PASSWORD 's3cret'")
            sample = await watch.sample(lambda sample: "CREATE" in str(rows_of(sample, "sessions")))
            admin.execute("ROLLBACK")
    assert rows_of(sample, "sessions")[0]["query"] == "CREATE ROLE brief LOGIN PASSWORD '…'"
    assert "s3cret" not in str(watch.samples)


async def test_a_query_in_another_encoding_with_control_characters_does_no_harm(
    postgres: PostgresCollector, postgres_server: PostgresServer
) -> None:
    with closing(postgres_server.connect(as_admin=True)) as admin:
        admin.execute("CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII'")
        with closing(
            psycopg.connect(
                host=postgres_server.host,
                port=postgres_server.port,
                user=postgres_server.admin,
                password=postgres_server.admin_password,
                dbname="bytes",
            )
        ) as latin:
            latin.execute(b"SELECT 'caf\xe9 \x1b[31mred [/orders/]'")
            async with watching(postgres) as watch:
                sample = await watch.sample(lambda sample: bool(rows_of(sample, "sessions")))
        admin.execute("DROP DATABASE bytes WITH (FORCE)")
    assert rows_of(sample, "sessions")[0]["query"] == "SELECT 'caf� red [/orders/]'"


async def test_a_dsn_says_everything_at_once(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "dsn"
    server = postgres_server
    file.write_text(
        f"postgres://{server.user}:{server.password}@{server.host}:{server.port}/{server.database}\n"
    )
    config = PostgresConfig(kind="postgres", dsn_file=file)
    async with watching(PostgresCollector(config)) as watch:
        await watch.sample()
    monkeypatch.setenv("DSN", "s3cret is this and no DSN")
    said = await failure(PostgresCollector(PostgresConfig(kind="postgres", dsn_env="DSN")))
    assert "what DSN holds is no connection string" in said
    assert "s3cret" not in said
