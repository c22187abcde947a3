"""Response times keep their percentiles to within one per cent, however they are put together."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rampdeck.histogram import HIGHEST_MS, LOWEST_MS, RELATIVE_ERROR, Histogram, bucket_of, value_of

TIMES = st.lists(st.floats(LOWEST_MS, HIGHEST_MS), min_size=1, max_size=200)
PERCENTS = st.floats(0.1, 100)


def exact(times: list[float], percent: float) -> float:
    """The nearest rank."""
    return sorted(times)[max(1, math.ceil(len(times) * percent / 100 - 1e-9)) - 1]


@given(TIMES, PERCENTS)
def test_a_percentile_is_at_most_one_per_cent_off(times: list[float], percent: float) -> None:
    found = Histogram.of(times).percentile(percent)
    assert found == pytest.approx(exact(times, percent), rel=RELATIVE_ERROR + 1e-9)


@given(TIMES)
def test_count_mean_and_extremes_are_exact(times: list[float]) -> None:
    histogram = Histogram.of(times)
    assert histogram.count == len(times)
    assert histogram.mean == pytest.approx(sum(times) / len(times))
    assert (histogram.lowest, histogram.highest) == (min(times), max(times))
    assert histogram.percentile(100) == pytest.approx(max(times), rel=RELATIVE_ERROR + 1e-9)


@given(TIMES, TIMES, TIMES)
def test_parts_put_together_are_the_same_as_the_whole(a: list[float], b: list[float], c: list[float]) -> None:
    together = Histogram()
    for part in (a, b, c):
        together.add(Histogram.of(part))
    whole = Histogram.of(a + b + c)
    assert together == whole
    assert together.percentiles((50, 95, 99)) == whole.percentiles((50, 95, 99))
    assert together.mean == pytest.approx(whole.mean)


@given(TIMES, TIMES)
def test_what_was_added_can_be_taken_out_again(kept: list[float], gone: list[float]) -> None:
    histogram = Histogram.of(kept)
    histogram.add(Histogram.of(gone))
    histogram.subtract(Histogram.of(gone))
    assert histogram.buckets == Histogram.of(kept).buckets
    assert histogram.count == len(kept)
    assert histogram.percentile(50) == pytest.approx(exact(kept, 50), rel=RELATIVE_ERROR + 1e-9)


@given(TIMES, TIMES)
def test_the_order_and_the_grouping_of_parts_do_not_matter(a: list[float], b: list[float]) -> None:
    def together(*parts: Histogram) -> Histogram:
        found = Histogram()
        for part in parts:
            found.add(part)
        return found

    one, other, third = Histogram.of(a), Histogram.of(b), Histogram.of([7.0])
    assert together(one, other) == together(other, one)
    assert together(together(one, other), third) == together(one, together(other, third))
    assert together(one, Histogram()) == one


@given(TIMES, TIMES)
def test_the_largest_and_the_smallest_leave_with_what_brought_them(
    kept: list[float], gone: list[float]
) -> None:
    histogram = Histogram.of(kept)
    histogram.add(Histogram.of(gone))
    histogram.subtract(Histogram.of(gone))
    assert histogram.highest == pytest.approx(max(kept), rel=RELATIVE_ERROR + 1e-9)
    assert histogram.lowest == pytest.approx(min(kept), rel=RELATIVE_ERROR + 1e-9)
    histogram.subtract(Histogram.of(kept))
    assert histogram == Histogram()
    assert (histogram.total, histogram.mean, histogram.lowest) == (0.0, None, math.inf)


@given(st.lists(TIMES, min_size=1, max_size=12), st.integers(1, 4))
def test_a_sliding_window_is_the_same_as_its_parts(parts: list[list[float]], width: int) -> None:
    window = Histogram()
    for place, part in enumerate(parts):
        window.add(Histogram.of(part))
        if place >= width:
            window.subtract(Histogram.of(parts[place - width]))
    times = [time for part in parts[-width:] for time in part]
    assert window.count == len(times)
    for percent in (0.1, 50, 95, 99.9, 100):
        assert window.percentile(percent) == pytest.approx(exact(times, percent), rel=RELATIVE_ERROR + 1e-9)
    assert window.highest == pytest.approx(max(times), rel=RELATIVE_ERROR + 1e-9)


@given(TIMES)
def test_putting_together_changes_nothing_that_was_put_in(times: list[float]) -> None:
    part, together = Histogram.of(times), Histogram()
    together.add(part)
    together.record(5.0)
    assert part == Histogram.of(times)


@given(TIMES, st.lists(PERCENTS, max_size=5))
def test_several_percentiles_are_those_taken_one_by_one(times: list[float], percents: list[float]) -> None:
    histogram = Histogram.of(times)
    assert histogram.percentiles(percents) == tuple(histogram.percentile(percent) for percent in percents)


@given(st.floats(LOWEST_MS, HIGHEST_MS))
def test_a_bucket_stands_for_its_values(time: float) -> None:
    assert value_of(bucket_of(time)) == pytest.approx(time, rel=RELATIVE_ERROR + 1e-9)


@pytest.mark.parametrize("time", [0.0, -3.0, 1e-9, 1e12])
def test_times_beyond_the_range_count_at_its_end(time: float) -> None:
    histogram = Histogram.of([time])
    assert histogram.count == 1
    assert list(histogram.buckets) == [bucket_of(time)]
    assert bucket_of(LOWEST_MS) <= bucket_of(time) <= bucket_of(HIGHEST_MS)


def test_nothing_has_no_percentile() -> None:
    assert Histogram().percentiles((50, 95)) == (None, None)
    assert Histogram().mean is None


@given(TIMES)
def test_a_histogram_comes_back_from_its_parts(times: list[float]) -> None:
    was = Histogram.of(times)
    now = Histogram.restored(was.buckets, was.total, was.lowest, was.highest)
    assert now == was
    assert now.percentiles((1, 50, 99)) == was.percentiles((1, 50, 99))


def test_the_limit_of_a_gate_is_told_apart() -> None:
    # Rounded to two digits both would read 800.
    assert Histogram.of([780.0] * 100).percentile(95) != Histogram.of([820.0] * 100).percentile(95)


@given(st.floats(0.1, 500_000), st.floats(0.05, 5_000))
def test_what_is_counted_down_by_buckets_is_what_is_counted_one_by_one(highest: float, step: float) -> None:
    count = int(highest / step + 1e-9)
    assume(count < 20_000)
    quick = Histogram()
    quick.record_down(highest, step)
    slow = Histogram.of(highest - number * step for number in range(count))
    assert quick.count == slow.count == sum(quick.buckets.values())
    assert quick.total == pytest.approx(slow.total)
    if count:
        assert quick.lowest == pytest.approx(slow.lowest)
        assert quick.highest == slow.highest
    # A value on the very bound of a bucket may fall to either side of it.
    buckets = sorted(quick.buckets.keys() | slow.buckets.keys())
    ahead = 0
    for bucket in buckets:
        ahead += quick.buckets.get(bucket, 0) - slow.buckets.get(bucket, 0)
        assert abs(ahead) <= 1
