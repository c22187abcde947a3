"""The question before a load that the preflight speaks against."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from rampdeck.preflight.check import Check, State

from ..drawing import safe
from ..signs import CHECK
from .dialogs import Confirm, glyphs, plain

MOST = 20
"""Checks that are listed; the preflight has them all."""


class GoOn(Confirm):
    """Asks whether the load shall begin all the same; lists what the record will lack.

    Unlike other questions it begins on its "no": the enter that asked must not
    answer too.
    """

    AUTO_FOCUS = "#no"

    def __init__(self, against: Sequence[Check]) -> None:
        super().__init__("Start the load all the same?", "", "Go on anyway (y)")
        self._against = against

    def compose(self) -> ComposeResult:
        """Lay out what failed, what is not known yet, and the answers."""
        failed = [check for check in self._against if check.state is State.FAILED]
        pending = [safe(check.title, 80) for check in self._against if check.state is State.PENDING]
        told = [_told(check) for check in failed[:MOST]]
        if len(failed) > MOST:
            told.append(plain(f"… and {len(failed) - MOST} more"))
        if pending:
            told.append(plain(f"{len(pending)} not known yet: {', '.join(pending)}"))
        with Vertical(classes="dialog dialog-decide"):
            yield Static(plain(self._title), classes="dialog-title")
            with VerticalScroll(classes="dialog-scroll", can_focus=False):
                yield Static(plain("\n\n").join(told), classes="dialog-text")
            yield Static("The decision record will say that you went on.", classes="dialog-hint")
            with Horizontal(classes="dialog-buttons"):
                yield Button(plain(self._yes), id="yes", compact=True)
                yield Button("Back (esc)", id="no", variant="primary", compact=True)


def _told(check: Check) -> Content:
    """Return a check that failed: what was found, and what the record will lack."""
    place = f" on {safe(check.host, 80)}" if check.host else ""
    title = glyphs(f"{safe(check.title, 120)}{place}")
    texts = [plain(f"\n{safe(text, 600)}") for text in (check.found, check.effect) if text]
    return Content.assemble((glyphs(f"{CHECK[check.state][0]} "), "$error"), (title, "bold"), *texts)
