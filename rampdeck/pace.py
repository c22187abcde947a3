"""Reading once a second: the beat, and counters turned into what happened between two beats."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self


class Ticks:
    """The beats of a fixed grid, for ``async for``; the first comes at once.

    A sleep after each reading would drift by the length of the reading. Beats
    that passed while a reading was under way are skipped, not made up for.
    """

    def __init__(self, period: float = 1.0) -> None:
        self._period = period
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self._beat = -1

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> None:
        passed = (self._loop.time() - self._start) / self._period
        self._beat = max(self._beat + 1, math.ceil(passed)) if self._beat >= 0 else 0
        await asyncio.sleep(self._start + self._beat * self._period - self._loop.time())


@dataclass(frozen=True, slots=True)
class Change:
    """What counters gained between two readings, ``seconds`` apart."""

    seconds: float
    gained: Mapping[str, float]

    def count(self, name: str) -> float:
        """Return what a counter gained; 0 for one that the source does not have."""
        return self.gained.get(name, 0.0)

    def rate(self, name: str) -> float:
        """Return what a counter gained a second."""
        return self.count(name) / self.seconds

    def share(self, part: str, *others: str) -> float | None:
        """Return the percentage that ``part`` has of itself and ``others``; ``None`` if nothing happened."""
        whole = self.count(part) + sum(self.count(name) for name in others)
        return 100 * self.count(part) / whole if whole else None


class Counters:
    """Totals that only grow, remembered from one reading to the next."""

    def __init__(self) -> None:
        self._at = 0.0
        self._totals: Mapping[str, float] = {}

    def read(self, at: float, totals: Mapping[str, float]) -> Change | None:
        """Take a reading made at ``at`` (seconds of any one clock); return the change since the last.

        ``None`` at the first reading and after a total shrank: the source was
        restarted or its statistics were reset, and a difference means nothing.
        """
        before, seconds = self._totals, at - self._at
        self._at, self._totals = at, dict(totals)
        gained = {name: total - before[name] for name, total in totals.items() if name in before}
        if not gained or seconds <= 0 or min(gained.values()) < 0:
            return None
        return Change(seconds, gained)


class CountersByName:
    """Totals of things that come and go (disks, processes), each with a name."""

    def __init__(self) -> None:
        self._each: dict[str, Counters] = {}

    def read(
        self, at: float, totals: Mapping[str, Mapping[str, float]], unread: Collection[str] = ()
    ) -> dict[str, Change]:
        """Take a reading of all that are there; return the changes of those that were there before.

        Those of ``unread`` are there too and have their turn at a later reading.
        """
        kept = {name: self._each[name] for name in unread if name in self._each}
        self._each = kept | {name: self._each.get(name, Counters()) for name in totals}
        changes = {name: self._each[name].read(at, of_one) for name, of_one in totals.items()}
        return {name: change for name, change in changes.items() if change is not None}
