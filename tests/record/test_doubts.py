"""What takes a PASS away beside what the session's seconds show: one answer for the screen and the record."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rampdeck.facts import Fact, FactPair
from rampdeck.record.doubts import doubts
from rampdeck.record.outcome import Outcome
from rampdeck.snapshot import Verdict
from tests.gate.helpers import Load
from tests.record.grounds import RED, meta

QUICK = [20.0] * 20
SHORT = "the plan's peak of 50 users was not measured, only levels up to 10 users"


def held(*levels: tuple[int, int], cause: str = "plan") -> Load:
    """Let there have been levels of so many users that were measured for so many seconds; 0: only ramped."""
    load = Load("p95 < 1s", cause=cause)
    for users, seconds in levels:
        (load.level if seconds else load.ramp)(users)
        for _ in range(seconds or 3):
            load.second(QUICK)
            load.trust.observe(load.session, 1.0)
    load.end()
    return load


def against(load: Load, outcome: Outcome, facts: Sequence[FactPair] = ()) -> tuple[str, ...]:
    return doubts(load.session, load.trust, outcome, facts)


@pytest.mark.parametrize("ended", ["run time", "plan", "scenario"])
@pytest.mark.parametrize("levels", [((10, 10),), ((10, 10), (50, 0))])
def test_a_plan_that_ended_below_its_peak_is_no_pass(ended: str, levels: Sequence[tuple[int, int]]) -> None:
    assert against(held(*levels), Outcome(ended=ended, planned=True, peak=50)) == (SHORT,)


def test_a_plan_whose_peak_was_measured_is_one() -> None:
    outcome = Outcome(ended="plan", planned=True, peak=50)
    assert against(held((10, 10), (50, 10), (10, 10)), outcome) == ()


def test_a_plan_that_was_never_followed_asks_for_nothing() -> None:
    assert against(held((10, 10), cause="key"), Outcome(ended="operator", planned=True, peak=50)) == (
        "the operator stopped the load before its planned end",
    )
    assert against(held((10, 10), cause="key"), Outcome(ended="run time", peak=50)) == ()


def test_as_long_as_the_load_goes_on_the_peak_may_still_come() -> None:
    load = held((10, 10))
    load.level(10)
    assert against(load, Outcome(peak=50)) == ()


@pytest.mark.parametrize("ended", ["operator", "gate"])
def test_who_stopped_the_load_is_reason_enough(ended: str) -> None:
    assert SHORT not in against(held((10, 10)), Outcome(ended=ended, planned=True, peak=50))


def test_everything_that_is_against_a_pass_is_told_together() -> None:
    start, end = (Fact("release.commit", "Commit", text, "git") for text in ("a1", "b2"))
    found = against(
        held((10, 10)),
        Outcome(
            ended="run time", planned=True, peak=50, missing="the file is not complete", broken="it broke"
        ),
        [FactPair("release", start, end)],
    )
    assert found[:2] == ("it broke", SHORT)
    assert found[2].endswith("changed during the run: a1 → b2")
    assert found[3:] == ("the file is not complete",)


def test_a_failed_check_of_the_preflight_is_one_answer_for_the_screen_and_the_record() -> None:
    load = held((10, 10), cause="key")
    stored = meta(*RED, went_on=("django.migrations",))
    found = doubts(load.session, load.trust, Outcome(), (), stored)
    assert found == ("the preflight failed: django.migrations, and one went on",)
    assert load.gate.verdict(found, final=True)[0] is Verdict.INCONCLUSIVE


def test_a_threshold_that_failed_stays_a_fail_in_spite_of_the_preflight() -> None:
    load = Load("p95 < 10ms", cause="key")
    load.level(10)
    for _ in range(10):
        load.second(QUICK)
        load.trust.observe(load.session, 1.0)
    load.end()
    found = doubts(load.session, load.trust, Outcome(), (), meta(*RED, went_on=("django.migrations",)))
    assert load.gate.verdict(found, final=True)[0] is Verdict.FAIL
