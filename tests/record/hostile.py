"""A result in which everything that others wrote is out to do harm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rampdeck.levels.knee import Knee
from rampdeck.record.result import (
    NINE,
    Decision,
    ErrorResult,
    Finding,
    GapResult,
    LogsResult,
    RecordFields,
    Result,
)
from rampdeck.record.settings import Settings
from rampdeck.snapshot import Coverage, Lines, Verdict
from tests.record import grounds
from tests.record.parts import BEGAN, pair

HOSTILE = (
    "<script>alert(1)</script> | `x` *b* [l](http://e.example)\n# head\x1b[31m @all #12 www.e.example "
    "\udcff \x00 $x$ :tada: </details> a\\| b\\\\| me@e.example [/orders/]"
)


def spoiled(made: Result) -> Result:
    """Everything that others wrote is out to become markup, a link, a command or a broken file."""
    threshold = replace(made.thresholds[0], expression=HOSTILE, label=HOSTILE, where=HOSTILE)
    return replace(
        made,
        title=HOSTILE,
        host=HOSTILE,
        reasons=(HOSTILE, "# head", "1. one", "- [ ] task", "> quote", "+ plus"),
        doubts=(HOSTILE,),
        warnings=(HOSTILE,),
        record=RecordFields(**dict.fromkeys(NINE, HOSTILE)),
        thresholds=(threshold, *made.thresholds[1:]),
        steps=tuple(
            replace(step, stage=HOSTILE, cause=HOSTILE, marks=(HOSTILE,), thresholds=(threshold, threshold))
            for step in made.steps
        ),
        requests=(replace(made.requests[0], method=HOSTILE, name=HOSTILE), *made.requests[1:]),
        errors=(ErrorResult(HOSTILE, HOSTILE, HOSTILE, 3),),
        sources=(replace(made.sources[3], name=HOSTILE, host=HOSTILE, reason=HOSTILE, lines=Lines(1, 1),
                         gaps=(GapResult(BEGAN.utc, None, HOSTILE),)),),
        coverage=(Coverage(HOSTILE, 10, 9),),
        logs=(LogsResult(HOSTILE, (replace(made.logs[0].said[0], template=HOSTILE, example=HOSTILE),), 3),),
        tables=(replace(made.tables[0], source=HOSTILE, title="Statements", rows=({"query": HOSTILE},)),),
        clocks=(replace(made.clocks[0], host=HOSTILE),),
        findings=(Finding(HOSTILE, "error", HOSTILE, (HOSTILE,), HOSTILE, BEGAN.utc),),
        decision=Decision(BEGAN, Verdict.PASS, Verdict.FAIL, HOSTILE, HOSTILE),
        facts=(
            pair(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE + "2"),
            pair("x", "x", "x", "", None, HOSTILE),
        ),
        settings=Settings((HOSTILE, "```"), {HOSTILE: {HOSTILE: [HOSTILE, "```"]}}),
        groundwork=grounds.spoiled(HOSTILE),
        pacing=(HOSTILE,),
        knee=Knee(sentence=HOSTILE, method=HOSTILE, climb=HOSTILE, left_out=(HOSTILE,)),
        version=HOSTILE,
        session=Path(HOSTILE.replace("\x00", "")),
    )  # fmt: skip
