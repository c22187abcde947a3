"""Users with a pace on the screen: asked and achieved."""

from __future__ import annotations

from dataclasses import replace

from rampdeck.snapshot import PaceView

from .conftest import Opened
from .fakes import FakeDeck
from .looking import bar, repaint
from .made import picture


async def test_a_rate_that_is_asked_for_stands_beside_the_one_achieved(
    opened: Opened, deck: FakeDeck
) -> None:
    kept = PaceView(asked=50.0, achieved=49.8, users=50)
    async with opened() as pilot:
        assert "asked" not in bar(pilot, "kpis")
        deck.now = replace(picture(), pace=kept)
        await repaint(pilot)
        assert "asked 50.0/s" in bar(pilot, "kpis")
        assert "achieved 49.8/s" in bar(pilot, "kpis")
        deck.now = replace(picture(), pace=replace(kept, achieved=41.0, short=True))
        await repaint(pilot)
        assert "achieved ▲ 41.0/s" in bar(pilot, "kpis")


async def test_in_a_small_terminal_both_fit(opened: Opened, deck: FakeDeck) -> None:
    deck.now = replace(picture(), pace=PaceView(asked=50.0, achieved=41.0, users=50, short=True))
    async with opened((80, 24)) as pilot:
        assert "pace ▲ 41.0 of 50.0/s" in bar(pilot, "kpis")
