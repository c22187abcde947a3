"""Requests by two counts: ours and that of Nginx's access log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rampdeck.clocks import Clocks
from rampdeck.histogram import Histogram
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
from rampdeck.reconcile import Counts, Ledger, Reconciled
from rampdeck.record.counted import mismatches
from rampdeck.workers.untold import SINCE

BEGAN = Instant(1_795_350_060.4, 1_000.4)
RATE = 100


class Played:
    """A run of levels, a second at a time; Nginx sees what is sent, unless told otherwise."""

    def __init__(self, *hosts: str, stamped: bool = True, ahead: float = 0.0) -> None:
        self.clocks = Clocks()
        self.ledger = Ledger(self.clocks)
        self.at = BEGAN
        self.hosts = hosts
        self.stamped = stamped
        self.ahead = ahead
        self.step: Step | None = None
        for host in hosts:
            self.ledger.take(SourceInfo(host, "nginx", host))
            self.health(host, Health.LIVE)
        self.at = self.at.plus(2.0)

    def health(self, host: str, health: Health) -> None:
        fields = {"health": health.value}
        self.ledger.take(Event(self.at, host, EventKind.HEALTH, Severity.NOTICE, "", fields=fields))

    def gap(self, host: str, seconds: float, **more: str) -> None:
        fields = {"from": str(self.at.utc - seconds), "until": str(self.at.utc), **more}
        self.ledger.take(Event(self.at, host, EventKind.GAP, Severity.WARNING, "blind", fields=fields))

    def level(self, users: int) -> None:
        number = self.step.number + 1 if self.step else 1
        if self.step and not self.step.ended:
            self.ledger.take(replace(self.step, ended=self.at))
        self.step = Step(number, users, 5.0, "key", self.at)
        self.ledger.take(self.step)

    def second(self, sent: int = RATE, seen: int | None = None, **counts: int) -> None:
        """Let a second pass; its lines are read 0.3 s later, under the time at which they were written."""
        at, self.at = self.at, self.at.plus(1.0)
        users = self.step.users if self.step and not self.step.ended else 0
        answered = sent - counts.pop("refused", 0)
        method = "WS" if counts.pop("other", 0) else "GET"
        every, stamps = Histogram.of([5.0] * sent), Histogram.of([1.0] * answered)
        if not self.stamped:
            every = stamps = Histogram()
        answers = Histogram.of([5.0] * sent)
        stats = replace(
            RequestStats(method, "/", answers, Histogram(), locust=every, delay=stamps),
            **counts,  # type: ignore[arg-type]
        )
        self.ledger.take(RequestBatch(self.at, 1.0, users, (stats,) if sent or counts else ()))
        whole = sum(counts.values()) + sent if seen is None else seen
        share = whole // len(self.hosts) if self.hosts else 0
        for host in self.hosts:
            self.lines(host, at.utc + self.ahead, share)

    def lines(self, host: str, utc: float, count: int) -> None:
        first = round(count * (1 - utc % 1.0))
        rows = ({"second": int(utc), "requests": first}, {"second": int(utc) + 1, "requests": count - first})
        self.ledger.take(Sample(self.at.plus(0.3), host, {"requests": float(count)}, rows))

    def stop(self, quiet: int = 6) -> Counts:
        assert self.step is not None
        self.step = replace(self.step, ended=self.at)
        self.ledger.take(self.step)
        for _ in range(quiet):
            self.second(0)
        return self.counts()

    def counts(self) -> Counts:
        return self.ledger.counts(self.at)


def whole(counts: Counts) -> Reconciled:
    assert counts.whole is not None
    return counts.whole


def known(run: Played, host: str, seconds: float, error: float) -> None:
    """Measure a host's clock, as its source does."""
    run.clocks.take(SourceInfo(f"clock@{host}", "clock", host))
    run.clocks.take(Sample(run.at, f"clock@{host}", {"offset": seconds * 1000, "error": error * 1000}))


def findings(counts: Counts) -> list[str]:
    return [finding.text for finding in mismatches(counts)]


def played(run: Played, *levels: int, seconds: int = 10) -> Counts:
    for users in levels:
        run.level(users)
        for _ in range(seconds):
            run.second()
    return run.stop()


def test_levels_agree_but_for_the_seconds_in_which_they_change_and_the_run_agrees_exactly() -> None:
    counts = played(Played("nginx@web"), 5, 10, 2)
    assert [step.step for step in counts.steps] == [1, 2, 3]
    assert all(step.explained for step in counts.steps)
    assert all(abs(step.difference) <= RATE for step in counts.steps)
    assert sum(step.seen for step in counts.steps) == 3 * 10 * RATE
    assert (whole(counts).difference, whole(counts).explained) == (0, True)
    assert findings(counts) == []


