"""The dashboard: top bar, key figures, panes, gate and keys; lays out for the terminal it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.reactive import reactive
from textual.screen import Screen

from rampdeck.deck import Deck
from rampdeck.preflight.inspection import PreflightView
from rampdeck.session import GRAVE
from rampdeck.snapshot import EMPTY, Snapshot
from rampdeck.view import Unit, View

from ..drawing import Line, Tone, wrap
from ..keymap import STEPS, WORKERS
from ..panes import GatePane, RequestsPane, SourcePane, StepsPane, TrendPane
from ..widgets.bars import Bar, KeyBar, KpiLine, PaneBar, TopBar
from ..widgets.pane import Pane

SOURCES = ((2, "Gunicorn", ("gunicorn", "uvicorn")), (3, "Nginx", ("nginx", "caddy")),
           (5, "PostgreSQL", ("postgres",)), (6, "Redis", ("redis",)), (7, "Hosts", ("host",)),
           (0, "Generator", ("generator",)))  # fmt: skip
"""Number, heading and kinds of the panes that show sources; of several kinds mostly one is there."""
NAMES = {
    1: ("Requests", "Req", ""),
    2: ("Gunicorn", "Guni", ""),
    3: ("Nginx", "Nginx", ""),
    4: ("Trend", "Trend", ""),
    5: ("Postgres", "PG", ""),
    6: ("Redis", "Redis", ""),
    7: ("Hosts", "Host", ""),
    8: ("Events", "Events", ""),
    STEPS: ("Steps", "Steps", ""),
    WORKERS: ("Workers", "Wrk", ""),
}
"""What the pane bar calls the panes, by the room there is; the gate is always on the screen."""
COLUMNS = {"left": (1, STEPS, 2, 3, 8), "right": (4, 5, 6, 7, 0, WORKERS)}
"""The panes of the two columns, from the top; those of generator and workers are only called up."""
EVENTS = View(title="Events", log=True)
EVENT_KINDS = ("scenario", "operator", "engine", "workers", GRAVE)
"""Whose events have no pane of their own, and the critical lines of logs, which must not scroll away.

