"""The load levels: one row a step, newest last, each with its own figures and verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from rampdeck import format as fmt
from rampdeck.model import Health
from rampdeck.snapshot import StepRow, Verdict

from ..drawing import Line, Span, Tone, cut, fit, fit_right, joined, safe, width_of
from ..keymap import STEPS
from ..widgets.pane import Pane

NARROWEST_STAGE = 6
WIDEST_STAGE = 20
PHASE_WIDTH = 15
NARROWEST_MARKS = 12
SIGNS: dict[Verdict, Span] = {
    Verdict.PASS: ("●", Tone.GOOD),
    Verdict.FAIL: ("✖", Tone.BAD),
    Verdict.INCONCLUSIVE: ("○", Tone.WARNING),
}
OF_VERDICT = {
    Verdict.PASS: Health.LIVE,
    Verdict.FAIL: Health.BLIND,
    Verdict.INCONCLUSIVE: Health.CONNECTING,
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of figures; ``rank`` tells which give way first where there is little room: the highest."""

    title: str
    width: int
    text: Callable[[StepRow], str]
    rank: int = 0


COLUMNS = (
    Column("SECS", 6, lambda row: fmt.count(row.figures.seconds), rank=4),
    Column("REQS", 8, lambda row: fmt.count(row.figures.requests), rank=3),
    Column("RPS", 7, lambda row: fmt.rate(row.figures.rps)),
    Column("FAIL %", 7, lambda row: fmt.share(row.figures.error_rate)),
    Column("P50", 7, lambda row: fmt.milliseconds(row.figures.p50), rank=2),
    Column("P95", 7, lambda row: fmt.milliseconds(row.figures.p95)),
    Column("P99", 7, lambda row: fmt.milliseconds(row.figures.p99)),
    Column("P99.9", 7, lambda row: fmt.milliseconds(row.figures.p999), rank=1),
    Column("MAX", 7, lambda row: fmt.milliseconds(row.figures.highest), rank=5),
    Column("DELAY", 7, lambda row: fmt.milliseconds(row.figures.delay_p95)),
)


