"""Users that are killed in the middle: what we cut off is told as ours, and is never a failure."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from rampdeck.engine import wire
from rampdeck.loop import in_greenlet
from rampdeck.model import RequestStats
from tests.engine.conftest import Load
from tests.engine.test_wire import Truth, truth, user, visiting

__all__ = ["truth"]
KINDS = pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])


@pytest.fixture(autouse=True)
def told() -> Iterator[None]:
    """No recorder of another test is told of these kills."""
    wire.killed.clear()
    yield
    wire.killed.clear()


async def stopped(
    load: Load, text: str, *flags: str, users: int = 4, after: float = 0.8, stop_timeout: float = 0.0
) -> dict[str, RequestStats]:
    """Let users ask, stop them, and return what was recorded, by name."""
    engine = visiting(load, text, *flags, stop_timeout=stop_timeout)
    runner = engine.environment.runner
    assert runner is not None
    await in_greenlet(runner.start, users, 100)
    await asyncio.sleep(after)
    await in_greenlet(runner.quit)
    taken = engine.recorder.take()
    engine.recorder.close()
    return {stats.name: stats for stats in taken}


@KINDS
@pytest.mark.parametrize("scheme", ["plain", "tls"])
@pytest.mark.parametrize(("stop_timeout", "killed"), [(0.0, 4), (0.3, 4), (10.0, 0)])
async def test_only_what_outlasts_the_stop_timeout_is_cut_off_and_it_is_no_failure(
    load: Load, truth: Truth, kind: str, scheme: str, stop_timeout: float, killed: int
) -> None:
    text = user(kind, 'self.client.get("/2500ms", name="slow")', host=getattr(truth, scheme))
    stats = (await stopped(load, text, stop_timeout=stop_timeout))["slow"]
    assert (stats.killed, stats.unsent, stats.unreported) == (killed, 0, 0)
    assert (stats.successes.count, stats.failures.count) == (4 - killed, 0)


@KINDS
async def test_a_redirect_that_is_cut_off_has_been_asked_for_too(load: Load, truth: Truth, kind: str) -> None:
    text = user(kind, 'self.client.get("/redirect/5/300ms", name="away")', host=truth.plain)
    stats = (await stopped(load, text, after=1.0))["away"]
    assert stats.killed == 4
    assert 4 <= stats.redirects <= 16
    assert stats.redirects % 4 == 0, "all began together"


@KINDS
async def test_a_user_who_is_still_connecting_has_sent_nothing(load: Load, kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        # Nobody accepts: two find a place in the queue, the others wait for one.
        host = f"http://127.0.0.1:{listener.getsockname()[1]}"
        text = user(kind, 'self.client.get("/", name="full")', host=host)
        stats = (await stopped(load, text, users=6))["full"]
    assert (stats.killed, stats.failures.count) == (6, 0)
    assert 2 <= stats.unsent <= 5


@KINDS
async def test_an_answer_whose_block_a_kill_leaves_is_ours_and_one_that_raises_is_told_apart(
    load: Load, truth: Truth, kind: str
) -> None:
    body = """
        with self.client.get("/redirect/1/5ms", name="in hand", catch_response=True):
            gevent.sleep(30)"""
    stats = (await stopped(load, user(kind, body.strip(), host=truth.plain)))["in hand"]
    assert (stats.killed, stats.redirects, stats.unreported) == (4, 4, 0)
    assert stats.successes.count == stats.failures.count == 0
    body = """
        with self.client.get("/5ms", name="raises", catch_response=True):
            gevent.sleep(0.2)
            raise ValueError("no order in the answer")"""
    stats = (await stopped(load, user(kind, body.strip(), host=truth.plain), after=0.5))["raises"]
    assert stats.killed + stats.unreported >= 8
    assert stats.unreported >= 4
    assert stats.successes.count == stats.failures.count == 0


@KINDS
async def test_a_verdict_that_the_scenario_gave_before_the_kill_counts(
    load: Load, truth: Truth, kind: str
) -> None:
    body = """
        with self.client.get("/5ms", name="said", catch_response=True) as answer:
            answer.success()
            gevent.sleep(30)"""
    stats = (await stopped(load, user(kind, body.strip(), host=truth.plain)))["said"]
    assert (stats.successes.count, stats.failures.count, stats.killed) == (4, 0, 0)


@KINDS
async def test_a_body_that_is_read_in_the_block_is_cut_off_once(load: Load, truth: Truth, kind: str) -> None:
    body = """
        with self.client.get("/chunked/900ms", name="stream", stream=True, catch_response=True) as answer:
            list(answer.iter_content(10))"""
    stats = (await stopped(load, user(kind, body.strip(), host=truth.plain), after=1.3))["stream"]
    assert (stats.killed, stats.failures.count, stats.successes.count) == (4, 0, 0)


@KINDS
@pytest.mark.parametrize("scheme", ["plain", "tls"])
async def test_a_good_bye_after_a_kill_is_a_request_like_any_other(
    load: Load, truth: Truth, kind: str, scheme: str
) -> None:
    body = """
        self.client.get("/3000ms", name="slow")
    def on_stop(self):
        self.client.get("/5ms", name="good-bye")"""
    stats = await stopped(load, user(kind, body.strip(), host=getattr(truth, scheme)))
    assert (stats["slow"].killed, stats["slow"].failures.count) == (4, 0)
    bye = stats["good-bye"]
    assert (bye.successes.count, bye.failures.count, bye.killed, bye.redirects) == (4, 0, 0, 0), bye.errors


@KINDS
async def test_a_second_kill_also_ends_a_good_bye(load: Load, truth: Truth, kind: str) -> None:
    body = """
        self.client.get("/3000ms", name="slow")
    def on_stop(self):
        self.client.get("/3000ms", name="good-bye")"""
    engine = visiting(load, user(kind, body.strip(), host=truth.plain), stop_timeout=0.0)
    runner = engine.environment.runner
    assert runner is not None
    await in_greenlet(runner.start, 4, 100)
    await asyncio.sleep(0.8)
    engine.abort()
    await asyncio.sleep(0.3)
    engine.abort()
    await asyncio.sleep(0.3)
    stats = {entry.name: entry for entry in engine.recorder.take()}
    await in_greenlet(runner.quit)
    engine.recorder.close()
    assert (stats["slow"].killed, stats["good-bye"].killed) == (4, 4)
    assert sum(entry.failures.count + entry.successes.count for entry in stats.values()) == 0
