"""The generator on the screen: in the top bar always, whole by a key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collectors.generator import GeneratorCollector

from .conftest import Opened
from .fakes import FakeDeck
from .looking import screen_text, source_pane
from .made import picture, source
from .views import VIEWS

VALUES = {
    "delay_p95_ms": 3.2,
    "delay_percent": 4.0,
    "lag_p99_ms": 6.0,
    "lag_max_ms": 14.0,
    "cpu_percent": 38.0,
    "machine_cpu_percent": 61.0,
    "rss": 114e6,
    "memory_percent": 42.0,
    "open_files": 180.0,
    "open_files_limit": 10_000.0,
    "littles_law": 97.0,
}

FIGURES = ("delay p95", "3.2 ms", "lag p99", "cpu", "memory", "180/10", "Little's law", "97.0 %")


@pytest.fixture
def deck() -> FakeDeck:
    shot = picture()
    generator = source("generator@local", values=VALUES)
    deck = FakeDeck(
        replace(shot, sources=(*shot.sources, generator)),
        views={**VIEWS, "generator": GeneratorCollector.view},
    )
    deck.metrics = {
        **deck.metrics,
        **{f"generator.{metric.name}": metric for metric in GeneratorCollector.metrics},
    }
    return deck


@pytest.mark.parametrize("size", [(160, 45), (100, 30), (80, 24)])
async def test_its_pane_is_called_up_by_a_key_in_every_terminal(
    opened: Opened, deck: FakeDeck, size: tuple[int, int]
) -> None:
    async with opened(size) as pilot:
        assert not source_pane(pilot, "generator").display
        await pilot.press("0")
        await pilot.pause()
        text = screen_text(pilot)
        for figure in FIGURES:
            assert figure in text.replace("\u2009", " "), figure
        await pilot.press("escape", "2")
        await pilot.pause()
        assert "Little's law" not in screen_text(pilot)
