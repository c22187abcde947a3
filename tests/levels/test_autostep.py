"""The load is raised by itself while the gate holds, goes back down once, and says how it ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rampdeck.levels.autostep import PATIENCE, AutoStep, Climb
from rampdeck.model import Stage
from rampdeck.snapshot import Verdict

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
CLIMB = Climb(first=10, step=10, most=100, spawn_rate=5, hold=30)


class System:
    """A gate that holds up to some users; what it is told is the level that is under load."""

    def __init__(self, carries: int, climb: Climb = CLIMB) -> None:
        self.verdict: Callable[[int], Verdict] = lambda users: PASS if users <= carries else FAIL
        self.auto = AutoStep(climb, self._judge)
        self.mono = 0.0
        self.levels: list[int] = []

    def _judge(self) -> tuple[Verdict, str]:
        return self.verdict(self.levels[-1]), "too few requests"

    def go(self, levels: int = 10_000) -> None:
        """Follow until the end, or until so many levels more were begun."""
        self._to(self.auto.follow())
        until = len(self.levels) + levels
        while self.auto.following and len(self.levels) < until:
            self.mono += 1
            self._to(self.auto.advance(self.mono, reached=True))

    def _to(self, stage: Stage | None) -> None:
        if stage is not None:
            self.levels.append(stage.users)


def test_it_climbs_until_a_level_fails_and_confirms_recovery_by_going_back_down_once() -> None:
    system = System(carries=35)
    system.go()
    assert system.levels == [10, 20, 30, 40, 30]
    assert [stage.name for stage in system.auto.stages] == [*["auto-step"] * 4, "recovery"]
    assert system.auto.ending == "recovered at 30 users after 40 had failed"
    assert system.auto.ended
    assert not system.auto.following
    assert system.auto.stage is None


def test_a_system_that_stays_broken_is_told_as_not_recovered() -> None:
    system = System(carries=35)
    system.verdict = lambda _: FAIL if 40 in system.levels else PASS
    system.go()
    assert system.levels == [10, 20, 30, 40, 30]
    assert system.auto.ending == "did not recover at 30 users after 40 had failed"


def test_it_stops_at_max_users_and_never_goes_beyond() -> None:
    system = System(carries=1_000, climb=Climb(10, 20, 45, 5, 30))
    system.go()
    assert system.levels == [10, 30, 45]
    assert "max_users" in system.auto.ending


def test_without_a_level_that_passed_there_is_nothing_to_go_back_to() -> None:
    system = System(carries=5)
    system.go()
    assert system.levels == [10]
    assert system.auto.ending == "the first level, 10 users, failed"


def test_a_level_is_held_for_its_time_once_the_users_are_there() -> None:
    auto = AutoStep(CLIMB, lambda: (PASS, ""))
    assert auto.follow() == Stage("auto-step", 10, 5, 30)
    assert auto.advance(0, False) is None
    assert auto.advance(100, False) is None, "a slow ramp does not shorten the level"
    assert auto.left == 30
    assert auto.advance(129, True) is None
    assert auto.left == 1
    assert auto.advance(131, True) == Stage("auto-step", 20, 5, 30)


def test_a_level_with_too_few_requests_gets_more_time_and_then_ends_the_climb_with_the_reason() -> None:
    system = System(carries=100)
    system.verdict = lambda users: PASS if users < 20 else UNKNOWN
    system.go()
    assert system.levels == [10, 20]
    assert system.auto.ending == f"20 users could not be judged in {PATIENCE * 30} s: too few requests"


def test_a_level_that_can_be_judged_with_more_time_goes_on() -> None:
    system = System(carries=100)
    system.verdict = lambda _: PASS if system.mono > 50 else UNKNOWN
    system.go(levels=1)
    assert system.levels == [10, 20]
    assert system.mono == 61, "two hold times, the clock's first look aside"


def test_a_held_level_waits_without_end_and_goes_on() -> None:
    auto = AutoStep(CLIMB, lambda: (PASS, ""))
    auto.follow()
    auto.advance(0, True)
    auto.toggle_hold()
    assert auto.advance(1_000, True) is None
    assert auto.left is None
    auto.toggle_hold()
    assert auto.advance(1_029, True) is None
    assert auto.advance(1_031, True) is not None


def test_it_is_taken_up_at_the_level_where_it_was_left_which_is_measured_anew() -> None:
    system = System(carries=35)
    system.go(levels=2)
    assert system.levels == [10, 20, 30]
    system.auto.leave()
    assert system.auto.advance(system.mono + 100, True) is None
    system.go()
    assert system.levels == [10, 20, 30, 30, 40, 30]


def test_after_its_end_it_starts_anew() -> None:
    system = System(carries=15)
    system.go()
    system.go()
    assert system.levels == [10, 20, 10, 10, 20, 10]


@pytest.mark.parametrize("before", [True, False])
def test_before_the_start_and_after_the_end_there_is_no_level(before: bool) -> None:
    auto = AutoStep(CLIMB, lambda: (FAIL, ""))
    if not before:
        auto.follow()
        auto.advance(0, True)
        auto.advance(31, True)
        assert auto.ended
    assert auto.stage is None
    assert auto.index == (-1 if before else len(auto.stages))
    assert auto.stages, "a planned end that an operator may cut short"


@given(
    carries=st.integers(0, 300),
    first=st.integers(1, 50),
    step=st.integers(1, 50),
    most=st.integers(1, 250),
)
def test_it_always_ends_and_never_goes_beyond_the_first_failure(
    carries: int, first: int, step: int, most: int
) -> None:
    system = System(carries, Climb(first, step, most, 5, 30))
    system.go()
    assert system.auto.ended
    assert max(system.levels) <= most
    beyond = [users for users in system.levels if users > carries]
    assert len(beyond) <= 1
    up = system.levels[: system.levels.index(max(system.levels)) + 1]
    assert up == sorted(up)
    if beyond and len(system.levels) > 1:
        assert system.levels[-1] == system.auto.passed == up[-2]
