"""Checks of the data: does the planner know it?"""

from __future__ import annotations

from collections.abc import Iterator

from rampdeck.errors import RampdeckError
from rampdeck.format import count
from rampdeck.model import Health
from rampdeck.preflight.check import Definition, Found, check, ok, skipped, unknown, warning
from rampdeck.preflight.data import Told, stocks
from rampdeck.preflight.stack import Stack
from rampdeck.sources import Source
from rampdeck.stock import Holding
from rampdeck.text import clean

WORTH = 1_000
"""Rows from which on statistics decide on a plan."""
STALE = 0.2
"""Share of a table's rows that may have changed since; autovacuum's own limit is 0.1 and 50 rows."""
_SHOWN = 5


@check(
    "data.analyzed",
    "Tables have statistics",
    expected="every larger table has been analyzed since it was filled",
    why="Without statistics PostgreSQL guesses, and a query takes another plan than in production.",
    effect="The record cannot tell a slow query from a query whose plan was a guess.",
)
async def analyzed(stack: Stack) -> list[Found]:
    """Look for larger tables without statistics, or with those of other data."""
    told = await stack.ask(stocks)
    return [found for source in stack.of_kind("postgres") for found in _judged(source, told, stack)]


def _judged(source: Source, all_told: Told, stack: Stack) -> Iterator[Found]:
    name = source.info.name
    told = all_told[name]
    if isinstance(told, RampdeckError):
        live = stack.session.sources.get(name)
        if live is not None and live.health is Health.BLIND:
            yield skipped("it cannot be read", "source.readable says why", name)
        else:
            yield unknown(str(told), told.fix or "Look at the source's own check", name)
        return
    if not told.analyzes:
        return
    larger = [table for table in told.holdings if (table.rows or 0) >= WORTH]
    never = [table for table in larger if table.analyzed is None]
    stale = [
        table
        for table in larger
        if table.analyzed is not None and (table.changed or 0) > STALE * (table.rows or 0)
    ]
    if bad := [*never, *stale]:
        said = [f"{_named(never)} never" for _ in never[:1]] + [
            f"{_named(stale)} not since much of it changed" for _ in stale[:1]
        ]
        yield warning(f"analyzed: {'; '.join(said)}", _fix(bad), name)
    elif larger:
        rows = sum(table.rows or 0 for table in larger)
        yield ok(f"{len(larger)} larger tables with about {count(rows)} rows", name)
    else:
        yield skipped(f"no table has {count(WORTH)} rows", "", name)


def _named(tables: list[Holding]) -> str:
    more = f" and {len(tables) - _SHOWN} more" if len(tables) > _SHOWN else ""
    return ", ".join(clean(table.name, 60) for table in tables[:_SHOWN]) + more


def _fix(tables: list[Holding]) -> str:
    return "ANALYZE " + ", ".join(clean(table.name) for table in tables[:_SHOWN]) + ";"


CHECKS: tuple[Definition, ...] = (analyzed,)
