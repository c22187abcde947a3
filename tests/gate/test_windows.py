"""Thresholds with a window, with patience, for a stage; and what a breach leaves behind."""

from __future__ import annotations

import random

import pytest

from rampdeck.dense import Dense
from rampdeck.gate import Gate
from rampdeck.gate.windows import Slicer
from rampdeck.histogram import Histogram
from rampdeck.model import RequestStats
from rampdeck.requests import Tally
from rampdeck.session import Session
from rampdeck.snapshot import ThresholdState, ThresholdView, Verdict
from tests.gate.helpers import Load

PASS, WARN, FAIL, UNKNOWN = ThresholdState
QUICK, SLOW = [20.0] * 20, [900.0] * 20


def only(views: tuple[ThresholdView, ...]) -> ThresholdView:
    (view,) = views
    return view


def test_a_window_is_judged_once_it_is_full_and_finds_what_the_level_forgets() -> None:
    load = Load("p50 < 100ms", "p50 < 100ms over 10s")
    load.level(10)
    for second in range(60):
        load.second(SLOW if 20 <= second < 30 else QUICK)
        if second == 8:
            assert load.gate.views[1].state is UNKNOWN, "it has nine of its ten seconds"
    level, window = load.gate.views
    assert (level.state, level.failed) == (PASS, False)
    assert (window.state, window.failed, window.breaches) == (PASS, True, 1)
    assert window.value == pytest.approx(20.0, rel=0.01)
    assert window.worst == pytest.approx(900.0, rel=0.01)
    assert window.first_breach is not None
    assert window.first_breach.mono == 50.0 + 26, "when more than half of its requests were slow"
    assert window.longest == 9.0, "until half of them were quick again"
    assert window.where == "step 1 (10 users)"
    assert window.margin == pytest.approx(-8.0, rel=0.02)
    load.end()
    assert load.gate.step_verdict(1) is Verdict.FAIL
    assert load.gate.verdict(final=True) == (
        Verdict.FAIL,
        ("p50 < 100ms over 10s failed: 900 ms at step 1 (10 users), first at 00:17:06 UTC, for 9 s",),
    )


def test_a_window_slides_over_ramps_and_levels_and_ends_with_the_load() -> None:
    load = Load("max < 100ms over 10s")
    load.ramp(10)
    for second in range(5):
        load.second(SLOW if second == 4 else QUICK)
    load.level(20)
    for _ in range(5):
        load.second(QUICK)
    assert only(load.gate.views).state is FAIL, "the slow second of the ramp is still in it"
    load.end()
    load.second(SLOW)
    load.pause(60)
    load.level(30)
    for _ in range(9):
        load.second(QUICK)
    assert only(load.gate.views).state is UNKNOWN, "a load that begins again has a new window"
    load.second(QUICK)
    assert only(load.gate.views).state is PASS
    assert [load.gate.step_verdict(number) for number in (1, 2, 3)] == [
        Verdict.INCONCLUSIVE,
        Verdict.FAIL,
        Verdict.PASS,
    ]


def test_a_breach_that_goes_on_over_two_levels_is_one_breach_of_both() -> None:
    load = Load("p95 < 100ms over 5s")
    load.level(10)
    for second in range(10):
        load.second(SLOW if second >= 5 else QUICK)
    load.level(20)
    for second in range(10):
        load.second(SLOW if second < 5 else QUICK)
    load.end()
    view = only(load.gate.outcome(final=True))
    assert (view.failed, view.breaches, view.longest) == (True, 1, 14.0)
    assert [only(load.gate.step_outcome(number)).state for number in (1, 2)] == [FAIL, FAIL]
    assert [load.gate.step_verdict(number) for number in (1, 2)] == [Verdict.FAIL, Verdict.FAIL]


def test_too_few_requests_in_a_window_are_not_judged() -> None:
    load = Load("p95 < 100ms over 5s", "rps >= 1 over 5s", "rps < 10 over 5s")
    load.level(10)
    for _ in range(8):
        load.second([900.0])
    assert [view.state for view in load.gate.views] == [UNKNOWN, WARN, PASS]
    for _ in range(8):
        load.second()
    slow, rate, most = load.gate.views
    assert (slow.state, slow.samples) == (UNKNOWN, 0)
    assert (rate.state, rate.value) == (FAIL, 0.0), "a server that hangs answers nothing"
    assert most.state is UNKNOWN, "but no samples are never a pass"
    assert load.gate.verdict()[1] == (
        "rps >= 1 over 5s failed: 0.0/s at step 1 (10 users), first at 00:16:49 UTC, for 7 s",
        "p95 < 100ms over 5s was not judged: too few samples",
        "step 1 (10 users) brought 8 requests in 16 s, too few to judge",
    )


