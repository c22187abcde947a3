"""The checks of the preflight: one row each; once all is known, what is wrong stands first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from textual.message import Message

from rampdeck.preflight.check import Check, State
from rampdeck.preflight.inspection import PreflightView

from ..drawing import Line, Span, Tone, fit, fit_right, joined, safe, width_of
from ..signs import CHECK
from ..widgets.pane import Pane

EYE = (State.FAILED, State.UNKNOWN, State.WARNING)
"""What the eye is led to once everything is known, in this order."""
HIDDEN, CALM, LEFT_OUT = len(EYE), len(EYE) + 1, len(EYE) + 2
"""Ranks of what a failure above keeps from being known, of what is fine or to come, of what nobody wants."""
TOOK = 9
TOOK_FROM = 90
"""Cells of the pane from which on there is room to say how long a check took."""

Key = tuple[str, str, int]
"""Name, host, and which one of those that share both."""


class ChecksPane(Pane):
    """The list of checks.

    While results come in they stand in their own order, and the cursor stays on
    its check and on its line of the screen when one check becomes a row for each
    host. As soon as everything is known, what is wrong goes to the top, and the
    cursor to the first that failed, unless somebody moved it. Looking again
    leaves each check where it was until all is known.
    """

    help = (
        "What was expected of the stack and this machine before the load, and what was found. ● as it "
        "should be, ▲ worth knowing, ✖ the load would test the wrong thing or hit something it must not, "
        "? it could not be found out, ○ left out, ◌ is being looked at. Once all is known, what is wrong "
        "stands at the top. `r` looks again at everything, `f` at what is wrong, "
        "`c` copies how to mend it."
    )

    class Moved(Message):
        """The cursor is on another check."""

    def __init__(self) -> None:
        super().__init__(1, "Checks", id="checks")
        self.hint: Line = ()
        """What the lower border says of starting."""
        self._checks: tuple[Check, ...] = ()
        self._place = 0
        self._top = 0
        self._key: Key | None = None
        self._moved = False
        self._ranks: dict[Key, int] = {}

    @property
    def chosen(self) -> Check | None:
        """The check under the cursor."""
        return self._checks[self._place] if self._checks else None

    def look_at(self, view: PreflightView) -> None:
        """Take what is known by now; the cursor stays where it is."""
        if view.is_over:
            self._ranks = _ranks(view.checks)
        before, self._checks = self._place, self._in_order(view.checks)
        keys, leads = _keys(self._checks), view.is_over and not self._moved
        if leads:
            self._place = 0
        elif keys:
            self._place = _find(self._key, keys, before)
        if keys and (leads or self._key is None):
            self._key = keys[self._place]
        if not leads:
            self._top += self._place - before
        self.redraw()

    def body(self, width: int, height: int) -> list[Line]:
        """Return the header and the rows around the cursor."""
        if not self._checks:
            return [(("there is nothing to look at", Tone.MUTED),)]
        room = max(height - 1, 1)
        self._top = min(max(self._top, self._place - room + 1, 0), self._place, max(self._rows - room, 0))
        title, host, found, took = widths = self._widths(width)
        header = f"   {fit('CHECK', title)}  {fit('TARGET', host)}  {fit('RESULT', found)}"
        seen = range(self._top, min(self._top + room, self._rows))
        rows = (_row(self._checks[place], widths, selected=place == self._place) for place in seen)
        return [((header + fit_right("TOOK", took), Tone.MUTED),), *rows]

    def state(self) -> Line:
        """Return which rows are in sight, if not all are, and what enter does."""
        room = max(self.body_size[1] - 1, 1)
        if self._rows <= room:
            return self.hint
        seen = f"{self._top + 1}–{min(self._top + room, self._rows)} of {self._rows}"
        return ((f"{seen} · " if self.hint else seen, Tone.MUTED), *self.hint)

    def move(self, lines: int) -> None:
        """Move the cursor."""
        self._go(self._place + lines)

    def move_to(self, end: bool) -> None:
        """Move to the first or the last check."""
        self._go(self._rows - 1 if end else 0)

    def clicked(self, line: int) -> None:
        """Go to the row under the pointer."""
        if 1 <= line <= self._rows - self._top:
            self._go(self._top + line - 1)

    def _in_order(self, checks: Sequence[Check]) -> tuple[Check, ...]:
        """Return them by what was wrong when everything was last known, each group in its own order."""
        names: dict[str, int] = {}
        for (name, _, _), rank in self._ranks.items():
            names[name] = min(rank, names.get(name, rank))
        ranked = zip(_keys(checks), checks, strict=True)
        ordered = sorted(ranked, key=lambda one: self._ranks.get(one[0], names.get(one[0][0], CALM)))
        return tuple(check for _, check in ordered)

    @property
    def _rows(self) -> int:
        return len(self._checks)

    def _go(self, place: int) -> None:
        if not self._checks:
            return
        self._moved = True
        self._place = min(max(place, 0), self._rows - 1)
        self._key = _keys(self._checks)[self._place]
        self.redraw()
        self.post_message(self.Moved())

    def _widths(self, width: int) -> tuple[int, int, int, int]:
        """Return the widths of the columns; those of names and places are as they are from the beginning."""
        took = TOOK if width >= TOOK_FROM else 0
        longest = max((width_of(safe(one.title, 80)) for one in self._checks), default=0)
        title = min(max(longest, 12), max(width * 28 // 100, 16))
        host = min(max(width * 14 // 100, 10), 22)
        return title, host, max(width - 7 - title - host - took, 8), took


def _row(check: Check, widths: Sequence[int], *, selected: bool) -> Line:
    title, host, found, took = widths
    sign, tone = CHECK[check.state]
    pending = check.state is State.PENDING
    seconds = "" if pending or not took else f"{check.took:.2f} s"
    name = f" {fit(safe(check.title, 80), title)}  "
    place = f"{fit(safe(check.host, 80), host)}  "
    said = fit("…" if pending else safe(check.found, 600), found)
    end = fit_right(seconds, took)
    first: Span = (f"{sign} ", tone)
    if selected:
        return (first, (name + place + said + end, Tone.SELECTED))
    quiet = check.state in (State.PENDING, State.SKIPPED) or bool(check.because)
    calm = Tone.MUTED if quiet else Tone.TEXT
    strong = Tone.STRONG if check.state is State.FAILED else calm
    return joined((first, (name, strong), (place, Tone.MUTED), (said, calm), (end, Tone.MUTED)))


def _keys(checks: Sequence[Check]) -> list[Key]:
    seen: Counter[tuple[str, str]] = Counter()
    keys = []
    for one in checks:
        keys.append((one.name, one.host, seen[one.name, one.host]))
        seen[one.name, one.host] += 1
    return keys


def _find(key: Key | None, keys: Sequence[Key], near: int) -> int:
    """Return where a check is now; where its place is not known yet, its first row."""
    if key is not None:
        if key in keys:
            return keys.index(key)
        for place, (name, _, _) in enumerate(keys):
            if name == key[0]:
                return place
    return min(near, len(keys) - 1)


def _ranks(checks: Sequence[Check]) -> dict[Key, int]:
    places = {state: rank for rank, state in enumerate(EYE)} | {State.SKIPPED: LEFT_OUT}
    return {
        key: HIDDEN if one.because else places.get(one.state, CALM)
        for key, one in zip(_keys(checks), checks, strict=True)
    }
