"""What a test sees on the screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from textual.pilot import Pilot

from tui.app import Cockpit
from tui.panes import GatePane, RequestsPane, SourcePane, TrendPane
from tui.panes.checks import ChecksPane
from tui.panes.selected import SelectedPane
from tui.screens.dashboard import Dashboard
from tui.screens.preflight import Preflight
from tui.widgets.bars import Bar
from tui.widgets.line_view import LineView

PATIENCE = 30.0
"""Seconds that a picture may take before a test gives up."""


def app_of(pilot: Pilot[None]) -> Cockpit:
    return cast("Cockpit", pilot.app)


def dashboard(pilot: Pilot[None]) -> Dashboard:
    return app_of(pilot).dashboard


def source_pane(pilot: Pilot[None], kind: str) -> SourcePane:
    return dashboard(pilot).query_one(f"#{kind}", SourcePane)


def requests_pane(pilot: Pilot[None]) -> RequestsPane:
    return dashboard(pilot).query_one(RequestsPane)


def gate_pane(pilot: Pilot[None]) -> GatePane:
    return dashboard(pilot).query_one(GatePane)


def trend_pane(pilot: Pilot[None]) -> TrendPane:
    return dashboard(pilot).query_one(TrendPane)


def bar(pilot: Pilot[None], name: str) -> str:
    return dashboard(pilot).query_one(f"#{name}", Bar).text


def screen_text(pilot: Pilot[None]) -> str:
    """Return every character on the screen, dialogs included."""
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


async def until(pilot: Pilot[None], shown: Callable[[], bool]) -> None:
    """Wait until something is to be seen: beside busy neighbours a picture takes its time."""
    async with asyncio.timeout(PATIENCE):
        while not shown():
            await pilot.pause()


def right_half(pilot: Pilot[None]) -> list[str]:
    """Return what stands from cell 96 on, which in a large terminal is the right column."""
    return [strip.crop(96).text for strip in pilot.app.screen._compositor.render_strips()]


def widths(view: LineView) -> set[int]:
    """Return the widths of all lines that a widget really draws, in cells."""
    return {strip.cell_length for strip in view.render_lines(view.size.region)}


def body(pane: LineView) -> list[str]:
    """Return a framed pane's lines without the frame."""
    return [line[2:-2].rstrip() for line in pane.text.splitlines()[1:-1]]


def preflight_of(pilot: Pilot[None]) -> Preflight:
    front = app_of(pilot).front
    assert isinstance(front, Preflight)
    return front


def rows_of(pilot: Pilot[None]) -> list[str]:
    return body(preflight_of(pilot).query_one(ChecksPane))


def chosen(pilot: Pilot[None]) -> tuple[str, str]:
    check = preflight_of(pilot).query_one(ChecksPane).chosen
    assert check is not None
    return check.name, check.host


def selected(pilot: Pilot[None]) -> str:
    """Return the text of the chosen check with every run of blanks as one."""
    lines = preflight_of(pilot).query_one(SelectedPane).text.splitlines()
    return " ".join(" ".join(line.strip("│╭╰╮╯─ ") for line in lines).split())


def top_of(pilot: Pilot[None]) -> str:
    return preflight_of(pilot).query_one("#top", LineView).text


def keys_of(pilot: Pilot[None]) -> str:
    return preflight_of(pilot).query_one("#keys", LineView).text


def enabled(pilot: Pilot[None]) -> dict[str | None, bool]:
    return {one.binding.id: one.enabled for one in pilot.app.screen.active_bindings.values()}


async def repaint(pilot: Pilot[None]) -> None:
    """Let the cockpit take the deck's picture and its log lines at once."""
    app_of(pilot).paint()
    dashboard(pilot).read_logs()
    await pilot.pause()
