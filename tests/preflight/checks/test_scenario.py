"""A scenario that would make no load, or a gate that could not judge, is told before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from collectors import COLLECTORS
from rampdeck.preflight.check import Found, State
from rampdeck.preflight.checks import scenario
from rampdeck.preflight.stack import Scenario
from rampdeck.preparing import metrics_of
from tests.preflight.stacks import stack

METRICS = metrics_of(COLLECTORS)


async def loads(made: Scenario, **data: Any) -> Found:
    found = await scenario.loads.look(stack(data, scenario=made))
    assert isinstance(found, Found)
    return found


async def gate(thresholds: Sequence[str] | None, **data: Any) -> list[tuple[State, str]]:
    if thresholds is not None:
        data["gate"] = {"thresholds": thresholds}
    found = await scenario.thresholds.look(stack(data, metrics=METRICS))
    assert not isinstance(found, Found)
    return [(one.state, one.found) for one in found]


async def test_it_says_what_the_scenario_is_made_of() -> None:
    made = Scenario(("/srv/checkout.py",), ("Buyer", "Visitor"), {"Buyer": 5, "Visitor": 1})
    stages = [{"name": "peak", "users": 200, "hold": "1m"}]
    found = await loads(made, stages=stages)
    assert (found.state, found.host) == (State.OK, "checkout.py")
    assert found.found == "Buyer (5 tasks), Visitor (1 task); 1 stage up to 200 users"
    assert (await loads(made)).found.endswith("the load is raised by hand")


async def test_a_class_without_a_task_and_a_locustfile_that_breaks_fail() -> None:
    found = await loads(Scenario(("/srv/shop.py",), ("Idle",), {"Idle": 0}))
    assert (found.state, found.found) == (State.FAILED, "Idle: no task")
    found = await loads(Scenario(problem="shop.py, line 3: ImportError: no module named requests2"))
    assert found.state is State.FAILED
    assert "requests2" in found.found


async def test_thresholds_that_can_be_judged_are_told() -> None:
    assert await gate(["p95 < 800ms"]) == [(State.OK, "p95 < 800ms")]
    ((state, found),) = await gate(None)
    assert state is State.OK
    assert found.startswith("the usual ones: p95 < 800ms")


@pytest.mark.parametrize("text", ["p95 is fine", "postgres.conections < 80%", "rps > 5 at nowhere"])
async def test_one_that_cannot_be_read_fails(text: str) -> None:
    ((state, found),) = await gate([text])
    assert state is State.FAILED
    assert found


async def test_one_whose_source_is_left_out_or_missing_warns() -> None:
    left_out = [{"kind": "postgres", "absent": "no rights yet"}]
    ((state, found),) = await gate(["postgres.active < 80"], collectors=left_out)
    assert (state, "no rights yet" in found) == (State.WARNING, True)


async def test_each_threshold_that_is_wrong_is_told() -> None:
    assert [state for state, _ in await gate(["p95 <", "error_rate < 1%", "p99 <<"])] == [State.FAILED] * 2


async def test_a_gate_of_nothing_is_worth_a_word() -> None:
    assert await gate([]) == [(State.WARNING, "nothing must hold")]
