"""The keys: what they ask of the session, and that their effect is on the screen at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.events import Key

from rampdeck.config import LoadConfig, ScreenConfig
from rampdeck.errors import SessionError, UsageError
from rampdeck.model import RunState
from rampdeck.snapshot import LoadView
from tui import Cockpit
from tui.screens.dialogs import Confirm, GoTo

from .conftest import Opened
from .fakes import FakeDeck
from .looking import app_of, bar, dashboard, repaint, screen_text
from .made import picture


async def test_the_load_keys_change_the_target(opened: Opened, deck: FakeDeck) -> None:
    changes = {"plus": 10, "equals_sign": 10, "minus": -10, "w": 1, "W": 10, "s": -1, "S": -10}
    async with opened() as pilot:
        await pilot.press(*changes)
        assert deck.calls == [("change_target", change) for change in changes.values()]


async def test_a_step_is_as_large_as_configured(opened: Opened, deck: FakeDeck) -> None:
    deck.limits = LoadConfig(step=25)
    async with opened() as pilot:
        await pilot.press("plus")
        assert deck.calls == [("change_target", 25)]


async def test_the_new_target_stands_on_the_screen_as_soon_as_the_key_is_pressed(
    opened: Opened, deck: FakeDeck
) -> None:
    async with opened() as pilot:
        assert "→ 300" in bar(pilot, "top")
        await pilot.press("plus")
        assert "→ 310" in bar(pilot, "top")


async def test_presses_add_up_and_none_is_lost(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press(*["plus"] * 7, "minus")
        assert deck.now.load.target == 360


async def test_g_goes_to_a_number_of_users(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("g", *"420", "enter")
        await pilot.pause()
        assert deck.calls == [("set_target", 420)]
        assert "→ 420" in bar(pilot, "top")


async def test_g_leaves_the_load_alone_when_left_or_given_nothing(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("g", "escape")
        await pilot.press("g", "enter")
        assert deck.calls == []
        assert not isinstance(pilot.app.screen, GoTo)


async def test_space_holds_the_plan_and_goes_on(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("space")
        assert "HOLDING" in bar(pilot, "top")
        await pilot.press("space")
        assert deck.calls == [("toggle_hold",), ("toggle_hold",)]
        assert "HOLDING" not in bar(pilot, "top")


async def test_p_returns_to_the_plan_after_a_key_left_it(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("p")
        assert deck.calls == [], "while the plan is followed there is nothing to return to"
        await pilot.press("plus", "p")
        assert deck.calls == [("change_target", 10), ("return_to_plan",)]


async def test_x_stops_gracefully_and_capital_x_at_once(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("x")
        assert "STOPPING" in bar(pilot, "top")
        await pilot.press("X")
        assert "STOPPED" in bar(pilot, "top")
        assert deck.calls == [("stop",), ("abort",)]


async def test_stopping_at_once_works_under_every_dialog(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("2")
        for dialog, key in (("question_mark", "X"), ("q", "X"), ("enter", "X"), ("ctrl+p", "f9"), ("g", "f9"),
                            ("slash", "f9")):  # fmt: skip
            deck.now = picture()
            await repaint(pilot)
            await pilot.press(dialog)
            await pilot.pause()
            assert pilot.app.screen is not dashboard(pilot), dialog
            deck.calls.clear()
            await pilot.press(key)
            assert deck.calls == [("abort",)], dialog
            await pilot.press("escape")
            await pilot.pause()


async def test_f9_stops_at_once_while_one_types_and_x_is_a_letter_there(
    opened: Opened, deck: FakeDeck
) -> None:
    async with opened() as pilot:
        await pilot.press("m", *"fiX x")
        assert deck.calls == []
        await pilot.press("f9")
        assert deck.calls == [("abort",)]
        await pilot.press("enter")
        await pilot.pause()
        assert deck.calls[-1] == ("mark", "fiX x")


async def test_keys_are_obeyed_in_the_order_in_which_they_were_pressed(
    opened: Opened, deck: FakeDeck
) -> None:
    async with opened() as pilot:
        for key in ("plus", "minus", "w", "x", "X"):
            pilot.app.post_message(Key(key, None))
        await pilot.pause()
        await pilot.pause()
        assert [call[0] for call in deck.calls] == ["change_target"] * 3 + ["stop", "abort"]


async def test_the_load_obeys_under_a_dialog_without_an_input(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("question_mark", "plus", "minus", "x")
        assert deck.calls == [("change_target", 10), ("change_target", -10), ("stop",)]


async def test_m_puts_a_note_on_the_timeline_and_it_stands_in_the_key_figures(
    opened: Opened, deck: FakeDeck
) -> None:
    async with opened() as pilot:
        await pilot.press("m", *"cache off", "enter")
        await pilot.pause()
        assert deck.calls == [("mark", "cache off")]
        assert "“cache off”" in bar(pilot, "kpis")


async def test_an_empty_note_is_no_mark(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("m", "space", "enter")
        assert deck.calls == []


async def test_ctrl_s_writes_the_record_and_says_where(opened: Opened, deck: FakeDeck) -> None:
    deck.record = Path("sessions/tonight/record.md")
    async with opened() as pilot:
        await pilot.press("ctrl+s")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        assert deck.calls == [("save_record",)]
        assert "sessions/tonight/record.md" in screen_text(pilot)


async def test_a_record_that_cannot_be_written_is_said(opened: Opened, deck: FakeDeck) -> None:
    deck.record = SessionError("cannot write record.md", "No space left on device", "Free some")
    async with opened() as pilot:
        await pilot.press("ctrl+s")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        assert "No space left on device" in screen_text(pilot)


async def test_raising_above_max_users_asks(opened: Opened, deck: FakeDeck) -> None:
    deck.limits = LoadConfig(step=10, max_users=305)
    async with opened() as pilot:
        await pilot.press("plus")
        assert isinstance(pilot.app.screen, Confirm)
        assert deck.calls == []
        await pilot.press("n")
        assert deck.calls == []
        await pilot.press("plus", "y")
        await pilot.pause()
        assert deck.calls == [("change_target", 10)]


async def test_what_was_allowed_once_is_not_asked_again(opened: Opened, deck: FakeDeck) -> None:
    deck.limits = LoadConfig(step=10, max_users=305)
    async with opened() as pilot:
        await pilot.press("plus", "enter")
        await pilot.press("minus", "plus")
        assert [call[1] for call in deck.calls] == [10, -10, 10]
        assert not isinstance(pilot.app.screen, Confirm)


async def test_lowering_and_stopping_never_ask(opened: Opened, deck: FakeDeck) -> None:
    deck.limits = LoadConfig(step=10, max_users=1)
    async with opened() as pilot:
        await pilot.press("minus", "x", "X")
        assert [call[0] for call in deck.calls] == ["change_target", "stop", "abort"]


async def test_going_to_a_number_above_max_users_asks_too(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("g", *"5000", "enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, Confirm)
        await pilot.press("y")
        await pilot.pause()
        assert deck.calls == [("set_target", 5000)]


async def test_quitting_asks_while_the_load_runs(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("q", "escape")
        assert pilot.app.is_running
        await pilot.press("q", "y")
        await pilot.pause()
        assert not pilot.app.is_running


async def test_quitting_without_a_load_does_not_ask(opened: Opened, deck: FakeDeck) -> None:
    deck.now = replace(deck.now, load=LoadView())
    async with opened() as pilot:
        await pilot.press("q")
        await pilot.pause()
        assert pilot.app.return_value is None
        assert not pilot.app.is_running


async def test_keys_that_can_do_nothing_are_greyed_and_do_nothing(opened: Opened, deck: FakeDeck) -> None:
    deck.now = replace(deck.now, load=LoadView(state=RunState.READY))
    async with opened() as pilot:
        await repaint(pilot)
        enabled = {one.binding.id: one.enabled for one in pilot.app.screen.active_bindings.values()}
        assert not any(enabled[name] for name in ("load.hold", "load.plan", "load.stop", "load.down"))
        assert enabled["load.up"]
        assert enabled["load.abort"], "stopping at once is never out of reach"
        await pilot.press("space", "p", "x", "minus")
        assert deck.calls == []


async def test_keys_come_back_when_the_load_runs(opened: Opened, deck: FakeDeck) -> None:
    running = deck.now.load
    deck.now = replace(deck.now, load=LoadView(state=RunState.READY))
    async with opened() as pilot:
        deck.now = replace(deck.now, load=running)
        await repaint(pilot)
        await pilot.press("x")
        assert deck.calls == [("stop",)]


async def test_the_keys_are_the_users_own_where_he_says_so(opened: Opened, deck: FakeDeck) -> None:
    config = ScreenConfig(keys={"load.up": "u", "load.abort": "f10"})
    async with opened(config=config) as pilot:
        await pilot.press("u")
        assert deck.calls == [("change_target", 10)]
        await pilot.press("plus")
        assert len(deck.calls) == 1, "the old key is free"
        await pilot.press("f10")
        assert deck.calls[-1] == ("abort",)
        assert "u Up" in bar(pilot, "keys")


def test_a_key_for_an_action_that_does_not_exist_is_refused(deck: FakeDeck) -> None:
    with pytest.raises(UsageError, match=r'unknown action "load.upp"; did you mean "load.up"'):
        Cockpit(deck, ScreenConfig(keys={"load.upp": "u"}))


async def test_the_auto_step_has_a_key_that_is_grey_while_it_goes_on(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("A", "A")
        assert deck.calls == [("auto_step",)]
        await pilot.press("minus", "A")
        assert deck.calls[1:] == [("change_target", -10), ("auto_step",)]


async def test_every_action_is_in_the_palette(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        names = {command.title for command in app_of(pilot).get_system_commands(pilot.app.screen)}
        assert {"Up", "Down", "Go to", "Hold", "Plan", "Stop", "Abort", "Mark", "Record", "Zoom"} <= names
        assert {"Help", "Quit", "Theme", "Save a picture of the screen", "Pane 5: pg_stat_activity"} <= names


async def test_a_command_of_the_palette_does_what_its_key_does(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("ctrl+p", *"Abort")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await pilot.pause(0.3)
        assert deck.calls == [("abort",)]


async def test_a_click_on_a_key_presses_it(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.click("#keys", offset=(bar(pilot, "keys").index("Up"), 0))
        await pilot.pause()
        assert deck.calls == [("change_target", 10)]


async def test_the_picture_of_the_screen_is_saved(opened: Opened, deck: FakeDeck, tmp_path: Path) -> None:
    deck.now = replace(deck.now, recording=replace(deck.now.recording, path=tmp_path / "session.db"))
    async with opened() as pilot:
        await repaint(pilot)
        app_of(pilot).action_picture()
        pictures = list(tmp_path.glob("*.svg"))
        assert len(pictures) == 1
        drawn = pictures[0].read_text(encoding="utf-8")
        assert "checkout" in drawn
        assert "@font-face" not in drawn, "it fetches nothing when it is opened"


async def test_an_unknown_theme_is_said_and_the_own_one_is_taken(opened: Opened, deck: FakeDeck) -> None:
    async with opened(config=ScreenConfig(theme="neon")) as pilot:
        assert pilot.app.theme == "rampdeck-dark"
        assert 'There is no theme "neon"' in screen_text(pilot)