def test_a_load_shorter_than_the_window_says_so() -> None:
    load = Load("p95 < 100ms over 30s")
    load.level(10)
    for _ in range(10):
        load.second(QUICK)
    load.end()
    reason = "p95 < 100ms over 30s was not judged: the load has not lasted for its 30 s"
    assert load.gate.verdict(final=True) == (Verdict.INCONCLUSIVE, (reason,))
    assert load.gate.step_verdict(1) is Verdict.INCONCLUSIVE


def test_patience_makes_a_short_breach_a_warning() -> None:
    load = Load("max < 100ms over 1s for 5s")
    load.level(10)
    for second in range(20):
        load.second(SLOW if 5 <= second < 10 else QUICK)
        if 5 <= second < 10:
            assert only(load.gate.views).state is WARN
    view = only(load.gate.outcome(final=True))
    assert (view.state, view.failed, view.breaches, view.first_breach) == (WARN, False, 0, None)
    assert view.worst == 900.0
    assert load.gate.verdict(final=True) == (Verdict.PASS, ())
    assert load.turned == []


def test_patience_counts_from_when_it_broke() -> None:
    load = Load("max < 100ms over 1s for 5s")
    load.level(10)
    load.second([500.0] * 20)
    load.second(QUICK)
    for second in range(7):
        load.second([950.0 if second == 1 else 900.0] * 20)
    view = only(load.gate.views)
    assert (view.state, view.failed, view.breaches, view.longest) == (FAIL, True, 1, 6.0)
    assert view.first_breach is not None
    assert view.first_breach.mono == 53.0, "not when it began to count, and not the short one before"
    assert view.worst == 950.0, "the worst of the whole breach"
    assert [(turned.breached, turned.aborts) for turned in load.turned] == [(True, False)]


def test_a_level_must_be_broken_for_as_long_as_patience_says() -> None:
    load = Load("p50 < 100ms for 5s")
    load.level(10)
    for _ in range(4):
        load.second(SLOW)
    assert only(load.gate.views).state is WARN
    load.level(20)
    for _ in range(6):
        load.second(SLOW)
    load.end()
    assert [load.gate.step_verdict(number) for number in (1, 2)] == [Verdict.PASS, Verdict.FAIL]
    assert only(load.gate.outcome(final=True)).where == "step 2 (20 users)"


def test_a_stage_is_all_that_its_threshold_looks_at() -> None:
    load = Load("p95 < 100ms at peak", "max < 100ms over 5s at peak", "p95 < 2s", "failures == 0 at peak")
    load.level(10, "baseline")
    for _ in range(10):
        load.second(SLOW, failures=[1.0])
    assert [view.state for view in load.gate.views] == [UNKNOWN, UNKNOWN, PASS, UNKNOWN]
    assert load.gate.step_verdict(1) is Verdict.PASS, "those of the peak have no say in it"
    assert [view.expression for view in load.gate.step_outcome(1)] == ["p95 < 2s"]
    load.level(50, "peak")
    for second in range(5):
        load.second(QUICK)
        assert load.gate.views[1].state is (PASS if second == 4 else UNKNOWN), "its window begins with it"
    assert [view.state for view in load.gate.views] == [PASS, PASS, PASS, PASS]
    load.level(10, "after")
    for _ in range(5):
        load.second(SLOW)
    load.end()
    assert load.gate.verdict(final=True) == (Verdict.PASS, ())
    assert [load.gate.step_verdict(number) for number in (1, 2, 3)] == [Verdict.PASS] * 3


def test_a_stage_that_never_came_was_not_judged() -> None:
    load = Load("p95 < 100ms at peak", "p95 < 2s")
    load.level(10, "baseline")
    for _ in range(10):
        load.second(QUICK)
    load.end()
    reason = "p95 < 100ms at peak was not judged: stage peak was not reached"
    assert load.gate.verdict(final=True) == (Verdict.INCONCLUSIVE, (reason,))


def test_several_breaches_are_counted_and_the_longest_is_told() -> None:
    load = Load("max < 100ms over 1s")
    load.level(10)
    for second in range(20):
        load.second(SLOW if second in (3, 8, 9, 10) else QUICK)
    view = only(load.gate.views)
    assert (view.breaches, view.longest) == (2, 3.0)
    assert load.gate.verdict()[1] == (
        "max < 100ms over 1s failed: 900 ms at step 1 (10 users), first at 00:16:44 UTC,"
        " 2 times, the longest for 3 s",
    )


@pytest.mark.parametrize(
    ("expression", "value", "near"),
    [
        ("max < 100ms", 79.0, False),
        ("max < 100ms", 80.0, True),
        ("max > 80ms", 100.0, True),
        ("max > 80ms", 101.0, False),
        ("failures == 0", 0.0, False),
    ],
)
def test_the_warn_zone_begins_at_80_per_cent_of_the_limit(expression: str, value: float, near: bool) -> None:
    load = Load(expression)
    load.level(10)
    load.second([value] * 20)
    assert only(load.gate.views).state is (WARN if near else PASS)


