"""What holds the loop up is named; what only looks like it is not."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from rampdeck.engine.stall import Origin, Sentry, Stall

SCENARIO = """
import time

def pieces(turns):
    for _ in range(turns):
        spin(0.01)
        gevent.sleep(0)

def spin(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass

def call(work):
    return work(20_000_000)
"""


@pytest.fixture
def scenario(tmp_path: Path) -> dict[str, Any]:
    """A scenario's module in a folder of its own."""
    path = tmp_path / "checkout.py"
    path.write_text(SCENARIO)
    names: dict[str, Any] = {"gevent": gevent}
    exec(compile(SCENARIO, str(path), "exec"), names)
    return names


@pytest.fixture
async def sentry(tmp_path: Path) -> AsyncIterator[Sentry]:
    sentry = Sentry([tmp_path])
    sentry.start()
    await asyncio.sleep(0.1)
    sentry.take()
    yield sentry
    sentry.stop()


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Nothing of it stays behind in the process."""
    yield
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


async def told(sentry: Sentry) -> list[Stall]:
    await asyncio.sleep(0.1)
    return [stall for stall in sentry.take() if stall.place.origin is not Origin.MACHINE]


async def test_a_line_that_computes_is_named_with_its_function(
    sentry: Sentry, scenario: dict[str, Any]
) -> None:
    gevent.spawn(scenario["spin"], 0.5)
    (stall,) = await told(sentry)
    assert (stall.place.origin, Path(stall.place.file).name) == (Origin.SCENARIO, "checkout.py")
    assert (stall.place.function, stall.place.line in (10, 11)) == ("spin", True)


async def test_a_call_into_c_is_named_by_the_line_that_called_it(
    sentry: Sentry, scenario: dict[str, Any]
) -> None:
    gevent.spawn(scenario["call"], lambda size: sum(range(size)))
    (stall,) = await told(sentry)
    place = stall.place
    assert (place.function, place.line, place.called) == ("call", 15, "work")


async def test_many_short_pieces_are_no_block_however_long_a_turn_of_the_loop_takes(
    sentry: Sentry, scenario: dict[str, Any]
) -> None:
    users = [gevent.spawn(scenario["pieces"], 3) for _ in range(40)]
    while not all(user.ready() for user in users):
        await asyncio.sleep(0.05)
    assert await told(sentry) == []


async def test_what_the_screen_does_is_called_our_own(sentry: Sentry, scenario: dict[str, Any]) -> None:
    until = time.thread_time() + 0.4
    while time.thread_time() < until:
        pass
    (stall,) = await told(sentry)
    assert stall.place.origin is Origin.RAMPDECK


async def test_garbage_collection_is_told_from_the_line_in_which_it_came(
    sentry: Sentry, scenario: dict[str, Any]
) -> None:
    gc.disable()
    circles: list[list[object]] = [[] for _ in range(2_000_000)]
    for circle in circles:
        circle.append(circle)
    del circle, circles
    await told(sentry)
    gc.enable()
    gc.collect()
    (stall,) = await told(sentry)
    assert stall.place.origin is Origin.GARBAGE


async def test_a_quiet_loop_sees_no_alarm_at_all(sentry: Sentry) -> None:
    await asyncio.sleep(0.5)
    assert await told(sentry) == []


@pytest.mark.parametrize("handled", [True, False])
async def test_a_scenario_that_takes_the_alarm_keeps_it(sentry: Sentry, handled: bool) -> None:
    if handled:
        signal.signal(signal.SIGALRM, lambda *_: None)
    signal.alarm(30)
    await asyncio.sleep(0.2)
    assert "SIGALRM" in sentry.aside
    assert 20 < signal.alarm(0) <= 30
    sentry.start()
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


async def test_it_can_be_stopped_and_started_again(sentry: Sentry, scenario: dict[str, Any]) -> None:
    sentry.stop()
    gevent.spawn(scenario["spin"], 0.4)
    assert await told(sentry) == []
    sentry.start()
    gevent.spawn(scenario["spin"], 0.4)
    assert len(await told(sentry)) == 1
