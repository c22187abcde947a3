"""Pictures of the cockpit at the three sizes it is made for, with frozen figures.

``pytest tests/tui/test_pictures.py --snapshot-update`` takes new ones; look at
them before they are committed. These tests are not coroutines: the picture is
taken in a loop of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import pytest
from textual.pilot import Pilot

from rampdeck.config import ScreenConfig
from rampdeck.model import Health
from rampdeck.snapshot import Snapshot
from tui import Cockpit

from .fakes import FakeDeck, log
from .made import START, before, picture, sources
from .preflights import looking_again, preflight


class Compare(Protocol):
    def __call__(
        self, app: Cockpit, *, press: list[str], terminal_size: tuple[int, int], run_before: object
    ) -> bool: ...


async def painted(pilot: Pilot[None]) -> None:
    """Wait until the first picture and the first lines are on the screen."""
    await pilot.pause()
    await pilot.pause()


def cockpit(snapshot: Snapshot | None = None, **config: object) -> Cockpit:
    deck = FakeDeck(snapshot or picture(), log())
    return Cockpit(deck, ScreenConfig.model_validate(config))


@pytest.mark.parametrize("size", [(160, 45), (100, 30), (80, 24)], ids=["160x45", "100x30", "80x24"])
def test_the_cockpit_looks_as_it_should(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(cockpit(), press=["5"], terminal_size=size, run_before=painted)


def test_the_light_theme(snap_compare: Compare) -> None:
    app = cockpit(theme="rampdeck-light")
    assert snap_compare(app, press=["2", "up", "up"], terminal_size=(160, 45), run_before=painted)


def test_the_cockpit_in_ascii(snap_compare: Compare) -> None:
    app = cockpit(ascii=True)
    assert snap_compare(app, press=[], terminal_size=(100, 30), run_before=painted)


def test_a_question_above_the_cockpit(snap_compare: Compare) -> None:
    assert snap_compare(cockpit(), press=["q"], terminal_size=(80, 24), run_before=painted)


def test_blind_and_absent_sources(snap_compare: Compare) -> None:
    refused = "cache-1 does not answer: connection refused. It is tried again in 4 s"
    states: dict[str, tuple[Health, str, float | None]] = {
        "redis": (Health.BLIND, refused, 63.0),
        "gunicorn": (Health.ABSENT, "no journal on this machine: install systemd", None),
        "postgres": (Health.LIVE, "", 8.0),
        "host": (Health.CONNECTING, "", None),
    }
    seen = []
    for one in sources(754):
        if one.info.kind in states:
            health, reason, age = states[one.info.kind]
            seen.append(replace(one, health=health, reason=reason, age=age))
    app = cockpit(replace(picture(), sources=tuple(seen)))
    assert snap_compare(app, press=[], terminal_size=(160, 45), run_before=painted)


def test_before_anything_has_happened(snap_compare: Compare) -> None:
    app = cockpit(Snapshot(at=START))
    assert snap_compare(app, press=[], terminal_size=(100, 30), run_before=painted)


def first_screen(**config: object) -> Cockpit:
    deck = FakeDeck(before())
    deck.found = preflight()
    return Cockpit(deck, ScreenConfig.model_validate(config), preflight=True)


@pytest.mark.parametrize(
    "size", [(160, 45), (130, 31), (100, 30), (80, 24)], ids=["160x45", "130x31", "100x30", "80x24"]
)
def test_the_preflight_looks_as_it_should(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(first_screen(), press=[], terminal_size=size, run_before=painted)


def test_the_preflight_while_it_looks_in_the_light_theme(snap_compare: Compare) -> None:
    app = first_screen(theme="rampdeck-light")
    assert isinstance(app._deck, FakeDeck)
    app._deck.found = looking_again(preflight(), {"django.migrations", "scenario.loads"})
    assert snap_compare(app, press=["down"], terminal_size=(130, 31), run_before=painted)


def test_the_question_before_a_load_that_the_preflight_speaks_against(snap_compare: Compare) -> None:
    app = first_screen(ascii=True)
    assert snap_compare(app, press=["enter"], terminal_size=(80, 24), run_before=painted)
