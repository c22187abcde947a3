"""Users that are killed in the middle: what we cut off is told as ours, and is never a failure."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Iterator
from pathlib import Path

import psutil
import pytest

from rampdeck.engine import wire
from rampdeck.loop import in_greenlet
from rampdeck.model import RequestStats
from tests.engine.conftest import Load
from tests.engine.crew import until
from tests.engine.test_wire import Truth, all_came, came, truth, user, visiting

__all__ = ["truth"]
INSIDE = "with open('inside', 'a') as note: note.write('x')"
KINDS = pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])


@pytest.fixture(autouse=True)
def told() -> Iterator[None]:
    """No recorder of another test is told of these kills."""
    wire.killed.clear()
    yield
    wire.killed.clear()


async def inside(times: int = 4) -> None:
    """Wait until users have come to the place of their scenario that is marked with INSIDE so often."""
    note = Path("inside")
    await until(lambda: note.exists() and len(note.read_text()) >= times)


async def stopped(
    load: Load, text: str, ready: Awaitable[None], *, users: int = 4, stop_timeout: float = 0.0
) -> dict[str, RequestStats]:
    """Let users ask, stop them when it is time to, and return what was recorded, by name."""
    engine = visiting(load, text, stop_timeout=stop_timeout)
    runner = engine.environment.runner
    assert runner is not None
    await in_greenlet(runner.start, users, 100)
    await ready
    await in_greenlet(runner.quit)
    taken = engine.recorder.take()
    engine.recorder.close()
    return {stats.name: stats for stats in taken}


@KINDS
@pytest.mark.parametrize("scheme", ["plain", "tls"])
@pytest.mark.parametrize(("stop_timeout", "killed"), [(0.0, 4), (0.3, 4), (60.0, 0)])
async def test_only_what_outlasts_the_stop_timeout_is_cut_off_and_it_is_no_failure(
    load: Load, truth: Truth, kind: str, scheme: str, stop_timeout: float, killed: int
) -> None:
    host, path = getattr(truth, scheme), "/60000ms" if killed else "/2500ms"
    text = user(kind, f'self.client.get("{path}", name="slow")', host=host)
    coming = all_came(host, path, 4 + await came(host, path))
    stats = (await stopped(load, text, coming, stop_timeout=stop_timeout))["slow"]
    assert (stats.killed, stats.unsent, stats.unreported) == (killed, 0, 0)
    assert (stats.successes.count, stats.failures.count) == (4 - killed, 0)


@KINDS
async def test_a_redirect_that_is_cut_off_has_been_asked_for_too(load: Load, truth: Truth, kind: str) -> None:
    text = user(kind, 'self.client.get("/away/3/60000ms", name="away")', host=truth.plain)
    coming = all_came(truth.plain, "/away/0/60000ms", 4 + await came(truth.plain, "/away/0/60000ms"))
    stats = (await stopped(load, text, coming))["away"]
    assert (stats.killed, stats.redirects) == (4, 12)


async def all_ask_for(port: int, count: int) -> None:
    """Wait until there are so many connections to a port, and those who got one have used it."""
    ours = psutil.Process()
    await until(lambda: [c.raddr[1:] for c in ours.net_connections()].count((port,)) == count)
    await asyncio.sleep(0.2)  # some turns of the loop in which the users run as well


@KINDS
async def test_a_user_who_is_still_connecting_has_sent_nothing(load: Load, kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        # Nobody accepts: two find a place in the queue, the others wait for one.
        port = listener.getsockname()[1]
        text = user(kind, 'self.client.get("/", name="full")', host=f"http://127.0.0.1:{port}")
        stats = (await stopped(load, text, all_ask_for(port, 6), users=6))["full"]
    assert (stats.killed, stats.failures.count) == (6, 0)
    assert 2 <= stats.unsent <= 5


@KINDS
async def test_an_answer_whose_block_a_kill_leaves_is_ours_and_one_that_raises_is_told_apart(
    load: Load, truth: Truth, kind: str
) -> None:
    body = """
        with self.client.get("/redirect/1/5ms", name="in hand", catch_response=True):
            INSIDE
            gevent.sleep(300)"""
    text = user(kind, body.strip().replace("INSIDE", INSIDE), host=truth.plain)
    stats = (await stopped(load, text, inside()))["in hand"]
    assert (stats.killed, stats.redirects, stats.unreported) == (4, 4, 0)
    assert stats.successes.count == stats.failures.count == 0
    body = """
        with self.client.get("/5ms", name="raises", catch_response=True):
            INSIDE
            gevent.sleep(0.2)
            raise ValueError("no order in the answer")"""
    text = user(kind, body.strip().replace("INSIDE", INSIDE), host=truth.plain)
    stats = (await stopped(load, text, inside(4 + 8)))["raises"]
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
            INSIDE
            gevent.sleep(300)"""
    text = user(kind, body.strip().replace("INSIDE", INSIDE), host=truth.plain)
    stats = (await stopped(load, text, inside()))["said"]
    assert (stats.successes.count, stats.failures.count, stats.killed) == (4, 0, 0)


@KINDS
async def test_a_body_that_is_read_in_the_block_is_cut_off_once(load: Load, truth: Truth, kind: str) -> None:
    body = """
        with self.client.get("/drip/60000ms", name="stream", stream=True, catch_response=True) as answer:
            INSIDE
            list(answer.iter_content(10))"""
    text = user(kind, body.strip().replace("INSIDE", INSIDE), host=truth.plain)
    stats = (await stopped(load, text, inside()))["stream"]
    assert (stats.killed, stats.failures.count, stats.successes.count) == (4, 0, 0)


@KINDS
@pytest.mark.parametrize("scheme", ["plain", "tls"])
async def test_a_good_bye_after_a_kill_is_a_request_like_any_other(
    load: Load, truth: Truth, kind: str, scheme: str
) -> None:
    body = """
        self.client.get("/60000ms", name="slow")
    def on_stop(self):
        self.client.get("/5ms", name="good-bye")"""
    host = getattr(truth, scheme)
    coming = all_came(host, "/60000ms", 4 + await came(host, "/60000ms"))
    stats = await stopped(load, user(kind, body.strip(), host=host), coming)
    assert (stats["slow"].killed, stats["slow"].failures.count) == (4, 0)
    bye = stats["good-bye"]
    assert (bye.successes.count, bye.failures.count, bye.killed, bye.redirects) == (4, 0, 0, 0), bye.errors


@KINDS
async def test_a_second_kill_also_ends_a_good_bye(load: Load, truth: Truth, kind: str) -> None:
    body = """
        self.client.get("/60000ms", name="slow")
    def on_stop(self):
        self.client.get("/61000ms", name="good-bye")"""
    engine = visiting(load, user(kind, body.strip(), host=truth.plain), stop_timeout=0.0)
    runner = engine.environment.runner
    assert runner is not None
    slow, bye = await came(truth.plain, "/60000ms"), await came(truth.plain, "/61000ms")
    await in_greenlet(runner.start, 4, 100)
    await all_came(truth.plain, "/60000ms", slow + 4)
    engine.abort()
    await all_came(truth.plain, "/61000ms", bye + 4)
    engine.abort()
    await until(lambda: not engine.users)
    stats = {entry.name: entry for entry in engine.recorder.take()}
    await in_greenlet(runner.quit)
    engine.recorder.close()
    assert (stats["slow"].killed, stats["good-bye"].killed) == (4, 4)
    assert sum(entry.failures.count + entry.successes.count for entry in stats.values()) == 0