def test_redirects_kills_and_what_the_scenario_left_have_been_sent_too() -> None:
    run = Played("nginx@web")
    run.level(5)
    for _ in range(5):
        run.second(50, redirects=20, killed=3, unreported=2)
    counts = run.stop()
    assert (whole(counts).sent.total, whole(counts).difference) == (5 * 75, 0)


def test_who_was_still_connecting_has_sent_nothing() -> None:
    run = Played("nginx@web")
    run.level(5)
    run.second(10, 12, killed=5, unsent=3)
    counts = run.stop()
    assert (whole(counts).sent.killed, whole(counts).difference) == (2, 0)
    assert counts.cut == ((1, 5),)


def test_requests_that_are_missing_in_the_middle_are_a_finding_of_that_level() -> None:
    run = Played("nginx@web")
    run.level(5)
    for _ in range(10):
        run.second()
    run.level(6)
    for second in range(20):
        run.second(seen=20 if 5 <= second < 15 else None)
    counts = run.stop()
    assert [step.explained for step in counts.steps] == [True, False]
    missing = -counts.steps[1].difference
    assert 800 - RATE < missing < 800 + RATE
    assert findings(counts) == [f"Nginx saw {missing} requests fewer than were sent in step 2"]
    assert whole(counts).difference == -800


def test_traffic_of_others_is_told_and_weighs_less() -> None:
    run = Played("nginx@web")
    run.level(5)
    for _ in range(10):
        run.second(seen=RATE + 60)
    (finding,) = mismatches(run.stop())
    assert finding.text == "Nginx saw 600 requests more than were sent in step 1"
    assert finding.severity == "notice"


def test_what_got_no_answer_may_never_have_arrived() -> None:
    run = Played("nginx@web")
    run.level(1)
    for _ in range(10):
        run.second(refused=80, seen=20)
    counts = run.stop()
    assert whole(counts).difference == -800
    assert findings(counts) == []


def test_health_checks_before_and_after_the_load_are_not_of_it() -> None:
    run = Played("nginx@web")
    for _ in range(20):
        run.second(0, seen=7)
    run.second(0)
    run.level(5)
    for _ in range(10):
        run.second()
    run.stop(quiet=3)
    for _ in range(20):
        run.second(0, seen=7)
    run.level(3)
    for _ in range(10):
        run.second()
    counts = run.stop()
    assert whole(counts).explained
    assert 0 <= whole(counts).difference < 7, "but for those in the very second in which a load begins"


def test_several_hosts_add_up_and_one_that_cannot_be_read_is_named() -> None:
    counts = played(Played("nginx@a", "nginx@b"), 5)
    assert whole(counts).difference == 0
    run = Played("nginx@a")
    run.ledger.take(SourceInfo("nginx@b", "nginx", "b"))
    run.health("nginx@b", Health.BLIND)
    counts = played(run, 5)
    assert whole(counts).unknown == "nginx@b could not be read"
    assert whole(counts).explained is None
    assert findings(counts) == []


def test_a_gap_is_told_for_its_level_only() -> None:
    run = Played("nginx@web")
    for users in (5, 8, 5):
        run.level(users)
        for second in range(10):
            run.second(seen=0 if users == 8 and second in (4, 5) else None)
            if users == 8 and second == 5:
                run.gap("nginx@web", 2.0)
    counts = run.stop()
    blind = "nginx@web was blind for a part of it"
    assert [step.unknown for step in counts.steps] == ["", blind, ""]
    assert whole(counts).unknown == blind
    assert findings(counts) == []


def test_lines_that_were_counted_but_not_stored_are_no_gap_in_the_counts() -> None:
    run = Played("nginx@web")
    run.level(5)
    for second in range(10):
        run.second()
        if second == 5:
            run.gap("nginx@web", 2.0, dropped="4000")
    counts = run.stop()
    assert [step.unknown for step in counts.steps] == [""]
    assert whole(counts).difference == 0


def test_an_nginx_that_is_seen_only_in_the_middle_is_not_compared() -> None:
    run = Played()
    run.level(5)
    run.second()
    run.hosts = ("nginx@late",)
    run.ledger.take(SourceInfo("nginx@late", "nginx", "late"))
    run.health("nginx@late", Health.LIVE)
    for _ in range(5):
        run.second()
    assert whole(run.stop()).unknown == "nginx@late was not read from its beginning"


def test_without_the_wire_clock_redirects_are_not_known() -> None:
    counts = played(Played("nginx@web", stamped=False), 5)
    assert "wire clock" in whole(counts).unknown
    assert findings(counts) == []


