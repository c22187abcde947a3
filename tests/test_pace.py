"""Readings come on a fixed grid, and counters become what happened between two of them."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

from rampdeck.pace import Counters, Ticks


async def test_beats_stand_on_a_grid_and_missed_ones_are_skipped() -> None:
    loop = asyncio.get_running_loop()
    ticks, start = Ticks(0.05), loop.time()
    beats = []
    for reading in (0.0, 0.03, 0.12, 0.0, 0.0):
        await anext(ticks)
        beats.append((loop.time() - start) / 0.05)
        time.sleep(reading)  # a reading of that length
    assert beats[0] < 1
    for earlier, later in pairwise(beats):
        assert int(later + 0.01) > int(earlier + 0.01)  # never two in one square of the grid
    assert beats[3] >= 4  # the one at 3 passed while the long reading was under way


def test_the_first_reading_has_no_change_and_a_later_one_has() -> None:
    counters = Counters()
    assert counters.read(10.0, {"hits": 100, "misses": 50}) is None
    change = counters.read(12.0, {"hits": 106, "misses": 52})
    assert change is not None
    assert change.count("hits") == 6
    assert change.rate("hits") == 3
    assert change.share("hits", "misses") == 75
    assert change.rate("unheard of") == 0


def test_a_share_of_nothing_is_none_and_no_zero() -> None:
    counters = Counters()
    counters.read(10.0, {"hits": 100, "misses": 50})
    change = counters.read(11.0, {"hits": 100, "misses": 50})
    assert change is not None
    assert change.share("hits", "misses") is None


def test_a_counter_that_shrank_means_a_restart_and_no_change() -> None:
    counters = Counters()
    counters.read(10.0, {"hits": 100})
    assert counters.read(11.0, {"hits": 3}) is None
    change = counters.read(12.0, {"hits": 5})
    assert change is not None
    assert change.count("hits") == 2
