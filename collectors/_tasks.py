"""Running the parts of a collector side by side, politely."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

SLICE = 0.003
"""Seconds of work after which a burst lets the load generator run; what is due may have to wait for two."""


class Pace:
    """Lets others run during a burst.

    Collectors share one thread with the load generator; a chunk that has
    arrived already is handed over without a pause, so somebody must make one.
    """

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def breathe(self) -> None:
        """Give way if the slice is used up; nearly free otherwise."""
        if time.perf_counter() - self._since > SLICE:
            await asyncio.sleep(0)
            self._since = time.perf_counter()


async def together(*parts: Coroutine[Any, Any, None]) -> None:
    """Run parts side by side until the first one ends or fails; raises what it raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def every(seconds: float, beat: Callable[[], None]) -> None:
    """Call ``beat`` at an even pace, for ever; turns that come too late are left out."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        due = max(due + seconds, loop.time())
        await asyncio.sleep(due - loop.time())
        beat()
