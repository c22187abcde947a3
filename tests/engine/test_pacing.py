"""Users with a known pace: recognised as the locustfile has them, and corrected where answers came late."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from locust import TaskSet, User, between, constant_pacing, constant_throughput
from locust.env import Environment
from locust.event import Events

from rampdeck.engine.pacing import Pacing, period_of
from rampdeck.engine.recorder import Recorder
from rampdeck.engine.reports import PaceSum, pack_pace
from rampdeck.histogram import Histogram
from rampdeck.levels.arrivals import PaceTally
from rampdeck.model import Pace
from tests.engine.conftest import Load, Target
from tests.engine.test_engine import driven, to, until

PACED = """
from locust import FastHttpUser, {import_} , task

class Visitor(FastHttpUser):
    wait_time = {pace}

    @task
    def home(self):
        self.client.get("/")
"""
EACH_50_MS = PACED.format(import_="constant_throughput", pace="constant_throughput(20)")


def test_a_pace_is_recognised_however_it_is_written() -> None:
    assert period_of(constant_pacing(2)) == 2.0
    assert period_of(constant_throughput(4)) == 0.25
    for other in (constant_pacing(0), between(1, 2), lambda _: 1.0, TaskSet.wait_time, None):
        assert period_of(other) is None


def watched(*user_classes: type[User]) -> Pacing:
    return Pacing(Environment(events=Events(), user_classes=list(user_classes)))


def test_it_is_found_inherited_on_a_subclass_and_on_a_task_set_within_another() -> None:
    class Base(User):
        abstract = True
        wait_time = constant_pacing(3)

    class Inheriting(Base):
        pass

    class Setting(Inheriting):
        wait_time = between(1, 2)

    class Inner(TaskSet):
        wait_time = constant_throughput(5)

    class Outer(TaskSet):
        tasks = [Inner]  # noqa: RUF012

    class Nested(User):
        tasks = [Outer]  # noqa: RUF012

    assert watched(Inheriting).watching
    assert not watched(Setting).watching
    assert watched(Nested).watching
    once = Inner.wait_time
    assert watched(Nested).watching
    assert Inner.wait_time is once, "watched twice is watched once"
    assert period_of(Base.wait_time) == 3.0


def test_a_load_without_a_pace_has_none() -> None:
    class Visitor(User):
        wait_time = between(1, 2)

    pacing = watched(Visitor)
    assert (pacing.watching, pacing.take(1.0)) == (False, None)


class Second:
    """What a recorder gathered until now, taken together."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.pace = PaceTally()
        self.measured, self.corrected = Histogram(), Histogram()

    def take(self) -> Second:
        self.pace.add(self.recorder.pacing.take(1.0))
        for stats in self.recorder.take():
            self.measured.add(stats.successes)
            self.measured.add(stats.failures)
            self.corrected.add(stats.corrected)
        return self


async def test_asked_and_achieved_agree_while_the_server_keeps_up(load: Load, target: Target) -> None:
    async with driven(load(EACH_50_MS)) as engine:
        engine.want(to(4))
        seen = Second(engine.recorder)
        await until(lambda: len(target.requests) > 60)
        assert engine.recorder.pacing._asked() == (4, 80.0)
        engine.stop()
        await until(lambda: engine.users == 0)
        seen.take()
        assert seen.corrected.count == seen.measured.count + seen.pace.filled
        assert seen.pace.requests == seen.measured.count == len(target.requests)
        assert seen.pace.lateness.count > 0
        # The first of each user is noted when it ends; one each may have been waiting for its next.
        assert abs(seen.pace.begun - len(target.requests)) <= 8


async def test_a_stall_counts_for_every_request_that_was_due_in_it(load: Load, target: Target) -> None:
    async with driven(load(EACH_50_MS)) as engine:
        engine.want(to(2))
        seen = Second(engine.recorder)
        await until(lambda: len(target.requests) > 40)
        answers = target.hold()
        await until(lambda: target.waiting == 2)  # each of the two sends one request into the stall
        await asyncio.sleep(1.5)
        target.pause = asyncio.sleep
        answers.set()
        before = len(target.requests)
        await until(lambda: len(target.requests) > before + 20)
        engine.stop()
        await until(lambda: engine.users == 0)
        seen.take()
        stalled = [bucket for bucket in seen.measured.buckets if bucket > _bucket(1_000)]
        slow = sum(seen.measured.buckets[bucket] for bucket in stalled)
        # A stall of 1.5 s and more has thirty periods of 50 ms: one was asked, the last is only late.
        assert slow == 2
        assert seen.pace.filled >= 28 * slow
        assert seen.corrected.count == seen.measured.count + seen.pace.filled
        assert (seen.measured.percentile(80) or 0) < (seen.corrected.percentile(80) or 0) / 2
        assert seen.pace.lost > 25 * slow


def _bucket(milliseconds: float) -> int:
    (bucket,) = Histogram.of([milliseconds]).buckets
    return bucket


