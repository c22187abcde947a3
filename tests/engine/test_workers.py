"""Load in workers: real processes, counted to the last request."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import psutil
import pytest

from rampdeck import loop
from rampdeck.engine import loader, options
from rampdeck.engine.driver import Order
from rampdeck.engine.master import make_master
from rampdeck.errors import UsageError
from rampdeck.model import Pace, RunState
from tests.engine.conftest import USER, Target
from tests.engine.crew import Crew, Make, cockpit, until

__all__ = ["cockpit"]


async def test_two_workers_count_exactly_what_the_server_counts(cockpit: Make, target: Target) -> None:
    crew = cockpit()
    crew.start("one", "two")
    await crew.joined(2)
    await crew.at(8)
    assert {crew.worker("one").users, crew.worker("two").users} == {4}
    await until(lambda: crew.counted > 300)
    await crew.at(3)
    await until(lambda: crew.counted > 500)
    await crew.stopped()
    assert crew.counted == len(target.requests)
    assert crew.engine.users == crew.engine.target == 0


async def test_percentiles_are_those_of_all_requests_of_all_workers(cockpit: Make, target: Target) -> None:
    target.delay = 0.13
    crew = cockpit()
    crew.start("one", "two")
    await crew.joined(2)
    await crew.at(6)
    await until(lambda: crew.counted > 60)
    await crew.stopped()
    crew.counted  # noqa: B018 - takes what is left
    p50 = crew.times.percentile(50)
    assert p50 is not None
    assert p50 * 1.01 >= 130
    assert crew.times.lowest >= 130, "not rounded: Locust would say 130 for 134"
    stamped = sum(stats.delay.count for stats in crew.taken)
    assert stamped == len(target.requests), "the wire clock runs in the workers"


async def test_the_pace_of_users_is_added_up_over_the_workers(cockpit: Make) -> None:
    crew = cockpit(
        USER.replace("constant(0.02)", "constant_throughput(5)").replace("constant,", "constant_throughput,")
    )
    crew.start("one", "two")
    await crew.joined(2)
    await crew.at(6)
    crew.engine.take_pace(1.0)
    found: list[Pace] = []
    async with asyncio.timeout(20):
        while sum(pace.begun for pace in found) < 60:
            await asyncio.sleep(1.0)
            crew.engine.take()
            if pace := crew.engine.take_pace(1.0):
                found.append(pace)
    paced = [pace for pace in found if pace.user_seconds]
    asked = sum(pace.due for pace in paced) / sum(pace.user_seconds for pace in paced)
    assert asked == pytest.approx(5.0)
    late, begun = (sum(pace.lateness.count for pace in paced), sum(pace.begun for pace in paced))
    assert begun - 6 <= late <= begun, "the first iteration of a user has no intended start"


async def test_what_users_did_until_measuring_begins_is_here_before_it(cockpit: Make, target: Target) -> None:
    crew = cockpit()
    crew.start("one", "two")
    await crew.joined(2)
    await crew.at(8)
    await until(lambda: crew.counted > 50)
    for _ in range(2):
        answered = len(target.requests) - 8  # what is on its way to its user may not have been counted
        await until(crew.engine.caught_up)
        assert crew.counted >= answered
        await asyncio.sleep(0.3)


async def test_a_load_that_is_asked_for_before_a_worker_is_there_waits_for_it(
    cockpit: Make,
) -> None:
    crew = cockpit()
    crew.engine.want(Order(4, 100, "key"))
    await until(lambda: not crew.engine.pending)
    assert (crew.engine.state, crew.engine.target, crew.engine.users) == (RunState.SPAWNING, 4, 0)
    assert crew.engine.running
    crew.start("one")
    await until(lambda: crew.engine.users == 4)


async def test_a_worker_that_joins_late_gets_its_share(cockpit: Make, target: Target) -> None:
    crew = cockpit()
    crew.start("one")
    await crew.joined(1)
    await crew.at(6)
    crew.start("two")
    await until(lambda: (user_counts(crew)) == [3, 3])
    crew.start("three")
    await until(lambda: (user_counts(crew)) == [2, 2, 2])
    await crew.stopped()
    assert crew.counted == len(target.requests)


async def test_the_others_take_over_from_a_worker_that_is_killed(cockpit: Make, target: Target) -> None:
    crew = cockpit()
    crew.start("one", "two")
    await crew.joined(2)
    await crew.at(6)
    crew.signal("one", signal.SIGKILL)
    await until(lambda: crew.worker("one").state == "silent", seconds=6)
    await until(lambda: crew.worker("two").users == 6 and crew.engine.users == 6)
    assert any("one was not heard of" in text and signal == "worker_lost" for text, signal in told(crew))
    assert not crew.engine.failure
    await crew.at(9)
    await crew.stopped()
    assert not crew.engine.failure


async def test_a_worker_that_was_frozen_is_replaced_and_when_it_is_back_nothing_is_counted_twice(
    cockpit: Make, target: Target
) -> None:
    crew = cockpit()
    crew.start("one", "two")
    await crew.joined(2)
    await crew.at(6)
    await until(lambda: crew.counted > 100)
    crew.signal("one", signal.SIGSTOP)
    await until(lambda: crew.worker("one").state == "silent", seconds=6)
    await until(lambda: crew.worker("two").users == 6)
    crew.signal("one", signal.SIGCONT)
    await until(lambda: user_counts(crew) == [3, 3])
    before = crew.counted
    await until(lambda: crew.counted > before + 200)
    await crew.stopped()
    assert crew.counted == len(target.requests)


async def test_without_any_worker_left_the_load_is_broken(cockpit: Make) -> None:
    crew = cockpit()
    crew.start("one")
    await crew.joined(1)
    await crew.at(2)
    crew.signal("one", signal.SIGKILL)
    await until(lambda: crew.engine.failure, seconds=6)
    assert crew.engine.failure == "no worker is left to make the load"
    crew.engine.abort()
    await until(lambda: crew.engine.state is RunState.STOPPED)


async def test_stop_at_once_cuts_a_graceful_stop_short_in_the_workers(cockpit: Make, target: Target) -> None:
    target.delay = 60
    crew = cockpit(stop_timeout=50)
    crew.start("one", "two")
    await crew.joined(2)
    await crew.at(6)
    await until(lambda: len(target.connections) == 6)
    crew.engine.stop()
    await until(lambda: crew.engine.state is RunState.STOPPING)
    crew.engine.abort()
    await until(lambda: crew.engine.state is RunState.STOPPED, seconds=6)
    crew.counted  # noqa: B018 - takes what is left
    assert sum(stats.killed for stats in crew.taken) == 6, "ours, not the server's"
    target.delay = 0.005
    await crew.at(4)
    await until(lambda: crew.counted > 20)


async def test_plain_locust_workers_join_and_are_told_apart(cockpit: Make, target: Target) -> None:
    crew = cockpit()
    crew.start("ours")
    crew.start_plain("theirs")
    await crew.joined(2)
    assert [worker.ours for worker in crew.driver.roll.plain] == [False]
    (blind,) = crew.engine.blind
    assert blind.endswith(" is plain locust and has no guard: what its users contact nobody sees")
    await crew.at(6)
    await until(lambda: crew.counted > 200)
    await crew.stopped()
    assert crew.counted == len(target.requests), "its last report is waited for"
    crew.engine.abort()
    await crew.at(2)


async def test_stop_at_once_reaches_plain_workers_too(cockpit: Make, target: Target) -> None:
    target.delay = 60
    crew = cockpit(stop_timeout=50)
    crew.start_plain("theirs")
    await crew.joined(1)
    await crew.at(2)
    await until(lambda: len(target.connections) == 2)
    crew.engine.abort()
    await until(lambda: crew.engine.state is RunState.STOPPED, seconds=10)
    theirs = psutil.Process(crew.processes["theirs"].pid)
    port = int(target.url.rpartition(":")[2])
    open_still = [c for c in theirs.net_connections() if getattr(c.raddr, "port", 0) == port]
    assert [c.status for c in open_still if c.status == psutil.CONN_ESTABLISHED] == []


async def test_what_the_scenario_raises_in_a_worker_is_told_here(cockpit: Make) -> None:
    crew = cockpit(
        """
        from locust import User, constant, task

        class Visitor(User):
            wait_time = constant(0.1)
            def on_start(self):
                raise KeyError("csrf")
            @task
            def nothing(self):
                pass
        """
    )
    crew.start("one")
    crew.start_plain("theirs")
    await crew.joined(2)
    crew.engine.want(Order(4, 100, "key"))
    await until(lambda: crew.engine.exceptions.get("KeyError: 'csrf'", 0) >= 2)
    await until(lambda: crew.engine.exceptions.get("'csrf'", 0) >= 2)
    await crew.stopped()


async def test_more_names_than_are_told_apart_share_one_over_all_workers(
    cockpit: Make,
) -> None:
    crew = cockpit(
        """
        import itertools, os
        from locust import User, constant, task

        class Visitor(User):
            wait_time = constant(0.001)
            numbers = itertools.count()
            @task
            def ask(self):
                name = f"/{os.environ['RAMPDECK_WORKER']}/{min(next(self.numbers), 299)}"
                self.environment.events.request.fire(
                    request_type="GET", name=name, response_time=1.0, response_length=1,
                    exception=None, context={},
                )
        """
    )
    crew.start("one", "two")
    await crew.joined(2)
    crew.engine.want(Order(4, 100, "key"))
    await until(lambda: crew.counted > 1500)
    assert crew.engine.overflowed
    assert len({(stats.method, stats.name) for stats in crew.taken}) == 501


async def test_listeners_hear_of_the_load_in_the_cockpit_and_in_each_worker(
    cockpit: Make, tmp_path: Path
) -> None:
    crew = cockpit(
        USER
        + """
