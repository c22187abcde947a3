"""The cockpit in the terminal that it was started in, for tests that need a real one.

``python -m tests.tui.in_terminal FILE`` writes a line into the file for every
control that is called, at once, and ``left`` with the app's result at the end.
"""

from __future__ import annotations

from rampdeck import loop  # isort: skip

import fcntl
import json
import sys
import termios
from pathlib import Path

from tui import Cockpit

from .show import MovingDeck


class TellingDeck(MovingDeck):
    """Writes down every control as soon as it is called."""

    def __init__(self, file: Path) -> None:
        super().__init__(lines=200)
        self._file = file

    def _load(self, **changes: object) -> None:
        super()._load(**changes)
        self.tell(self.calls[-1])

    def tell(self, what: object) -> None:
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(what) + "\n")


async def main() -> None:
    """Run until the operator leaves or the terminal goes away."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    deck = TellingDeck(Path(sys.argv[1]))
    app = Cockpit(deck)
    await app.run_async()
    deck.tell(["left", app.return_value])


if __name__ == "__main__":
    loop.run(main())
