"""The gate: is the run failing? All thresholds at a glance, failing ones first."""

from __future__ import annotations

from rampdeck import format as fmt
from rampdeck.model import Health
from rampdeck.snapshot import ThresholdState, ThresholdView

from ..drawing import Line, Tone, crop, cut, fit, fit_right, line_width, safe, spread, width_of, wrap
from ..signs import THRESHOLD, VERDICT, shown_state
from ..widgets.pane import Pane
from .gatetable import limit_of, table

FIRST = (ThresholdState.FAIL, ThresholdState.WARN, ThresholdState.UNKNOWN, ThresholdState.PASS)
OF_STATE = {
    ThresholdState.FAIL: Health.BLIND,
    ThresholdState.WARN: Health.WARNING,
    ThresholdState.UNKNOWN: Health.CONNECTING,
    ThresholdState.PASS: Health.LIVE,
}
CELL = 70
"""Cells that a threshold takes at least, beside another one."""


class GatePane(Pane):
    """A strip of thresholds; a table with everything when it has the whole screen."""

    help = (
        "Every threshold with its value now and its limit. ✖ fails now, ▲ holds but is near the limit (or "
        "is broken, but only warns, or not for long enough to count), "
        "○ has no samples (never a pass), as while a level ramps and settles. A threshold that failed "
        "once says since when, also when it holds again. With the whole screen (z) each says its worst "
        "value, the share of the limit that this left (negative beyond it), when it was first breached, the "
        "longest breach and how many there were, and where the worst was seen. The verdict stands in the "
        "lower border, with the reasons if it is not PASS."
    )

    def __init__(self) -> None:
        super().__init__(9, "Gate", id="gate")

    @property
    def health(self) -> Health:
        """The worst threshold now."""
        for state in FIRST:
            if any(shown_state(threshold) is state for threshold in self.snapshot.thresholds):
                return OF_STATE[state]
        return Health.ABSENT

    def ordered(self) -> list[ThresholdView]:
        """Return the thresholds, failing ones first, then those that failed before."""
        return sorted(
            self.snapshot.thresholds,
            key=lambda one: (FIRST.index(shown_state(one)), not one.failed, one.expression),
        )

    def redraw(self) -> None:
        """Draw without a frame where there are only one or two lines."""
        if self._visible and self.size and self.size.height <= 2:
            width, height = self.size
            self.set_lines([((" ", Tone.TEXT), *line) for line in self._compact(width - 2, height)])
        else:
            super().redraw()

    def body(self, width: int, height: int) -> list[Line]:
        """Return a table where there is room, columns of cells else, one sentence in two lines."""
        thresholds = self.ordered()
        if not thresholds:
            return [(("no thresholds: add them under [gate] in rampdeck.toml", Tone.MUTED),)]
        number = max(1, width // CELL)
        if height <= 2 and number < 2:
            return self._flow(width, height)
        if height > len(thresholds) and height > 6:
            return self._table(thresholds, width, height)
        cell_width = (width - 3 * (number - 1)) // number
        since_width = 16 if any(one.failed for one in thresholds) else 0
        label_width = max(width_of(safe(one.label, 80)) for one in thresholds)
        label_width = max(min(label_width, cell_width - 2 - 10 - 13 - since_width), 8)
        lines: list[Line] = []
        for start in range(0, len(thresholds), number):
            cells: Line = ()
            for threshold in thresholds[start : start + number]:
                cell = _cell(threshold, label_width, cell_width)
                cells = (*cells, (" " * 3, Tone.TEXT), *cell) if cells else cell
            lines.append(cells)
        if len(lines) > height:
            hidden = len(thresholds) - (height - 1) * number - (number - 1)
            lines = lines[:height]
            lines[-1] = (*crop(lines[-1], width - 12), (fit_right(f"{hidden} more", 12), Tone.MUTED))
        return lines

    def state(self) -> Line:
        """Return the verdict, why it is not better, and what a person decided."""
        text, tone = VERDICT[self.snapshot.verdict]
        decided: Line = ()
        if (event := self.snapshot.decision) is not None:
            who = cut(safe(event.fields["name"], 80), 24)
            decided = ((" · ", Tone.MUTED), (f"decided {event.fields['verdict']}, {who}", Tone.STRONG))
        waits = [f"nothing is judged while the level {self._wait}"] if self._wait else []
        reasons = "; ".join(safe(reason, 120) for reason in [*waits, *self.snapshot.reasons[:2]])
        if not reasons:
            return ((text, tone), *decided)
        room = max(self.size.width - 40 - line_width(decided), 10)
        return ((cut(reasons, room) + " · ", Tone.MUTED), (text, tone), *decided)

    @property
    def _wait(self) -> str:
        """What the load level does instead of being measured, while that is why no threshold has a value."""
        step = self.snapshot.load.step
        if step is None or any(one.state is not ThresholdState.UNKNOWN for one in self.snapshot.thresholds):
            return ""
        return {"ramp": "ramps", "settle": "settles", "warm-up": "warms up"}.get(step.phase, "")

    def _compact(self, width: int, height: int) -> list[Line]:
        """Return one or two lines without a frame: what fails, and the verdict with its reasons."""
        verdict: Line = (VERDICT[self.snapshot.verdict],)
        first = self._flow(width - line_width(verdict) - 2, 1)[0]
        lines = [spread(first, verdict, width)]
        if height > 1:
            reasons = "; ".join(safe(reason, 200) for reason in self.snapshot.reasons)
            lines.append(((cut(reasons, width), Tone.MUTED),))
        return lines

    def _flow(self, width: int, height: int) -> list[Line]:
        """Return the thresholds one after the other, failing ones first; what has no room is counted."""
        thresholds = self.ordered()
        if not thresholds:
            return [(("no thresholds", Tone.MUTED),)]
        lines: list[Line] = [()]
        for place, threshold in enumerate(thresholds):
            cell = _short(threshold)
            rest = _rest(thresholds[place + 1 :])
            needed = line_width(cell) + (line_width(rest) + 3 if len(lines) == height else 0)
            if lines[-1] and line_width(lines[-1]) + 3 + needed > width and len(lines) < height:
                lines.append(())
                needed = line_width(cell) + (line_width(rest) + 3 if len(lines) == height else 0)
            gap: Line = ((" " * 3, Tone.TEXT),) if lines[-1] else ()
            if line_width(lines[-1]) + line_width(gap) + needed > width and lines[-1]:
                lines[-1] = (*lines[-1], *gap, *_rest(thresholds[place:]))
                break
            lines[-1] = (*lines[-1], *gap, *cell)
        return lines

    def _table(self, thresholds: list[ThresholdView], width: int, height: int) -> list[Line]:
        lines = table(thresholds, width)
        for reason in self.snapshot.reasons:
            lines += [((text, Tone.WARNING),) for text in ["", *wrap(safe(reason, 400), width, 3)]]
        return lines[:height]


def _cell(threshold: ThresholdView, label_width: int, width: int) -> Line:
    """Return a threshold in a cell of a fixed width: sign, label, value, limit, first breach."""
    sign, tone = THRESHOLD[shown_state(threshold)]
    limit = limit_of(threshold)
    value = fmt.with_unit(threshold.value, threshold.unit)
    since = ""
    if threshold.failed and threshold.first_breach is not None:
        since = f"since {fmt.clock(threshold.first_breach.utc)}"
        if threshold.state is not ThresholdState.FAIL:
            since = f"✖ {fmt.clock(threshold.first_breach.utc)}"
    loud = tone if tone in (Tone.BAD, Tone.WARNING) else Tone.TEXT
    cell: Line = (
        (f"{sign} ", tone),
        (fit(safe(threshold.label, 80), label_width), Tone.TEXT),
        (fit_right(value, 10), loud),
        (f"  {fit(limit, 11)}", Tone.MUTED),
        (since, Tone.BAD),
    )
    cell = crop(cell, width)
    return (*cell, (" " * (width - line_width(cell)), Tone.TEXT))


def _short(threshold: ThresholdView) -> Line:
    sign, tone = THRESHOLD[shown_state(threshold)]
    value = fmt.with_unit(threshold.value, threshold.unit)
    limit = f" {limit_of(threshold)}"
    return (
        (f"{sign} ", tone),
        (f"{cut(safe(threshold.label, 80), 24)} ", Tone.TEXT),
        (value, tone),
        (limit, Tone.MUTED),
    )


def _rest(thresholds: list[ThresholdView]) -> Line:
    """Return how many more there are of each state."""
    line: Line = ()
    for state in FIRST:
        if number := sum(1 for one in thresholds if shown_state(one) is state):
            sign, tone = THRESHOLD[state]
            line = (*line, (f"{'  ' if line else ''}{sign} ", tone), (f"{number} more", Tone.MUTED))
    return line
