"""Text that servers wrote: it must neither break, nor recolour, nor stop the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from rich.cells import cell_len

from rampdeck.model import Health, Severity, Value
from tui.drawing import Tone, cut, fit, fit_right, safe, wrap
from tui.screens.dialogs import OpenedEntry

from .conftest import Opened
from .fakes import FakeDeck
from .looking import body, dashboard, repaint, right_half, screen_text, source_pane, widths
from .made import START, event, picture, row, source

HOSTILE = (
    "\x1b[31mred\x1b[0m and \x1b]0;title\x07 and \x1b[2J",
    "\x9b31mC1 control",
    "markup [/orders/] [bold]x[/] [id] [@click=app.bell()]y[/]",
    "nul \x00 bell \x07 backspace \x08 delete \x7f",
    "weiter mit 日本語のログ行とても長い行です" * 20,
    "emoji 🙂👨\u200d👩\u200d👧 ❤\ufe0f 🇦🇹 👍🏽 and e\u0301",
    "right to left \u202e abc \u2066 def",
    "surrogate \udcff and private \ue000",
    "tab\tand\rreturn and \u2028 line",
    "x" * 1_000_000,
    "",
    "\n\n\n",
    "traceback\n" + "  \x1b[1mline [/]\n" * 5_000,
)


async def test_hostile_log_lines_do_not_break_or_recolour_the_screen(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        before = right_half(pilot)
        pane = source_pane(pilot, "nginx")
        own = {pane.style_of(tone) for tone in Tone}
        for number, text in enumerate(HOSTILE):
            deck.events.append(event(START.plus(900 + number), "nginx@web-1", text, Severity.INFO))
            await repaint(pilot)
            said = ascii(text[:20])
            assert widths(pane) == {pane.size.width}, said
            strips = pane.render_lines(pane.size.region)
            assert {segment.style for strip in strips for segment in strip} <= own, said
            assert "".join(strip.text for strip in strips).replace("\u2009", "").isprintable(), said
            assert right_half(pilot) == before, f"nothing beside the pane changes with {said}"
            frame = pane.text.splitlines()[1:-1]
            assert all(line.startswith("│ ") and line.endswith(" │") for line in frame), said


async def test_hostile_lines_can_be_opened_and_filtered(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        for number, text in enumerate((HOSTILE[0], HOSTILE[2], HOSTILE[3], HOSTILE[-1])):
            deck.events.append(event(START.plus(900 + number), "nginx@web-1", text, Severity.INFO))
            await repaint(pilot)
            await pilot.press("3", "end", "up", "enter")
            await pilot.pause()
            assert isinstance(pilot.app.screen, OpenedEntry)
            assert not {"\x1b", "\x00", "\x9b"} & set(screen_text(pilot)), ascii(text[:20])
            await pilot.press("escape")
        await pilot.press("slash", *"[/x]", "enter")
        await pilot.pause()
        assert "“[/x]”" in source_pane(pilot, "nginx").text


async def test_hostile_names_of_everything(opened: Opened, deck: FakeDeck) -> None:
    evil = "[/orders/] \x1b[31m日本 [id]\x00\U0001f642"
    shot = picture()
    rows: tuple[Mapping[str, Value], ...] = (
        {"pid": evil, "state": evil, "wait": evil, "age": 1.0, "query": evil, "_health": Health.BLIND},
    )
    deck.now = replace(
        shot,
        title=evil,
        host=f"http://{evil}",
        requests=(replace(row(754, 0), name=evil, method=evil),),
        sources=(
            source("postgres@db-1", {"active": 1.0}, rows=rows),
            source("redis@c", {}, health=Health.BLIND, reason=evil * 30),
        ),
        thresholds=tuple(replace(one, label=evil, expression=f"p95 {evil} < 1ms") for one in shot.thresholds),
        reasons=(evil,),
        mark=event(START, "operator", evil),
    )
    for size in ((160, 45), (80, 24)):
        async with opened(size) as pilot:
            shown = screen_text(pilot)
            assert "\x1b" not in shown
            assert {cell_len(line) for line in shown.splitlines()} == {size[0]}
            assert "[/orders/]" in shown, "markup is text like any other"
            for pane in dashboard(pilot).panes.values():
                if pane.region:
                    assert widths(pane) == {pane.size.width}
            await pilot.press("9", "z")
            await pilot.pause()
            assert "[id]" in screen_text(pilot)


async def test_messages_to_the_operator_are_no_markup(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        dashboard(pilot).app.say("no space for [/orders/] \x1b[31m[id]", "error")  # type: ignore[attr-defined]
        await pilot.pause(0.3)
        assert "no space for [/orders/] [id]" in screen_text(pilot)


async def test_a_log_of_wide_characters_keeps_its_columns(opened: Opened, deck: FakeDeck) -> None:
    deck.events = [
        event(START, "gunicorn@日本のホスト", "eins", Severity.ERROR),
        event(START, "gunicorn@app-1", "zwei", Severity.ERROR),
    ]
    async with opened() as pilot:
        found = [line for line in body(source_pane(pilot, "gunicorn")) if "error " in line]
        assert len({cell_len(line[: line.index("error ")]) for line in found[-2:]}) == 1


@pytest.mark.parametrize("text", [safe(text) for text in HOSTILE])
@pytest.mark.parametrize("width", [1, 2, 7, 40])
def test_a_cell_has_its_width_whatever_is_in_it(text: str, width: int) -> None:
    assert cell_len(fit(text, width)) == width
    assert cell_len(fit_right(text, width)) == width
    assert cell_len(cut(text, width)) <= width
    assert all(cell_len(line) <= width for line in wrap(text, width, 5))
