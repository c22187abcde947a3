"""``rampdeck preflight --data``: what lies in the stack's stores, before anybody believes a figure.

Rows, sizes, when statistics were last taken, and how warm the caches are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rampdeck import format as fmt
from rampdeck.errors import RampdeckError, SourceError
from rampdeck.preflight.stack import Stack
from rampdeck.sources import Source
from rampdeck.stock import Holding, Stock, Storekeeper
from rampdeck.supervise import guarded
from rampdeck.text import clean

PATIENCE = 8.0
"""Seconds that a store gets to tell."""
COLD = 0.9
"""Share of reads found in memory below which a cache is called cold; a warm one of a shop has 0.99."""
_HEAD = ("", "rows", "size", "analyzed", "changed since", "in memory")

Told = Mapping[str, Stock | RampdeckError]


async def stocks(stack: Stack) -> Told:
    """Return what lies in each store by its source's name, or why that is not known."""
    keepers = [source for source in stack.sources if _keeps(source)]
    found = await asyncio.gather(*(_ask(stack, source) for source in keepers))
    return {source.info.name: told for source, told in zip(keepers, found, strict=True)}


def _keeps(source: Source) -> bool:
    return isinstance(source.collector, Storekeeper) and not source.absent


async def _ask(stack: Stack, source: Source) -> Stock | RampdeckError:
    keeper = source.collector
    assert isinstance(keeper, Storekeeper)
    try:
        await stack.let_in(source.host)
        async with asyncio.timeout(PATIENCE):
            return await guarded(keeper.stock, source.info.kind)
    except TimeoutError:
        return SourceError(
            f"{source.info.name} does not tell what lies in it", f"no answer in {PATIENCE:g} s"
        )
    except RampdeckError as error:
        return error


# -- for people


def as_text(told: Told, warmups: Sequence[str] = ()) -> str:
    """Return it as tables; ``warmups`` are the stages of the plan that fill caches."""
    if not told:
        return "No source keeps data: [[collectors]] names no postgres and no redis."
    parts = []
    for name, stock in told.items():
        if isinstance(stock, RampdeckError):
            parts.append(f"{name}\n  not known: {clean(str(stock), 400)}")
        else:
            parts.append("\n".join(_lines(name, stock)))
    parts.append(_advice([stock for stock in told.values() if isinstance(stock, Stock)], warmups))
    return "\n\n".join(part for part in parts if part)


def _lines(name: str, stock: Stock) -> Iterator[str]:
    size = "" if stock.bytes is None else f", {fmt.size(stock.bytes)}"
    warm = "" if stock.warm is None else f", {_share(stock.warm)} of all reads found in memory"
    yield f"{name}: {clean(stock.what)}{size}{warm}"
    if not stock.holdings:
        yield "  nothing lies in it"
        return
    rows = [_HEAD, *map(_row, stock.holdings)]
    used = [place for place in range(len(_HEAD)) if place < 2 or any(row[place] for row in rows[1:])]
    widths = {place: max(len(row[place]) for row in rows) for place in used}
    for row in rows:
        cells = [
            row[place].rjust(widths[place]) if place else row[place].ljust(widths[place]) for place in used
        ]
        yield "  " + "  ".join(cells).rstrip()
    if stock.more:
        yield f"  and {fmt.count(stock.more)} smaller ones"


def _row(one: Holding) -> tuple[str, ...]:
    rows = "not known" if one.rows is None else ("" if one.exact else "about ") + fmt.count(one.rows)
    return (
        clean(one.name, 60),
        rows,
        "" if one.bytes is None else fmt.size(one.bytes),
        "" if one.changed is None else _ago(one.analyzed),
        "" if one.changed is None else fmt.count(one.changed),
        "" if one.warm is None else _share(one.warm),
    )


def _ago(moment: float | None) -> str:
    return "never" if moment is None else f"{fmt.duration(max(time.time() - moment, 0.0))} ago"


def _share(share: float) -> str:
    return f"{share * 100:.1f} %"


def _advice(stocks: Sequence[Stock], warmups: Sequence[str]) -> str:
    cold = [stock.what for stock in stocks if stock.warm is not None and stock.warm < COLD]
    if not cold:
        return ""
    if warmups:
        return f"Cold: {', '.join(cold)}. The plan warms up first: {', '.join(warmups)}."
    return (
        f"Cold: {', '.join(cold)}. Let the plan begin with a stage that is not measured: "
        "[[stages]] ... warmup = true"
    )


# -- for programs


def as_json(told: Told) -> list[dict[str, Any]]:
    """Return it for programs: one entry a store."""
    return [_plain(name, stock) for name, stock in told.items()]


def _plain(name: str, stock: Stock | RampdeckError) -> dict[str, Any]:
    if isinstance(stock, RampdeckError):
        return {"source": name, "error": clean(str(stock), 400)}
    return {
        "source": name,
        "what": clean(stock.what),
        "bytes": stock.bytes,
        "warm": stock.warm,
        "more": stock.more,
        "holdings": [
            {
                "name": clean(one.name),
                "rows": one.rows,
                "exact": one.exact,
                "bytes": one.bytes,
                "analyzed": one.analyzed,
                "changed": one.changed,
                "warm": one.warm,
            }
            for one in stock.holdings
        ],
    }