class StepsPane(Pane):
    """The table of steps.

    It follows the newest step, until one moves in it; leaving the pane follows again.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Details", tooltip="Every percentile of this step", id="steps.open"),
    ]
    help = (
        "One row a step: every change of the target begins one, by a key, the plan or the locustfile's "
        "shape. Figures are those of its measured part, after ramp and settling, in ms; SECS are the seconds "
        "measured, DELAY is the p95 of what this machine added to Locust's times. ● passed, ✖ failed, "
        "○ could not be judged, ▲ has a mark: a reason not to trust it. `enter` shows every percentile and "
        "every request name of a step."
    )

    class Opened(Message):
        """The operator wants the details of a step."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self) -> None:
        super().__init__(STEPS, "Steps", id="steps")
        self._chosen: int | None = None
        self._shown: list[StepRow] = []

    @property
    def health(self) -> Health:
        """How the newest measured step does."""
        for row in reversed(self.snapshot.steps):
            if row.figures.seconds:
                return Health.WARNING if row.marks else OF_VERDICT[row.verdict]
        return Health.ABSENT

    @property
    def chosen(self) -> StepRow | None:
        """The row under the cursor: the newest, until one moves."""
        rows = self.snapshot.steps
        return rows[self._place()] if rows else None

    def body(self, width: int, height: int) -> list[Line]:
        """Return the header and the rows around the cursor, the newest at the foot."""
        rows = self.snapshot.steps
        if not rows:
            self._shown = []
            return [(("no steps yet: the first change of the target begins one", Tone.MUTED),)]
        room, place = max(height - 1, 1), self._place()
        end = min(max(place + 1 + (room - 1) // 2, room), len(rows)) if self._chosen else len(rows)
        self._shown = list(rows[max(end - room, 0) : end])
        columns, stage, marks = self._widths(width)
        chosen = rows[place].step.number if self.has_focus else None
        lines = [_header(columns, stage, marks)]
        lines += [
            _line(row, columns, stage, marks, selected=row.step.number == chosen) for row in self._shown
        ]
        return lines

    def state(self) -> Line:
        """Return which rows are in sight, if not all are."""
        rows, shown = self.snapshot.steps, self._shown
        if len(shown) == len(rows):
            return ()
        first, last = shown[0].step.number, shown[-1].step.number
        return ((f"{first}–{last} of {rows[-1].step.number}", Tone.MUTED),)

    def watch_has_focus(self, has_focus: bool) -> None:
        """Follow the newest step again when the pane is left."""
        if not has_focus:
            self._chosen = None
        super().watch_has_focus(has_focus)

    def move(self, lines: int) -> None:
        """Move the cursor; at the newest step it follows."""
        rows = self.snapshot.steps
        if rows:
            place = min(max(self._place() + lines, 0), len(rows) - 1)
            self._chosen = rows[place].step.number if place < len(rows) - 1 else None
            self.redraw()

    def move_to(self, end: bool) -> None:
        """Move to the first or the newest step."""
        self.move(len(self.snapshot.steps) if end else -len(self.snapshot.steps))

    def clicked(self, line: int) -> None:
        """Put the cursor on a row."""
        if 1 <= line <= len(self._shown):
            self._chosen = self._shown[line - 1].step.number
            self.redraw()

    def action_open(self) -> None:
        """Open the details of the row under the cursor."""
        if (row := self.chosen) is not None:
            self.post_message(self.Opened(row.step.number))

    def _place(self) -> int:
        """Return where the cursor is among the rows; from a step that has left them it goes to the oldest."""
        rows = self.snapshot.steps
        if self._chosen is None:
            return len(rows) - 1
        return min(max(self._chosen - rows[0].step.number, 0), len(rows) - 1)

    def _widths(self, width: int) -> tuple[list[Column], int, int]:
        """Return the columns that fit, the width of the stage names and that of the marks."""
        rows, columns = self.snapshot.steps, list(COLUMNS)
        longest = max(width_of(safe(stage, 80)) for stage in {row.step.stage for row in rows})
        wanted = min(max(longest, NARROWEST_STAGE), WIDEST_STAGE)
        marked = any(row.marks for row in rows)
        left = width - 7 - 7 - PHASE_WIDTH - sum(column.width for column in columns)
        while left < wanted and (spare := [column for column in columns if column.rank]):
            gone = max(spare, key=lambda column: column.rank)
            columns.remove(gone)
            left += gone.width
        stage = max(min(wanted, left), 1)
        marks = left - stage - 2
        return columns, stage, marks if marked and marks >= NARROWEST_MARKS else 0


def _header(columns: list[Column], stage: int, marks: int) -> Line:
    text = "  " + fit_right("#", 4) + " " + fit("STAGE", stage) + fit_right("USERS", 7)
    text += "  " + fit("PHASE", PHASE_WIDTH - 2)
    text += "".join(fit_right(column.title, column.width) for column in columns)
    return ((text + ("  MARKS" if marks else ""), Tone.MUTED),)


def _line(row: StepRow, columns: list[Column], stage: int, marks: int, selected: bool) -> Line:
    step, measured = row.step, row.figures.seconds > 0
    sign, tone = SIGNS[row.verdict] if measured else ("◌", Tone.MUTED)
    warn = "▲" if row.marks else " "
    figures = "".join(
        fit_right(column.text(row) if measured else fmt.NOTHING, column.width) for column in columns
    )
    why = f"  {cut(safe('; '.join(row.marks), 400), marks)}" if marks and row.marks else ""
    number, name = fit_right(str(step.number), 3), fit(safe(step.stage, 80) or fmt.NOTHING, stage)
    users, phase = fit_right(fmt.count(step.users), 7), fit(_phase(row), PHASE_WIDTH - 2)
    if selected:
        text = f"{warn}{number} {name}{users}  {phase}{figures}{why}"
        return ((f"{sign} ", tone), (text, Tone.SELECTED))
    calm = Tone.TEXT if measured else Tone.MUTED
    return joined(
        (
            (f"{sign} ", tone),
            (warn, Tone.WARNING),
            (f"{number} ", Tone.MUTED),
            (name, Tone.TEXT),
            (users, Tone.STRONG),
            (f"  {phase}", Tone.MUTED if step.ended else Tone.STRONG),
            (figures, calm),
            (why, Tone.WARNING),
        )
    )


def _phase(row: StepRow) -> str:
    if row.step.ended is not None:
        unmeasured = "warm-up" if row.step.warmup else "not measured"
        return "done" if row.figures.seconds else unmeasured
    left = "" if row.left is None else f" {fmt.stopwatch(row.left)}"
    return f"{row.step.phase}{left}"