async def asks_each_50_ms(target: Target, times: list[float], stop: asyncio.Event) -> None:
    """A client with an open model: each request at its time, whatever became of the others."""
    loop = asyncio.get_running_loop()

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(target.url.rpartition(":")[2]))
        began = loop.time()
        writer.write(b"GET /open HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"ok")
        times.append((loop.time() - began) * 1000)
        writer.close()

    begin, asked = loop.time(), list[asyncio.Task[None]]()
    while not stop.is_set():
        asked.append(asyncio.create_task(ask()))
        await asyncio.sleep(max(0.0, begin + 0.05 * len(asked) - loop.time()))
    await asyncio.gather(*asked)


async def test_one_stall_reads_corrected_as_clients_see_it_who_do_not_wait(
    load: Load, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = asyncio.Event()
    answers.set()
    pause = asyncio.sleep

    async def held(seconds: float) -> None:
        await pause(seconds)
        await answers.wait()

    monkeypatch.setattr(target, "pause", held)
    times: list[float] = []
    async with driven(load(EACH_50_MS)) as engine:
        engine.want(to(1))
        await until(lambda: len(target.requests) > 0)
        stop = asyncio.Event()
        open_model = asyncio.create_task(asks_each_50_ms(target, times, stop))
        await asyncio.sleep(2)
        answers.clear()
        await asyncio.sleep(2)
        answers.set()
        await asyncio.sleep(4)
        stop.set()
        await open_model
        seen = Second(engine.recorder).take()
    truth = Histogram.of(times)
    for percent in (90, 95, 99):
        assert seen.corrected.percentile(percent) == pytest.approx(truth.percentile(percent), rel=0.2)
    assert (seen.measured.percentile(95) or 0) < (truth.percentile(95) or 0) / 10


async def test_a_task_set_may_have_the_pace_and_only_its_requests_are_corrected(
    load: Load, target: Target
) -> None:
    text = """
    from locust import FastHttpUser, TaskSet, constant, constant_pacing, task

    class Browsing(TaskSet):
        wait_time = constant_pacing(0.02)

        @task
        def page(self):
            self.client.get("/paced")

    class Paced(FastHttpUser):
        tasks = [Browsing]

    class Free(FastHttpUser):
        wait_time = constant(0.02)

        @task
        def page(self):
            self.client.get("/free")
    """
    async with driven(load(text)) as engine:
        engine.want(to(4))
        await until(lambda: min(map(target.requests.count, ("/paced", "/free"))) > 40)
        assert engine.recorder.pacing._asked() == (2, 100.0)
        pace = engine.recorder.pacing.take(1.0)
        stats = {stats.name: stats for stats in engine.recorder.take()}
        assert stats["/free"].corrected.count == 0
        assert pace is not None
        assert stats["/paced"].corrected.count == pace.requests + pace.filled > 20


async def test_requests_of_a_greenlet_that_a_task_started_are_counted_as_unknown(
    load: Load, target: Target
) -> None:
    text = """
    import gevent
    from locust import FastHttpUser, constant_pacing, task

    class Visitor(FastHttpUser):
        wait_time = constant_pacing(0.05)

        @task
        def both(self):
            self.client.get("/own")
            gevent.joinall([gevent.spawn(self.client.get, "/child")])
    """
    async with driven(load(text)) as engine:
        engine.want(to(1))
        await until(lambda: target.requests.count("/child") > 5)
        engine.stop()
        await until(lambda: engine.users == 0)
        pace = engine.recorder.pacing.take(1.0)
        stats = {stats.name: stats for stats in engine.recorder.take()}
        assert pace is not None
        assert pace.unknown == stats["/child"].successes.count
        assert stats["/child"].corrected.count == 0
        assert stats["/own"].corrected.count >= stats["/own"].successes.count


async def test_a_user_who_leaves_its_paced_task_set_has_no_pace_until_it_is_back(
    load: Load, target: Target, tmp_path: Path
) -> None:
    text = """
    import os
    from locust import FastHttpUser, TaskSet, constant, constant_pacing, task

    class Slowly(TaskSet):
        wait_time = constant(0.05)

        @task
        def page(self):
            self.client.get("/free")

    class Visitor(FastHttpUser):
        wait_time = constant_pacing(0.02)

        @task
        def page(self):
            self.client.get("/paced")
            if os.path.exists("leave"):
                Slowly(self).run()
    """
    async with driven(load(text)) as engine:
        engine.want(to(1))
        pacing = engine.recorder.pacing
        await until(lambda: len(target.requests) > 5)
        assert pacing._asked() == (1, 50.0)
        (tmp_path / "leave").touch()
        await until(lambda: pacing._asked() == (0, 0.0))
        engine.recorder.take()
        before = len(target.requests)
        await until(lambda: len(target.requests) > before + 3)
        (stats,) = engine.recorder.take()
        assert (stats.name, stats.corrected.count) == ("/free", 0)
        assert stats.successes.count > 0


def test_shares_of_workers_add_up() -> None:
    one = Pace(10.0, 20.0, 19, 0.5, 18, 9.0, 38, 1, 0, Histogram.of([1.0]))
    shares = PaceSum()
    for share in (one, None, one):
        shares.add(pack_pace(share))
    assert shares.take() == Pace(20.0, 40.0, 38, 1.0, 36, 18.0, 76, 2, 0, Histogram.of([1.0, 1.0]))
    assert shares.take() is None
