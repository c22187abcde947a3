"""A live load that the gate stops, and that the operator raises again."""

from __future__ import annotations

from pathlib import Path

from rampdeck.exits import Exit
from rampdeck.launch import exit_code
from rampdeck.model import EventKind, RunState
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
