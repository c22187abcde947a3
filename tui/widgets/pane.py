"""A pane: a frame with its number and title, its state below, and lines in between."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Click, MouseScrollDown, MouseScrollUp

from rampdeck.model import Health
from rampdeck.snapshot import EMPTY, Snapshot

from ..drawing import Line, Span, Tone, crop, line_width
from ..keymap import PANE_KEYS
from ..signs import HEALTH
from .line_view import LineView


class Pane(LineView, can_focus=True):
    """The base of every pane: takes a snapshot, draws itself when it is visible.

    On a narrow screen a pane has a title line only; framed otherwise. The
    number in the title is the key that focuses it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False, id="pane.up"),
        Binding("down", "move(1)", "Down", show=False, id="pane.down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="pane.pageup"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="pane.pagedown"),
        Binding("home", "first", "First", show=False, id="pane.first"),
        Binding("end", "last", "Last", show=False, id="pane.last"),
    ]
    help = ""
    """What the pane shows, for the help screen."""

    def __init__(self, number: int, heading: str, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.number = number
        self.heading = heading
        self.snapshot: Snapshot = EMPTY
        self._visible = False

    def show(self, snapshot: Snapshot) -> None:
        """Take the picture of this moment."""
        self.snapshot = snapshot
        self.redraw()

    @abstractmethod
    def body(self, width: int, height: int) -> list[Line]:
        """Return the lines between title and state."""

    def state(self) -> Line:
        """Return the line of the lower border: health, age, sort or filter."""
        return ()

    @property
    def health(self) -> Health:
        """What the pane bar says about this pane."""
        return Health.LIVE

    @property
    def framed(self) -> bool:
        """Whether there is room for a frame all around."""
        return not self.screen.has_class("-narrow")

    @property
    def body_size(self) -> tuple[int, int]:
        """Width and height inside the frame."""
        width, height = self.size
        return (width - 4, height - 2) if self.framed else (width - 2, height - 1)

    def redraw(self) -> None:
        """Draw the snapshot, if anybody can see it."""
        if not self._visible or not self.size:
            return
        width, height = self.body_size
        body = self.body(width, height)[: max(height, 0)]
        if self.framed:
            self.set_lines(self._framed(body, width, height))
        else:
            side: Span = (" ", Tone.TEXT)
            self.set_lines([self._title(self.state()), *((side, *line) for line in body)])

    def resized(self) -> None:
        """Lay out for the new size."""
        self.redraw()

    def on_show(self) -> None:
        """Catch up with what was not drawn."""
        self._visible = True
        self.redraw()

    def on_hide(self) -> None:
        """Stop drawing."""
        self._visible = False

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show the focus on the frame, or take it off."""
        super().watch_has_focus(has_focus)
        self.redraw()

    # Moving: what moves (a table, a log) is the subclass's affair.

    def move(self, lines: int) -> None:
        """Move by some lines; positive is down."""

    def move_to(self, end: bool) -> None:
        """Move to the first or the last line."""

    def clicked(self, line: int) -> None:
        """React to a click on a line of the body."""

    def action_move(self, lines: int) -> None:
        """Move by some lines."""
        self.move(lines)

    def action_page(self, pages: int) -> None:
        """Move by the height of the pane."""
        self.move(pages * max(self.body_size[1] - 1, 1))

    def action_first(self) -> None:
        """Move to the first line."""
        self.move_to(end=False)

    def action_last(self) -> None:
        """Move to the last line."""
        self.move_to(end=True)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Move up by the wheel."""
        event.stop()
        event.prevent_default()
        self.move(-3)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Move down by the wheel."""
        event.stop()
        event.prevent_default()
        self.move(3)

    def on_click(self, event: Click) -> None:
        """Pass a click on to the body."""
        if 1 <= event.y <= self.body_size[1]:
            self.clicked(event.y - 1)

    def _title(self, right: Line = ()) -> Line:
        """Return the title as a line of its own, as wide as the pane."""
        tone = Tone.FOCUS if self.has_focus else Tone.FRAME
        name = Tone.FOCUS if self.has_focus else Tone.STRONG
        left: Line = (("─ ", tone), (f"{PANE_KEYS[self.number]} ", Tone.KEY), (f"{self.heading} ", name))
        width = self.size.width
        right = crop(right, max(width - line_width(left) - 4, 0))
        if right:
            right = ((" ", tone), *right, (" ─", tone))
        return (*left, ("─" * (width - line_width(left) - line_width(right)), tone), *right)

    def _framed(self, body: list[Line], width: int, height: int) -> list[Line]:
        tone = Tone.FOCUS if self.has_focus else Tone.FRAME
        name = Tone.FOCUS if self.has_focus else Tone.STRONG
        heading = crop(((f"{PANE_KEYS[self.number]} ", Tone.KEY), (self.heading, name)), width - 1)
        rule = "─" * (width - line_width(heading) - 2)
        top: Line = (("╭─ ", tone), *heading, (f" {rule}─╮", tone))
        state = crop(self.state(), width - 2)
        rule = "─" * (width - line_width(state) - 1 if state else width + 2)
        bottom: Line = (("╰" + rule, tone), (" ", tone), *state, (" ─╯", tone))
        if not state:
            bottom = (("╰" + rule + "╯", tone),)
        lines: list[Line] = [top]
        left: Span = ("│ ", tone)
        right: Span = (" │", tone)
        for y in range(height):
            line = body[y] if y < len(body) else ()
            gap = width - line_width(line)
            if gap < 0:
                line, gap = crop(line, width), 0
            filler: Line = ((" " * gap, Tone.TEXT),) if gap else ()
            lines.append((left, *line, *filler, right))
        lines.append(bottom)
        return lines


def health_mark(health: Health) -> Span:
    """Return the sign of a health."""
    return HEALTH[health]
