"""`rampdeck preflight --data`: what a person reads there, and when the statistics are worth a warning."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from rampdeck.errors import RampdeckError, SourceError
from rampdeck.preflight.check import Found, State
from rampdeck.preflight.checks.data import analyzed
from rampdeck.preflight.data import as_json, as_text, stocks
from rampdeck.stock import Holding, Stock

from .stacks import stack

NOW = time.time()
ORDERS = Holding("orders_order", 5_000_000, bytes=2**30, analyzed=NOW - 3600, changed=12, warm=0.998)


def stock(*holdings: Holding, **words: Any) -> Stock:
    return Stock("PostgreSQL, database shop", holdings, bytes=2**31, warm=0.97, analyzes=True, **words)


async def judged(*holdings: Holding) -> list[Found]:
    made = stack(
        {"collectors": [{"kind": "postgres", "host": "db-1"}], "hosts": {"db-1": {"address": "192.0.2.1"}}}
    )

    async def told(_: object) -> dict[str, Stock]:
        return {"postgres@db-1": stock(*holdings)}

    made._asked[stocks] = asyncio.ensure_future(told(made))
    found = await analyzed.look(made)
    assert not isinstance(found, Found)
    return list(found)


def test_a_table_is_told_in_a_line_with_rows_size_statistics_and_warmth() -> None:
    text = as_text({"postgres@db-1": stock(ORDERS, Holding("auth_user", None, bytes=8192, changed=0))})
    lines = text.splitlines()
    assert "2.0\u2009GB" in lines[0]
    assert "97.0 % of all reads found in memory" in lines[0]
    assert lines[1].split() == ["rows", "size", "analyzed", "changed", "since", "in", "memory"]
    assert "about 5\u2009000\u2009000" in lines[2]
    assert "ago" in lines[2]
    assert "99.8 %" in lines[2]
    assert "not known" in lines[3]
    assert "never" in lines[3]


def test_a_store_that_does_not_tell_says_why_and_the_others_are_told() -> None:
    told: dict[str, Stock | RampdeckError] = {
        "postgres@db-1": SourceError("PostgreSQL", "the server refuses the password"),
        "redis@db-1": stock(),
    }
    text = as_text(told)
    assert "not known: PostgreSQL: the server refuses the password" in text
    assert "redis@db-1: PostgreSQL, database shop" in text
    assert as_json(told)[0] == {
        "source": "postgres@db-1",
        "error": "PostgreSQL: the server refuses the password",
    }


def test_a_cold_cache_is_answered_with_a_warm_up_stage_or_with_the_one_that_is_planned() -> None:
    cold = {"postgres@db-1": Stock("PostgreSQL, database shop", (ORDERS,), warm=0.4)}
    assert "warmup = true" in as_text(cold)
    assert "The plan warms up first: caches" in as_text(cold, ["caches"])
    assert "Cold" not in as_text({"postgres@db-1": stock(ORDERS)})


def test_names_from_the_server_are_cleaned() -> None:
    text = as_text({"postgres@db-1": stock(Holding("evil\x1b[2Jname", 1))})
    assert "\x1b" not in text


async def test_statistics_that_are_there_are_good() -> None:
    (found,) = await judged(ORDERS)
    assert found.state is State.OK
    assert "1 larger tables with about 5\u2009000\u2009000 rows" in found.found


async def test_a_larger_table_without_statistics_or_with_those_of_other_data_is_named() -> None:
    (found,) = await judged(
        ORDERS,
        Holding("fresh", 70_000, changed=70_000),
        Holding("moved", 10_000, analyzed=NOW, changed=9_000),
    )
    assert found.state is State.WARNING
    assert found.found == "analyzed: fresh never; moved not since much of it changed"
    assert found.fix == "ANALYZE fresh, moved;"


async def test_small_tables_need_no_statistics() -> None:
    (found,) = await judged(Holding("tiny", 10, changed=10))
    assert found.state is State.SKIPPED
