"""A follower under test by itself: what it hands over and what it says, over stops and starts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from collectors._compose import ComposeFollower
from collectors._follow import FileFollower
from collectors._journal import JournalFollower
from rampdeck.errors import RampdeckError
from rampdeck.model import Instant
from rampdeck.remote import Remote
from rampdeck.remote.local import LocalRemote

from .watching import PATIENCE

Follower = FileFollower | JournalFollower | ComposeFollower


class Heard:
    """The lines of a follower since the beginning, those before it, and its gaps."""

    def __init__(self, follower: Follower) -> None:
        self.follower = follower
        self.lines: list[str] = []
        self.before: list[str] = []
        self.gaps: list[str] = []
        self.warnings: list[str] = []
        self.lives = 0
        self.failure: RampdeckError | None = None

    def live(self) -> None:
        self.lives += 1

    def warn(self, reason: str) -> None:
        self.warnings.append(reason)

    def gap(self, since: Instant, why: str) -> None:
        assert since.mono <= Instant.now().mono
        self.gaps.append(why)

    def take(self, given: Any, before: bool = False) -> None:
        if isinstance(given, bytes):
            assert given.endswith(b"\n")
            (self.before if before else self.lines).extend(given.decode(errors="replace")[:-1].split("\n"))
        else:
            for entry in given:
                (self.before if entry.before else self.lines).append(entry.text)

    async def until(self, true: Callable[[], object]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not true():
                    await asyncio.sleep(0.02)
        assert true(), f"still not so: {self.lines[-5:]} {self.gaps} {self.warnings} {self.failure}"

    async def has(self, *lines: str) -> None:
        """Wait until exactly these lines were handed over."""
        await self.until(lambda: len(self.lines) >= len(lines))
        assert self.lines == list(lines)


@asynccontextmanager
async def reading(heard: Heard, remote: Remote | None = None) -> AsyncIterator[None]:
    """Follow while the block lasts; leaving it is what a lost connection is, to a follower."""

    async def follow() -> None:
        try:
            await heard.follower.follow(remote or LocalRemote(), heard, heard.take)
        except RampdeckError as error:
            heard.failure = error

    lives = heard.lives + len(heard.warnings)
    task = asyncio.create_task(follow())
    try:
        await heard.until(lambda: heard.lives + len(heard.warnings) > lives or task.done())
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
