"""A session that is made up: everything a second brings is taken in, and what it costs is told."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from bench.figures import Spread
from bench.growth import Crowd, Grown, aims, tables
from bench.longrun import POOL, RATE, Mark, seconds_of_requests
from bench.loopback import ROOT
from bench.runs import Figures

EARLY = Mark(100, 10, 100_000_000, 20.0, 25.0, 8.0, 30_000_000)


def grown(late: Mark) -> Grown:
    nothing = Spread.of([])
    side = Figures(200.0, 0, 11.0, nothing, nothing, nothing, memory=80_000_000)
    return Grown([EARLY], [EARLY, late], [Crowd(10, side, replace(side, memory=110_000_000))])


@pytest.mark.parametrize(
    ("late", "missed"),
    [
        (replace(EARLY, minutes=120), []),
        (replace(EARLY, minutes=120, file=900_000_000, cpu_ms=30.0), []),
        (replace(EARLY, minutes=120, memory=106_000_000), ["memory"]),
        (replace(EARLY, minutes=120, tick_ms=24.0), ["a second's cost"]),
        (replace(EARLY, minutes=120, paint_ms=10.0), ["a paint"]),
    ],
)
def test_nothing_but_the_file_may_grow_with_the_session(late: Mark, missed: list[str]) -> None:
    found = aims(grown(late))

    assert [aim.what.split(",")[0] for aim in found if not aim.met] == missed
    assert all("120 min of session to 10" in aim.what for aim in found)


def test_the_tables_show_each_way_of_growing() -> None:
    lines = list(tables(grown(replace(EARLY, minutes=120))))

    assert "| 100 | 100 MB | 20.0 ms | 25.0 ms | 8.0 ms | 30 MB |" in lines
    assert "| 120 min | 100 MB | 20.0 ms | 25.0 ms | 8.0 ms | 30 MB |" in lines
    assert "| 10 | 80 MB | 110 MB | 11.0 % | 11.0 % |" in lines


@pytest.mark.parametrize("endpoints", [10, 500])
def test_the_made_up_load_is_the_same_for_any_number_of_endpoints(endpoints: int) -> None:
    seconds = seconds_of_requests(endpoints)

    assert len(seconds) == POOL
    assert all(sum(stats.successes.count for stats in entries) == RATE for entries in seconds)
    assert {len(entries) for entries in seconds} == {endpoints}


def test_a_session_of_two_minutes_passes_and_tells_its_cost() -> None:
    command = [sys.executable, "-m", "bench.longrun", "10", "1", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    first, second = (Mark(**json.loads(line)) for line in done.stdout.splitlines())
    assert (first.minutes, second.minutes, second.endpoints) == (1, 2, 10)
    assert second.file > first.file > 0
    assert min(second.memory, second.tick_ms, second.cpu_ms, second.paint_ms) > 0
