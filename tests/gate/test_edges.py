"""Where a verdict could turn on one sample: gaps, stages that come again, figures that are none."""

from __future__ import annotations

import pytest

from rampdeck.gate import Gate
from rampdeck.snapshot import ThresholdState, ThresholdView, Verdict
from tests.gate.helpers import Load

PASS, WARN, FAIL, UNKNOWN = ThresholdState
QUICK, SLOW = [20.0] * 20, [900.0] * 20


def only(views: tuple[ThresholdView, ...]) -> ThresholdView:
    (view,) = views
    return view


# -- what held at fewer users says nothing of more


def levels(load: Load, *brought: tuple[int, int]) -> None:
    """Let there be levels of 10 s, each with its users and the requests of /pay/ that ended in it."""
    for users, pays in brought:
        load.level(users)
        for second in range(10):
            load.second(QUICK)
            if second < pays:
                load.second([20.0], name="/pay/")
    load.end()


def test_what_could_not_be_judged_at_the_highest_load_is_no_pass() -> None:
    load = Load("p95{name=/pay/} < 1s", "p95 < 1s")
    levels(load, (10, 10), (50, 3))
    assert load.gate.verdict(final=True) == (
        Verdict.INCONCLUSIVE,
        ("p95{name=/pay/} < 1s was not judged: too few samples at step 2 (50 users), the highest load",),
    )
    assert [view.state for view in load.gate.outcome(final=True)] == [UNKNOWN, PASS]


@pytest.mark.parametrize("brought", [((10, 3), (50, 10)), ((50, 10), (50, 3)), ((50, 3), (10, 3), (50, 10))])
def test_a_level_below_one_that_held_may_bring_too_few(brought: tuple[tuple[int, int], ...]) -> None:
    load = Load("p95{name=/pay/} < 1s", "p95 < 1s")
    levels(load, *brought)
    assert load.gate.verdict(final=True) == (Verdict.PASS, ())


def test_what_failed_below_stays_failed() -> None:
    load = Load("p95{name=/pay/} < 10ms", "p95 < 1s")
    levels(load, (10, 10), (50, 3))
    assert load.gate.verdict(final=True)[0] is Verdict.FAIL


def test_a_source_that_stops_telling_a_figure_at_the_highest_load_is_no_pass() -> None:
    load = Load("postgres.connections < 80%", "p95 < 1s")
    load.source("postgres@db")
    for users, most in ((10, 100), (50, 0)):
        load.level(users)
        for _ in range(10):
            load.says("postgres@db", connections=20, usable=most)
            load.second(QUICK)
    load.end()
    assert load.gate.verdict(final=True) == (
        Verdict.INCONCLUSIVE,
        (
            "postgres.connections < 80% was not judged: "
            "no source tells it of step 2 (50 users), the highest load",
        ),
    )


def test_a_level_that_was_only_ramped_is_no_pass() -> None:
    load = Load("max < 1s over 3s", "host.cpu < 80%")
    load.source("host@web")
    load.ramp(10)
    for _ in range(5):
        load.says("host@web", cpu=10)
        load.second(QUICK)
    load.end()
    assert [view.state for view in load.gate.step_outcome(1)] == [PASS, PASS]
    assert load.gate.step_verdict(1) is Verdict.INCONCLUSIVE


def test_a_server_that_answers_nothing_breaks_a_count_that_was_to_be_reached_in_a_window() -> None:
    load = Load("requests >= 10 over 5s", "requests < 500 over 5s")
    load.level(10)
    for second in range(20):
        load.second(QUICK if second < 10 else ())
    load.end()
    reached, most = load.gate.outcome(final=True)
    assert (reached.state, reached.worst) == (FAIL, 0.0)
    assert most.state is PASS, "of what it did answer"


# -- gaps


def cpu(load: Load, *values: float) -> None:
    for value in values:
        load.says("host@web", cpu=value)
        load.second(QUICK)


def test_behind_a_gap_a_breach_does_not_hold_again_because_it_does_not_count_yet() -> None:
    load = Load("host.cpu < 80% for 3s")
    load.source("host@web")
    load.level(10)
    cpu(load, *[95.0] * 5)
    load.pause(20)
    cpu(load, *[95.0] * 2)
    assert [turned.breached for turned in load.turned] == [True]
    cpu(load, *[95.0] * 5, 10.0)
    assert [turned.text.partition(":")[0] for turned in load.turned] == [
        "host.cpu < 80% for 3s is breached",
        "host.cpu < 80% for 3s holds again",
    ]
    assert only(load.gate.outcome(final=True)).breaches == 2


