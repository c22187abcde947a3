"""The auto-step on a real load: held, left by a key and taken up again, beside a plan or without one."""

from __future__ import annotations

from pathlib import Path

from rampdeck.exits import Exit
from rampdeck.launch import exit_code
from rampdeck.model import EventKind, Stage
from rampdeck.snapshot import Verdict
from tests.engine.conftest import Load, load, own_events, target
from tests.test_run import VISITOR, at, levels, opened, quick_end, said, until

__all__ = ["load", "own_events", "quick_end", "target"]


SMALL = {"step": 2, "max_users": 6, "auto_hold": 1.7}
"""A climb of seconds: by two users up to six."""


async def test_it_goes_up_to_max_users_and_ends_as_a_plan_does(load: Load, tmp_path: Path) -> None:
    async with opened(load(VISITOR), tmp_path, limits=SMALL) as run:
        run.auto_step()
        assert run.snapshot().load.target == 2, "painted at once"
        assert run.snapshot().load.auto
        await until(run.over.is_set)
        assert run.ended == "plan"
        knee = run.snapshot().knee
    assert levels(run) == [(users, "auto", "auto-step") for users in (2, 4, 6)]
    assert "6 users passed, the most that max_users allows" in said(run, EventKind.LOAD)
    assert knee is not None
    assert knee.passed == 6
    result = run.result()
    assert result.knee is not None
    assert result.knee.climb == run.pilot.auto.ending
    assert exit_code(run, result.result) == Exit.PASS


async def test_it_is_held_left_by_a_key_and_taken_up_where_it_was_left(load: Load, tmp_path: Path) -> None:
    async with opened(load(VISITOR), tmp_path, limits=SMALL) as run:
        run.auto_step()
        await until(at(run, 4))
        run.toggle_hold()
        assert run.snapshot().load.held
        run.change_target(+5)
        assert not run.pilot.auto.following
        await until(at(run, 9))
        run.return_to_plan()
        await until(run.over.is_set)
    assert levels(run) == [
        (2, "auto", "auto-step"),
        (4, "auto", "auto-step"),
        (9, "key", ""),
        (4, "auto", "auto-step"),
        (6, "auto", "auto-step"),
    ]
    assert "target 4 → 9 users (left the auto-step)" in said(run, EventKind.KEY)


async def test_it_takes_the_load_up_where_it_is_and_gives_way_to_the_plan(load: Load, tmp_path: Path) -> None:
    plan = Stage("low", 1, 100, 1)
    async with opened(load(VISITOR), tmp_path, plan, limits=SMALL) as run:
        run.set_target(5)
        await until(at(run, 5))
        run.auto_step()
        await until(lambda: run.steps.step is not None and run.steps.step.cause == "auto")
        run.return_to_plan()
        assert not run.pilot.auto.following
        await until(run.over.is_set)
    assert levels(run) == [(5, "key", ""), (5, "auto", "auto-step"), (1, "plan", "low")]


async def test_a_stop_ends_it_early(load: Load, tmp_path: Path) -> None:
    async with opened(load(VISITOR), tmp_path, limits=SMALL) as run:
        run.auto_step()
        await until(at(run, 2))
        run.stop()
        await until(run.over.is_set)
    assert exit_code(run, Verdict.PASS) == Exit.STOPPED
    assert any("before its planned end" in doubt for doubt in run.result().doubts)


async def test_a_server_that_stays_broken_is_a_finding(load: Load, tmp_path: Path) -> None:
    breaks = VISITOR.replace(
        'self.client.get("/")',
        """
        runner = self.environment.runner
        runner.broken = getattr(runner, "broken", False) or runner.user_count > 5
        with self.client.get("/", catch_response=True) as answer:
            if runner.broken:
                answer.failure("broken for good")
""".strip(),
    )
    async with opened(load(breaks), tmp_path, limits=SMALL) as run:
        run.auto_step()
        await until(run.over.is_set)
    assert levels(run)[-1] == (4, "auto", "recovery")
    assert run.pilot.auto.ending == "did not recover at 4 users after 6 had failed"
    (finding,) = [found for found in run.result().findings if "recover" in found.text]
    assert finding.text == "the system did not recover at 4 users after 6 had failed"


async def test_the_plan_key_takes_up_the_plan_also_from_an_auto_step_that_is_held(
    load: Load, tmp_path: Path
) -> None:
    async with opened(load(VISITOR), tmp_path, Stage("planned", 3, 100, 60), limits=SMALL) as run:
        run.auto_step()
        await until(at(run, 2))
        run.toggle_hold()
        run.return_to_plan()
        assert run.walk is run.pilot.plan
        await until(at(run, 3))
        assert not run.snapshot().load.auto