def test_a_name_that_plain_and_exact_workers_share_has_redirects_that_are_not_known() -> None:
    run = Played("nginx@web")
    run.level(5)
    plain = RequestStats("GET", "/", Histogram.of([5.0] * 40), Histogram())
    exact = replace(plain, locust=Histogram.of([5.0] * 60), delay=Histogram.of([1.0] * 57))
    both = replace(exact, successes=Histogram.of([5.0] * 100))
    run.ledger.take(RequestBatch(run.at, 1.0, 5, (both,)))
    found = whole(run.stop())
    assert (found.sent.requests, found.sent.unclocked, found.sent.unanswered) == (100, 40, 3)
    assert "wire clock" in found.unknown


@pytest.mark.parametrize("ahead", [0.4, -1.6, 3600.0, -86_400.0])
def test_a_clock_that_was_measured_puts_every_line_into_its_level(ahead: float) -> None:
    """A clock that is off by a second or two cannot be told from a slow log by its lines alone."""
    run = Played("nginx@web", ahead=ahead)
    known(run, "nginx@web", ahead, 0.004)
    counts = played(run, 5, 50, 5)
    assert [abs(step.difference) <= RATE / 2 for step in counts.steps] == [True] * 3
    assert all(step.explained for step in counts.steps)
    assert (whole(counts).difference, whole(counts).explained) == (0, True)


def test_a_clock_that_is_known_to_a_second_only_is_not_relied_on() -> None:
    run, plain = Played("nginx@web"), Played("nginx@web")
    known(run, "nginx@web", 0.9, 1.0)
    assert played(run, 5, 50, 5) == played(plain, 5, 50, 5)


@pytest.mark.parametrize("ahead", [3600.0, -3600.0, 0.4])
def test_the_clock_of_another_host_may_be_wrong(ahead: float) -> None:
    counts = played(Played("nginx@web", ahead=ahead), 5, 50, 5)
    assert all(step.explained for step in counts.steps)
    assert all(abs(step.difference) <= 2 * RATE for step in counts.steps)
    assert abs(whole(counts).difference) <= whole(counts).more


def test_lines_without_a_time_count_by_their_arrival() -> None:
    run = Played("nginx@web")
    run.hosts = ()
    run.level(5)
    for number in range(30):
        if number == 15:
            run.level(9)
        run.second()
        run.ledger.take(Sample(run.at.plus(0.3), "nginx@web", {"requests": float(RATE)}))
    counts = run.stop()
    assert all(step.explained for step in counts.steps)
    assert whole(counts).difference == 0


def test_what_is_no_http_request_is_left_out() -> None:
    run = Played("nginx@web")
    run.level(5)
    run.second()
    run.second(other=1, seen=0)
    assert whole(run.stop()).difference == 0


def test_kills_in_a_ramp_down_are_of_the_level_before() -> None:
    run = Played("nginx@web")
    run.level(20)
    run.second()
    run.level(5)
    run.second(killed=15)
    assert run.step is not None
    run.ledger.take(replace(run.step, reached=run.at, measured_from=run.at))
    run.second()
    counts = run.stop(quiet=0)
    run.second(0, killed=5)
    counts = run.stop()
    assert counts.cut == ((1, 15), (2, 5))


def test_the_level_under_way_is_left_out_and_its_last_lines_are_waited_for() -> None:
    run = Played("nginx@web")
    run.level(5)
    for _ in range(3):
        run.second()
    assert run.counts() == Counts()
    run.level(6)
    (step,) = run.counts().steps
    assert step.unknown == "Nginx's last lines were on their way"
    run.second()
    run.second()
    (step,) = run.counts().steps
    assert step.explained


def test_nothing_is_said_where_no_access_log_is_read() -> None:
    run = Played()
    run.ledger.take(SourceInfo("nginx@web", "nginx", "web"))
    run.health("nginx@web", Health.LIVE)
    run.level(5)
    run.second()
    run.ledger.take(Sample(run.at, "nginx@web", {"error_lines": 0.0}))
    assert run.stop() == Counts()


def test_what_is_kept_does_not_grow_with_the_run() -> None:
    run = Played("nginx@web")
    run.level(5)
    for _ in range(2_000):
        run.second()
    assert len(run.ledger._held) < 40


def test_what_a_lost_worker_has_not_told_is_nobody_elses_traffic() -> None:
    run = Played("nginx@a")
    run.level(10)
    for _ in range(10):
        run.second()
    run.second(sent=RATE, seen=3 * RATE)
    fields = {"signal": "worker_lost", SINCE: str(run.at.utc - 3)}
    run.ledger.take(
        Event(run.at, "workers", EventKind.LOG, Severity.WARNING, "worker one ended", fields=fields)
    )
    run.level(20)
    for _ in range(10):
        run.second()
    counts = run.stop()
    assert [step.unknown for step in counts.steps][1:] == [""], "the next level has told everything"
    assert "a worker was lost" in counts.steps[0].unknown
    assert findings(counts) == []
