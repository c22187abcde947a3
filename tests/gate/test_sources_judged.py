"""Thresholds on what sources say of themselves: which sources, which samples, and when none is a pass."""

from __future__ import annotations

import pytest

from rampdeck.model import Health
from rampdeck.snapshot import ThresholdState, ThresholdView, Verdict
from tests.gate.helpers import Load

PASS, WARN, FAIL, UNKNOWN = ThresholdState
QUICK = [20.0] * 20


def only(views: tuple[ThresholdView, ...]) -> ThresholdView:
    (view,) = views
    return view


def second(load: Load, **values: float) -> None:
    """Let a second pass in which ``host@web`` says something, if anything."""
    if values:
        load.says("host@web", **values)
    load.second(QUICK)


def test_a_per_cent_is_of_the_most_and_every_sample_counts_ramps_too() -> None:
    load = Load("postgres.connections < 80%")
    load.source("postgres@db")
    load.says("postgres@db", connections=99, usable=100)  # before the load
    load.level(10)
    load.says("postgres@db", connections=20, usable=100)
    load.second(QUICK)
    view = only(load.gate.views)
    assert (view.value, view.state, view.samples) == (20.0, PASS, 1)
    load.ramp(100)
    load.says("postgres@db", connections=96, usable=100)
    load.says("postgres@db", connections=30, usable=100)
    load.second(QUICK)
    view = only(load.gate.views)
    assert (view.value, view.state, view.failed, view.samples) == (30.0, PASS, True, 3)
    assert (view.worst, view.where) == (96.0, "postgres@db at step 2 (100 users)")
    assert view.margin == pytest.approx(-0.2)
    load.end()
    load.says("postgres@db", connections=100, usable=100)  # after the load
    assert load.gate.verdict(final=True) == (
        Verdict.FAIL,
        (
            "postgres.connections < 80% failed: 96.0 % on postgres@db at step 2 (100 users),"
            " first at 00:16:41 UTC",
        ),
    )
    assert [load.gate.step_verdict(number) for number in (1, 2)] == [Verdict.PASS, Verdict.FAIL]
    assert [turned.text for turned in load.turned] == [
        "postgres.connections < 80% is breached: 96.0 % on postgres@db at step 2 (100 users)",
        "postgres.connections < 80% holds again: 30.0 % on postgres@db at step 2 (100 users)",
    ]


def test_each_source_by_itself_and_the_worst_is_shown() -> None:
    load = Load("host.cpu < 90%", "host.cpu{host=db} < 50%", "gunicorn.errors{label=shop} == 0")
    for name in ("host@web", "host@db", "gunicorn:shop@web", "gunicorn:api@web"):
        load.source(name)
    load.level(10)
    load.says("host@web", cpu=70)
    load.says("host@db", cpu=40)
    load.says("gunicorn:shop@web", errors=0)
    load.says("gunicorn:api@web", errors=9)
    load.second(QUICK)
    both, db, shop = load.gate.views
    assert (both.value, both.where, both.state) == (70, "host@web at step 1 (10 users)", PASS)
    assert (db.value, db.where, db.state) == (40, "host@db at step 1 (10 users)", WARN)
    assert (shop.value, shop.state) == (0, PASS)
    load.says("host@db", cpu=95)
    load.second(QUICK)
    assert load.gate.views[0].value == 95
    assert load.gate.views[0].where == "host@db at step 1 (10 users)"


def test_patience_is_each_sources_own() -> None:
    load = Load("host.cpu < 80% for 4s")
    load.source("host@web")
    load.source("host@db")
    load.level(10)
    for number in range(12):
        busy = number // 3 % 2
        load.says("host@web", cpu=95 if busy else 10)
        load.says("host@db", cpu=10 if busy else 95)
        load.second(QUICK)
    assert only(load.gate.views).state is WARN, "never one of them for four seconds on end"
    for _ in range(5):
        load.says("host@web", cpu=10)
        load.says("host@db", cpu=95)
        load.second(QUICK)
    assert only(load.gate.views).state is FAIL


def test_a_source_that_is_blind_now_is_no_pass_now() -> None:
    load = Load("host.cpu < 80%", "p95 < 1s")
    load.source("host@web")
    load.level(10)
    second(load, cpu=10)
    assert load.gate.views[0].state is PASS
    load.health("host@web", Health.BLIND, "connection lost")
    second(load)
    assert (load.gate.views[0].value, load.gate.views[0].state) == (None, UNKNOWN)
    load.end()
    assert load.gate.outcome(final=True)[0].state is PASS, (
        "it was seen; that it was blind is a doubt of its own"
    )


def test_one_of_two_sources_that_is_blind_is_no_pass_but_a_failure_stays_one() -> None:
    load = Load("host.cpu < 80%")
    load.source("host@web")
    load.source("host@db")
    load.level(10)
    load.health("host@db", Health.BLIND, "connection refused")
    second(load, cpu=10)
    assert only(load.gate.views).state is UNKNOWN
    assert load.gate.step_verdict(1) is Verdict.INCONCLUSIVE
    assert load.gate.verdict(final=True) == (
        Verdict.INCONCLUSIVE,
        ("host.cpu < 80% was not judged: host@db was blind: connection refused",),
    )
    second(load, cpu=90)
    assert only(load.gate.views).state is FAIL
    assert load.gate.verdict(final=True)[0] is Verdict.FAIL


