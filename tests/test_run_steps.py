"""A run's load levels: what the step table and the details of its rows say of a real load."""

from __future__ import annotations

from pathlib import Path

from rampdeck.model import Stage
from tests.engine.conftest import Load, load, own_events, target
from tests.test_run import at, opened, quick_end, until

__all__ = ["load", "own_events", "quick_end", "target"]


async def test_the_plan_key_goes_on_with_a_held_plan(load: Load, tmp_path: Path) -> None:
    async with opened(load(), tmp_path, Stage("low", 2, 100, 0.5), Stage("high", 3, 100, 60)) as run:
        run.return_to_plan()
        await until(lambda: run.engine.users == 2)
        run.toggle_hold()
        run.return_to_plan()
        assert not run.snapshot().load.held
        await until(lambda: run.engine.users == 3)


async def test_the_step_table_says_what_each_level_measured(load: Load, tmp_path: Path) -> None:
    async with opened(load(), tmp_path, Stage("low", 2, 100, 1.5), Stage("high", 3, 100, 60)) as run:
        run.return_to_plan()
        await until(lambda: run.snapshot().steps and run.snapshot().steps[0].figures.requests)
        (low,) = run.snapshot().steps
        assert low.left is not None
        assert 0 <= low.left <= 1.5
        await until(at(run, 3))
        run.stop()
        await run.over.wait()
    low, high = run.snapshot().steps
    assert [(row.step.stage, row.step.users, row.step.phase) for row in (low, high)] == [
        ("low", 2, "done"),
        ("high", 3, "done"),
    ]
    details = run.step_details(1)
    assert details is not None
    assert details.measured is not None
    assert details.measured.spreads.all.count == low.figures.requests
    assert [(one.name, one.figures.requests) for one in details.requests] == [("/", low.figures.requests)]
    spans = run.request_details("GET", "/").spans
    assert spans[-1].title == "whole run"
    assert spans[-1].figures.requests >= low.figures.requests + high.figures.requests
    assert run.step_details(7) is None
