"""The knee of a session: which levels it looks at, and when it is worked out anew."""

from __future__ import annotations

from dataclasses import replace

from rampdeck.gate import Gate
from rampdeck.histogram import Histogram
from rampdeck.levels.capacity import MOST_LEVELS, Capacity
from rampdeck.levels.knee import Target
from rampdeck.model import (
    Event,
    EventKind,
    Health,
    Instant,
    RequestBatch,
    RequestStats,
    Sample,
    Severity,
    SourceInfo,
    Step,
)
from rampdeck.session import Session
from rampdeck.snapshot import Verdict
from rampdeck.trust import Trust

GENERATOR = SourceInfo("generator@local", "generator", "local")
NOON = Instant(1_795_348_800.0, 1_000.0)


class Played:
    """A session whose levels are played by hand, ten seconds each."""

    def __init__(self) -> None:
        self.session = Session({}, lambda _: None)
        self.gate = Gate(["p95 < 100ms"])
        self.trust = Trust()
        self.gate.doubted = self.trust.doubted
        self.session.append(GENERATOR)
        live = {"health": Health.LIVE.value}
        self.session.append(Event(NOON, GENERATOR.name, EventKind.HEALTH, Severity.NOTICE, "", fields=live))
        self.capacity = Capacity(self.session, self.gate, self.trust, Target(20, "the target"))
        self.at = NOON
        self.steps = 0

    def level(self, users: int, milliseconds: float = 20.0, ends: bool = True, busy: bool = False) -> None:
        self.steps += 1
        step = Step(self.steps, users, 5.0, "key", self.at, "", self.at, self.at)
        self.session.append(step)
        for _ in range(10):
            self.at = self.at.plus(1.0)
            times = Histogram.of([milliseconds] * users)
            stats = RequestStats("GET", "/", times, Histogram())
            self.session.append(RequestBatch(self.at, 1.0, users, (stats,)))
            cpu = 100.0 if busy else 10.0
            self.session.append(Sample(self.at, GENERATOR.name, {"cpu_percent": cpu}))
            self.trust.observe(self.session, 1.0)
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


def test_a_level_at_which_the_generator_was_the_limit_tells_nothing_of_the_system() -> None:
    played = Played()
    played.level(10)
    played.level(20, milliseconds=500, busy=True)
    found = played.capacity.settled()
    assert found is not None
    assert found.failed is None
    (left_out,) = found.left_out
    assert left_out.startswith("step 2 (20 users): ")
    assert "10 of 10 measured seconds" in left_out


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
    played.level(20, ends=False, busy=True)
    verdict, why = played.capacity.level()
    assert verdict is Verdict.INCONCLUSIVE
    assert "10 of 10 measured seconds" in why
