"""The ceilings: whoever asks Locust for more load gets no more, and no request begins before its turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from rampdeck.engine import throttle
from rampdeck.engine.driver import Order
from rampdeck.engine.engine import LoadEngine
from rampdeck.model import RunState
from tests.engine.conftest import USER, Load, Target
from tests.engine.crew import Make, cockpit, until

__all__ = ["cockpit"]

SHAPE = (
    USER
    + """
from locust import LoadTestShape

class Steep(LoadTestShape):
    def tick(self):
        return (300, 500)
"""
)
OWN = (
    USER
    + """
from locust import events

@events.test_start.add_listener
def more(environment, **_):
    import gevent
    gevent.spawn_later(0.2, environment.runner.start, 300, 500)
    gevent.spawn_later(0.4, environment.runner.spawn_users, {"Visitor": 300})
    environment.over = True
"""
)
BOTH = """
from locust import FastHttpUser, HttpUser, constant, task

class Quick(FastHttpUser):
    wait_time = constant(0)
    @task
    def home(self):
        self.client.get("/quick")

class Slow(HttpUser):
    wait_time = constant(0)
    @task
    def home(self):
        self.client.get("/slow")
"""


@pytest.fixture(autouse=True)
def let_go() -> Iterator[None]:
    yield
    throttle.hold_to(None)


async def driven(engine: LoadEngine) -> asyncio.Task[None]:
    return asyncio.create_task(engine.drive(lambda _: None))


async def ended(engine: LoadEngine, task: asyncio.Task[None]) -> None:
    engine.abort()
    await engine.close()
    task.cancel()


async def test_a_target_above_the_ceiling_is_cut_and_it_is_said(load: Load) -> None:
    engine = load()
    engine.ceilings.users = 7
    task = await driven(engine)
    engine.want(Order(5_000, 100, "key"))
    assert engine.target == 7
    await until(lambda: engine.users == 7)
    assert engine.ceilings.said == ["5000 users were asked for: cut to 7, the most that [guard] users allows"]
    await ended(engine, task)


@pytest.mark.parametrize("text", [SHAPE, OWN], ids=["LoadTestShape", "the scenario's own calls"])
async def test_neither_a_shape_nor_the_scenario_itself_gets_past_the_ceilings(load: Load, text: str) -> None:
    engine = load(text)
    engine.ceilings.users, engine.ceilings.spawn_rate = 6, 50.0
    task = await driven(engine)
    most = 0

    def seen() -> bool:
        nonlocal most
        most = max(most, engine.users)
        return len(engine.ceilings.said) >= (2 if text is SHAPE else 3)

    if text is SHAPE:
        engine.start_shape()
    else:
        engine.want(Order(2, 50, "key"))
    await until(seen)
    await until(lambda: seen() and engine.users == 6)
    assert most == 6
    assert engine.ceilings.said[:2] == [
        "300 users were asked for: cut to 6, the most that [guard] users allows",
        "a spawn rate of 500/s was asked for: cut to 50/s, by [guard] spawn_rate",
    ]
    await ended(engine, task)


@pytest.mark.parametrize("text", [SHAPE, OWN], ids=["LoadTestShape", "the scenario's own calls"])
async def test_a_load_that_is_not_confirmed_does_not_begin_whoever_asks(
    load: Load, target: Target, text: str
) -> None:
    engine = load(text)
    engine.ceilings.locked = "nobody has confirmed it"
    task = await driven(engine)
    if text is SHAPE:
        engine.start_shape()
    engine.want(Order(2, 50, "key"))
    engine.environment.runner.start(3, 10)  # type: ignore[union-attr]
    engine.environment.runner.spawn_users({"Visitor": 3})  # type: ignore[union-attr]
    await asyncio.sleep(0.5)
    assert (engine.users, engine.state, engine.running) == (0, RunState.READY, False)
    assert not target.requests
    assert set(engine.ceilings.said) == {"a load was asked for and did not begin: nobody has confirmed it"}
    await ended(engine, task)


async def test_no_second_sees_more_requests_begin_than_the_ceiling_allows(load: Load, target: Target) -> None:
    engine = load(BOTH)
    engine.driver.hold_to(20)
    begun: list[float] = []
    engine.environment.events.request.add_listener(lambda start_time, **_: begun.append(start_time))
    task = await driven(engine)
    engine.want(Order(12, 100, "key"))
    await until(lambda: len(begun) >= 70)
    assert (engine.held or 0) > 40
    await ended(engine, task)
    begun.sort()
    # A second between each and the twentieth after it, by a clock that may be read a little late.
    assert all(later - sooner > 0.5 for sooner, later in zip(begun, begun[20:], strict=False))
    assert begun[60] - begun[0] > 2.5
    assert {*target.requests} == {"/quick", "/slow"}, "both of Locust's clients are held"
    slowest = max(stats.successes.highest for stats in engine.take())
    assert slowest < 1_000 * (begun[-1] - begun[0]) / 2, "what was waited for is in no response time"


async def test_a_load_below_the_ceiling_is_not_held_back(load: Load, target: Target) -> None:
    engine = load()
    engine.driver.hold_to(5_000)
    task = await driven(engine)
    engine.want(Order(5, 100, "key"))
    await until(lambda: len(target.requests) > 200)
    assert engine.held == 0
    await ended(engine, task)
    assert engine.held is None, "what is closed holds nothing"


async def test_users_who_wait_for_their_turn_can_be_stopped_at_once(load: Load, target: Target) -> None:
    engine = load(stop_timeout=0.1)
    engine.driver.hold_to(0.01)
    task = await driven(engine)
    engine.want(Order(5, 100, "key"))
    await until(lambda: (engine.held or 0) >= 4 and target.requests)
    engine.stop()
    await until(lambda: engine.state is RunState.STOPPED)
    assert len(target.requests) == 1
    assert sum(stats.killed for stats in engine.take()) == 0, "what never began was not cut off"
    await ended(engine, task)


def test_without_a_ceiling_nothing_is_in_the_way_of_a_request() -> None:
    from locust.clients import HttpSession
    from locust.contrib.fasthttp import FastHttpSession

    before = HttpSession.request, FastHttpSession.request
    throttle.hold_to(5)
    assert HttpSession.request is not before[0]
    throttle.hold_to(None)
    assert (HttpSession.request, FastHttpSession.request) == before
    assert HttpSession.request.__module__ == "locust.clients"


async def test_workers_share_the_ceilings(cockpit: Make, target: Target) -> None:
    crew = cockpit(BOTH)
    crew.engine.ceilings.users, crew.engine.ceilings.rps = 10, 20
    crew.start("one", "two")
    await crew.joined(2)
    crew.engine.want(Order(400, 100, "key"))
    await until(lambda: crew.engine.users == 10)
    arrived: list[float] = []

    async def note(_: float) -> None:
        arrived.append(time.monotonic())

    target.pause = note
    await until(lambda: len(arrived) >= 70)
    assert arrived[60] - arrived[0] > 2.0
    await until(lambda: crew.worker("one").held > 5 and crew.worker("two").held > 5)
    await crew.stopped()


async def test_a_plain_worker_that_could_hold_nothing_back_is_sent_away(
    cockpit: Make, target: Target
) -> None:
    crew = cockpit()
    crew.engine.ceilings.rps = 1_000
    crew.start("ours")
    await crew.joined(1)
    crew.start_plain("plain")
    await until(lambda: any("cannot hold requests back" in text for text, *_ in crew.driver.roll.told))
    await until(lambda: crew.processes["plain"].poll() is not None)
    await crew.at(4)
    assert [worker.ours for worker in crew.driver.roll.here] == [True]
    assert crew.worker("ours").users == 4
    await crew.stopped()
