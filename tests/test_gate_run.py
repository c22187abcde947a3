"""A live load and its gate: that it stops, that the operator raises again, and what the screen says of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rampdeck.exits import Exit
from rampdeck.launch import exit_code
from rampdeck.model import EventKind, RunState, Stage
from rampdeck.snapshot import Verdict
from tests.engine.conftest import Load, load, own_events, target
from tests.test_run import VISITOR, at, opened, quick_end, said, until

__all__ = ["load", "own_events", "quick_end", "target"]


async def test_the_gate_stops_the_load_and_the_operator_may_raise_it_again(
    load: Load, tmp_path: Path
) -> None:
    async with opened(load(VISITOR), tmp_path, thresholds=["rps < 1 over 2s abort"]) as run:
        for users in (3, 5):
            run.set_target(users)
            await until(at(run, users))
            await run.over.wait()
            assert run.ended == "gate"
            assert run.snapshot().load.state is RunState.STOPPED
            assert exit_code(run, run.result().result) == Exit.FAIL
        (reason,) = (text for text in run.result().reasons if text.startswith("rps"))
        assert reason.endswith("2 times; the gate stopped the load") or "2 times, the longest" in reason
    stopped = [text for text in said(run, EventKind.GATE) if text.endswith("; the gate stops the load")]
    assert [text.partition(" at ")[2].partition(";")[0] for text in stopped] == [
        "step 1 (3 users)",
        "step 2 (5 users)",
    ]


async def test_the_screen_and_a_decision_know_of_everything_that_the_record_holds_against_a_pass(
    load: Load, tmp_path: Path
) -> None:
    """A load that was stopped early: green on the screen, it would be accepted for a PASS that it is not."""
    async with opened(load(VISITOR), tmp_path, Stage("long", 2, 100, 60)) as run:
        run.return_to_plan()
        await until(lambda: run.session.book.whole.total.successes.count > 30 and at(run, 2)())
        await asyncio.sleep(1.5)
        run.stop()
        await until(lambda: run.engine.state is RunState.STOPPED)
        stopped = "the operator stopped the load before its planned end"
        await until(lambda: stopped in run.snapshot().reasons)
        run.decide(Verdict.PASS, "ann", "it is well")
        assert run.snapshot().verdict is Verdict.INCONCLUSIVE
    decision = run.result().decision
    assert decision is not None
    assert decision.computed is Verdict.INCONCLUSIVE
