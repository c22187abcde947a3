"""The keys of the preflight: what they ask of the session, and when they do nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rampdeck.config import ScreenConfig
from rampdeck.snapshot import LoadView
from tui.panes.checks import ChecksPane
from tui.panes.planned import PlanPane
from tui.panes.selected import SelectedPane
from tui.screens.go_on import GoOn

from .conftest import Opened
from .fakes import FakeDeck
from .looking import (
    app_of,
    chosen,
    dashboard,
    enabled,
    keys_of,
    preflight_of,
    repaint,
    screen_text,
    top_of,
)
from .made import before, picture
from .preflights import DEBUG, HOSTILE, LEVEL, PG, RIGHTS, green, looking_again, preflight

pytestmark = pytest.mark.usefixtures("_preflight_is_red")


async def test_enter_starts_the_plan_when_nothing_stands_against_it(opened: Opened, deck: FakeDeck) -> None:
    deck.found = green()
    async with opened(preflight=True) as pilot:
        assert "enter starts the plan" in screen_text(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert deck.calls == [("return_to_plan",)]
        assert pilot.app.screen is dashboard(pilot)


async def test_a_warning_or_an_unknown_holds_nothing_back(opened: Opened, deck: FakeDeck) -> None:
    deck.found = preflight(LEVEL, RIGHTS)
    async with opened(preflight=True) as pilot:
        await pilot.press("enter")
        await pilot.pause()
        assert deck.calls == [("return_to_plan",)]


async def test_enter_without_a_plan_leaves_the_load_to_the_keys(opened: Opened, deck: FakeDeck) -> None:
    deck.found, deck.now = green(), replace(before(), load=LoadView())
    async with opened(preflight=True) as pilot:
        assert "no plan" in screen_text(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert deck.calls == []
        assert pilot.app.screen is dashboard(pilot)
        assert "+ starts the load" in screen_text(pilot)


async def test_enter_starts_a_locustfiles_shape(opened: Opened, deck: FakeDeck) -> None:
    deck.found, deck.now = green(), replace(before(), load=LoadView(shape=True))
    async with opened(preflight=True) as pilot:
        assert "LoadTestShape" in screen_text(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert deck.calls == [("return_to_plan",)]


async def test_enter_asks_when_a_check_failed_and_lists_what_the_record_lacks(
    opened: Opened, deck: FakeDeck
) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("enter")
        await pilot.pause()
        for check in (DEBUG, PG):
            assert check.title in screen_text(pilot)
            assert check.effect in screen_text(pilot)
        assert LEVEL.effect not in screen_text(pilot)
        assert deck.calls == []
        await pilot.press("y")
        await pilot.pause()
        assert deck.calls == [("go_on_anyway",), ("return_to_plan",)]
        assert pilot.app.screen is dashboard(pilot)


async def test_pressing_enter_twice_does_not_answer_the_question(opened: Opened, deck: FakeDeck) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("enter", "enter")
        await pilot.pause()
        assert deck.calls == []
        assert pilot.app.screen is preflight_of(pilot)


async def test_escape_from_the_question_starts_nothing(opened: Opened, deck: FakeDeck) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("enter", "escape")
        await pilot.pause()
        assert deck.calls == []
        assert pilot.app.screen is preflight_of(pilot)


async def test_enter_asks_while_checks_are_pending_and_names_them(opened: Opened, deck: FakeDeck) -> None:
    deck.found = looking_again(green(), {"redis.info", "clock.offset"})
    async with opened(preflight=True) as pilot:
        assert "enter asks while some are ◌" in screen_text(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert "2 not known yet: redis INFO, clock offset" in screen_text(pilot)
        await pilot.press("y")
        await pilot.pause()
        assert deck.calls == [("go_on_anyway",), ("return_to_plan",)]


async def test_before_anything_is_looked_at_nothing_is_called_done(opened: Opened, deck: FakeDeck) -> None:
    deck.found = replace(looking_again(preflight()), running=False, seconds=0.0)
    async with opened(preflight=True) as pilot:
        assert "about to begin" in top_of(pilot)
        assert "done" not in top_of(pilot)


async def test_r_looks_at_everything_and_f_at_what_failed_or_is_not_known(
    opened: Opened, deck: FakeDeck
) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("f")
        await pilot.pause()
        assert deck.calls == [("check_again", {"django.debug", "postgres.complete", "journal.rate"})]
        assert "3 to come" in top_of(pilot), "at once"
        await pilot.press("r", "f")
        assert len(deck.calls) == 1, "it is being looked at"
        deck.found = preflight()
        await repaint(pilot)
        await pilot.press("r")
        await pilot.pause()
        assert deck.calls[1:] == [("check_again", None)]


async def test_where_nothing_failed_f_is_grey(opened: Opened, deck: FakeDeck) -> None:
    deck.found = green()
    async with opened(preflight=True) as pilot:
        assert not enabled(pilot)["preflight.failed"]
        assert enabled(pilot)["preflight.again"]
        await pilot.press("f")
        assert deck.calls == []


async def test_c_copies_the_fix_and_says_so(opened: Opened) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("down")
        assert chosen(pilot) == ("postgres.complete", "db-1")
        await pilot.press("c")
        await pilot.pause()
        assert pilot.app.clipboard == "GRANT pg_monitor TO monitor;"
        assert "Copied: GRANT pg_monitor TO monitor;" in screen_text(pilot)


async def test_what_is_copied_is_one_line_without_what_a_terminal_would_obey(
    opened: Opened, deck: FakeDeck
) -> None:
    deck.found = preflight(replace(DEBUG, fix=HOSTILE))
    async with opened(preflight=True) as pilot:
        await pilot.press("c")
        await pilot.pause()
        assert pilot.app.clipboard == "[/orders/] [b]x[/b] rm -rf ~\N{REPLACEMENT CHARACTER}"


async def test_where_there_is_nothing_to_mend_c_is_grey(opened: Opened) -> None:
    async with opened(preflight=True) as pilot:
        assert enabled(pilot)["preflight.copy"]
        await pilot.press("end", "up")
        await pilot.pause()
        assert not enabled(pilot)["preflight.copy"]
        await pilot.press("c")
        assert pilot.app.clipboard == ""


async def test_escape_goes_to_the_dashboard_and_k_comes_back(opened: Opened, deck: FakeDeck) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("escape")
        await pilot.pause()
        assert pilot.app.screen is dashboard(pilot)
        await pilot.press("k")
        await pilot.pause()
        await pilot.pause()
        assert chosen(pilot) == ("django.debug", "app-1")
        await pilot.press("k")
        await pilot.pause()
        assert pilot.app.screen is dashboard(pilot)
        assert deck.calls == []


async def test_the_palette_opens_it_too_where_there_is_one(opened: Opened, deck: FakeDeck) -> None:
    def titles() -> set[str]:
        return {one.title for one in app_of(pilot).get_system_commands(pilot.app.screen)}

    async with opened() as pilot:
        assert "Preflight" in titles()
        deck.found = None
        assert "Preflight" not in titles()
        await pilot.press("k")
        await pilot.pause()
        assert pilot.app.screen is dashboard(pilot)


async def test_the_keys_of_its_panes_are_the_digits(opened: Opened) -> None:
    async with opened(preflight=True) as pilot:
        for key, kind in (("2", SelectedPane), ("3", PlanPane), ("1", ChecksPane)):
            await pilot.press(key)
            assert isinstance(pilot.app.focused, kind)
        await pilot.press("5", "z", "t")
        assert isinstance(pilot.app.focused, ChecksPane), "the panes of the dashboard are not here"
        assert not dashboard(pilot).has_class("-zoom")


async def test_help_tells_its_keys(opened: Opened) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        assert "Copy how to mend it" in screen_text(pilot)


async def test_its_keys_are_the_users_own_where_he_says_so(opened: Opened, deck: FakeDeck) -> None:
    config = ScreenConfig(keys={"preflight.again": "f5", "preflight": "y"})
    async with opened(config=config) as pilot:
        await pilot.press("y")
        await pilot.pause()
        await pilot.pause()
        await pilot.press("f5")
        await pilot.pause()
        assert deck.calls == [("check_again", None)]


async def test_the_stop_keys_work_as_everywhere(opened: Opened, deck: FakeDeck) -> None:
    deck.now = picture()
    async with opened(preflight=True) as pilot:
        assert "X Abort" in keys_of(pilot)
        for key, call in (("x", "stop"), ("X", "abort"), ("f9", "abort")):
            deck.now = picture()
            await repaint(pilot)
            await pilot.press(key)
            assert deck.calls.pop() == (call,)


async def test_f9_stops_under_the_question_too(opened: Opened, deck: FakeDeck) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, GoOn)
        await pilot.press("f9")
        assert deck.calls == [("abort",)]


async def test_while_the_load_runs_it_is_only_looked_at(opened: Opened, deck: FakeDeck) -> None:
    deck.now = picture()
    async with opened() as pilot:
        await pilot.press("k")
        await pilot.pause()
        await pilot.pause()
        assert "the load is running" in screen_text(pilot)
        assert "Start" not in keys_of(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert deck.calls == []
        assert pilot.app.screen is preflight_of(pilot)
