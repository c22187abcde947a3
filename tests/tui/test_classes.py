"""The list of user classes in the cockpit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rampdeck.model import RunState
from tui.screens.classes import ChooseClasses

from .conftest import Opened
from .fakes import FakeDeck
from .looking import app_of, repaint, screen_text


@pytest.mark.parametrize("size", [(160, 45), (100, 30), (80, 24)])
async def test_the_list_shows_every_class_with_its_weight(opened: Opened, size: tuple[int, int]) -> None:
    async with opened(size) as pilot:
        app_of(pilot).action_classes()
        await pilot.pause()
        text = screen_text(pilot)
        assert "[x] Visitor" in text
        assert "[ ] Auditor" in text
        assert "weight 3" in text
        assert "fixed count 2" in text
        assert "enter applies" in text


async def test_the_palette_leads_to_it_and_enter_applies(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("ctrl+p", *"Choose user")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await pilot.pause(0.3)
        await pilot.press("space", "down", "down", "space", "enter")
        await pilot.pause()
        assert deck.calls == [("choose_classes", ("Buyer", "Auditor"))], "space ticks and holds no plan"


async def test_while_the_load_runs_it_says_that_the_next_start_counts(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        app_of(pilot).action_classes()
        await pilot.pause()
        assert "next start" in screen_text(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert "from the next start of the load on" in screen_text(pilot)


async def test_before_the_load_there_is_nothing_to_wait_for(opened: Opened, deck: FakeDeck) -> None:
    deck.now = replace(deck.now, load=replace(deck.now.load, state=RunState.READY, users=0, target=0))
    async with opened() as pilot:
        await repaint(pilot)
        app_of(pilot).action_classes()
        await pilot.pause()
        assert "next start" not in screen_text(pilot)


async def test_nobody_at_all_cannot_be_chosen(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        app_of(pilot).action_classes()
        await pilot.pause()
        await pilot.press("space", "down", "space", "enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, ChooseClasses)
        assert "Tick at least one" in screen_text(pilot)
        assert deck.calls == []


async def test_leaving_changes_nothing_and_the_load_can_be_stopped_meanwhile(
    opened: Opened, deck: FakeDeck
) -> None:
    async with opened() as pilot:
        app_of(pilot).action_classes()
        await pilot.pause()
        await pilot.press("space", "f9", "escape")
        await pilot.pause()
        assert deck.calls == [("abort",)]
        assert not isinstance(pilot.app.screen, ChooseClasses)
