"""What a run does all the time: its tasks, started by name, guarded, and ended together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from rampdeck import defects
from rampdeck.pace import Ticks


class Duties:
    """The tasks of a run.

    A defect in one of them is told to ``defect`` with a sentence; it never
    passes in silence, and the others go on.
    """

    def __init__(self, defect: Callable[[str], None]) -> None:
        self._defect = defect
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Let some work go on by itself."""
        self._tasks.append(asyncio.create_task(self.guarded(name, work), name=name))

    def every(self, name: str, seconds: float, work: Callable[[], None]) -> None:
        """Do some work every so many seconds."""

        async def repeat() -> None:
            async for _ in Ticks(seconds):
                work()

        self.start(name, repeat())

    async def guarded(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Do some work here and now; a defect in it is told."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - the supervising edge
            self._tell(name, error)

    def _tell(self, name: str, error: Exception) -> None:
        self._defect(f"Rampdeck's {name} task has a defect: {defects.told(error)}")

    def attempt(self, name: str, work: Callable[[], None]) -> None:
        """Do some work that waits for nothing; a defect in it is told."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the supervising edge
            self._tell(name, error)

    async def wait_for(self, name: str, patience: float) -> None:
        """Wait for the end of a task, if there is one of that name."""
        if named := [task for task in self._tasks if task.get_name() == name]:
            await asyncio.wait(named, timeout=patience)

    async def cancel(self, patience: float) -> None:
        """End them all; whoever does not end in time is not waited for any longer."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience)