def test_a_source_that_was_never_seen_makes_it_inconclusive_and_says_why() -> None:
    load = Load("postgres.active < 5", "host.cpu{host=nowhere} < 80%", "host.cpu < 80%", "redis.clients < 5")
    load.source("host@web")
    load.source("redis@cache")
    load.health("redis@cache", Health.ABSENT, "nobody logged in")
    load.level(10)
    second(load, memory=10)  # a sample without the metric is no sample of it
    load.end()
    verdict, reasons = load.gate.verdict(final=True)
    assert verdict is Verdict.INCONCLUSIVE
    assert reasons == (
        "postgres.active < 5 was not judged: there is no source of the kind postgres",
        "host.cpu{host=nowhere} < 80% was not judged: there is no source of the kind host with host=nowhere",
        "host.cpu < 80% was not judged: host@web did not tell it",
        "redis.clients < 5 was not judged: redis@cache was left out: nobody logged in",
    )
    assert load.gate.step_verdict(1) is Verdict.INCONCLUSIVE


def test_a_silent_source_is_not_judged_again_and_again() -> None:
    load = Load("host.cpu < 80% for 5s")
    load.source("host@web")
    load.level(10)
    second(load, cpu=95)
    for _ in range(10):
        second(load)
    view = only(load.gate.views)
    assert (view.state, view.value, view.samples) == (UNKNOWN, None, 0)
    second(load, cpu=95)
    assert only(load.gate.views).state is WARN, "nobody saw whether it lasted"
    assert only(load.gate.outcome()).failed is False


def test_a_source_that_is_read_every_10_s_is_not_silent_in_between() -> None:
    load = Load("host.cpu < 80% for 15s")
    load.source("host@web")
    load.level(10)
    for number in range(41):
        second(load, **({"cpu": 95.0} if number % 10 == 0 else {}))
        if number > 10:
            assert only(load.gate.views).value == 95.0
    assert only(load.gate.views).state is FAIL


def test_a_window_of_samples_is_their_mean() -> None:
    load = Load("host.cpu < 80% over 5s")
    load.source("host@web")
    load.level(10)
    for cpu in (100, 100, 60, 60, 30):
        assert only(load.gate.views).state is UNKNOWN
        second(load, cpu=cpu)
    view = only(load.gate.views)
    assert (view.value, view.state) == (70.0, WARN)
    second(load, cpu=60)
    assert only(load.gate.views).value == 62.0


def test_a_window_of_rates_is_what_came_by_the_seconds_it_took() -> None:
    load = Load("nginx.5xx < 5/s over 6s")
    load.source("nginx@web")
    load.level(10)
    load.says("nginx@web", _5xx=0.0)
    for seconds, rate in ((1, 0.0), (1, 0.0), (3, 6.0), (1, 2.0)):
        for _ in range(seconds):
            load.second(QUICK)
        load.says("nginx@web", _5xx=rate)
    load.look()
    assert only(load.gate.views).value == pytest.approx((3 * 6 + 2) / 6)


def test_what_must_not_happen_at_all_fails_at_once_and_holds_again() -> None:
    load = Load("nginx.5xx == 0", "nginx.5xx == 0 over 3s")
    load.source("nginx@web")
    load.level(10)
    for rate in (0, 0, 0, 0.1, 0, 0, 0, 0):
        load.says("nginx@web", _5xx=rate)
        load.second(QUICK)
    once, window = load.gate.views
    assert (once.state, once.breaches, once.longest) == (PASS, 1, 1.0)
    assert (window.state, window.breaches, window.longest) == (PASS, 1, 3.0)
    assert (once.margin, window.margin) == (None, None)
    assert once.worst == 0.1


def test_a_failing_source_fails_the_run_although_the_generator_was_at_its_limit() -> None:
    load = Load("host.cpu < 80%", "p95 < 10ms")
    load.source("host@web")
    load.level(10)
    second(load, cpu=95)
    load.gate.doubted = {1: True}
    limit = "the generator was at its limit"
    verdict, reasons = load.gate.verdict(tainted=[limit], final=True)
    assert verdict is Verdict.FAIL
    assert reasons[0].startswith("host.cpu < 80% failed: 95.0 % on host@web")
    assert limit in reasons
    assert load.gate.step_verdict(1) is Verdict.FAIL


def test_a_step_lists_its_thresholds_as_it_left_them() -> None:
    load = Load("p95 < 100ms", "host.cpu < 80%", "requests >= 1")
    load.source("host@web")
    for users, cpu in ((10, 20.0), (20, 90.0), (30, 30.0)):
        load.level(users)
        second(load, cpu=cpu)
        second(load, cpu=cpu)
    load.level(40)
    load.second(QUICK)
    load.end()
    cpus = [load.gate.step_outcome(number)[1] for number in (1, 2, 3, 4)]
    assert [view.state for view in cpus] == [PASS, FAIL, PASS, UNKNOWN]
    assert [view.value for view in cpus] == [20.0, 90.0, 30.0, None]
    assert [view.samples for view in cpus] == [2, 2, 2, 0]
    assert [len(load.gate.step_outcome(number)) for number in (1, 2, 3, 4, 5)] == [2, 2, 2, 2, 0]
    assert [load.gate.step_verdict(number) for number in (1, 2, 3, 4)] == [
        Verdict.PASS,
        Verdict.FAIL,
        Verdict.PASS,
        Verdict.INCONCLUSIVE,
    ]
