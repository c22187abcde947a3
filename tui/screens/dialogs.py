"""The dialogs: go to a number of users, mark, filter, confirm, and reading a line whole.

The load obeys under all of them (:mod:`..keymap`). What is shown of servers goes in
as plain text.
"""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.validation import Integer
from textual.widgets import Button, Input, Select, Static

from rampdeck import format as fmt
from rampdeck.model import Severity

from ..drawing import safe
from ..logbook import Entry, Filter
from ..panes.log_lines import WORDS
from ..signs import ASCII
from ..widgets.line_view import LineView

Answer = TypeVar("Answer")
MOST_LINES = 300
"""Lines of one log entry that are shown: laying out thousands would hold up the load."""


def glyphs(text: str) -> str:
    """Return text in the glyphs that this terminal has."""
    return text.translate(ASCII) if LineView.plain else text


def plain(text: str) -> Content:
    """Return text that no markup can be read into."""
    return Content(glyphs(text))


class Dialog(ModalScreen[Answer | None]):
    """The base of every dialog: escape leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back", id="dialog.leave")]

    def action_leave(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)


class Confirm(Dialog[bool]):
    """A question with two answers; enter says yes, escape says no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "Yes"),
        Binding("n", "leave", "No"),
        Binding("left,right", "app.focus_next", "Other", show=False),
    ]

    def __init__(self, title: str, question: str, yes: str) -> None:
        super().__init__()
        self._title = title
        self._question = question
        self._yes = yes

    def compose(self) -> ComposeResult:
        """Lay out the question and its answers."""
        with Vertical(classes="dialog"):
            yield Static(plain(self._title), classes="dialog-title")
            yield Static(plain(self._question), classes="dialog-text")
            with Horizontal(classes="dialog-buttons"):
                yield Button(plain(self._yes), id="yes", variant="primary", compact=True)
                yield Button("No (esc)", id="no", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        event.stop()
        self.dismiss(event.button.id == "yes")

    def action_yes(self) -> None:
        """Say yes."""
        self.dismiss(True)


class GoTo(Dialog[int]):
    """Asks for a number of users."""

    def __init__(self, now: int, most: int) -> None:
        super().__init__()
        self._now = now
        self._most = most

    def compose(self) -> ComposeResult:
        """Lay out the input."""
        with Vertical(classes="dialog"):
            yield Static("Go to how many users?", classes="dialog-title")
            yield Input(
                placeholder=str(self._now),
                type="integer",
                validators=[Integer(minimum=0, failure_description="a whole number from 0 on")],
                validate_on=["submitted"],
                valid_empty=True,
                select_on_focus=True,
                compact=True,
            )
            now, most = fmt.count(self._now), fmt.count(self._most)
            yield Static(f"The target is {now}. Above {most} you are asked again.", classes="dialog-hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer with the number."""
        event.stop()
        result = event.validation_result
        if result is not None and not result.is_valid:
            self.app.notify("Write a whole number from 0 on.", severity="warning", markup=False)
            return
        self.dismiss(int(event.value) if event.value.strip() else None)


class Note(Dialog[str]):
    """Asks for the text of a mark."""

    def compose(self) -> ComposeResult:
        """Lay out the input."""
        with Vertical(classes="dialog"):
            yield Static("Mark this moment", classes="dialog-title")
            yield Input(
                placeholder="what happens now, for example: deploy 8f3c1d2", max_length=200, compact=True
            )
            yield Static("enter sets the mark · esc leaves · F9 stops the load", classes="dialog-hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer with the note; an empty one is no mark."""
        event.stop()
        self.dismiss(event.value.strip() or None)


class FilterLog(Dialog[Filter]):
    """Asks what a log shall show."""

    CHOICES = (
        ("everything", Severity.DEBUG),
        ("from info on", Severity.INFO),
        ("from notice on", Severity.NOTICE),
        ("from warning on", Severity.WARNING),
        ("from error on", Severity.ERROR),
    )

    def __init__(self, heading: str, now: Filter) -> None:
        super().__init__()
        self._heading = heading
        self._now = now

    def compose(self) -> ComposeResult:
        """Lay out text and severity."""
        with Vertical(classes="dialog"):
            yield Static(plain(f"Filter {self._heading}"), classes="dialog-title")
            yield Input(self._now.text, placeholder="lines with this text, or of this host", compact=True)
            yield Select(self.CHOICES, value=self._severity(), allow_blank=False, compact=True)
            yield Static("enter filters · empty shows everything · esc leaves it", classes="dialog-hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer with the filter."""
        event.stop()
        severity = self.query_one(Select).value
        level = severity if isinstance(severity, Severity) else Severity.DEBUG
        self.dismiss(Filter(event.value.strip(), level))

    def on_select_changed(self) -> None:
        """Return to the text, where enter is expected."""
        self.query_one(Input).focus()

    def _severity(self) -> Severity:
        known = [severity for _, severity in self.CHOICES]
        return self._now.severity if self._now.severity in known else Severity.DEBUG


class OpenedEntry(Dialog[None]):
    """One line of a log, whole: a traceback, a long query."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,q", "leave", "Close")]

    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self._entry = entry

    def compose(self) -> ComposeResult:
        """Lay out where it came from and the text."""
        event = self._entry.event
        word, _ = WORDS[event.severity]
        times, moment = "", fmt.clock(self._entry.began)
        if self._entry.times > 1:
            times = f" · {fmt.count(self._entry.times)} times until {fmt.clock(self._entry.ended)}"
        lines = event.text.splitlines()
        text = "\n".join(safe(line, 2_000) for line in lines[:MOST_LINES])
        if len(lines) > MOST_LINES:
            text += f"\n… {fmt.count(len(lines) - MOST_LINES)} more lines; the session file has them"
        earlier = "\n".join(safe(before.partition("\n")[0], 400) for before in reversed(self._entry.earlier))
        fields = "\n".join(f"{safe(name, 60)}  {safe(value, 400)}" for name, value in event.fields.items())
        with Vertical(classes="dialog dialog-wide"):
            yield Static(plain(f"{moment}  {safe(event.source, 80)}  {word}{times}"), classes="dialog-title")
            with VerticalScroll(classes="dialog-scroll"):
                yield Static(plain(text), classes="dialog-text")
                if fields:
                    yield Static(plain(fields), classes="dialog-hint")
                if earlier:
                    yield Static(plain(f"Before it:\n{earlier}"), classes="dialog-hint")
            yield Static("esc closes", classes="dialog-hint")
