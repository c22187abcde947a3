"""The dialog in which a person decides: accept what the gate says, or overrule it with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Input, OptionList, Static

from rampdeck.snapshot import Snapshot, Verdict

from ..drawing import safe
from .dialogs import Dialog, plain

MOST_REASONS = 6
"""Reasons of the gate's verdict that are shown."""
MOST_NAME, MOST_NOTE = 80, 500


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided, by whom, and why."""

    verdict: Verdict
    name: str
    note: str


class Choices(OptionList):
    """The verdicts to choose from: the one that the cursor is on is chosen; space holds no plan here."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        super().__init__(*(plain(f"( ) {word}") for word in words), compact=True)

    def check_consume_key(self, key: str, character: str | None) -> bool:  # noqa: ARG002
        """Keep space from the load keys."""
        return key == "space"

    def watch_highlighted(self, highlighted: int | None) -> None:
        """Mark the choice by a sign, not only by its colour."""
        super().watch_highlighted(highlighted)
        for place, word in enumerate(self._words):
            sign = "•" if place == highlighted else " "
            self.replace_option_prompt_at_index(place, plain(f"({sign}) {word}"))


class Decide(Dialog[Decided]):
    """Asks for the decision, a name and a note; overruling wants a note.

    The record keeps the decision and the computed verdict apart, so neither hides the other.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "decide", "Decide", priority=True),
        # At once: what is typed right behind it goes into the next field, not to the load keys.
        Binding("tab", "app.focus_next", priority=True, show=False),
        Binding("shift+tab", "app.focus_previous", priority=True, show=False),
    ]

    def __init__(self, snapshot: Snapshot, name: str) -> None:
        super().__init__()
        self._snapshot = snapshot
        self._name = name
        others = [verdict for verdict in Verdict if verdict is not snapshot.verdict]
        self._choices = (snapshot.verdict, *others)

    def compose(self) -> ComposeResult:
        """Lay out what the gate says, the choice, and two lines to write."""
        computed = self._snapshot.verdict
        with Vertical(classes="dialog dialog-decide"):
            yield Static("Decide", classes="dialog-title")
            with VerticalScroll(classes="dialog-scroll dialog-reasons", can_focus=False):
                yield Static(plain("\n".join(self._said())), classes="dialog-text")
            yield Choices([f"accept {computed}", *(f"overrule: {other}" for other in self._choices[1:])])
            with Horizontal(classes="dialog-field"):
                yield Static("Name")
                yield Input(
                    self._name, placeholder="who decides", max_length=MOST_NAME, compact=True, id="name"
                )
            with Horizontal(classes="dialog-field"):
                yield Static("Note")
                hint = "why, for whoever reads the record"
                yield Input(placeholder=hint, max_length=MOST_NOTE, compact=True, id="note")
            yield Static("", classes="dialog-hint dialog-warning", id="missing")
            yield Static(
                "↑ ↓ choose · tab goes on · enter decides · esc leaves · F9 stops the load",
                classes="dialog-hint",
            )

    def on_mount(self) -> None:
        """Say nothing is missing yet, and begin at the choice."""
        self.query_one("#missing").display = False
        choices = self.query_one(Choices)
        choices.highlighted = 0
        choices.focus()

    def action_decide(self) -> None:
        """Answer, or say what is missing."""
        name, note = (self.query_one(f"#{field}", Input) for field in ("name", "note"))
        verdict = self._choices[self.query_one(Choices).highlighted or 0]
        if not name.value.strip():
            self._miss(name, "A decision wants a name: who decides?")
        elif verdict is not self._snapshot.verdict and not note.value.strip():
            self._miss(note, f"To overrule {self._snapshot.verdict} wants a note: why?")
        else:
            self.dismiss(Decided(verdict, name.value.strip(), note.value.strip()))

    def _miss(self, field: Input, why: str) -> None:
        missing = self.query_one("#missing", Static)
        missing.update(plain(why))
        missing.display = True
        field.focus()

    def _said(self) -> list[str]:
        """Return what the gate says and why."""
        snapshot = self._snapshot
        so_far = " so far, and the load goes on" if snapshot.load.users else ""
        said = [f"The gate says {snapshot.verdict}{so_far}."]
        said += [f"· {safe(reason, 300)}" for reason in snapshot.reasons[:MOST_REASONS]]
        if (more := len(snapshot.reasons) - MOST_REASONS) > 0:
            said.append(f"  and {more} more")
        return said
