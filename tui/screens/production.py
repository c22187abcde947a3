"""The dialog before the first load of production: one types the name of the host."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from rampdeck.guard.production import Production

from ..drawing import safe
from .dialogs import Dialog, plain


class TypeHost(Dialog[str]):
    """Asks for the name of the host; answers only with the right one, and escape begins nothing."""

    def __init__(self, production: Production) -> None:
        super().__init__()
        self._production = production

    def compose(self) -> ComposeResult:
        """Lay out what is the case, and the input."""
        production = self._production
        with Vertical(classes="dialog dialog-alarm"):
            yield Static("This is PRODUCTION", classes="dialog-title dialog-alarm-title")
            because = f"{safe(production.because[:1].upper() + production.because[1:], 200)}."
            yield Static(plain(because), classes="dialog-text dialog-apart")
            wanted = f"To load it, type the name of its host:  {safe(production.host, 100)}"
            yield Static(plain(wanted), classes="dialog-text dialog-apart")
            yield Input(placeholder="the name of the host", max_length=253, compact=True)
            yield Static("", classes="dialog-hint dialog-warning", id="wrong")
            yield Static("enter begins the load · esc leaves, and nothing begins", classes="dialog-hint")

    def on_mount(self) -> None:
        """Say nothing is wrong yet."""
        self.query_one("#wrong").display = False

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer with the right name, or say that it is another."""
        event.stop()
        if self._production.is_confirmed_by(event.value):
            self.dismiss(event.value)
            return
        wrong = self.query_one("#wrong", Static)
        wrong.update(plain("That is not the name of the host. Nothing has begun."))
        wrong.display = True
