"""The pane of the workers: there where a run has any, one key away, and in the scenario's log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rampdeck.model import Health, Severity
from rampdeck.workers.crew import Crew
from tui.keymap import WORKERS

from .conftest import Opened
from .fakes import FakeDeck
from .looking import dashboard, screen_text, source_pane
from .made import START, event, picture, source
from .views import VIEWS


@pytest.fixture
def deck() -> FakeDeck:
    """A run in three workers, one of which has been lost."""
    rows = tuple(
        {
            "worker": f"local-{number}",
            "kind": "rampdeck 1.0" if number < 3 else "locust 2.47",
            "state": state,
            "users": users,
            "rps": 10.0 * users,
            "cpu": 30.0 if users else None,
            "lag": 2.0 if users else None,
            "place": f"vm {4000 + number}",
            "_health": (Health.LIVE if users else Health.BLIND).value,
        }
        for number, state, users in ((1, "running", 10), (2, "lost", 0), (3, "running", 10))
    )
    values = {
        "here": 2.0, "expected": 3.0, "plain": 1.0, "lost": 1.0, "users": 20.0, "rps": 200.0,
        "cpu_percent": 30.0, "lag_p99_ms": 2.0,
    }  # fmt: skip
    workers = source("workers@local", values, rows=rows)
    now = picture()
    words = "1 of 2 workers is plain locust: percentiles are Locust's, rounded to two digits"
    said = [event(START, "workers@local", words, Severity.WARNING)]
    return FakeDeck(
        replace(now, sources=(*now.sources, workers)), said, views={**VIEWS, "workers": Crew.view}
    )


async def test_a_key_shows_every_worker(opened: Opened) -> None:
    async with opened() as pilot:
        assert "local-1" not in screen_text(pilot)
        await pilot.press("c")
        await pilot.pause()
        shown = screen_text(pilot)
        for word in ("Workers", "local-1", "local-2", "local-3", "rampdeck 1.0", "locust 2.47", "lost"):
            assert word in shown
        assert source_pane(pilot, "workers").health is Health.BLIND


async def test_what_workers_say_is_in_the_scenario_log_too(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.pause()
        assert "is plain locust" in screen_text(pilot)


async def test_a_small_terminal_offers_the_pane(opened: Opened) -> None:
    async with opened(size=(100, 30)) as pilot:
        await pilot.press("c")
        await pilot.pause()
        assert "local-3" in screen_text(pilot)


class TestWithoutWorkers:
    @pytest.fixture
    def deck(self) -> FakeDeck:
        return FakeDeck()

    async def test_there_is_no_pane_and_the_key_does_nothing(self, opened: Opened) -> None:
        async with opened() as pilot:
            await pilot.press("c")
            assert WORKERS not in dashboard(pilot).panes
            assert not dashboard(pilot).has_class("-zoom")
