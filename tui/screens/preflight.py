"""The preflight: the checks, the one under the cursor, and the plan; the first thing one sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen

from rampdeck import format as fmt
from rampdeck.preflight.check import Check, State
from rampdeck.preflight.inspection import PreflightView
from rampdeck.snapshot import EMPTY, Snapshot

from ..drawing import Line, Span, Tone, line_width, safe, spread
from ..keymap import PREFLIGHT, bindings
from ..panes.checks import ChecksPane
from ..panes.planned import PlanPane
from ..panes.selected import SelectedPane
from ..signs import CHECK
from ..widgets.bars import Bar, KeyBar
from .dashboard import BlankRow, Dashboard, TooSmall

COUNTED: tuple[tuple[State, str, str, bool], ...] = (
    (State.OK, "ok", "ok", True),
    (State.WARNING, "warning", "warnings", False),
    (State.FAILED, "failed", "failed", True),
    (State.UNKNOWN, "not known", "not known", False),
    (State.SKIPPED, "left out", "left out", False),
    (State.PENDING, "to come", "to come", False),
)
"""What is counted, its words for one and for several, and whether none of it is said too."""
WORTH_ANOTHER_LOOK = (State.FAILED, State.UNKNOWN)


class PreflightBar(Bar):
    """How the whole stack stands, of which target, and how long it took to know."""

    view = PreflightView()

    def line(self, width: int) -> Line:
        """Return the state on the left, counts and time on the right; the target gives way last."""
        shot, words, signs = self.snapshot, self._counts(), self._signs()
        title, host = safe(shot.title, 32), safe(shot.host.partition("://")[2] or shot.host, 48)
        choices = (
            (title, host, words), (title, host, signs), ("", host, words), ("", host, signs), ("", "", signs)
        )  # fmt: skip
        for title, host, counts in choices:
            left: Line = ((" ", Tone.TEXT), *self._state(), *_named(title, host))
            right: Line = (*counts, *self._time(), (" ", Tone.TEXT))
            if line_width(left) + line_width(right) + 2 <= width:
                break
        return spread(left, right, width)

    def _state(self) -> Line:
        sign, tone = CHECK[self.view.state if self.view.is_over else State.PENDING]
        return ((f"{sign} ", tone), ("PREFLIGHT", Tone.STRONG))

    def _counts(self) -> Line:
        spans: list[Span] = []
        for state, one, several, always in COUNTED:
            number = self.view.count(state)
            if not number and not always:
                continue
            loud = number and state in (State.FAILED, State.UNKNOWN, State.WARNING)
            tone = CHECK[state][1] if loud else (Tone.TEXT if number else Tone.MUTED)
            spans += [(" · " if spans else "", Tone.MUTED)]
            spans += [(f"{number} {one if number == 1 else several}", tone)]
        return tuple(spans)

    def _signs(self) -> Line:
        """Return the counts by signs only."""
        counts = ((CHECK[state], self.view.count(state)) for state, *_ in COUNTED)
        shown = [(f"{sign}{number}", tone) for (sign, tone), number in counts if number]
        return tuple(part for one in shown for part in (one, (" ", Tone.TEXT)))[:-1]

    def _time(self) -> Line:
        if self.view.running:
            return ((f"   looking, {fmt.age(self.view.seconds)}", Tone.MUTED),)
        if not self.view.is_over:
            return (("   about to begin", Tone.MUTED),)
        return ((f"   done in {fmt.duration(self.view.seconds)}", Tone.MUTED),)


class PreflightKeys(KeyBar):
    """The keys of the preflight; those of the dashboard work here too, but only the way out is named."""

    under_way = False

    def shows(self, name: str) -> bool:
        """Name the start until the load is under way, and the stop from then on."""
        if name in ("preflight.start", "load.abort"):
            return self.under_way is (name == "load.abort")
        return name.startswith("preflight.") or name in self.PINNED


class Preflight(Screen[None]):
    """What stands against the load, how to mend it, and what would be started.

    It only shows and asks: what the keys want is a message to the app.
    """

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = bindings(PREFLIGHT)
    HORIZONTAL_BREAKPOINTS = Dashboard.HORIZONTAL_BREAKPOINTS
    VERTICAL_BREAKPOINTS = Dashboard.VERTICAL_BREAKPOINTS

    class StartWanted(Message):
        """The operator wants to begin."""

    class LeaveWanted(Message):
        """The operator wants to see the dashboard."""

    class AgainWanted(Message):
        """The operator wants another look at the checks of these names, or at all."""

        def __init__(self, names: frozenset[str] | None = None) -> None:
            super().__init__()
            self.names = names

    class CopyWanted(Message):
        """The operator wants a fix for the clipboard."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__()
        self.view = PreflightView()
        self.snapshot: Snapshot = EMPTY
        self._top = PreflightBar(id="top")
        self._checks, self._selected, self._plan = ChecksPane(), SelectedPane(), PlanPane()
        self._keys, self._small = PreflightKeys(id="keys"), TooSmall(id="toosmall")
        self._keys_state: object = None

    def compose(self) -> ComposeResult:
        """Lay out the bar, the three panes and the keys."""
        yield self._top
        yield self._checks
        with BlankRow(id="below"):
            yield self._selected
            yield self._plan
        yield self._keys
        yield self._small

    def on_mount(self) -> None:
        """Let the arrows move in the list."""
        self.set_focus(self._checks)

    def show(self, view: PreflightView, snapshot: Snapshot) -> None:
        """Take the picture of this moment; what did not change is not painted."""
        self.view, self.snapshot = view, snapshot
        self._keys.under_way = snapshot.load.under_way
        self._top.view = view
        self._top.show(snapshot)
        self._small.show(snapshot)
        self._checks.hint = self._hint()
        self._checks.look_at(view)
        self._plan.show(snapshot)
        self._select()

    def on_checks_pane_moved(self) -> None:
        """Follow the cursor."""
        self._select()

    def go_to(self, number: int) -> None:
        """Focus a pane that is on the screen."""
        for pane in (self._checks, self._selected, self._plan):
            if pane.number == number and pane.display and pane.region:
                self.set_focus(pane)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Grey the keys that can do nothing now."""
        match action:
            case "start":
                return None if self.snapshot.load.under_way else True
            case "again":
                return True if self.view.checks and self.view.is_over else None
            case "again_failed":
                return True if self._worth_another_look and self.view.is_over else None
            case "copy":
                return True if self._fix else None
            case _:
                return True

    def action_start(self) -> None:
        """Say that the load shall begin."""
        self.post_message(self.StartWanted())

    def action_leave(self) -> None:
        """Say that the dashboard is wanted."""
        self.post_message(self.LeaveWanted())

    def action_again(self) -> None:
        """Say that everything shall be looked at again."""
        self.post_message(self.AgainWanted())

    def action_again_failed(self) -> None:
        """Say that what failed or is not known shall be looked at again."""
        self.post_message(self.AgainWanted(frozenset(one.name for one in self._worth_another_look)))

    def action_copy(self) -> None:
        """Say that the fix of the check under the cursor is wanted."""
        self.post_message(self.CopyWanted(self._fix))

    def _select(self) -> None:
        self._selected.select(self._checks.chosen)
        under_way, is_over = self.snapshot.load.under_way, self.view.is_over
        state = (under_way, is_over, bool(self._worth_another_look), bool(self._fix))
        if state != self._keys_state:
            self._keys_state = state
            self.refresh_bindings()

    def _hint(self) -> Line:
        view, load = self.view, self.snapshot.load
        if load.under_way:
            return (("the load is running", Tone.MUTED),)
        if failed := view.count(State.FAILED):
            return ((f"✖{failed} ", Tone.BAD), ("enter asks before it starts", Tone.MUTED))
        if not view.is_over:
            return (("enter asks while some are ◌", Tone.MUTED),)
        what = "the plan" if load.plan else "the shape" if load.shape else ""
        return ((f"enter starts {what}" if what else "enter goes to the dashboard", Tone.MUTED),)

    @property
    def _worth_another_look(self) -> Sequence[Check]:
        return [one for one in self.view.checks if one.state in WORTH_ANOTHER_LOOK]

    @property
    def _fix(self) -> str:
        """The fix of the check under the cursor: one line, and nothing that a terminal would obey."""
        chosen = self._checks.chosen
        return safe(chosen.fix, 4_000) if chosen else ""


def _named(title: str, host: str) -> Line:
    arrow = " → " if title and host else ""
    return ((f"   {title}", Tone.TEXT), (arrow, Tone.MUTED), (host, Tone.TEXT)) if title or host else ()
