"""What opens when a row, a line or a request is asked for: the cockpit's reading half."""

from __future__ import annotations

from typing import Literal

from textual.app import App

from rampdeck.deck import Deck
from rampdeck.errors import RampdeckError
from rampdeck.view import Action

from .drawing import safe
from .logbook import Filter
from .panes import RequestsPane, SourcePane, StepsPane
from .panes.tables import Row
from .screens.dashboard import Dashboard
from .screens.details import OpenedRequest, OpenedStep
from .screens.dialogs import Confirm, FilterLog, OpenedEntry
from .screens.rows import Answered, OpenedRow

Said = Literal["information", "warning", "error"]


class Opening(App[None]):
    """An app that opens what a pane has asked it to; :class:`~tui.app.Cockpit` adds the keys and the load."""

    _deck: Deck

    @property
    def dashboard(self) -> Dashboard:
        """The screen below all dialogs."""
        screen = self.screen_stack[0]
        assert isinstance(screen, Dashboard)
        return screen

    def say(self, text: str, severity: Said = "information") -> None:
        """Show a message to the operator for some seconds."""
        seconds = 20 if severity == "error" else 8
        self.notify(safe(text, 1_000), severity=severity, markup=False, timeout=seconds)

    def on_source_pane_filter_wanted(self, message: SourcePane.FilterWanted) -> None:
        """Ask what a log shall show."""
        pane = message.pane

        def wanted(answer: Filter | None) -> None:
            if answer is not None:
                pane.set_filter(answer)

        self.push_screen(FilterLog(pane.heading, pane.book.wanted), wanted)

    def on_source_pane_entry_opened(self, message: SourcePane.EntryOpened) -> None:
        """Show a log line whole."""
        self.push_screen(OpenedEntry(message.entry))

    def on_source_pane_row_opened(self, message: SourcePane.RowOpened) -> None:
        """Show a row whole."""
        self.push_screen(OpenedRow(message.table, message.row))

    def on_source_pane_wanted(self, message: SourcePane.Wanted) -> None:
        """Do something with a row, after a question where it is not harmless."""
        action, row = message.action, message.row

        def go(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._act(action, row), group="act", exclusive=True, exit_on_error=False)

        if not action.question:
            go(True)
        elif not isinstance(self.screen, Confirm):
            self.push_screen(Confirm(f"{action.label}?", action.question, action.label), go)

    async def _act(self, action: Action, row: Row) -> None:
        try:
            text = await self._deck.act(row.source, action, row.cells)
        except RampdeckError as error:
            self.say(str(error), "error")
        else:
            self.push_screen(Answered(f"{action.label} · {row.host}", text))

    def on_steps_pane_opened(self, message: StepsPane.Opened) -> None:
        """Show a step whole."""
        details = self._deck.details.step(message.number)
        if details is not None:
            rows = self.dashboard.snapshot.steps
            row = next((row for row in rows if row.step.number == message.number), None)
            self.push_screen(OpenedStep(details, row))

    def on_requests_pane_opened(self, message: RequestsPane.Opened) -> None:
        """Show a request name whole."""
        self.push_screen(OpenedRequest(self._deck.details.request(message.method, message.name)))
