"""SIGINT, SIGTERM and SIGHUP: gracefully first, at once at the second; the record is written either way."""

from __future__ import annotations

import asyncio
import signal
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rampdeck.run import Run

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Stops a run when it is asked to; ``heard`` counts how often that was.

    A user of the scenario who keeps the processor to himself keeps the loop
    from hearing the first signal; then the second ends that user.
    """

    def __init__(self, run: Run) -> None:
        self.heard = 0
        self._run = run
        self._waiting = 0
        for number in NUMBERS:
            asyncio.get_running_loop().add_signal_handler(number, self._stop)
            signal.signal(number, self._notice)

    def _stop(self) -> None:
        self._waiting = 0
        self.heard += 1
        if self.heard == 1:
            self._run.interrupt()
        else:
            self._run.abort()
            self._run.at_once.set()

    def _notice(self, _number: int, _frame: FrameType | None) -> None:
        # Called wherever Python stands; asyncio's own waking is apart from it.
        self._waiting += 1
        if self._waiting > 1:
            self._run.engine.free_the_loop()
