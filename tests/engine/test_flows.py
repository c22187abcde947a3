"""What a user of a flow may do to it: wait for ever, leave by sys.exit, spawn greenlets of its own."""

from __future__ import annotations

import gevent
import pytest
from locust import HttpUser, User, task
from locust.env import Environment
from locust.event import Events

from rampdeck.engine import flows
from rampdeck.engine.flows import Flow, run_flows
from rampdeck.errors import ScenarioError
from rampdeck.loop import in_greenlet


def environment(*classes: type[User], host: str = "http://localhost:9") -> Environment:
    made = Environment(user_classes=list(classes), events=Events(), host=host)
    made.create_local_runner()
    return made


async def lived(*classes: type[User]) -> list[Flow]:
    return await in_greenlet(run_flows, environment(*classes))


async def test_a_task_without_an_end_is_given_up_and_the_next_one_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flows, "TASK", 0.1)

    class Waits(User):
        @task
        def forever(self) -> None:
            gevent.sleep(3600)

        @task
        def after(self) -> None:
            pass

    (flow,) = await lived(Waits)
    assert flow.tasks == ["forever", "after"]
    assert flow.failures == ["forever: it had not ended after 0.1 s"]


async def test_users_live_side_by_side_and_not_longer_than_all_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "ALL", 0.3)
    met: list[str] = []

    class One(User):
        @task
        def meet(self) -> None:
            met.append("one")
            while len(met) < 2:
                gevent.sleep(0.01)

    class Two(One):
        @task
        def stay(self) -> None:
            gevent.sleep(3600)

    one, two = await lived(One, Two)
    assert one.failures == []
    assert two.failures == ["it had not ended after 0.3 s"]


async def test_sys_exit_in_a_task_is_a_failure_of_that_task() -> None:
    class Leaves(User):
        @task
        def leave(self) -> None:
            raise SystemExit(3)

    (flow,) = await lived(Leaves)
    assert flow.failures == ["leave: called sys.exit(3)"]


async def test_requests_of_greenlets_that_a_user_spawns_are_its_own() -> None:
    class Spawns(HttpUser):
        @task
        def page(self) -> None:
            gevent.spawn(self.client.get, "/inner").join()

    class Other(HttpUser):
        @task
        def page(self) -> None:
            pass

    spawns, other = await lived(Spawns, Other)
    assert spawns.requests == 1
    assert spawns.slowest == "GET /inner"
    assert spawns.failed == 1, "nobody listens there"
    assert other.requests == 0


async def test_a_listener_that_refuses_ends_it_with_its_sentence() -> None:
    def refuse(**_: object) -> None:
        raise SystemExit("no data was loaded")

    made = environment(User)
    made.events.test_start.add_listener(refuse)
    with pytest.raises(ScenarioError, match="no data was loaded"):
        await in_greenlet(run_flows, made)


async def test_many_failures_are_counted_and_the_first_ones_told() -> None:
    class Fails(HttpUser):
        @task
        def page(self) -> None:
            for number in range(9):
                self.client.get(f"/{number}")

    (flow,) = await lived(Fails)
    assert flow.failed == 9
    assert len(flow.failures) == flows.MOST_FAILURES
    assert flow.failures[0].startswith("GET /0: ")
