"""The decision: what the dialog shows of the gate, what it insists on, and what comes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.events import Key
from textual.widgets import Input

from rampdeck.model import EventKind
from rampdeck.snapshot import Verdict
from tui.screens.decide import Choices, Decide

from .conftest import Opened
from .fakes import FakeDeck
from .looking import repaint, screen_text

REASON = "p95 < 800ms failed: 1 204 ms at step 3 (50 users)"


@pytest.fixture(autouse=True)
def _ann(monkeypatch: pytest.MonkeyPatch, deck: FakeDeck) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "ann")
    deck.now = replace(deck.now, verdict=Verdict.FAIL, reasons=(REASON, "postgres@db-1 was blind [/x]"))


async def test_the_gates_word_and_its_reasons_stand_first_and_enter_accepts(
    opened: Opened, deck: FakeDeck
) -> None:
    async with opened() as pilot:
        await pilot.press("d")
        await pilot.pause()
        text = screen_text(pilot)
        assert "The gate says FAIL so far, and the load goes on." in text
        assert REASON in text
        assert "postgres@db-1 was blind [/x]" in text
        assert "(•) accept FAIL" in text
        await pilot.press("enter")
        await pilot.pause()
        assert deck.calls == [("decide", Verdict.FAIL, "ann", "")]
        assert not isinstance(pilot.app.screen, Decide)


async def test_who_overrules_has_to_say_why(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("d", "down", "enter")
        await pilot.pause()
        assert "(•) overrule: PASS" in screen_text(pilot)
        assert "To overrule FAIL wants a note: why?" in screen_text(pilot)
        assert deck.calls == []
        await pilot.press(*"known, fixed in 8f3", "enter")
        await pilot.pause()
        assert deck.calls == [("decide", Verdict.PASS, "ann", "known, fixed in 8f3")]


async def test_a_decision_wants_a_name_and_the_next_one_knows_it(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("d", "tab", "ctrl+u", "enter")
        await pilot.pause()
        assert "A decision wants a name: who decides?" in screen_text(pilot)
        await pilot.press(*"Bo", "enter")
        await pilot.pause()
        assert deck.calls == [("decide", Verdict.FAIL, "Bo", "")]
        await repaint(pilot)
        await pilot.press("d")
        await pilot.pause()
        assert pilot.app.screen.query_one("#name", Input).value == "Bo"


async def test_escape_decides_nothing(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("d", "escape")
        await pilot.pause()
        assert not isinstance(pilot.app.screen, Decide)
        assert deck.calls == []
        assert deck.now.decision is None


async def test_the_load_obeys_under_the_dialog_but_space_holds_no_plan(
    opened: Opened, deck: FakeDeck
) -> None:
    async with opened() as pilot:
        await pilot.press("d", "space", "X")
        await pilot.pause()
        assert deck.calls == [("abort",)]
        assert pilot.app.screen.query_one(Choices).highlighted == 0


async def test_what_is_typed_right_behind_a_tab_goes_into_the_next_field(
    opened: Opened, deck: FakeDeck
) -> None:
    """A busy loop reads several keys at once; none of them may become one of the load's."""
    async with opened() as pilot:
        await pilot.press("d")
        await pilot.pause()
        for key in ("tab", "tab", "w", "s", "w"):
            pilot.app.post_message(Key(key, None if key == "tab" else key))
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        assert deck.calls == [("decide", Verdict.FAIL, "ann", "wsw")]


async def test_the_decision_is_on_the_gate_from_then_on(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("d", "down", *("tab",) * 2, *"ok", "enter")
        await pilot.pause()
        pilot.app.clear_notifications()
        await repaint(pilot)
        await pilot.pause()
        assert deck.now.decision is not None
        assert deck.now.decision.kind is EventKind.DECISION
        assert "decided PASS, ann" in screen_text(pilot)


@pytest.mark.parametrize("size", [(100, 30), (80, 24)])
async def test_it_fits_small_terminals(opened: Opened, size: tuple[int, int]) -> None:
    async with opened(size) as pilot:
        await pilot.press("d")
        await pilot.pause()
        text = screen_text(pilot)
        assert "accept FAIL" in text
        assert "enter decides" in text