Those of every kind that has no log come with them.
"""
GATE = 9
ALWAYS = (1, GATE)
"""Panes that a small terminal shows beside the chosen one."""
MANY = 7
"""Request names from which on their pane gets more room."""
NEEDED = (80, 24)


class Blank(Vertical):
    """A container that is nothing but background: cheaper to paint."""

    BLANK = True


class BlankRow(Horizontal):
    """The same, side by side."""

    BLANK = True


class TooSmall(Bar):
    """What a terminal shows that is too small for anything else."""

    def resized(self) -> None:
        """Say how large it must be, and which keys still matter."""
        if not self.size:
            return
        width, height = self.app.size
        load = self.snapshot.load
        text = (
            f"Rampdeck needs a terminal of {NEEDED[0]}x{NEEDED[1]}; this one is {width}x{height}. "
            f"The keys go on working: + - change the load, X stops it, q quits."
        )
        lines: list[Line] = [((part, Tone.TEXT),) for part in wrap(text, max(width - 1, 1), height)]
        state = f"{load.state.value}, {load.users} of {load.target} users"
        if len(lines) + 1 < height:
            lines += [(), ((state, Tone.STRONG),)]
        self.set_lines(lines)


class Dashboard(Screen[None]):
    """Everything at once; in a small terminal the requests and one chosen pane.

    A pane that is not on the screen costs nothing: it takes the snapshot and
    its log lines, and draws when it is shown.
    """

    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - an instance variable in Textual's eyes
        (0, "-tiny-x"),
        (60, "-narrow"),
        (130, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-tiny-y"),
        (14, "-low"),
        (28, "-short"),
        (36, "-tall"),
    ]

    snapshot: reactive[Snapshot] = reactive(EMPTY, repaint=False, always_update=True)

    def __init__(self, deck: Deck) -> None:
        super().__init__()
        self._deck = deck
        self.chosen = self._beside = 2
        panes: list[Pane] = [RequestsPane(), StepsPane(), TrendPane(), GatePane()]
        panes += [self._source(number, heading, kinds) for number, heading, kinds in SOURCES]
        quiet = tuple(kind for kind, view in deck.views.items() if not view.log)
        kinds = (*EVENT_KINDS, *(kind for kind in quiet if kind not in EVENT_KINDS))
        panes.append(SourcePane(8, "Events", "scenario", {"events": EVENTS}, {}, kinds=kinds))
        if "workers" in deck.views:
            panes.append(self._source(WORKERS, "Workers", ("workers",)))
        self.panes = {pane.number: pane for pane in panes}
        self._pane_bar = PaneBar(id="panebar")
        self._top = TopBar(id="top")
        self._above = (self._top, KpiLine(id="kpis"), self._pane_bar)
        self._small = TooSmall(id="toosmall")

    def compose(self) -> ComposeResult:
        """Lay out bars and panes."""
        yield from self._above
        with BlankRow(id="body"):
            for column, numbers in COLUMNS.items():
                with Blank(id=column, classes="column"):
                    yield from (self.panes[number] for number in numbers if number in self.panes)
        yield self.panes[GATE]
        yield KeyBar(id="keys")
        yield self._small

    def on_mount(self) -> None:
        """Choose the pane that a small terminal shows first."""
        self._choose(self.chosen)

    def watch_snapshot(self, snapshot: Snapshot) -> None:
        """Hand the picture to everything that draws."""
        self.set_class(len(snapshot.requests) > MANY, "-many")
        for bar in (*self._above, self._small):
            bar.show(snapshot)
        for pane in self.panes.values():
            pane.show(snapshot)
        self._show_pane_bar()

    def look_at(self, preflight: PreflightView | None) -> None:
        """Let the top bar say what the preflight has against the load; it is drawn with the next picture."""
        self._top.preflight = preflight

    def read_logs(self) -> None:
        """Fetch what is new in the logs."""
        for pane in self.panes.values():
            if isinstance(pane, SourcePane) and pane.view is not None and pane.view.log:
                pane.cursor, events = self._deck.events_after(pane.cursor, pane.kinds)
                if events:
                    pane.add(events)

    def go_to(self, number: int) -> None:
        """Focus a pane; where it is not on the screen, choose or zoom it first."""
        pane = self.panes.get(number)
        if pane is None:
            return
        if self.has_class("-zoom"):
            self._choose(number)
        elif self.has_class("-narrow"):
            if number not in ALWAYS:
                self._choose(number)
        elif not pane.display or not pane.region:
            self._choose(number)
            self.add_class("-zoom")
        self._focus(pane)

    def toggle_zoom(self) -> None:
        """Give the focused pane everything between the bars, or take it back."""
        if self.has_class("-zoom"):
            self._leave_zoom()
            return
        focused = self.focused
        number = focused.number if isinstance(focused, Pane) else self.chosen
        self._choose(number)
        self._focus(self.panes[number])
        self.add_class("-zoom")

    def back(self) -> None:
        """Leave the zoom; else leave the pane."""
        if self.has_class("-zoom"):
            self._leave_zoom()
        else:
            self.set_focus(None)

    def _leave_zoom(self) -> None:
        """Take the zoom back; what a small terminal always shows leaves its place to the pane before it."""
        self.remove_class("-zoom")
        if self.chosen in ALWAYS:
            self._choose(self._beside)

    def on_pane_bar_chosen(self, message: PaneBar.Chosen) -> None:
        """Go to the pane that was clicked."""
        self.go_to(message.number)

    def _focus(self, pane: Pane) -> None:
        """Focus a pane at once where that is possible, so that the next key finds it."""
        if pane.focusable:
            self.set_focus(pane, scroll_visible=False)
        else:
            pane.focus(scroll_visible=False)

    def _choose(self, number: int) -> None:
        self.chosen = number
        if number not in ALWAYS:
            self._beside = number
        for pane in self.panes.values():
            pane.set_class(pane.number == number, "-chosen")
        for column in self.query(".column"):
            column.set_class(any(child.has_class("-chosen") for child in column.children), "-holds")
        self.query_one("#body").set_class(number == GATE, "-aside")
        self._show_pane_bar()

    def _show_pane_bar(self) -> None:
        if not self._pane_bar.size:
            return
        self._pane_bar.show_panes(
            [
                (number, names, self.panes[number].health, number == self.chosen)
                for number, names in NAMES.items()
                if number in self.panes
            ]
        )

    def _source(self, number: int, heading: str, kinds: Sequence[str]) -> SourcePane:
        """Return the pane of some kinds, with a key for each of their actions."""
        views = {kind: view for kind in kinds if (view := self._deck.views.get(kind)) is not None}
        keys: list[BindingType] = [
            Binding(one.key, f"act({one.name!r})", one.label, tooltip=one.help, id=f"row.{one.name}")
            for view in views.values()
            for one in view.actions
        ]
        made: type[SourcePane] = type("SourcePane", (SourcePane,), {"BINDINGS": keys}) if keys else SourcePane
        return made(number, heading, kinds[0], views, {kind: self._units(kind) for kind in views})

    def _units(self, kind: str) -> Mapping[str, Unit]:
        start = f"{kind}."
        return {
            name.removeprefix(start): metric.unit
            for name, metric in self._deck.metrics.items()
            if name.startswith(start)
        }
