"""The help: every key with what it does, and what the focused pane shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from ..keymap import APP
from ..signs import HEALTH
from .dialogs import Dialog, plain

KEY_WIDTH = 16
WORDS = {
    "connecting": "connecting, no data yet",
    "live": "good, live",
    "warning": "near a limit, or readable with a flaw",
    "blind": "failing, or blind: the reason says why",
    "absent": "left out, or no data",
}


class Help(Dialog[None]):
    """What the keys, the signs and the focused pane mean."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,f1,q,enter", "leave", "Close")]

    def __init__(self, pane: str, text: str, first: Sequence[Binding] = ()) -> None:
        """Make it; ``first`` are the bindings that come before those of the app where one is."""
        super().__init__()
        self._first = first
        self._pane = pane
        self._text = text

    def compose(self) -> ComposeResult:
        """Lay out the pane's text, the keys and the signs."""
        with Vertical(classes="dialog dialog-wide"):
            with VerticalScroll(classes="dialog-scroll"):
                if self._pane:
                    yield Static(plain(self._pane), classes="dialog-heading")
                    yield Static(plain(self._text), classes="dialog-text dialog-apart")
                yield Static("Keys", classes="dialog-heading")
                yield Static(self._keys(), classes="dialog-text dialog-apart")
                yield Static("Signs", classes="dialog-heading")
                yield Static(self._signs(), classes="dialog-text")
            yield Static("esc closes · ctrl+p lists every command", classes="dialog-hint")

    def _keys(self) -> Content:
        keymap = self.app._keymap  # Textual has no public way to read it back
        lines: list[Content] = []
        taken = {key for binding in self._first for key in binding.key.split(",")}
        for binding in (*self._first, *(one for one in APP if one.key not in taken)):
            numbered = binding.id and binding.id.startswith("pane.") and not binding.key.isalpha()
            if numbered or binding.id == "quit.ctrl":
                continue
            keys = keymap.get(binding.id or "", binding.key)
            shown = " ".join(_key_name(key) for key in keys.split(","))
            lines.append(Content.assemble((shown.ljust(KEY_WIDTH), "bold"), binding.tooltip))
        for shown, said in (
            ("1-9 0", "Go to a pane; in a small terminal, choose it; 0 is this generator"),
            ("tab shift+tab", "Go to the next or the previous pane"),
            ("↑ ↓ pgup pgdn", "Move in a log or a table; a log stops following"),
            ("home end", "First line; newest line, and follow again"),
            ("/ l f enter", "In a log: filter by text, by severity, follow, open a line whole"),
            ("o", "In the requests: order by the next column"),
            ("enter", "In the requests and the steps: every percentile of the row"),
            ("ctrl+p", "Every command by name; themes too"),
        ):
            lines.append(Content.assemble((shown.ljust(KEY_WIDTH), "bold"), said))
        return Content("\n").join(lines)

    def _signs(self) -> Content:
        return Content("\n").join(
            Content(f"{sign.ljust(KEY_WIDTH)}{WORDS[health.value]}") for health, (sign, _) in HEALTH.items()
        )


def _key_name(key: str) -> str:
    names = {
        "plus": "+", "equals_sign": "=", "minus": "-", "question_mark": "?", "slash": "/", "escape": "esc",
    }  # fmt: skip
    return names.get(key, key.upper() if key.startswith("f") and key[1:].isdigit() else key)
