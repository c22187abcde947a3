"""The cockpit on a hand-made deck, for looking at it: ``python -m tests.tui.show``.

Not a test: the figures move, the log runs, keys work. Options: ``--lines 50``
log lines a second, ``--ascii``, ``--theme NAME``, ``--preflight`` to begin with the checks,
``--picture FILE --size 160x45`` to write an SVG and leave.
"""

from __future__ import annotations

from rampdeck import loop  # isort: skip

import argparse
import asyncio
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from rampdeck.config import ScreenConfig
from rampdeck.model import Event, Instant
from rampdeck.preflight.inspection import PreflightView
from rampdeck.snapshot import Snapshot
from tui import Cockpit

from .fakes import _LINES, FakeDeck, log
from .made import before, event, picture
from .preflights import CHECKS, looking_again, preflight

BEGIN = 400
"""The second of the imagined run at which it is met."""


class MovingDeck(FakeDeck):
    """Every figure changes each second, and so many log lines come."""

    def __init__(self, lines: float, *, preflight: bool = False) -> None:
        super().__init__(before() if preflight else picture(BEGIN), log(BEGIN))
        self._looks = {one.name: 0.0 for one in CHECKS} if preflight else {}
        self._waits = preflight
        self._lines = lines
        self._began = time.monotonic()
        self._written = 0.0

    @property
    def preflight(self) -> PreflightView | None:
        """The checks come in while one looks, and come out as before when one looks again."""
        if not self._looks:
            return None
        passed = time.monotonic() - self._began
        late = {one.name for one in CHECKS if self._looks[one.name] + 3 * one.took > passed}
        view = preflight(seconds=3.0)
        return looking_again(view, late) if late else view

    def check_again(self, names: Collection[str] | None = None) -> None:
        self._looks |= dict.fromkeys(names or self._looks, time.monotonic() - self._began)

    def snapshot(self) -> Snapshot:
        if self._waits and not [call for call in self.calls if call != ("go_on_anyway",)]:
            return self.now
        second = BEGIN + int(time.monotonic() - self._began)
        target = self.now.load.target
        load = replace(self.now.load, elapsed=float(second))
        step = 1 if load.users < target else -1
        if load.users != target:
            load = replace(load, users=load.users + step * min(5, abs(target - load.users)))
        self.now = replace(picture(second), load=load, mark=self.now.mark)
        return self.now

    def events_after(
        self, cursor: int, kinds: Collection[str], most: int = 500
    ) -> tuple[int, tuple[Event, ...]]:
        due = (time.monotonic() - self._began) * self._lines
        while self._written < due:
            name, severity, text = _LINES[int(self._written) % len(_LINES)]
            self.events.append(event(Instant.now(), name, f"{text} #{int(self._written)}", severity))
            self._written += 1
        return super().events_after(cursor, kinds, most)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=float, default=1.0)
    parser.add_argument("--ascii", action="store_true")
    parser.add_argument("--theme", default="rampdeck-dark")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--size", default="160x45")
    parser.add_argument("--keys", default="")
    parser.add_argument("--preflight", action="store_true")
    options = parser.parse_args()
    config = ScreenConfig(theme=options.theme, ascii=options.ascii)
    deck = MovingDeck(options.lines, preflight=options.preflight)
    app = Cockpit(deck, config, preflight=options.preflight)
    if options.picture is None:
        await app.run_async()
        return
    width, height = map(int, options.size.split("x"))
    async with app.run_test(size=(width, height)) as pilot:
        await pilot.pause(0.3)
        await pilot.press(*options.keys.split())
        await pilot.pause(0.3)
        await asyncio.sleep(1.2)
        app.picture(options.picture)


if __name__ == "__main__":
    loop.run(main())
