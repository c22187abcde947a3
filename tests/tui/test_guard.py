"""What the guard refuses stands on the top bar for as long as the session lasts, in every size."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rampdeck.snapshot import GuardView

from .conftest import Opened
from .fakes import FakeDeck
from .looking import bar, repaint, screen_text


@pytest.mark.parametrize("size", [(160, 45), (100, 30), (80, 24)])
@pytest.mark.parametrize("production", [False, True])
async def test_refusals_are_counted_on_the_top_bar(
    opened: Opened, deck: FakeDeck, size: tuple[int, int], production: bool
) -> None:
    deck.now = replace(deck.now, production=production)
    async with opened(size) as pilot:
        assert "refused" not in screen_text(pilot)
        deck.now = replace(deck.now, guard=GuardView(1_234, "192.0.2.1:80"))
        await repaint(pilot)
        said = bar(pilot, "top").replace("\N{THIN SPACE}", " ")
        assert "guard ✖ 1 234" in said
        assert "refused" in said or size[0] < 160
        assert "users" in said or (production and size[0] < 100)
