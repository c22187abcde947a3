"""Where the users are, by Little's law: what requests and waits explain of their time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import gevent
import pytest

from rampdeck.engine.driver import Order
from rampdeck.engine.engine import LoadEngine
from rampdeck.engine.residence import Residence
from tests.engine.conftest import Load, Target

HEAD = """
import time, gevent, gevent.lock
from locust import FastHttpUser, HttpUser, User, constant, task
account = gevent.lock.Semaphore(1)

class Visitor({base}):
    wait_time = constant({wait})

    @task
    def home(self):
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rampdeck.engine.residence.WINDOW", 3)


@pytest.fixture
def untouched() -> Iterator[None]:
    before = time.sleep, gevent.sleep
    yield
    assert (time.sleep, gevent.sleep) == before


async def explained(engine: LoadEngine) -> float:
    """Let ten users run; return the per cent of their time that is explained."""
    residence = Residence(engine.environment)
    residence.open()
    driving = asyncio.create_task(engine.drive(lambda _: None))
    try:
        engine.open()
        engine.want(Order(10, 100, "key"))
        while engine.users < 10:
            await asyncio.sleep(0.05)
        share: float | None = None
        await asyncio.sleep(0.5)
        residence.take()
        for _ in range(5):
            await asyncio.sleep(0.5)
            share = residence.take()
        assert share is not None
        return share
    finally:
        await engine.close()
        driving.cancel()
        residence.close()


def scenario(task: str, base: str = "FastHttpUser", wait: float = 0.05) -> str:
    body = "".join(f"        {line}\n" for line in task.splitlines())
    return HEAD.format(base=base, wait=wait) + body


@pytest.mark.parametrize("base", ["FastHttpUser", "HttpUser"])
async def test_requests_and_waits_explain_the_time_of_users(load: Load, untouched: None, base: str) -> None:
    assert 75 < await explained(load(scenario("self.client.get('/')", base, 0.2))) < 105


@pytest.mark.parametrize("sleep", ["time.sleep(0.2)", "gevent.sleep(0.2)"])
async def test_a_sleep_in_a_task_is_a_wait(load: Load, sleep: str) -> None:
    assert 75 < await explained(load(scenario(f"self.client.get('/')\n{sleep}", wait=0))) < 105


async def test_requests_that_do_not_end_are_time_in_requests(load: Load, target: Target) -> None:
    target.delay = 20.0
    assert 90 < await explained(load(scenario("self.client.get('/')"))) < 105


async def test_users_who_wait_for_a_lock_are_not_explained(load: Load) -> None:
    task = "with account:\n    self.client.get('/')\n    gevent.sleep(0.1)"
    assert await explained(load(scenario(task))) < 50


async def test_requests_of_another_client_count_by_their_event(load: Load) -> None:
    task = (
        "gevent.event.Event().wait(0.2)\n"
        "self.environment.events.request.fire(request_type='X', name='x', response_time=200.0,"
        " response_length=0, exception=None, context={})"
    )
    text = scenario(task, "User").replace("gevent.lock\n", "gevent.lock, gevent.event\n")
    assert 75 < await explained(load(text)) < 110
