"""The rows of the tables that are named, against the least that are wanted."""

from __future__ import annotations

from rampdeck.facts import Fact
from rampdeck.preflight.check import Check, State
from rampdeck.preflight.checks.rows import minimum

from ..looking import POSTGRES, Hosted, of, one

ROWS = {"rows": {"orders": 1000}}


async def judged(value: str, provenance: str = "SELECT count(*)", why: str = "") -> Check:
    there = of({"postgres": POSTGRES}, preflight=ROWS)
    fact = Fact("postgres.rows.orders", "Rows of orders", value, provenance, why)

    class Counted(Hosted):
        async def told(self, name: str) -> tuple[Fact, ...]:
            return (*await super().told(name), fact)

    there.gatherer = Counted({"postgres@local": POSTGRES}, "")
    return await one(minimum, there)


async def test_enough_and_too_few() -> None:
    enough, few = await judged("1000"), await judged("999")
    assert (enough.state, enough.found) == (State.OK, "orders has 1000 rows")
    assert (few.state, few.found, few.expected) == (
        State.FAILED,
        "orders has 999 rows",
        "orders: at least 1000 rows",
    )


async def test_an_estimate_is_told_as_one() -> None:
    where = "pg_class.reltuples of public.orders: counting took over 1.5 s"
    many, few = await judged("about 5000", where), await judged("about 10", where)
    assert many.found == "orders has about 5000 rows, the server's estimate"
    assert (few.state, "ANALYZE orders" in few.fix) == (State.FAILED, True)


async def test_a_missing_table_fails() -> None:
    found = await judged("", why="there is no such table in database shop")
    assert (found.state, found.found) == (State.FAILED, "orders: there is no such table in database shop")


async def test_a_role_that_may_not_read_gets_its_grant() -> None:
    where = "pg_class.reltuples of public.orders: poor may not read it"
    for found in (
        await judged("about 5000", where),
        await judged("", "pg_class, public.orders", "poor may not read it, and it was never analyzed"),
    ):
        assert found.state is State.UNKNOWN
        assert found.fix == "GRANT SELECT ON orders TO poor;"
        assert found.found.startswith("poor may not read orders")


async def test_without_postgresql_nobody_counts_and_without_tables_nobody_asks() -> None:
    found = await one(minimum, of({}, preflight=ROWS))
    assert (found.state, "no PostgreSQL is read" in found.found) == (State.UNKNOWN, True)
    assert (await one(minimum, of({"postgres": POSTGRES}))).state is State.SKIPPED
