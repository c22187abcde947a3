"""What the preflight holds back: whichever key begins the load, the same question comes, once."""

from __future__ import annotations

import asyncio

import pytest

from tui.screens.dialogs import Confirm
from tui.screens.go_on import GoOn
from tui.screens.login import LogIn

from .conftest import Opened
from .fakes import FakeDeck
from .looking import app_of, bar, dashboard, preflight_of, repaint
from .made import before, picture
from .preflights import green
from .test_login import PASSWORD, shown

pytestmark = pytest.mark.usefixtures("_preflight_is_red")


START: dict[str, tuple[list[str], tuple[object, ...]]] = {
    "+": (["plus"], ("change_target", 10)),
    "w": (["w"], ("change_target", 1)),
    "p": (["p"], ("return_to_plan",)),
    "A": (["A"], ("auto_step",)),
    "g": (["g", "5", "enter"], ("set_target", 5)),
}


@pytest.mark.parametrize("name", START)
async def test_starting_from_the_dashboard_asks_the_same_question_once(
    opened: Opened, deck: FakeDeck, name: str
) -> None:
    press, call = START[name]
    async with opened() as pilot:
        await pilot.press(*press)
        await pilot.pause()
        assert isinstance(pilot.app.screen, GoOn)
        await pilot.press("escape", *press)
        await pilot.pause()
        assert deck.calls == []
        await pilot.press("y")
        await pilot.pause()
        assert deck.calls == [("go_on_anyway",), call]
        deck.now = before()
        await repaint(pilot)
        await pilot.press(*press)
        await pilot.pause()
        assert deck.calls == [("go_on_anyway",), call, call]


async def test_a_load_that_is_under_way_is_changed_without_a_question(opened: Opened, deck: FakeDeck) -> None:
    deck.now = picture()
    async with opened() as pilot:
        await pilot.press("plus", "minus", "W")
        assert [call[0] for call in deck.calls] == ["change_target"] * 3


async def test_going_to_no_users_needs_no_question(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("g", "0", "enter")
        await pilot.pause()
        assert not isinstance(pilot.app.screen, Confirm)


async def test_a_load_key_on_the_preflight_goes_where_one_sees_what_comes_of_it(
    opened: Opened, deck: FakeDeck
) -> None:
    deck.found = green()
    async with opened(preflight=True) as pilot:
        await pilot.press("plus")
        await pilot.pause()
        assert deck.calls == [("change_target", 10)]
        assert pilot.app.screen is dashboard(pilot)


async def test_above_max_users_both_are_asked(opened: Opened, deck: FakeDeck) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("g", *"5000", "enter")
        await pilot.pause()
        assert type(pilot.app.screen) is GoOn
        await pilot.press("y")
        await pilot.pause()
        assert type(pilot.app.screen) is Confirm
        await pilot.press("y")
        await pilot.pause()
        assert deck.calls == [("go_on_anyway",), ("set_target", 5000)]


@pytest.mark.parametrize(("size", "hint"), [((160, 45), "k preflight ✖2"), ((100, 30), "checks ✖2")])
async def test_the_top_bar_says_quietly_that_checks_failed(
    opened: Opened, deck: FakeDeck, size: tuple[int, int], hint: str
) -> None:
    deck.now = picture()
    async with opened(size) as pilot:
        assert hint in bar(pilot, "top")
        deck.found = green()
        await repaint(pilot)
        assert hint.split()[-2] not in bar(pilot, "top")
        deck.found = None
        await repaint(pilot)
        assert hint.split()[-2] not in bar(pilot, "top")


async def test_a_password_is_asked_for_above_it(opened: Opened, deck: FakeDeck) -> None:
    async with opened(preflight=True) as pilot:
        asked = asyncio.create_task(deck.questions.ask(PASSWORD))
        await shown(pilot)
        assert isinstance(pilot.app.screen, LogIn)
        await pilot.press("escape")
        assert await asked is None
        await pilot.pause()
        assert app_of(pilot).screen == preflight_of(pilot)
