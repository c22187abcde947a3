"""Who reads on a host begins in a stated order, one after the other.

A host may give fewer sessions than there are sources (MaxSessions), and all
want theirs at the same moment. Who stands further up in the configuration
begins first, and the next one when that has settled. After a lost connection
that takes too long, so who has begun there before waits for nobody, unless the
host has ever been short of sessions.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from types import TracebackType
from typing import Self

CALM = 0.1
"""Seconds that one who says that it reads is given to open all that it reads from."""
SETTLE = 2.0
"""Seconds that the next one waits at the most for one that neither reads nor fails."""


class Turn:
    """The right to begin.

    Over when :meth:`over` is called, the block is left, or :data:`SETTLE` has passed.
    """

    def __init__(self, turns: Turns | None = None) -> None:
        self._turns = turns
        self._calm = False
        self._timer = asyncio.get_running_loop().call_later(SETTLE, self.over) if turns else None

    def settled(self) -> None:
        """Let the next one begin soon: this one reads."""
        if self._timer is not None and not self._calm:
            self._calm = True
            self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(CALM, self.over)

    def over(self) -> None:
        """Let the next one begin; a second time does nothing."""
        turns, self._turns = self._turns, None
        if turns is not None and self._timer is not None:
            self._timer.cancel()
            turns.next()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over()


class Turns:
    """Hands out one turn at a time, to the lowest rank of those who wait."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, asyncio.Future[Turn]]] = []
        self._arrivals = itertools.count()
        self._busy = False
        self._begun: set[int] = set()
        self._short = False

    def short(self) -> None:
        """Say that there is not enough for all: from now on the order matters each time."""
        self._short = True

    async def take(self, rank: int) -> Turn:
        """Wait for a turn."""
        if rank in self._begun and not self._short:
            return Turn()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Turn] = loop.create_future()
        heapq.heappush(self._waiting, (rank, next(self._arrivals), future))
        if not self._busy:
            self._busy = True
            # Not at once: those who were woken by the same news are still on their way here.
            loop.call_soon(self.next)
        try:
            turn = await future
            self._begun.add(rank)
            return turn
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                future.result().over()
            raise

    def next(self) -> None:
        """Give the turn to the first of those who wait."""
        while self._waiting:
            *_, future = heapq.heappop(self._waiting)
            if not future.done():
                future.set_result(Turn(self))
                return
        self._busy = False
