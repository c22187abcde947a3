"""The cockpit in a test: a hand-made deck, a fixed terminal, UTC on the clock."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from textual.pilot import Pilot

from rampdeck.config import ScreenConfig
from tui import Cockpit

from .fakes import FakeDeck, log
from .looking import PATIENCE
from .made import before
from .preflights import preflight
from .settling import settling

Opened = Callable[..., AbstractAsyncContextManager[Pilot[None]]]


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def deck() -> FakeDeck:
    return FakeDeck(events=log())


@pytest.fixture
def _preflight_is_red(deck: FakeDeck) -> None:
    """Let the deck stand before the load, with checks of every state."""
    deck.now = before()
    deck.found = preflight()


@pytest.fixture
def opened(deck: FakeDeck) -> Opened:
    """Return a way to open the cockpit on the deck, in a terminal of some size."""

    @asynccontextmanager
    async def open_it(
        size: tuple[int, int] = (160, 45), config: ScreenConfig | None = None, *, preflight: bool = False
    ) -> AsyncIterator[Pilot[None]]:
        cockpit = Cockpit(deck, config or ScreenConfig(), preflight=preflight)
        with settling(cockpit):
            async with cockpit.run_test(size=size, notifications=True) as pilot:
                async with asyncio.timeout(PATIENCE):
                    await cockpit.painted.wait()
                await pilot.pause()
                await pilot.pause()
                yield pilot

    return open_it
