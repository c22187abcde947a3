"""Thresholds that stop the load."""

from __future__ import annotations

from rampdeck.snapshot import ThresholdState, Verdict
from tests.gate.helpers import Load

QUICK, SLOW = [20.0] * 20, [900.0] * 20


def test_a_breach_stops_the_load_once() -> None:
    load = Load("p95 < 100ms abort", "error_rate < 50%")
    load.level(10)
    for _ in range(3):
        load.second(SLOW)
    assert [(turned.breached, turned.aborts, turned.text) for turned in load.turned] == [
        (True, True, "p95 < 100ms abort is breached: 900 ms at step 1 (10 users); the gate stops the load")
    ]
    load.end()
    assert load.gate.verdict(final=True) == (
        Verdict.FAIL,
        (
            "p95 < 100ms abort failed: 900 ms at step 1 (10 users), first at 00:16:41 UTC, for 2 s;"
            " the gate stopped the load",
        ),
    )


def test_what_the_last_requests_bring_does_not_undo_it() -> None:
    load = Load("p50 < 100ms abort")
    load.level(10)
    load.second(SLOW)
    for _ in range(5):
        load.second(QUICK)  # while the load comes to its end
    load.end()
    assert load.gate.outcome(final=True)[0].state is ThresholdState.FAIL
    assert load.gate.step_verdict(1) is Verdict.FAIL
    assert load.gate.verdict(final=True)[1][0].endswith("; the gate stopped the load")


def test_a_breach_must_last_for_its_patience_and_then_for_its_grace() -> None:
    load = Load("max < 100ms over 1s for 3s abort after 4s")
    load.level(10)
    told: list[tuple[int, bool, str]] = []
    for second in range(10):
        before = len(load.turned)
        load.second(SLOW)
        told += [(second, turned.aborts, turned.text) for turned in load.turned[before:]]
    name = "max < 100ms over 1s for 3s abort after 4s"
    assert told == [
        (3, False, f"{name} is breached: 900 ms at step 1 (10 users)"),
        (
            7,
            True,
            f"{name} has been breached for 7 s: 900 ms at step 1 (10 users); the gate stops the load",
        ),
    ]


def test_a_breach_that_is_over_before_its_grace_stops_nothing() -> None:
    load = Load("max < 100ms over 1s abort after 4s")
    load.level(10)
    for second in range(20):
        load.second(SLOW if second % 4 else QUICK)
    assert not any(turned.aborts for turned in load.turned)
    assert load.gate.verdict()[0] is Verdict.FAIL


def test_a_source_stops_the_load_too() -> None:
    load = Load("nginx.5xx == 0 abort")
    load.source("nginx@web")
    load.level(10)
    for rate in (0, 3):
        load.says("nginx@web", _5xx=rate)
        load.second(QUICK)
    assert [turned.text for turned in load.turned] == [
        "nginx.5xx == 0 abort is breached: 3.0/s on nginx@web at step 1 (10 users); the gate stops the load"
    ]
    load.says("nginx@web", _5xx=0)
    load.end()
    assert load.gate.verdict(final=True)[1] == (
        "nginx.5xx == 0 abort failed: 3.0/s on nginx@web at step 1 (10 users), first at 00:16:41 UTC;"
        " the gate stopped the load",
    )


def test_a_load_that_is_begun_again_can_be_stopped_again() -> None:
    load = Load("p95 < 100ms abort")
    for users in (10, 20):
        load.level(users)
        load.second(SLOW)
        load.end()
        load.pause(30)
    assert [turned.aborts for turned in load.turned] == [True, True]


def test_what_stopped_the_load_is_said_first() -> None:
    load = Load("p95 < 100ms", "p50 < 100ms abort")
    load.level(10)
    load.second(SLOW)
    load.end()
    first, second = load.gate.verdict(final=True)[1]
    assert first.startswith("p50 < 100ms abort failed")
    assert second.startswith("p95 < 100ms failed")
