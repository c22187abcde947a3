"""Whichever control an operator takes: no load begins past a red check but by his own word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rampdeck.model import EventKind, Stage
from rampdeck.preflight.check import Found, check, failed, ok
from rampdeck.preflight.clearance import Clearance
from rampdeck.preflight.stack import Stack
from rampdeck.run import Run
from tests.engine.conftest import Load, load, own_events, target
from tests.test_run import opened, said, until

from .stacks import stack

__all__ = ["load", "own_events", "target"]

CONTROLS: dict[str, Callable[[Run], None]] = {
    "a key": lambda run: run.change_target(+3),
    "a number": lambda run: run.set_target(3),
    "the plan": lambda run: run.return_to_plan(),
    "the auto-step": lambda run: run.auto_step(),
}
PLAN = Stage("peak", 3, 100.0, 60.0)


@pytest.fixture(autouse=True)
def quick_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no servers here whose last lines would be waited for."""
    monkeypatch.setattr("rampdeck.run.LAST_LOOK", 0.0)


def judged(run: Run, *answers: Found) -> None:
    """Let the run's preflight have one check, which answers so in turn."""
    left = list(answers)

    @check("a.switch", "switch", expected="on", why="because", effect="nothing")
    async def switch(_: Stack) -> Found:
        return left.pop(0)

    run.clearance = Clearance(replace(stack(), session=run.session), [switch], run.writer.set_meta)


@pytest.mark.parametrize("control", CONTROLS)
async def test_no_control_starts_the_load_past_a_red_check(load: Load, tmp_path: Path, control: str) -> None:
    async with opened(load(), tmp_path, PLAN) as run:
        judged(run, failed("off", "switch it on"))
        CONTROLS[control](run)
        assert run.began is None, "it is not known yet"
        run.check_again()
        await until(lambda: run.held_back and "a.switch" in run.held_back)
        CONTROLS[control](run)
        assert run.began is None
        assert run.preflight is not None
        run.go_on_anyway()
        assert run.held_back == ""
        CONTROLS[control](run)
        await until(lambda: run.engine.users)
    assert "going on in spite of the preflight: a.switch" in said(run, EventKind.KEY)
    refusals = [text for text in said(run, EventKind.LOAD) if text.startswith("the load does not begin: ")]
    assert len(refusals) == 2


async def test_what_is_mended_while_the_cockpit_is_open_starts_as_ever(load: Load, tmp_path: Path) -> None:
    async with opened(load(), tmp_path) as run:
        judged(run, failed("off", "switch it on"), ok("on"))
        run.check_again()
        await until(lambda: run.held_back and "a.switch" in run.held_back)
        run.check_again(["a.switch"])
        await until(lambda: not run.held_back)
        run.set_target(2)
        await until(lambda: run.engine.users == 2)


async def test_a_load_that_runs_is_not_stopped_by_a_check_and_can_be_changed(
    load: Load, tmp_path: Path
) -> None:
    async with opened(load(), tmp_path) as run:
        judged(run, ok("on"), failed("off", "switch it on"))
        run.check_again()
        await until(lambda: not run.held_back)
        run.set_target(2)
        await until(lambda: run.engine.users == 2)
        run.check_again()
        await until(lambda: run.held_back and "a.switch" in run.held_back)
        run.set_target(3)
        await until(lambda: run.engine.users == 3)


async def test_without_a_preflight_nothing_is_held_back(load: Load, tmp_path: Path) -> None:
    async with opened(load(), tmp_path) as run:
        assert run.preflight is None
        run.check_again()
        run.go_on_anyway()
        run.set_target(1)
        await until(lambda: run.engine.users == 1)
