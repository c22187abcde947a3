"""The knee of a session: which levels it looks at, and when it is worked out anew."""

from __future__ import annotations

from dataclasses import replace

from rampdeck.capacity import MOST_LEVELS, Capacity
from rampdeck.gate import Gate
from rampdeck.histogram import Histogram
from rampdeck.knee import Target
from rampdeck.model import Instant, RequestBatch, RequestStats, Step
from rampdeck.session import Session
from rampdeck.snapshot import Verdict

NOON = Instant(1_795_348_800.0, 1_000.0)


class Played:
    """A session whose levels are played by hand, ten seconds each."""

    def __init__(self) -> None:
        self.session = Session({}, lambda _: None)
        self.gate = Gate(["p95 < 100ms"])
        self.spoiled: dict[int, str] = {}
        target = Target(20, "the target")
        self.capacity = Capacity(self.session, self.gate, lambda step: self.spoiled.get(step, ""), target)
        self.at = NOON
        self.steps = 0

    def level(self, users: int, milliseconds: float = 20.0, ends: bool = True) -> None:
        self.steps += 1
        step = Step(self.steps, users, 5.0, "key", self.at, "", self.at, self.at)
        self.session.append(step)
        for _ in range(10):
            self.at = self.at.plus(1.0)
            times = Histogram.of([milliseconds] * users)
            stats = RequestStats("GET", "/", times, Histogram())
            self.session.append(RequestBatch(self.at, 1.0, users, (stats,)))
            self.gate.observe(self.at, self.session)
        if ends:
            self.session.append(replace(step, ended=self.at))
            self.gate.observe(self.at, self.session)


def test_the_level_under_way_counts_for_the_record_and_not_on_the_screen() -> None:
    played = Played()
    assert played.capacity.settled() is None
    assert played.capacity.now() is None
    played.level(10)
    played.level(20, ends=False)
    settled, now = played.capacity.settled(), played.capacity.now()
    assert settled is not None
    assert now is not None
    assert (settled.passed, now.passed) == (10, 20)


def test_between_two_levels_the_knee_is_not_worked_out_again() -> None:
    played = Played()
    played.level(10)
    before = played.capacity.settled()
    assert played.capacity.settled() is before
    played.level(20, milliseconds=500)
    after = played.capacity.settled()
    assert after is not None
    assert (after.passed, after.failed) == (10, 20)


def test_a_level_that_turns_out_to_be_tainted_is_taken_out_again() -> None:
    played = Played()
    played.level(10)
    played.level(20, milliseconds=500)
    played.capacity.settled()
    played.spoiled[2] = "the generator was at its limit"
    found = played.capacity.settled()
    assert found is not None
    assert found.failed is None
    assert found.left_out == ("step 2 (20 users): the generator was at its limit",)


def test_hours_of_levels_cost_no_more_than_the_newest_of_them() -> None:
    played = Played()
    for _ in range(MOST_LEVELS + 1):
        played.level(10)
    played.level(20)
    found = played.capacity.settled()
    assert found is not None
    assert found.levels == 2


def test_the_present_level_is_judged_or_it_says_why_not() -> None:
    played = Played()
    assert played.capacity.level() == (Verdict.INCONCLUSIVE, "nothing was measured")
    played.level(10, ends=False)
    assert played.capacity.level()[0] is Verdict.PASS
    played.spoiled[1] = "the generator was at its limit"
    assert played.capacity.level() == (Verdict.INCONCLUSIVE, "the generator was at its limit")
