"""Which user classes the load has: chosen from a list, taken at the next start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from rampdeck.engine.engine import LoadEngine
from rampdeck.model import RunState
from tests.engine.conftest import Load, Target
from tests.engine.test_engine import driven, to, until

TWO = """
from locust import FastHttpUser, LoadTestShape, constant, tag, task

class Visitor(FastHttpUser):
    wait_time = constant(0.02)
    @tag("read")
    @task
    def home(self):
        self.client.get("/visitor")

class Buyer(FastHttpUser):
    weight = 3
    wait_time = constant(0.02)
    @tag("read")
    @task
    def look(self):
        self.client.get("/buyer")
    @task
    def buy(self):
        self.client.get("/buy")

class Retired(FastHttpUser):
    weight = 0
    @task
    def nothing(self):
        pass
"""


def running(engine: LoadEngine, users: int) -> Callable[[], bool]:
    return lambda: engine.users == users and engine.state is RunState.RUNNING


async def test_the_classes_are_listed_with_their_weights(load: Load) -> None:
    classes = load(TWO).classes.all
    assert [(user.name, user.weight, user.chosen) for user in classes] == [
        ("Visitor", 1, True),
        ("Buyer", 3, True),
        ("Retired", 0, False),
    ]


async def test_a_choice_counts_when_the_load_starts(load: Load, target: Target) -> None:
    async with driven(load(TWO)) as engine:
        engine.classes.choose(["Visitor"])
        engine.want(to(4))
        await until(running(engine, 4))
        await until(lambda: len(target.requests) >= 20)
        assert set(target.requests) == {"/visitor"}
        assert [user.name for user in engine.classes.all if user.chosen] == ["Visitor"]


async def test_a_load_that_runs_keeps_its_users_and_the_next_one_has_the_chosen(
    load: Load, target: Target
) -> None:
    async with driven(load(TWO, "Visitor")) as engine:
        engine.want(to(2))
        await until(running(engine, 2))
        engine.classes.choose(["Buyer"])
        engine.want(to(4))
        await until(running(engine, 4))
        target.requests.clear()
        await until(lambda: len(target.requests) >= 20)
        assert set(target.requests) == {"/visitor"}
        engine.stop()
        await until(lambda: engine.state is RunState.STOPPED)
        target.requests.clear()
        engine.want(to(3))
        await until(running(engine, 3))
        await until(lambda: len(target.requests) >= 20)
        assert "/visitor" not in target.requests


async def test_tags_hold_for_a_class_that_is_chosen_later(load: Load, target: Target) -> None:
    async with driven(load(TWO, "--tags", "read", "--", "Visitor")) as engine:
        engine.want(to(1))
        await until(running(engine, 1))
        engine.stop()
        await until(lambda: engine.state is RunState.STOPPED)
        engine.classes.choose(["Buyer"])
        target.requests.clear()
        engine.want(to(2))
        await until(lambda: len(target.requests) >= 30)
        assert set(target.requests) == {"/buyer"}


async def test_a_choice_without_anybody_to_run_is_refused(load: Load) -> None:
    engine = load(TWO)
    for names in ([], ["Retired"], ["Nobody"]):
        with pytest.raises(ValueError, match="no user class to run"):
            engine.classes.choose(names)
    await asyncio.sleep(0)
