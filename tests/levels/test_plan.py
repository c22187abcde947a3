"""A plan walks by itself, waits when it is held, and is taken up where it was left."""

from __future__ import annotations

import math

from rampdeck.levels.plan import PlanWalk
from rampdeck.model import Stage

BASE, PEAK = Stage("baseline", 20, 5, 60), Stage("peak", 50, 10, 30)


def test_stages_follow_each_other_and_hold_time_runs_only_when_the_users_are_there() -> None:
    walk = PlanWalk([BASE, PEAK])
    assert walk.total == 20 / 5 + 60 + 30 / 10 + 30
    assert walk.follow() == BASE
    assert walk.advance(0, False) is None
    assert walk.advance(100, False) is None, "a slow ramp does not shorten the stage"
    assert walk.advance(159, True) is None
    assert walk.advance(161, True) == PEAK
    assert walk.advance(170, True) is None
    assert walk.advance(191, True) is None
    assert walk.ended
    assert not walk.following


def test_a_held_stage_waits_without_end() -> None:
    walk = PlanWalk([BASE, PEAK])
    walk.follow()
    walk.advance(0, True)
    walk.toggle_hold()
    assert walk.advance(1_000, True) is None
    walk.toggle_hold()
    assert walk.advance(1_059, True) is None
    assert walk.advance(1_061, True) == PEAK


def test_the_plan_is_taken_up_where_it_was_left() -> None:
    walk = PlanWalk([BASE, PEAK])
    walk.follow()
    walk.advance(0, True)
    walk.advance(40, True)
    walk.leave()
    assert walk.advance(500, True) is None
    assert walk.follow() == BASE
    assert walk.advance(600, True) is None
    assert walk.advance(619, True) is None
    assert walk.advance(621, True) == PEAK


def test_a_stage_without_end_has_no_total() -> None:
    walk = PlanWalk([Stage("run", 5, 1, math.inf)])
    walk.follow()
    walk.advance(0, True)
    assert walk.advance(1e9, True) is None
    assert walk.total is None
    assert PlanWalk([]).follow() is None
