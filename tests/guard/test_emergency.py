"""The emergency stop: what ends a load by itself, and what does not."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from rampdeck.config import GuardConfig
from rampdeck.guard.emergency import FIRED, KEY, Emergency
from rampdeck.model import Event, EventKind, Health, Sample, Severity, Value
from rampdeck.snapshot import Verdict
from tests.gate.helpers import Load


class Guarded:
    """A load that the guard watches; ``said`` is what it said first, and ``seconds`` after how long."""

    def __init__(self, **guard: object) -> None:
        self.load = Load("p95 < 10s")
        self.emergency = Emergency(GuardConfig.model_validate(guard))
        self.emergency.attach(self.load.session)
        self.said = ""
        self.seconds = 0

    def second(self, good: int = 0, bad: int = 0) -> None:
        self.load.second([10.0] * good, [10.0] * bad)
        self.look()

    def server(self, name: str, rows: tuple[Mapping[str, Value], ...] = (), **values: float) -> None:
        """Let a second pass in which a server says something and all is well with the requests."""
        if name not in self.load.session.sources:
            self.load.source(name)
        self.load.second([10.0] * 10)
        self.load.session.append(Sample(self.load.at, name, values, rows))
        self.look()

    def look(self) -> None:
        self.seconds += 1
        self.said = self.said or self.emergency.look(self.load.session, self.load.at)


def test_a_load_whose_requests_fail_for_ten_seconds_is_stopped() -> None:
    guarded = Guarded()
    guarded.load.ramp(50)
    while not guarded.said and guarded.seconds < 60:
        guarded.second(good=37, bad=63)
    assert guarded.said == "63 % of the requests failed for 10 s (bound 50 %)"
    assert guarded.seconds == 10, "not before, and in a ramp too"


@pytest.mark.parametrize(
    ("why", "seconds"),
    [
        ("a bound is not beyond itself", [(50, 50)] * 30),
        (
            "a restart of five seconds, with failures far quicker than answers",
            [(50, 0)] * 10 + [(0, 900)] * 5,
        ),
        ("failures that come and go", [(0, 60), (0, 60), (0, 60), (60, 0), (60, 0), (60, 0), (60, 0)] * 5),
        ("two users who get nothing but errors take nothing down", [(0, 2)] * 30),
        ("where nothing ends any more, nobody knows", [(50, 0)] * 10 + [(0, 40)] * 3 + [(0, 0)] * 7),
        ("the load has only just begun", [(0, 100)] * 9),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_what_is_no_emergency(why: str, seconds: list[tuple[int, int]]) -> None:
    guarded = Guarded()
    guarded.load.level(50)
    for good, bad in seconds:
        guarded.second(good, bad)
        assert guarded.said == "", why


def test_after_the_load_has_ended_the_seconds_begin_anew() -> None:
    guarded = Guarded()
    guarded.load.level(50)
    for _ in range(8):
        guarded.second(bad=50)
    guarded.load.end()
    guarded.second()
    guarded.load.level(50)
    for _ in range(8):
        guarded.second(bad=50)
    assert guarded.said == ""


def test_bound_and_time_are_those_of_the_configuration() -> None:
    guarded = Guarded(emergency_after="4s", emergency_error_rate=10)
    guarded.load.level(50)
    while not guarded.said and guarded.seconds < 60:
        guarded.second(good=80, bad=20)
    assert guarded.said == "20 % of the requests failed for 4 s (bound 10 %)"
    assert guarded.seconds == 4


def test_switched_off_it_stops_nothing() -> None:
    guarded = Guarded(emergency=False)
    guarded.load.level(50)
    for _ in range(30):
        guarded.server("host@web", memory=99.9)
        guarded.second(bad=100)
    assert guarded.said == ""


@pytest.mark.parametrize(
    ("source", "values", "said"),
    [
        ("host@web", {"memory": 99.2}, "host@web: 99 % of the memory was in use"),
        ("host@db", {"filesystem": 100.0}, "host@db: 100 % of a file system was full"),
        ("host@web", {"worker_files": 99.0}, "host@web: 99 % of the files that a worker may open were open"),
        (
            "postgres@db",
            {"connections": 97.0, "usable": 97.0},
            "postgres@db: 100 % of the connections were taken",
        ),
        (
            "redis@db",
            {"clients": 990.0, "maxclients": 1000.0},
            "redis@db: 99 % of the connections were taken",
        ),
    ],
)
def test_a_server_that_has_nothing_left_stops_the_load(
    source: str, values: dict[str, float], said: str
) -> None:
    guarded = Guarded()
    guarded.load.level(50)
    while not guarded.said and guarded.seconds < 60:
        guarded.server(source, (), **values)
    assert guarded.said == f"{said} for 10 s (bound 98 %)"
    assert guarded.seconds == 11, "ten seconds lie between eleven readings"


def test_a_full_redis_stops_the_load_only_where_it_throws_nothing_away() -> None:
    for policy, stops in (("allkeys-lru", False), ("noeviction", True)):
        guarded = Guarded()
        guarded.load.level(50)
        for _ in range(15):
            row = {"_table": "servers", "policy": policy}
            guarded.server("redis@cache", (row,), memory=100.0, maxmemory=100.0)
        assert bool(guarded.said) is stops, policy


def test_one_reading_below_the_limit_begins_the_time_anew() -> None:
    guarded = Guarded()
    guarded.load.level(50)
    for second in range(30):
        guarded.server("host@web", memory=97.0 if second % 8 == 7 else 99.5)
    assert guarded.said == ""


def test_a_server_that_is_not_seen_stops_nothing() -> None:
    guarded = Guarded()
    guarded.load.level(50)
    for _ in range(8):
        guarded.server("host@web", memory=99.5)
    guarded.load.health("host@web", Health.BLIND, "no answer")
    for _ in range(20):
        guarded.second(good=10)
    assert guarded.said == "", "what it said last is not of now"
    guarded.load.health("host@web", Health.LIVE)
    for _ in range(8):
        guarded.server("host@web", memory=99.5)
    assert guarded.said == "", "nobody knows what was in between"


def test_what_was_full_before_the_load_counts_from_its_beginning() -> None:
    guarded = Guarded()
    for _ in range(60):
        guarded.server("host@web", memory=99.5)
    guarded.load.level(50)
    for _ in range(5):
        guarded.server("host@web", memory=99.5)
    assert guarded.said == ""


def test_a_run_that_the_guard_stopped_has_failed_whatever_its_thresholds_say() -> None:
    load = Load("p95 < 10s")
    load.level(50)
    for _ in range(30):
        load.second([10.0] * 100)
    assert load.gate.verdict(final=True) == (Verdict.PASS, ())
    text = "the guard stopped the load: host@web: 99 % of the memory was in use for 10 s (bound 98 %)"
    load.session.say(EventKind.LOAD, text, {KEY: FIRED}, Severity.CRITICAL)
    load.end()
    assert load.gate.verdict(doubts=["host@web was blind"], tainted=["the loop lagged"], final=True) == (
        Verdict.FAIL,
        (text, "the loop lagged", "host@web was blind"),
    )
    assert load.gate.step_verdict(1) is Verdict.FAIL


def test_no_line_of_a_server_can_fail_a_run_in_the_guards_name() -> None:
    load = Load("p95 < 10s")
    load.source("gunicorn@web")
    load.level(50)
    for _ in range(30):
        load.second([10.0] * 100)
    fields = {KEY: FIRED}
    for kind in (EventKind.LOG, EventKind.LOAD):
        load.session.append(Event(load.at, "gunicorn@web", kind, Severity.CRITICAL, "stopped", fields=fields))
    load.end()
    assert load.gate.verdict(final=True)[0] is Verdict.PASS