import os
from locust import events

def note(what):
    with open("heard", "a") as file:
        file.write(f"{os.environ.get('RAMPDECK_WORKER', 'cockpit')} {what}\\n")

@events.init.add_listener
def init(**_): note("init")
@events.test_start.add_listener
def test_start(**_): note("test_start")
@events.test_stop.add_listener
def test_stop(**_): note("test_stop")
@events.quitting.add_listener
def quitting(**_): note("quitting")
"""
    )
    await loop.in_greenlet(crew.engine.open)
    crew.start("one")
    await crew.joined(1)
    await crew.at(2)
    await crew.at(4)
    await crew.stopped()
    await crew.engine.close()
    await until(lambda: crew.processes["one"].poll() is not None)
    heard = (tmp_path / "heard").read_text().splitlines()
    for who in ("cockpit", "one"):
        of = [line.split()[1] for line in heard if line.startswith(who)]
        assert of == ["init", "test_start", "test_stop", "quitting"], who


async def test_a_taken_port_is_a_clear_message(cockpit: Make) -> None:
    port = cockpit().driver.port
    loaded = loader.load(options.locustfiles([], None))
    with pytest.raises(UsageError) as caught:
        loader.environment_for(loaded, options.parse([]), lambda made: make_master(made, "127.0.0.1", port))
    assert str(port) in caught.value.what
    assert "--master-bind-port" in caught.value.fix


def user_counts(crew: Crew) -> list[int]:
    return sorted(worker.users for worker in crew.driver.roll.here)


def told(crew: Crew) -> list[tuple[str, str]]:
    return [(text, signal) for text, signal, _ in crew.driver.roll.told]
