"""What ends a run from outside: signals, and the loss of the terminal; the record is written either way.

SIGINT and SIGTERM stop gracefully, a second one at once. A hang-up, or a
terminal that is gone, means that nobody can steer any more: then the load
stops at once, whatever its users are at. With SIGHUP ignored (``nohup``) a run
without a screen is meant to go on alone.
"""

from __future__ import annotations

import asyncio
import signal
import time
from types import FrameType
from typing import TYPE_CHECKING

from rampdeck.pace import Ticks

if TYPE_CHECKING:
    from rampdeck.run import Run

LOOK = 0.1
"""Seconds between looks at the terminal."""
AGAIN = 0.4
"""Seconds until what still goes on after a loss is cut off again: the second time also an ``on_stop``."""
TIMES = 10
"""How often at the most."""
PATIENCE = 0.5
"""Seconds that a hang-up may wait for a loop that stands."""


class Signals:
    """Stops a run when it is asked to, or left alone; ``heard`` counts how often it was asked.

    A user of the scenario who keeps the processor to himself keeps the loop
    from hearing the first signal. Then the second ends that user; for a
    hang-up, of which there is no second, the sentry does that looks who holds the loop up.
    """

    def __init__(self, run: Run, *, screen: bool = False) -> None:
        self.heard = 0
        self._run = run
        self._waiting = 0
        self._hung_up = 0.0
        self._lost = False
        numbers = {signal.SIGINT: self._stop, signal.SIGTERM: self._stop, signal.SIGHUP: self._hang_up}
        alone = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        if alone:
            del numbers[signal.SIGHUP]
        for number, heard in numbers.items():
            asyncio.get_running_loop().add_signal_handler(number, heard)
            signal.signal(number, self._notice)
        self._watching = screen or not alone
        run.while_it_stands(self._loop_stands)
        if self._watching:
            run.also("terminal", self._watch())

    def _stop(self) -> None:
        self._waiting = 0
        self.heard += 1
        if self.heard == 1:
            self._run.interrupt()
        else:
            self._run.abort()
            self._run.at_once.set()

    def _hang_up(self) -> None:
        self._waiting, self._hung_up = 0, 0.0
        self.heard += 1
        if self.heard == 1:
            self._run.also("hang-up", self._lose("the terminal hung up"))
        else:
            self._run.abort()
            self._run.at_once.set()

    async def _watch(self) -> None:
        """See a terminal that is gone, or the reader of a pipe; neither is sure to send a signal."""
        async for _ in Ticks(LOOK):
            if self._run.setup.output.forsaken:
                break
        await self._lose("nobody reads any more what is told here, the terminal or pipe is closed")

    async def _lose(self, why: str) -> None:
        if self._lost:
            return
        self._lost = True
        self._run.lose(why)
        for _ in range(TIMES):
            await asyncio.sleep(AGAIN)
            if self._run.engine.users:
                self._run.engine.abort()

    def _notice(self, number: int, _frame: FrameType | None) -> None:
        # Called wherever Python stands; asyncio's own waking is apart from it.
        if number == signal.SIGHUP:
            self._hung_up = self._hung_up or time.monotonic()
        self._waiting += 1
        if self._waiting > 1:
            self._run.engine.free_the_loop()

    def _loop_stands(self) -> None:
        # Called like a signal's handler, several times a second.
        if self._watching and not self._hung_up and self._run.setup.output.forsaken:
            self._hung_up = time.monotonic()
        if self._hung_up and time.monotonic() - self._hung_up > PATIENCE:
            self._run.engine.free_the_loop()