def test_the_warn_zone_can_be_set() -> None:
    load = Load("max < 100ms", warn_at=50)
    load.level(10)
    load.second([50.0] * 20)
    assert only(load.gate.views).state is WARN
    assert only(load.gate.views).margin == 0.5


def test_what_only_warns_never_changes_a_verdict() -> None:
    load = Load("p95 < 2s", "p95 < 100ms warn", "p95{name=/nowhere} < 1s warn")
    load.level(10)
    for _ in range(5):
        load.second(SLOW)
    load.end()
    load.look()
    assert load.gate.verdict(final=True) == (Verdict.PASS, ())
    assert load.gate.step_verdict(1) is Verdict.PASS
    assert load.gate.warnings(final=True) == (
        "p95 < 100ms warn was breached: 900 ms at step 1 (10 users), first at 00:16:41 UTC, for 4 s",
    )
    assert [(turned.expression, turned.warns) for turned in load.turned] == [("p95 < 100ms warn", True)]
    assert [view.warns for view in load.gate.views] == [False, True, True]


def test_if_all_only_warn_nothing_passes() -> None:
    load = Load("p95 < 2s warn")
    load.level(10)
    for _ in range(5):
        load.second(QUICK)
    reason = "no threshold decides, all of them only warn, so nothing was judged"
    assert load.gate.verdict() == (Verdict.INCONCLUSIVE, (reason,))


def test_a_replay_of_the_items_says_the_same() -> None:
    thresholds = ("p95 < 100ms", "p95 < 100ms over 5s", "rps >= 15 for 3s", "host.cpu < 80% for 3s abort")
    load, chance = Load(*thresholds), random.Random(5)
    load.source("host@web")
    for users in (10, 20, 30):
        load.level(users)
        for _ in range(30):
            load.says("host@web", cpu=chance.uniform(60, 90))
            load.second([chance.lognormvariate(3.5, 0.5) for _ in range(chance.randint(5, 30))])
    load.end()
    session, again = Session({}, lambda _: None), Gate(load.gate.thresholds)
    again.attach(session)
    for item in load.items:
        session.append(item)  # and nobody looks, but at the end
    again.observe(load.at, session)
    assert again.outcome(final=True) == load.gate.outcome(final=True)
    assert again.verdict(final=True) == load.gate.verdict(final=True)
    assert [again.step_outcome(number) for number in (1, 2, 3)] == [
        load.gate.step_outcome(number) for number in (1, 2, 3)
    ]


def test_a_thousand_levels_leave_a_verdict_each_and_a_few_sentences() -> None:
    load = Load("p95 < 100ms", "p95 < 100ms over 5s")
    for number in range(1_000):
        load.level(number)
        for _ in range(5):
            load.second(SLOW[:1])
    load.end()
    assert {load.gate.step_verdict(number) for number in range(1, 1_001)} == {Verdict.INCONCLUSIVE}
    reasons = load.gate.verdict(final=True)[1]
    assert len(reasons) == 8
    assert reasons[-1] == "and 995 more of the kind"
    assert max(len(panel.window._kept) for panel in load.gate._panels._panels) <= 5


def test_a_dense_histogram_says_what_a_histogram_says() -> None:
    chance, kept = random.Random(1), []
    dense, plain = Dense(), Histogram()
    percents = (50.0, 95.0, 99.9)
    for _ in range(300):
        part = Histogram.of(chance.lognormvariate(2, 2.5) / 10 for _ in range(chance.randint(0, 30)))
        kept.append(part)
        dense.add(part)
        plain.add(part)
        if len(kept) > 20:
            gone = kept.pop(0)
            dense.subtract(gone)
            plain.subtract(gone)
        assert dense.count == plain.count
        assert tuple(dense.percentiles(percents).values()) == plain.percentiles(percents)[::-1]
        assert (dense.highest, dense.lowest) == (plain.highest, plain.lowest)
        assert dense.mean == pytest.approx(plain.mean)


def test_names_that_are_left_out_of_a_batch_are_in_no_selection_but_the_whole() -> None:
    """As when a session is read back: of names that nobody asks for there is only the sum."""
    get = RequestStats("GET", "/", Histogram.of(QUICK), Histogram())
    post = RequestStats("POST", "/", Histogram.of(SLOW), Histogram())
    total = Tally()
    total.add(get)
    total.add(post)
    slices = Slicer([("", ""), ("GET", "")]).slices([(("GET", "/"), get)], total)
    assert slices["", ""].times.count == 40
    assert slices["GET", ""].times.count == 20
