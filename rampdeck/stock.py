"""The stock of a store of data: what lies in it, how much, and whether the server knows and remembers it.

A load test is only as good as its data: a query over a thousand rows says nothing
of one over ten million, a plan made without statistics is another plan, and a
cold cache is another server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Holding:
    """A table, or a database of Redis.

    ``rows`` are the server's own estimate where ``exact`` is false, ``None`` where it
    has none. ``bytes`` with indexes. ``analyzed`` is when statistics were last taken
    (UTC seconds), ``changed`` the rows that changed since. ``warm`` is the share
    (0 to 1) of what was read of it that was found in memory.
    """

    name: str
    rows: int | None
    exact: bool = False
    bytes: int | None = None
    analyzed: float | None = None
    changed: int | None = None
    warm: float | None = None


@dataclass(frozen=True, slots=True)
class Stock:
    """All that lies in one store, the largest first; ``more`` are those that are not listed.

    ``analyzes``: it takes statistics, so that ``analyzed`` says something.
    """

    what: str
    holdings: tuple[Holding, ...]
    bytes: int | None = None
    warm: float | None = None
    more: int = 0
    analyzes: bool = False


@runtime_checkable
class Storekeeper(Protocol):
    """A collector that can say what lies in its source."""

    async def stock(self) -> Stock:
        """Look once, through what the readings have open; raises :class:`RampdeckError` where it cannot."""
