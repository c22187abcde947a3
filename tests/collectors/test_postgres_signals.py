"""What goes wrong in PostgreSQL is told once as it begins and once when it is over, with who and whom."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pytest

from collectors._postgres_signals import RULES, of_connections
from collectors._sessions import Lock, Session, tree
from collectors._states import States
from collectors.postgres import PostgresCollector
from rampdeck.demo.servers import PostgresServer
from rampdeck.model import Event, Health, Severity
from rampdeck.pace import Ticks

from .postgres_crew import collector, pids, rows_of, wait_until_left, worker, workers
from .watching import Watch, until, watching


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten readings a second; what is long is short."""
    monkeypatch.setattr("collectors.postgres.Ticks", partial(Ticks, 0.1))
    monkeypatch.setattr("collectors._states.QUIET", 0.3)
    monkeypatch.setattr("collectors._sessions.LONG_IDLE", 0.2)
    monkeypatch.setattr("collectors._sessions.LONG_WAIT", 0.2)


@pytest.fixture
def postgres(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> PostgresCollector:
    wait_until_left(postgres_server)
    return collector(postgres_server, monkeypatch)


@pytest.fixture
def stock(postgres_server: PostgresServer) -> Iterator[str]:
    with closing(postgres_server.connect(as_owner=True)) as owner:
        owner.execute("CREATE TABLE stock (id int PRIMARY KEY, left_over int)")
        owner.execute("INSERT INTO stock VALUES (1, 10), (2, 10)")
        yield "stock"
        owner.execute("DROP TABLE stock")


def signalled(watch: Watch, signal: str) -> list[Event]:
    return [event for event in watch.events if event.fields.get("signal") == signal]


async def begun_and_over(watch: Watch, signal: str, subject: str = "") -> list[Event]:
    """Wait until a state of this one has begun and is over; others may have it in between."""

    def mine() -> list[Event]:
        return [event for event in signalled(watch, signal) if event.fields.get("subject", "") == subject]

    return await until(lambda: found if len(found := mine()) >= 2 else None)


async def test_who_holds_a_lock_for_long_is_named_with_whom_it_keeps_waiting(
    postgres: PostgresCollector, postgres_server: PostgresServer, stock: str
) -> None:
    async with watching(postgres) as watch, workers(postgres_server, 3) as crew:
        first, second, third = crew
        root, middle, last = pids(crew)
        await first.execute("SET application_name = 'checkout'")
        await first.execute(f"UPDATE {stock} SET left_over = 0 WHERE id = 1")
        waiting = [asyncio.create_task(second.execute(f"UPDATE {stock} SET left_over = 1"))]
        await watch.sample(lambda sample: sample.values["lock_waiting"] == 1)
        waiting.append(asyncio.create_task(third.execute(f"LOCK TABLE {stock}")))
        sample = await watch.sample(lambda sample: sample.values["lock_waits"] == 2)
        await first.rollback()
        await waiting[0]
        await second.rollback()
        await waiting[1]
        await third.rollback()
        begun, over = await begun_and_over(watch, "lock_waits", f"pid {root}")
        idle = await begun_and_over(watch, "idle_in_transaction_long", f"pid {root}")

    rows = rows_of(sample, "blocking")
    assert [row["pid"] for row in rows] == [str(root), f"└ {middle}", f"└ {last}"]
    assert rows[0]["waits_for"] == "blocks 2"
    assert rows[0]["application"] == "checkout"
    assert rows[1]["waits_for"] == "row in public.stock"
    assert rows[2]["waits_for"] == "AccessExclusive public.stock"
    assert float(rows[1]["age"] or 0) > 0.2
    assert begun.text.startswith(f"pid {root} (shop, checkout) keeps ")
    assert "UPDATE stock SET left_over = 0" in begun.text
    assert begun.fields["blocks"].startswith(str(middle))
    assert begun.severity is Severity.ERROR
    assert over.text.startswith(f"lock waits of pid {root}: over after ")
    assert over.severity is Severity.NOTICE
    assert idle[0].fields["pid"] == str(root)
    assert "blocks " in idle[0].text


async def test_counted_trouble_is_told_with_how_much_it_was(
    postgres: PostgresCollector, postgres_server: PostgresServer
) -> None:
    async with watching(postgres) as watch, worker(postgres_server) as application:
        await application.set_autocommit(True)
        await watch.sample(lambda sample: "temp_files" in sample.values)
        await application.execute("SET work_mem = '64kB'")
        await application.execute("SELECT n FROM generate_series(1, 50000) AS n ORDER BY n DESC")
        begun, over = await begun_and_over(watch, "temp_files")
        with closing(postgres_server.connect(as_admin=True)) as admin:
            admin.execute("CHECKPOINT")
            (pid,) = pids([application])
            admin.execute("SELECT pg_terminate_backend(%s)", [pid])
            await until(lambda: signalled(watch, "sessions_killed") or None)
            asked = await until(lambda: signalled(watch, "checkpoints_requested") or None)
    assert "temporary files: sorts or hashes larger than work_mem" in begun.text
    assert begun.text.endswith(" MB")
    assert over.text.startswith("temp files: over after ")
    assert sum(sample.values.get("temp_files", 0) for sample in watch.samples) >= 1
    assert sum(sample.values.get("checkpoints_requested", 0) for sample in watch.samples) == 1
    assert sum(sample.values.get("sessions_killed", 0) for sample in watch.samples) == 1
    assert "max_wal_size" in asked[0].text


def test_running_out_of_connections_is_told_before_and_when_it_happens() -> None:
    watch, states = Watch("postgres"), States(RULES)
    seen = []
    for second, taken in enumerate((50, 80, 96, 96, 85, 40)):
        values = {"connections": float(taken), "usable": 96.0, "hidden": 0.0}
        counts = states.read(second, of_connections(values, ""), watch.sink)
        seen.append((counts["connections_high"], counts["connections_exhausted"]))
    assert seen == [(0, 0), (1, 0), (1, 1), (1, 1), (1, 0), (0, 0)]
    assert watch.logged() == [
        "80 of 96 usable connections are taken",
        "every connection is taken, new ones are refused: 96 of 96 usable connections",
        "connections exhausted: over after 1 s; at most 96",
        "connections high: over after 3 s; at most 96",
    ]


def test_connections_that_run_out_at_once_are_told_once() -> None:
    watch, states = Watch("postgres"), States(RULES)
    values = {"connections": 96.0, "usable": 96.0, "hidden": 0.0}
    counts = states.read(0, of_connections(values, ""), watch.sink)
    assert (counts["connections_high"], counts["connections_exhausted"]) == (1, 1), "both are thresholds"
    assert watch.logged() == ["every connection is taken, new ones are refused: 96 of 96 usable connections"]


def test_the_tree_of_who_waits_is_told_from_its_root_also_where_there_is_none() -> None:
    def one(pid: int, *blockers: int) -> Session:
        return Session(pid, blockers, True, "active", "Lock", "tuple", 1.0, 1.0, 1.0, f"query {pid}")

    rows = tree([one(1), one(2, 1), one(3, 2), one(4, 1, 2), one(5, 0)], {3: Lock("row", 2.0)})
    assert [row["pid"] for row in rows] == ["1", "└ 2", "  └ 3", "└ 4", "prepared transaction", "└ 5"]
    assert rows[2]["waits_for"] == "row"
    assert rows[0]["_health"] is Health.BLIND
    circle = tree([one(7, 8), one(8, 7)], {})
    assert [row["pid"] for row in circle] == ["7", "└ 8"]
    many = tree([one(1), *(one(pid, 1) for pid in range(2, 101))], {})
    assert len(many) == 41
    assert many[-1]["waits_for"] == "and 60 more"


async def test_who_holds_the_connections_is_told_against_what_is_usable(
    postgres: PostgresCollector, postgres_server: PostgresServer
) -> None:
    async with watching(postgres) as watch, workers(postgres_server, 3) as crew:
        await crew[0].execute("SET application_name = 'web'")
        await crew[0].commit()
        await crew[1].execute("SET application_name = 'web'")
        sample = await watch.sample(
            lambda sample: [row["connections"] for row in rows_of(sample, "connections")[:2]] == [3, 2]
        )
        databases = await watch.sample(lambda sample: bool(rows_of(sample, "databases")))
    whole, web, *_ = rows_of(sample, "connections")
    assert (whole["user"], whole["connections"]) == ("all", 3)
    assert (web["user"], web["database"], web["idle"], web["idle_in_transaction"]) == ("shop", "shop", 1, 1)
    assert web["share"] == pytest.approx(100 * 2 / 96)
    assert "shop" in {row["database"] for row in rows_of(databases, "databases")}
