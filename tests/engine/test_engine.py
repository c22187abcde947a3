"""Load by keys: what the operator asks for happens, however the presses come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from rampdeck.engine.driver import Order
from rampdeck.engine.ending import Ending
from rampdeck.engine.engine import LoadEngine
from rampdeck.model import RunState
from tests.engine.conftest import Load, Target


@asynccontextmanager
async def driven(engine: LoadEngine) -> AsyncIterator[LoadEngine]:
    """An engine that carries out orders, and is closed at the end."""
    task = asyncio.create_task(engine.drive(lambda _: None))
    try:
        yield engine
    finally:
        await engine.close()
        task.cancel()


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


def to(users: int, rate: float = 100) -> Order:
    return Order(users, rate, "key")


async def test_the_target_is_reached_and_the_users_send_requests(load: Load, target: Target) -> None:
    async with driven(load()) as engine:
        assert (engine.state, engine.users, engine.target) == (RunState.READY, 0, 0)
        engine.want(to(8))
        assert engine.target == 8, "painted at once, before Locust has moved"
        await until(lambda: engine.users == 8 and len(target.requests) > 40)
        assert engine.state is RunState.RUNNING


async def test_presses_add_up_and_the_latest_target_wins(load: Load) -> None:
    async with driven(load()) as engine:
        for users in range(1, 31):
            engine.want(to(users))
        await until(lambda: engine.users == 30)
        engine.want(to(5))
        await until(lambda: engine.users == 5)


async def test_the_target_can_change_while_a_ramp_is_under_way(load: Load) -> None:
    async with driven(load()) as engine:
        engine.want(to(50, rate=10))
        await until(lambda: engine.users >= 3)
        engine.want(to(6, rate=100))
        await until(lambda: engine.users == 6 and engine.state is RunState.RUNNING)


async def test_a_step_up_in_the_middle_of_a_step_down_is_not_short_of_users(
    load: Load, target: Target
) -> None:
    answers = target.hold()
    async with driven(load(stop_timeout=60)) as engine:
        ending = Ending(engine.environment.runner)
        engine.want(to(20))
        await until(lambda: target.waiting == 20)
        engine.want(to(4))
        await until(lambda: len(ending.leaving()) == 16)  # they are still waiting for their answers
        engine.want(to(12))
        await until(lambda: not engine.pending)
        answers.set()
        await until(lambda: not ending.leaving() and engine.users == 12)
        await asyncio.sleep(0.5)
        assert engine.users == 12


async def test_a_graceful_stop_lets_requests_end(load: Load, target: Target) -> None:
    target.delay = 0.4
    async with driven(load(stop_timeout=60)) as engine:
        engine.want(to(5))
        await until(lambda: target.waiting == 5)
        engine.stop()
        await until(lambda: engine.state is RunState.STOPPED)
        counted = sum(stats.successes.count for stats in engine.take())
        assert counted == len(target.requests) >= 5
        assert engine.target == engine.users == 0


async def test_stop_at_once_does_not_wait_even_in_a_graceful_stop(load: Load, target: Target) -> None:
    target.delay = 60
    async with driven(load(stop_timeout=50)) as engine:
        engine.want(to(5))
        await until(lambda: engine.users == 5)
        engine.stop()
        await until(lambda: engine.state is RunState.STOPPING)
        engine.abort()
        await until(lambda: engine.state is RunState.STOPPED, seconds=40)
        assert engine.users == 0


async def test_the_load_can_start_again_after_a_stop(load: Load, target: Target) -> None:
    async with driven(load()) as engine:
        engine.want(to(3))
        await until(lambda: engine.users == 3)
        engine.abort()
        await until(lambda: engine.state is RunState.STOPPED)
        before = len(target.requests)
        engine.want(to(4))
        await until(lambda: engine.users == 4 and len(target.requests) > before + 10)


async def test_a_locustfiles_own_shape_drives_the_load_until_a_key_takes_over(
    load: Load, tmp_path: Path
) -> None:
    shape = """
import os
from locust import FastHttpUser, LoadTestShape, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.02)
    @task
    def home(self):
        self.client.get("/")

class Stairs(LoadTestShape):
    def tick(self):
        return (6, 50) if os.path.exists("higher") else (3, 50)
"""
    async with driven(load(shape)) as engine:
        assert engine.has_shape
        engine.start_shape()
        await until(lambda: engine.users == 3 and engine.target == 3)
        (tmp_path / "higher").touch()
        await until(lambda: engine.users == 6 and engine.target == 6)
        engine.want(to(2))
        await until(lambda: engine.users == 2)
        await asyncio.sleep(1.5)
        assert (engine.users, engine.shape_running) == (2, False)


async def test_listeners_tags_and_own_options_work_as_under_locust(load: Load, target: Target) -> None:
    text = """
from locust import FastHttpUser, constant, events, tag, task

@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--path", default="/nowhere")

@events.test_start.add_listener
def started(environment, **_):
    environment.parsed_options.heard = ["test_start"]

@events.quitting.add_listener
def quitting(environment, **_):
    environment.parsed_options.heard.append("quitting")

class Visitor(FastHttpUser):
    wait_time = constant(0.02)
    @tag("wanted")
    @task
    def chosen(self):
        self.client.get(self.environment.parsed_options.path)
    @tag("other")
    @task
    def other(self):
        self.client.get("/other")
"""
    async with driven(load(text, "--path", "/mine", "--tags", "wanted")) as engine:
        engine.want(to(3))
        await until(lambda: len(target.requests) > 10)
    assert set(target.requests) == {"/mine"}
    assert engine.options.heard == ["test_start", "quitting"]


async def test_failures_are_counted_apart_with_their_text(load: Load, target: Target) -> None:
    text = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.02)
    @task
    def broken(self):
        self.client.get("/broken", name="broken [/x]")
"""
    async with driven(load(text)) as engine:
        engine.want(to(2))
        await until(lambda: len(target.requests) > 10)
        (stats,) = engine.take()
        assert (stats.method, stats.name) == ("GET", "broken [/x]")
        assert stats.successes.count == 0
        assert stats.failures.count == sum(stats.errors.values()) > 0
        assert all("500" in text for text in stats.errors)
