"""The bounds of what a level measured."""

from __future__ import annotations

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from rampdeck.histogram import Histogram
from rampdeck.levels.curve import p95_bounds


@given(st.lists(st.floats(0.1, 10_000), min_size=1, max_size=400))
def test_the_bounds_of_p95_are_in_order(times: list[float]) -> None:
    bounds = p95_bounds(Histogram.of(times))
    assert bounds is not None
    assert bounds.low <= bounds.best <= bounds.high


def test_the_bounds_of_p95_hold_it_in_about_95_of_100_samples_and_few_times_have_no_upper() -> None:
    dice = random.Random(20)
    truth = -math.log(0.05) * 100
    held = 0
    for _ in range(400):
        bounds = p95_bounds(Histogram.of(dice.expovariate(1) * 100 for _ in range(300)))
        assert bounds is not None
        held += bounds.low <= truth * 1.01 and bounds.high >= truth * 0.99
    assert held >= 370
    few = p95_bounds(Histogram.of([1.0] * 20))
    assert few is not None
    assert few.high == math.inf
    assert p95_bounds(Histogram()) is None
