"""How thresholds are judged while the load goes on, and at its end."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rampdeck.gate import Gate
from rampdeck.model import Health
from rampdeck.snapshot import Figures, ThresholdState, ThresholdView, Verdict
from tests.gate.helpers import Load

PASS, WARN, FAIL, UNKNOWN = ThresholdState


def only(views: tuple[ThresholdView, ...]) -> ThresholdView:
    (view,) = views
    return view


@pytest.mark.parametrize(
    ("expression", "value", "state"),
    [
        ("p50 < 200ms", 100, PASS),
        ("p95 < 200ms", 100, PASS),
        ("p95 < 120ms", 100, WARN),
        ("p95 < 90ms", 100, FAIL),
        ("p99 <= 90ms", 400, FAIL),
        ("p(99.9) < 1s", 400, PASS),
        ("max < 500ms", 400, WARN),
        ("mean < 200ms", 115, PASS),
        ("error_rate < 20%", 5, PASS),
        ("error_rate < 5%", 5, FAIL),
        ("error_rate <= 5%", 5, WARN),
        ("rps >= 20", 20, WARN),
        ("rps >= 10", 20, PASS),
        ("rps > 20", 20, FAIL),
        ("requests >= 100", 200, PASS),
        ("failures == 10", 10, PASS),
        ("failures != 10", 10, UNKNOWN),  # there may be more of them yet
        ("failures < 10", 10, FAIL),
        ("p95{name=/} < 200ms", 100, PASS),
        ("p95{method=GET} < 200ms", 100, PASS),
        ("error_rate{name=/, method=GET} < 1%", 5, FAIL),
    ],
)
def test_each_metric_is_judged_on_the_measured_level(
    expression: str, value: float, state: ThresholdState
) -> None:
    load = Load(expression)
    load.level(10)
    for _ in range(10):
        load.second([100.0] * 18 + [400.0], failures=[100.0])
    view = only(load.gate.views)
    assert view.value == pytest.approx(value, rel=0.011)
    assert view.state is state
    assert view.samples == 200


def test_what_is_just_over_the_limit_reads_differently_from_it() -> None:
    load = Load("max < 800ms")
    load.level(10)
    load.second([800.04] * 20)
    assert load.gate.verdict()[1] == (
        "max < 800ms failed: 800.04 ms at step 1 (10 users), first at 00:16:41 UTC",
    )


def test_ramp_and_settling_do_not_count() -> None:
    load = Load("p95 < 100ms", "failures == 0")
    load.ramp(10)
    load.second([900.0] * 50, failures=[900.0] * 50)
    assert [view.state for view in load.gate.views] == [UNKNOWN, UNKNOWN]
    load.level(10)
    load.second([20.0] * 50)
    assert [view.state for view in load.gate.views] == [PASS, PASS]
    load.end()
    load.second([900.0] * 50)
    assert load.gate.verdict() == (Verdict.PASS, ())


def test_no_samples_are_never_a_pass() -> None:
    load = Load(
        "p95 < 100ms", "error_rate < 1%", "rps < 5", "requests < 5", "failures == 0", "p95{name=/x} < 1s"
    )
    load.level(10)
    for _ in range(10):
        load.second()
    load.end()
    load.look()
    assert {view.state for view in load.gate.outcome()} == {UNKNOWN}
    verdict, reasons = load.gate.verdict()
    assert verdict is Verdict.INCONCLUSIVE
    assert "p95{name=/x} < 1s was not judged: no samples" in reasons


def test_too_few_requests_are_not_judged() -> None:
    load = Load("p95 < 100ms")
    load.level(10)
    load.second([900.0] * 9)
    assert only(load.gate.views).state is UNKNOWN
    assert load.gate.verdict() == (
        Verdict.INCONCLUSIVE,
        ("p95 < 100ms was not judged: too few samples",),
    )
    load.second([900.0])
    assert only(load.gate.views).state is FAIL


def test_a_moment_of_slowness_within_a_level_is_no_failure() -> None:
    load = Load("p50 < 100ms")
    load.level(10)
    load.second([900.0] * 20)
    assert load.gate.verdict()[0] is Verdict.FAIL  # if the load ended now
    first = only(load.gate.views).first_breach
    assert first == load.at
    for _ in range(10):
        load.second([20.0] * 20)
    view = only(load.gate.views)
    assert (view.state, view.failed, view.first_breach) == (PASS, False, None)
    load.end()
    load.look()
    assert load.gate.verdict()[0] is Verdict.PASS
    assert [(turned.breached, turned.text.split(":")[0]) for turned in load.turned] == [
        (True, "p50 < 100ms is breached"),
        (False, "p50 < 100ms holds again"),
    ]


def test_the_worst_level_decides() -> None:
    load = Load("p95 < 100ms", "rps >= 10")
    for users, milliseconds, count in ((10, 20.0, 10), (50, 300.0, 50), (20, 30.0, 20)):
        load.level(users)
        for _ in range(6):
            load.second([milliseconds] * count)
    slow, _ = load.gate.views
    assert (slow.state, slow.failed) == (PASS, True)  # now it holds, but it has failed
    assert slow.first_breach is not None
    assert slow.first_breach.mono == 50.0 + 7
    worst, slowest = load.gate.outcome()
    assert worst.value == pytest.approx(300, rel=0.01)
    assert worst.state is FAIL
    assert slowest.value == pytest.approx(10)
    assert load.gate.verdict()[0] is Verdict.FAIL
    assert load.gate.verdict()[1][0].endswith("at step 2 (50 users), first at 00:16:47 UTC, for 5 s")
    assert [load.gate.step_verdict(number) for number in (1, 2, 3, 4)] == [
        Verdict.PASS,
        Verdict.FAIL,
        Verdict.PASS,
        Verdict.INCONCLUSIVE,
    ]


def test_a_level_that_ends_between_two_looks_is_judged_too() -> None:
    load = Load("p95 < 100ms")
    load.level(10)
    load.second([20.0] * 20)
    load.gate = Gate(["p95 < 100ms"])  # one that comes late
    load.level(20)
    load.level(30)
    load.look()
    load.second([20.0] * 20)
    assert load.gate.step_verdict(1) is Verdict.PASS
    assert load.gate.step_verdict(3) is Verdict.PASS


def test_counts_add_up_over_the_levels() -> None:
    load = Load("requests >= 50", "failures < 3")
    for failures in ([], [1.0, 1.0], [1.0]):
        load.level(10)
        load.second([20.0] * 10, failures)
    requests, failures_view = load.gate.views
    assert (requests.value, requests.state) == (33, UNKNOWN)  # it may yet be reached
    assert (failures_view.value, failures_view.state) == (3, FAIL)
    assert failures_view.first_breach == load.at
    assert [view.state for view in load.gate.outcome(final=True)] == [FAIL, FAIL]
    assert load.gate.verdict(final=False)[1][0] == "failures < 3 failed: 3, first at 00:16:43 UTC"


def test_a_server_that_hangs_makes_the_run_inconclusive() -> None:
    load = Load("p95 < 100ms", "error_rate < 1%")
    load.level(10)
    for _ in range(6):
        load.second([20.0] * 20)
    load.level(50)
    for number in range(30):
        load.second([20.0] if number < 2 else [])
    load.end()
    load.look()
    assert load.gate.verdict() == (
        Verdict.INCONCLUSIVE,
        ("step 2 (50 users) brought 2 requests in 30 s, too few to judge",),
    )


def test_a_doubt_takes_a_pass_away_but_not_a_failure() -> None:
    good, bad = Load("p95 < 100ms"), Load("p95 < 10ms")
    for load in (good, bad):
        load.level(10)
        load.second([20.0] * 20)
    blind = "postgres@db was blind for 30 of 60 measured seconds"
    assert good.gate.verdict([blind]) == (Verdict.INCONCLUSIVE, (blind,))
    assert bad.gate.verdict([blind])[0] is Verdict.FAIL
    assert bad.gate.verdict([blind])[1][-1] == blind
    limit = "the generator was at its limit"
    assert bad.gate.verdict(tainted=[limit])[0] is Verdict.INCONCLUSIVE
    assert bad.gate.verdict(tainted=[limit])[1][0] == limit


def test_without_thresholds_nothing_passes() -> None:
    load = Load()
    load.level(10)
    load.second([20.0] * 20)
    assert load.gate.verdict() == (
        Verdict.INCONCLUSIVE,
        ("there are no thresholds, so nothing was judged",),
    )


def test_a_filter_looks_at_its_requests_only() -> None:
    load = Load(
        "p95{name=/slow} < 100ms",
        "p95{name=/} < 100ms",
        "p95{name=/slow, method=POST} < 100ms",
        "p95{method=GET} < 100ms",
    )
    load.level(10)
    load.second([20.0] * 20, name="/")
    load.second([900.0] * 20, name="/slow", method="POST")
    load.second([20.0] * 20, name="/slow", method="GET")
    assert [view.state for view in load.gate.views] == [FAIL, PASS, FAIL, PASS]


def test_a_request_shows_how_it_stands_to_the_thresholds() -> None:
    gate = Gate(["p95 < 100ms", "p99{name=/slow} < 500ms", "error_rate < 1%"])
    quick = Figures(10.0, 100, 0, 10.0, 0.0, 20, 20, 30, 40, 50, 30)
    assert gate.health("GET", "/", quick) is Health.LIVE
    assert gate.health("GET", "/", Figures()) is Health.LIVE
    slow = Figures(10.0, 100, 0, 10.0, 0.0, 300, 300, 600, 700, 800, 600)
    assert gate.health("GET", "/", slow) is Health.WARNING
    assert gate.health("GET", "/slow", slow) is Health.BLIND
    failing = Figures(10.0, 100, 1, 10.0, 0.01, 20, 20, 30, 40, 50, 30)
    assert gate.health("GET", "/", failing) is Health.WARNING


def test_the_gate_needs_neither_locust_nor_a_screen() -> None:
    heavy = "{'locust', 'gevent', 'textual', 'asyncssh'}"
    code = f"import sys, rampdeck.gate, rampdeck.record; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
