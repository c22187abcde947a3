"""The list of user classes: which of them the next load has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.strip import Strip
from textual.widgets import SelectionList, Static
from textual.widgets.selection_list import Selection

from rampdeck.deck import UserClass

from ..drawing import safe
from .dialogs import Dialog, plain

NAME = 40
"""Cells of a class's name."""


class ClassList(SelectionList[str]):
    """The classes with a box each; space ticks one, and holds no plan here."""

    def check_consume_key(self, key: str, character: str | None) -> bool:  # noqa: ARG002
        """Keep space from the load keys."""
        return key == "space"

    def render_line(self, y: int) -> Strip:
        """Draw the boxes so that a tick is a sign, not only a colour."""
        strip = super().render_line(y)
        place = self.scroll_offset.y + y
        if place >= self.option_count:
            return strip
        ticked = self.get_option_at_index(place).value in self.selected
        _, _, _, space, *line = strip
        return Strip([Segment("[x]" if ticked else "[ ]", space.style), space, *line])


class ChooseClasses(Dialog[tuple[str, ...]]):
    """Asks which user classes are to be spawned."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "apply", "Apply", priority=True)]

    def __init__(self, classes: Sequence[UserClass], *, running: bool) -> None:
        super().__init__()
        self._users = classes
        self._underway = running

    def compose(self) -> ComposeResult:
        """Lay out the list and when it counts."""
        with Vertical(classes="dialog"):
            yield Static("Choose user classes", classes="dialog-title")
            yield ClassList(*(self._selection(user) for user in self._users), compact=True)
            if self._underway:
                yield Static(
                    "The load that is running keeps its users: the choice counts from its next start on.",
                    classes="dialog-hint dialog-warning",
                )
            yield Static("space ticks · enter applies · esc leaves", classes="dialog-hint")

    def action_apply(self) -> None:
        """Answer with the classes that are ticked."""
        ticked = set(self.query_one(ClassList).selected)
        if not ticked:
            self.app.notify("Tick at least one user class.", severity="warning", markup=False)
            return
        self.dismiss(tuple(user.name for user in self._users if user.name in ticked))

    @staticmethod
    def _selection(user: UserClass) -> Selection[str]:
        share = f"fixed count {user.fixed_count}" if user.fixed_count else f"weight {user.weight}"
        never = not user.fixed_count and user.weight <= 0
        prompt: Content = plain(f"{safe(user.name, NAME).ljust(NAME)} {share}")
        return Selection(prompt, user.name, user.chosen and not never, disabled=never)
