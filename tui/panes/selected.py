"""One check of the preflight, whole: what was found, how to mend it, and what it matters."""

from __future__ import annotations

from collections.abc import Iterator

from rampdeck.preflight.check import Check, State

from ..drawing import Line, Tone, fold, safe
from ..signs import CHECK
from ..widgets.pane import Pane

LABEL = 16
MOST = 4_000
"""Characters of one text that are shown."""


class SelectedPane(Pane):
    """The check under the cursor of the list; its texts wrap, and scroll where they are long."""

    help = (
        "The check under the cursor: what was found and what was expected, how to mend it, what the decision "
        "record will lack if you go on, and why it matters for a load test. `c` copies the fix."
    )

    def __init__(self) -> None:
        super().__init__(2, "Selected", id="selected")
        self._check: Check | None = None
        self._top = 0
        self._most = 0

    def select(self, check: Check | None) -> None:
        """Show this check, from its first line on where it is another one."""
        if check is None or self._check is None or (check.name, check.host) != (
            self._check.name, self._check.host
        ):  # fmt: skip
            self._top = 0
        self._check = check
        self.redraw()

    def body(self, width: int, height: int) -> list[Line]:
        """Return the title, and under it what fits of the rest."""
        if self._check is None:
            return []
        title, *rest = self._lines(self._check, width)
        room = max(height - 1, 1)
        self._most = max(len(rest) - room, 0)
        self._top = min(self._top, self._most)
        return [title, *rest[self._top : self._top + room]]

    def state(self) -> Line:
        """Return that there is more, if there is."""
        if not self._most:
            return ()
        left = self._most - self._top
        return ((f"{left} more lines ▼" if left else "end", Tone.MUTED),)

    def move(self, lines: int) -> None:
        """Scroll."""
        self._top = min(max(self._top + lines, 0), self._most)
        self.redraw()

    def move_to(self, end: bool) -> None:
        """Scroll to the first or the last line."""
        self.move(self._most if end else -self._most)

    @staticmethod
    def _lines(check: Check, width: int) -> Iterator[Line]:
        sign, tone = CHECK[check.state]
        place = f" on {safe(check.host, 80)}" if check.host else ""
        yield ((f"{sign} ", tone), (safe(check.title, 120), Tone.STRONG), (place, Tone.TEXT))
        for label, text, shown in _parts(check):
            for number, line in enumerate(fold(safe(text, MOST), width - LABEL - 2)):
                yield (("  " + (label if number == 0 else "").ljust(LABEL), Tone.MUTED), (line, shown))


def _parts(check: Check) -> Iterator[tuple[str, str, Tone]]:
    """Return label, text and tone of what there is to say: first what one acts on, the reasons last."""
    if check.state is State.PENDING:
        yield "Found", "nothing yet", Tone.MUTED
    else:
        yield "Found", check.found, Tone.TEXT
    yield "Expected", check.expected, Tone.TEXT
    yield "Fix", check.fix, Tone.STRONG
    if check.state in (State.FAILED, State.UNKNOWN, State.WARNING):
        yield "If you go on", check.effect, Tone.TEXT
    yield "Why it matters", check.why, Tone.TEXT
