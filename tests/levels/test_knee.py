"""The knee of systems whose knee is known, and the words for it."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rampdeck.histogram import Histogram
from rampdeck.levels.knee import Knee, Level, Target, find
from rampdeck.snapshot import Figures, Verdict
from tests.systems import FAIL, PASS, UNKNOWN, Fixed, Queue, System, bends_at, full_load, level, measured

PEAK = Target(50, "the plan's peak")


SYSTEMS = st.builds(
    lambda kind, servers, service, think: kind(servers, service, think),
    st.sampled_from([Fixed, Queue]),
    st.integers(1, 8),
    st.sampled_from([0.05, 0.08, 0.15]),
    st.sampled_from([0.3, 0.5, 1.0]),
)
PARTS = st.integers(8, 20)
QUICKLY = settings(deadline=None, max_examples=40)


def climb(system: System, parts: int) -> list[int]:
    """Levels from a fraction of the saturation point to twice it."""
    return sorted({max(1, round(full_load(system) * 2 * part / parts)) for part in range(1, parts + 1)})


@QUICKLY
@given(SYSTEMS, PARTS)
def test_the_knee_lies_where_the_system_bends(system: System, parts: int) -> None:
    users = climb(system, parts)
    found = find(measured(system, users, seconds=300))
    assert found is not None
    assert found.high is not None
    assert found.high >= bends_at(system, users[0], slack=0.97)
    # A queue bends a little from the start on, and the lowest levels together are the base.
    truth = bends_at(system, users[0], slack=1.03)
    first_bent = next(many for many in users if many >= truth)
    assert found.low is None or found.low <= (truth if isinstance(system, Fixed) else first_bent)
    assert len(found.unsure) <= parts // 4, "five minutes a level tell nearly every level"


@QUICKLY
@given(SYSTEMS, PARTS, st.integers(0, 2**32), st.sampled_from([5.0, 30.0, 300.0]))
def test_noise_within_the_bounds_of_the_counts_widens_the_knee_and_does_not_move_it(
    system: System, parts: int, seed: int, seconds: float
) -> None:
    dice = random.Random(seed)
    users = climb(system, parts)
    found = find(measured(system, users, seconds, noise=lambda: dice.uniform(-0.5, 0.5)))
    assert found is not None
    if found.high is not None:
        assert found.high >= bends_at(system, users[0], slack=0.97) * 0.95
        truth = bends_at(system, users[0], slack=1.03)
        assert found.low is None or found.low <= next(many for many in users if many >= truth)


@QUICKLY
@given(SYSTEMS, PARTS, st.randoms(use_true_random=False))
def test_the_order_of_levels_that_pass_does_not_matter(
    system: System, parts: int, dice: random.Random
) -> None:
    users = climb(system, parts)
    shuffled = dice.sample(users, len(users))
    found, plain = find(measured(system, shuffled)), find(measured(system, users))
    assert found is not None
    assert plain is not None
    assert replace(found, left_out=()) == replace(plain, left_out=())
    assert len(found.left_out) == len(plain.left_out)


@QUICKLY
@given(SYSTEMS, st.integers(3, 12), st.integers(0, 2**32))
def test_below_saturation_there_is_no_knee(system: System, parts: int, seed: int) -> None:
    dice = random.Random(seed)
    quiet = Fixed(system.servers, system.service, system.think)
    full = quiet.servers * (quiet.service + quiet.think) / quiet.service
    users = sorted({max(1, int(full * part / parts)) for part in range(1, parts + 1)})
    found = find(measured(quiet, users, noise=lambda: dice.uniform(-1, 1)))
    assert found is not None
    assert found.high is None
    assert found.low is None
    assert found.reason
    assert found.reason in found.sentence


@QUICKLY
@given(SYSTEMS, PARTS, st.integers(1, 3))
def test_a_level_in_parts_counts_as_the_level_in_one(system: System, parts: int, times: int) -> None:
    split = measured(system, climb(system, parts) * times)
    whole = [together([part for part in split if part.users == users]) for users in climb(system, parts)]
    one, other = find(split), find(whole)
    assert one is not None
    assert other is not None
    # A level that is too thin alone is left out of the parts.
    if not one.left_out:
        assert one == other


def together(levels: list[Level]) -> Level:
    """One level as long as all of these."""
    times = Histogram()
    for part in levels:
        assert part.times is not None
        times.add(part.times)
    seconds = sum(part.figures.seconds for part in levels)
    figures = Figures(seconds=seconds, requests=times.count, rps=times.count / seconds)
    return replace(levels[0], figures=figures, times=times)


# -- what counts


def test_nothing_measured_is_nothing() -> None:
    assert find([]) is None


@pytest.mark.parametrize(("count", "there"), [(1, "there is one"), (2, "there are two")])
def test_two_levels_are_no_knee_and_it_says_so(count: int, there: str) -> None:
    found = find([level(n, 10 * n, 300 * n) for n in range(1, count + 1)])
    assert found is not None
    assert (found.low, found.high) == (None, None)
    assert found.reason == f"needs three measured levels, {there}"
    assert found.passed == 10 * count


STRAIGHT = [level(n, 10 * n, 300 * n) for n in range(1, 6)]


def test_what_passed_what_failed_and_the_room_above_the_target() -> None:
    levels = [*(level(n, 10 * n, 300 * n) for n in range(1, 9)), level(9, 90, 2_700, verdict=FAIL)]
    found = find(levels, PEAK)
    assert found is not None
    assert (found.passed, found.failed, found.headroom) == (80, 90, 30)
    assert found.sentence.startswith(
        "Headroom 30 users (60 %) over the plan's peak of 50: 80 users passed, 90 failed."
    )


def test_while_nothing_failed_the_room_is_at_least_that() -> None:
    found = find(STRAIGHT, Target(40, "the target"))
    assert found is not None
    assert found.sentence.startswith(
        "Headroom at least 10 users (25 %) over the target of 40: 50 users passed, and no level failed."
    )


def test_a_target_that_is_not_reached_is_short() -> None:
    found = find([*STRAIGHT[:3], level(4, 40, 1_200, verdict=FAIL)], PEAK)
    assert found is not None
    assert found.headroom == -20
    assert found.sentence.startswith("20 users short of the plan's peak of 50: 30 users passed, 40 failed.")


def test_a_pass_above_a_failure_is_none_to_rely_on() -> None:
    levels = [level(1, 10, 300), level(2, 20, 600, verdict=FAIL), level(3, 30, 900)]
    found = find(levels)
    assert found is not None
    assert (found.passed, found.failed) == (10, 20)


def test_a_level_that_passed_once_and_failed_once_failed() -> None:
    levels = [level(1, 10, 300), level(2, 20, 600), level(3, 20, 600, verdict=FAIL)]
    found = find(levels)
    assert found is not None
    assert (found.passed, found.failed) == (10, 20)


def test_without_a_verdict_nothing_passed_or_failed() -> None:
    found = find([level(n, 10 * n, 300 * n, verdict=UNKNOWN) for n in range(1, 4)], PEAK)
    assert found is not None
    assert (found.passed, found.failed, found.headroom) == (None, None, None)
    assert found.sentence == "No knee: throughput follows users and p95 keeps level up to 30 users."


def test_tainted_and_thin_levels_are_left_out_and_named() -> None:
    late = level(6, 60, 900, verdict=FAIL, tainted="the generator was at its limit")
    thin = level(7, 70, 19, verdict=FAIL)
    found = find([*STRAIGHT, late, thin])
    assert found is not None
    assert found.levels == 5
    assert found.failed is None
    assert found.high is None
    assert found.left_out == (
        "step 6 (60 users): the generator was at its limit",
        "step 7 (70 users): 19 requests are too few",
    )


def test_requests_that_fail_fast_are_no_throughput() -> None:
    levels = [*STRAIGHT, level(6, 60, 1_000, failures=2_000), level(7, 70, 0, failures=4_000)]
    found = find(levels)
    assert found is not None
    assert (found.low, found.high, found.sign) == (50, 60, "throughput")


def test_p95_that_bends_while_throughput_still_follows_is_a_knee() -> None:
    levels = [*STRAIGHT, level(6, 60, 1_800, response=0.2)]
    found = find(levels)
    assert found is not None
    assert (found.low, found.high, found.sign) == (50, 60, "p95")
    assert found.capacity is None
    assert "p95 bends" in found.sentence


def test_a_millisecond_more_is_no_bend() -> None:
    found = find([level(n, 10 * n, 300 * n, response=0.001 if n < 5 else 0.003) for n in range(1, 6)])
    assert found is not None
    assert found.high is None


def test_a_dip_that_a_higher_level_disproves_is_no_knee() -> None:
    levels = [*STRAIGHT[:2], level(3, 30, 500), level(4, 40, 1_200), level(5, 50, 1_500)]
    found = find(levels)
    assert found is not None
    assert found.high is None


def test_a_run_that_begins_beyond_the_knee_does_not_invent_its_lower_end() -> None:
    found = find([level(1, 200, 4_800), level(2, 300, 4_800, 0.9), level(3, 400, 4_800, 1.5)])
    assert found is not None
    assert (found.low, found.high) == (None, 300)
    assert "Knee at or below 300 users" in found.sentence


def test_capacity_has_the_uncertainty_of_its_counts() -> None:
    levels = [*STRAIGHT, level(6, 80, 1_500, 0.6), level(7, 100, 1_500, 1.0)]
    found = find(levels)
    assert found is not None
    assert found.capacity is not None
    assert found.capacity.best == pytest.approx(50)
    assert found.capacity.high - found.capacity.best == pytest.approx(1.96 * math.sqrt(1_500) / 30)
    assert "; at most 50 ± 3 requests a second succeed" in found.sentence


# -- going back down


BROKEN = [*STRAIGHT, level(6, 60, 1_500, 0.6, FAIL)]


@pytest.mark.parametrize(("verdict", "word"), [(PASS, "Recovered"), (FAIL, "Did not recover")])
def test_a_level_that_is_returned_to_after_a_failure_tells_of_recovery_alone(
    verdict: Verdict, word: str
) -> None:
    before = find(BROKEN)
    found = find([*BROKEN, level(7, 50, 700, 2.0, verdict)])
    assert before is not None
    assert found is not None
    assert found.recovery is not None
    assert (found.recovery.users, found.recovery.after) == (50, 60)
    assert found.recovery.recovered is (verdict is PASS)
    assert f"{word} at 50 users after 60 had failed." in found.sentence
    assert (found.passed, found.failed, found.low, found.high) == (50, 60, 50, 60)


def test_no_recovery_is_told_where_the_lower_level_never_passed_or_could_not_be_judged() -> None:
    for verdict, users in ((UNKNOWN, 50), (FAIL, 55)):
        found = find([*BROKEN, level(7, users, 700, verdict=verdict)])
        assert found is not None
        assert found.recovery is None


def test_a_pass_on_the_way_down_counts_as_passed() -> None:
    found = find([*BROKEN, level(7, 55, 1_650)])
    assert found is not None
    assert (found.passed, found.failed) == (55, 60)


def test_a_failed_recovery_is_not_forgotten_by_a_later_one() -> None:
    found = find([*BROKEN, level(7, 50, 700, verdict=FAIL), level(8, 40, 1_200)])
    assert found is not None
    assert found.recovery is not None
    assert not found.recovery.recovered


def test_a_knee_is_frozen() -> None:
    with pytest.raises(AttributeError):
        Knee().low = 3  # type: ignore[misc]
