"""What a real run's result says of how far it was seen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from collectors import COLLECTORS
from rampdeck.config import Config
from rampdeck.sources import sources_of
from tests.engine.conftest import Load, load, own_events, target
from tests.test_run import at, opened, quick_end, until

__all__ = ["load", "own_events", "quick_end", "target"]


async def test_the_result_says_in_how_many_of_the_measured_seconds_each_source_was_seen(
    load: Load, tmp_path: Path
) -> None:
    nobody = {"kind": "postgres", "port": 1, "user": "u", "database": "d"}
    absent = {"kind": "redis", "absent": "there is none here"}
    sources = sources_of(Config(collectors=(nobody, absent)), COLLECTORS, lambda _: None)
    async with opened(load(), tmp_path, sources=sources) as run:
        run.set_target(2)
        await until(at(run, 2))
        await asyncio.sleep(2.5)
    result = run.result()
    covered = {one.source: one.seen / one.measured for one in result.coverage}
    assert covered == {"postgres@local": 0.0, "generator@local": pytest.approx(1.0, abs=0.5)}
    assert {one.measured for one in result.coverage} == {run.trust.measured}
    (blind,) = [reason for reason in result.reasons if reason.startswith("postgres@local was blind")]
    assert result.warnings == ()
    assert blind in result.steps[0].marks