def test_one_gap_does_not_make_a_source_slow_so_that_the_next_gap_is_none() -> None:
    load = Load("host.cpu < 80% for 30s")
    load.source("host@web")
    load.level(10)
    cpu(load, 95, 95, 95)
    for _ in range(2):
        load.pause(40)
        cpu(load, 95)
    load.end()
    assert only(load.gate.outcome(final=True)).state is WARN, "it was never seen broken for 30 s on end"


def test_a_source_that_says_something_every_ten_seconds_is_judged_by_that() -> None:
    load = Load("host.cpu < 80% for 15s", "host.cpu < 80% over 30s")
    load.source("host@web")
    load.level(10)
    for value in (10.0, 95.0, 95.0, 95.0, 95.0):
        load.pause(10)
        load.says("host@web", cpu=value)
    patient, window = load.gate.outcome(final=True)
    assert (patient.state, patient.longest) == (FAIL, 30.0)
    assert (window.state, window.breaches) == (FAIL, 1)


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_what_is_no_number_is_no_sample(odd: float) -> None:
    load = Load("host.cpu < 80%", "postgres.connections < 80%")
    load.source("host@web")
    load.source("postgres@db")
    load.level(10)
    cpu(load, odd)
    load.says("postgres@db", connections=50, usable=odd)
    load.says("postgres@db", connections=odd, usable=50)
    load.end()
    assert {view.state for view in load.gate.outcome(final=True)} == {UNKNOWN}


def test_the_first_breach_is_that_of_the_source_that_broke_first() -> None:
    load = Load("host.cpu < 80% for 4s")
    load.source("host@slow")
    load.source("host@quick")
    load.level(10)
    began = load.at.mono
    for second in range(20):
        if second % 3 == 0:
            load.says("host@slow", cpu=95)
        load.says("host@quick", cpu=95 if second else 10)
        load.pause(1)
    first = only(load.gate.outcome(final=True)).first_breach
    assert first is not None
    assert first.mono == began


# -- stages and levels


@pytest.mark.parametrize("measured", ["max < 100ms over 1s", "host.cpu < 80%"])
def test_a_stage_that_comes_again_does_not_take_up_the_breach_of_the_last_time(measured: str) -> None:
    load = Load(f"{measured} for 5s at peak")
    load.source("host@web")
    for stage, times, percent in (("peak", SLOW, 95), ("between", QUICK, 10), ("peak", SLOW, 95)):
        load.level(10, stage)
        for _ in range(3):
            load.says("host@web", cpu=percent)
            load.second(times)
    load.end()
    assert only(load.gate.outcome(final=True)).state is WARN


def test_a_breach_that_ends_with_the_next_levels_first_sample_lasted_until_then() -> None:
    load = Load("host.cpu < 80%")
    load.source("host@web")
    load.level(10)
    load.says("host@web", cpu=95)
    load.pause(3)
    load.level(20)
    load.says("host@web", cpu=10)
    load.end()
    view = only(load.gate.outcome(final=True))
    assert (view.failed, view.breaches, view.longest) == (True, 1, 3.0)
    later = only(load.gate.step_outcome(2))
    assert (later.failed, later.breaches, later.longest) == (False, 0, 0.0)


def test_a_load_that_begins_again_takes_up_no_breach() -> None:
    load = Load("max < 100ms over 1s for 5s", "host.cpu < 80% for 5s")
    load.source("host@web")
    for _ in range(3):
        load.level(10)
        for _ in range(3):
            load.says("host@web", cpu=95)
            load.second(SLOW)
        load.end()
        load.pause(1)
    assert [view.state for view in load.gate.outcome(final=True)] == [WARN, WARN]


def test_no_thresholds_at_all_are_no_pass_of_a_level() -> None:
    load = Load()
    load.gate = Gate([])
    load.level(10)
    load.second(QUICK)
    load.end()
    assert load.gate.step_verdict(1) is Verdict.INCONCLUSIVE
