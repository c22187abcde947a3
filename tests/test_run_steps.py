"""A run's load levels: what the step table and the details of its rows say of a real load."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from functools import partial
from pathlib import Path

import pytest

from rampdeck.demo.servers import PostgresServer
from rampdeck.model import Stage
from rampdeck.run import Run
from rampdeck.session import Source as LiveSource
from rampdeck.sources import Source
from tests.collectors.postgres_crew import collector, worker
from tests.engine.conftest import Load, load, own_events, target
from tests.engine.test_wire import clocked
from tests.test_run import VISITOR, at, opened, quick_end, until

__all__ = ["load", "own_events", "quick_end", "target"]


async def test_the_plan_key_goes_on_with_a_held_plan(load: Load, tmp_path: Path) -> None:
    async with opened(load(), tmp_path, Stage("low", 2, 100, 0.5), Stage("high", 3, 100, 60)) as run:
        run.return_to_plan()
        await until(lambda: run.engine.users == 2)
        run.toggle_hold()
        run.return_to_plan()
        assert not run.snapshot().load.held
        await until(lambda: run.engine.users == 3)


async def test_the_record_has_what_statements_cost_at_each_level(
    load: Load, tmp_path: Path, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rampdeck.run.LAST_LOOK", 1.2)
    postgres = collector(postgres_server, monkeypatch)
    source = Source(postgres, postgres.config.source, "local")
    plan = (Stage("low", 2, 100, 2.5), Stage("high", 3, 100, 2.5))
    async with opened(load(), tmp_path, *plan, sources=(source,)) as run, worker(postgres_server) as shop:
        await shop.set_autocommit(True)
        await until(lambda: source_of(run).kept.get("statements"))
        run.return_to_plan()
        for users, columns in ((2, "relname"), (3, "relname, relkind")):
            await until(at(run, users))
            await asyncio.sleep(0.5)
            for _ in range(users):
                await shop.execute(f"SELECT {columns} FROM pg_class LIMIT 1")
        await run.over.wait()
    tables = {table.step: [str(row["query"]) for row in table.rows] for table in run.result().tables}
    assert tables[1][1:] == ["SELECT relname FROM pg_class LIMIT $1"]
    assert tables[2][1:] == ["SELECT relname, relkind FROM pg_class LIMIT $1"]
    assert [[row["count"] for row in table.rows] for table in run.result().tables] == [[2, 2], [3, 3]]
    assert "step 2 (3 users), measured" in tables[2][0]


def source_of(run: Run) -> LiveSource:
    return next(iter(run.session.sources.values()))


async def test_the_step_table_says_what_each_level_measured(load: Load, tmp_path: Path) -> None:
    async with opened(load(), tmp_path, Stage("low", 2, 100, 1.5), Stage("high", 3, 100, 60)) as run:
        run.return_to_plan()
        await until(lambda: run.snapshot().steps and run.snapshot().steps[0].figures.requests)
        (low,) = run.snapshot().steps
        assert low.left is not None
        assert 0 <= low.left <= 1.5
        await until(at(run, 3))
        run.stop()
        await run.over.wait()
    low, high = run.snapshot().steps
    assert [(row.step.stage, row.step.users, row.step.phase) for row in (low, high)] == [
        ("low", 2, "done"),
        ("high", 3, "done"),
    ]
    details = run.details.step(1)
    assert details is not None
    assert details.measured is not None
    assert details.measured.spreads.all.count == low.figures.requests
    assert [(one.name, one.figures.requests) for one in details.requests] == [("/", low.figures.requests)]
    spans = run.details.request("GET", "/").spans
    assert spans[-1].title == "whole run"
    assert spans[-1].figures.requests >= low.figures.requests + high.figures.requests
    assert run.details.step(7) is None


def server_said(host: str) -> dict[str, float]:
    """What the server itself has measured since it was asked last."""
    with urllib.request.urlopen(f"{host}/_clock") as answer:
        said: dict[str, float] = json.load(answer)
    return said


def has_measured(run: Run, number: int, seconds: float) -> bool:
    span = run.session.book.steps.get(number)
    return span is not None and span.seconds >= seconds


async def test_the_step_table_of_four_levels_agrees_with_the_server(load: Load, tmp_path: Path) -> None:
    with clocked() as host:
        async with opened(load(VISITOR, "-H", host), tmp_path) as run:
            told: list[dict[str, float]] = []
            counted = 0.0
            for users in (2, 4, 7, 10):
                run.set_target(users)
                await until(at(run, users))
                counted += server_said(host)["count"]
                await until(partial(has_measured, run, len(told) + 1, 1.9))
                told.append(server_said(host))
            run.stop()
            await run.over.wait()
            counted += sum(level["count"] for level in told) + server_said(host)["count"]
        rows = run.snapshot().steps
        whole = run.session.book.whole.figures()
    assert [row.step.users for row in rows] == [2, 4, 7, 10]
    for row, server in zip(rows, told, strict=True):
        figures = row.figures
        # The two were not asked in the same instant: what is on the way and half a second may differ.
        assert figures.rps is not None
        assert figures.requests == pytest.approx(server["count"], abs=row.step.users + 0.5 * figures.rps)
        # How near it comes is the bench's question; on a busy machine it is nearer than Locust's number.
        details = run.details.step(row.step.number)
        assert details is not None
        assert details.measured is not None
        wire, locust = details.measured.spreads.all, details.measured.spreads.locust
        for percent in ("p50", "p95"):
            off, locust_off = (abs(getattr(clock, percent) - server[percent]) for clock in (wire, locust))
            assert off <= max(1.0, locust_off), percent
    assert whole.requests + whole.killed == counted, "none is lost, none is counted twice"
