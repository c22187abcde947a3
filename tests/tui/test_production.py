"""Production on the screen: it cannot be overlooked, and its name is typed before the load begins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rampdeck.config import LoadConfig
from rampdeck.guard.production import Production
from rampdeck.model import EventKind, RunState, Severity
from tui.screens.dialogs import Confirm
from tui.screens.production import TypeHost

from .conftest import Opened
from .fakes import FakeDeck
from .looking import app_of, bar, repaint, screen_text
from .made import event

HOST = "shop.example.com"


@pytest.fixture(autouse=True)
def production(deck: FakeDeck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.clearance.who", lambda: "kim")
    deck.unconfirmed = Production(HOST, "the environment is called “prod-eu”")
    deck.now = replace(deck.now, production=True)
    deck._load(state=RunState.READY, users=0, target=0, following=False)


@pytest.mark.parametrize("size", [(160, 45), (100, 30), (80, 24)])
async def test_the_top_bar_says_so_in_every_size(opened: Opened, size: tuple[int, int]) -> None:
    async with opened(size) as pilot:
        assert bar(pilot, "top").startswith("  PRODUCTION ")


async def test_a_stack_that_is_not_production_is_not_called_so(opened: Opened, deck: FakeDeck) -> None:
    deck.now = replace(deck.now, production=False)
    async with opened() as pilot:
        assert "PRODUCTION" not in screen_text(pilot)


@pytest.mark.parametrize(
    ("keys", "call"),
    [
        (("plus",), ("change_target", 10)),
        (("w",), ("change_target", 1)),
        (("p",), ("return_to_plan",)),
        (("A",), ("auto_step",)),
        (("g", "4", "2", "enter"), ("set_target", 42)),
    ],
)
async def test_whatever_key_begins_the_load_asks_for_the_name_first(
    opened: Opened, deck: FakeDeck, keys: tuple[str, ...], call: tuple[object, ...]
) -> None:
    async with opened((100, 30)) as pilot:
        await pilot.press(*keys)
        await pilot.pause()
        text = screen_text(pilot)
        assert "This is PRODUCTION" in text
        assert "The environment is called “prod-eu”." in text
        assert HOST in text
        await pilot.press(*"shop.example.org", "enter")
        await pilot.pause()
        assert "That is not the name of the host. Nothing has begun." in screen_text(pilot)
        assert deck.calls == []
        await pilot.press(*["backspace"] * 3, *"com", "enter")
        await pilot.pause()
        assert deck.calls == [("confirm_production", HOST, "kim"), call]
        await pilot.press("plus")
        assert deck.calls[-1] == ("change_target", 10), "it is asked once"


async def test_without_the_name_nothing_begins(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("plus", "enter", "escape")
        await pilot.pause()
        assert deck.calls == []
        assert not isinstance(pilot.app.screen, TypeHost)


async def test_while_the_name_is_typed_its_letters_steer_nothing_and_f9_stops(
    opened: Opened, deck: FakeDeck
) -> None:
    async with opened() as pilot:
        await pilot.press("plus", *"wWsSxXpA+- ")
        assert deck.calls == []
        await pilot.press("f9")
        assert deck.calls == [("abort",)]


async def test_above_max_users_both_questions_are_asked(opened: Opened, deck: FakeDeck) -> None:
    deck.limits = LoadConfig(step=10, max_users=5)
    async with opened() as pilot:
        await pilot.press("plus")
        assert isinstance(pilot.app.screen, Confirm)
        await pilot.press("y")
        await pilot.pause()
        assert isinstance(pilot.app.screen, TypeHost)
        assert deck.calls == []


async def test_what_the_guard_cut_or_stopped_is_shown_as_a_message(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        text = "500 users were asked for: cut to 50, the most that [guard] users allows"
        deck.events.append(
            event(
                deck.now.at,
                "engine",
                text,
                Severity.WARNING,
                kind=EventKind.LOAD,
                fields={"guard": "ceiling"},
            )
        )
        app_of(pilot)._tick()
        await pilot.pause()
        assert [message.message for message in app_of(pilot)._notifications] == [text]
        app_of(pilot)._tick()
        assert len(app_of(pilot)._notifications) == 1, "once"


async def test_requests_that_are_held_back_stand_among_the_key_figures(
    opened: Opened, deck: FakeDeck
) -> None:
    async with opened() as pilot:
        assert "held back" not in screen_text(pilot)
        deck.now = replace(deck.now, throttled=12.0)
        await repaint(pilot)
        assert "held back ▲ 12.0/s" in screen_text(pilot)
