"""The dialog that asks for a password, a passphrase or what else a host wants to know."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import SecretStr
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from rampdeck.remote.asking import TRIES, Question, Wants

from ..drawing import safe
from .dialogs import Dialog, plain


class SecretInput(Input):
    """An input that gives its text to nobody but who asks: in no message, and not to the clipboard.

    A message shows what it carries in the traceback of a defect, and that is recorded.
    """

    class Given(Message):
        """Enter was pressed."""

    async def action_submit(self) -> None:
        """Say that the text is complete."""
        self.post_message(self.Given())

    def action_copy(self) -> None:
        """Copy nothing."""

    def action_cut(self) -> None:
        """Take the selected text out."""
        self.delete_selection()

    def post_message(self, message: Message) -> bool:
        """Tell nobody what the text is."""
        return False if isinstance(message, Input.Changed) else super().post_message(message)


class LogIn(Dialog[SecretStr]):
    """Asks one question; escape leaves the host out for now.

    Where the load is running, ``typing`` is off: the keys go on steering it until
    enter begins the answer.
    """

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "begin", "Answer", show=False)]

    def __init__(self, question: Question, *, typing: bool) -> None:
        super().__init__()
        self._question = question
        self._typing = typing

    def compose(self) -> ComposeResult:
        """Lay out who asks, why, and the input."""
        question = self._question
        with Vertical(classes="dialog"):
            yield Static(plain(_title(question)), classes="dialog-title")
            yield Static(plain(_reason(question)), classes="dialog-text dialog-apart")
            yield SecretInput(password=not question.echo, compact=True)
            if question.refused:
                again = f"{safe(question.refused, 200)} · attempt {question.attempt} of {TRIES}"
                yield Static(plain(again), classes="dialog-hint dialog-warning")
            yield Static(plain(self._keys()), classes="dialog-hint", id="keys")

    def on_mount(self) -> None:
        """Begin the answer at once where no key is meant for the load."""
        if self._typing:
            self.action_begin()

    def on_secret_input_given(self) -> None:
        """Answer."""
        field = self.query_one(SecretInput)
        answer = SecretStr(field.value)
        field.value = ""
        self.dismiss(answer)

    def on_descendant_focus(self) -> None:
        """Say what the keys do from here on."""
        self.query_one("#keys", Static).update(plain(self._keys(typing=True)))

    def action_begin(self) -> None:
        """Let the keys write the answer."""
        self.query_one(SecretInput).focus()

    def _keys(self, *, typing: bool = False) -> str:
        host = safe(self._question.host, 40)
        first = "enter answers" if typing else "enter begins the answer, until then the load keys work"
        other = ", without text tries another way" if typing and self._question.file else ""
        f9 = " · F9 stops the load" if typing else ""
        return f"{first}{other} · esc leaves {host} out for now{f9} · kept in memory only"


def _title(question: Question) -> str:
    host, user = safe(question.host, 60), safe(question.user, 60)
    match question.wants:
        case Wants.PASSPHRASE:
            return f"Passphrase of {_short(question.file)}"
        case Wants.PASSWORD:
            return f"Password of {user} on {host}"
        case _:
            return f"{host} asks {user}"


def _reason(question: Question) -> str:
    address, user = safe(question.address, 120), safe(question.user, 60)
    match question.wants:
        case Wants.PASSPHRASE:
            return f"This key would let {user} into {address}, and it has a passphrase."
        case Wants.PASSWORD:
            return f"To let {user} in, {address} wants a password."
        case _:
            said = [safe(text, 300) for text in (question.note, question.prompt) if text.strip()]
            return "\n".join([f"{address} wants to know:", *said])


def _short(file: str) -> str:
    path, home = Path(file), Path.home()
    return safe(f"~/{path.relative_to(home)}" if path.is_relative_to(home) else file, 120)
