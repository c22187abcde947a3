"""Whether a run can be trusted: what was missing while it was measured."""

from __future__ import annotations

import cProfile
import pstats
from dataclasses import replace

from rampdeck.config import Config, GeneratorLimits
from rampdeck.gate import Gate
from rampdeck.model import Event, EventKind, Health, Instant, RequestBatch, Sample, Severity, SourceInfo, Step
from rampdeck.session import Session
from rampdeck.snapshot import Coverage
from rampdeck.trust import Trust
from rampdeck.untold import SINCE

NOW = Instant(1_000_000.0, 10.0)


class Watched:
    """A session at a measured level of 10 users, watched second by second."""

    def __init__(self) -> None:
        self.session = Session({}, lambda _: None)
        self.trust = Trust()
        for kind in ("generator", "postgres"):
            self.session.append(SourceInfo(f"{kind}@local", kind, "local"))
            self.turn(kind, Health.LIVE)
        self.session.append(Step(1, 10, 5.0, "key", NOW, "", NOW, NOW))
        self.users(10)

    def turn(self, kind: str, health: Health, why: str = "", silent: float = 0.0) -> None:
        fields = {"health": health.value, "since": f"{NOW.utc - silent:.3f}"}
        self.session.append(
            Event(NOW, f"{kind}@local", EventKind.HEALTH, Severity.NOTICE, why, fields=fields)
        )

    def says(self, **values: float) -> None:
        """Let the generator say something of itself."""
        self.session.append(Sample(NOW, "generator@local", values))

    def users(self, count: int) -> None:
        self.session.append(RequestBatch(NOW, 1.0, count, ()))

    def seconds(self, count: int) -> None:
        for _ in range(count):
            self.trust.observe(self.session, 1.0)

    @property
    def doubts(self) -> list[str]:
        return list(self.trust.doubts())


def test_a_run_that_was_seen_all_the_time_is_trusted() -> None:
    run = Watched()
    run.seconds(30)
    assert (run.doubts, run.trust.tainted()) == ([], ())


def test_a_run_that_never_settled_is_not() -> None:
    run = Watched()
    run.session.append(Step(2, 20, 5.0, "key", NOW))
    run.seconds(30)
    assert run.doubts == ["no load level was held long enough to be measured"]


def test_a_source_that_was_blind_for_more_than_a_tenth_is_a_doubt_with_its_reason() -> None:
    run = Watched()
    run.seconds(27)
    run.turn("postgres", Health.BLIND, "connection refused")
    run.seconds(3)
    assert run.doubts == []
    run.seconds(1)
    assert run.doubts == ["postgres@local was blind for 4 of 31 measured seconds: connection refused"]


def test_the_seconds_until_a_silence_was_noticed_were_blind_as_well() -> None:
    run = Watched()
    run.seconds(30)
    run.turn("postgres", Health.BLIND, "the connection was lost", silent=15.0)
    run.seconds(2)
    run.turn("postgres", Health.LIVE)
    run.seconds(8)
    assert run.doubts == ["postgres@local was blind for 17 of 40 measured seconds: the connection was lost"]


def test_a_silence_that_began_before_the_level_counts_from_the_levels_beginning() -> None:
    run = Watched()
    run.seconds(3)
    run.turn("postgres", Health.BLIND, "the connection was lost", silent=15.0)
    run.seconds(1)
    assert run.doubts == ["postgres@local was blind for 4 of 4 measured seconds: the connection was lost"]


def test_a_source_that_is_left_out_on_purpose_is_no_doubt() -> None:
    run = Watched()
    run.turn("postgres", Health.ABSENT, "not here")
    run.seconds(10)
    assert run.doubts == []


def test_a_generator_at_its_limit_taints_times_that_hold_its_queue() -> None:
    run = Watched()
    run.says(lag_p99_ms=51.0)
    run.seconds(5)
    (mark,) = run.trust.marks(1)
    assert mark == (
        "the loop lagged by more than 50 ms in 5 of 5 measured seconds: "
        "response times hold the generator's own queue"
    )
    assert run.trust.tainted() == (f"step 1 (10 users): {mark}",)
    assert run.trust.doubted == {1: True}


def test_a_generator_that_is_late_takes_a_pass_away_but_no_failure_of_stamped_times() -> None:
    run = Watched()
    run.says(lag_p99_ms=400.0, delay_p95_ms=60.0, delay_percent=30.0)
    run.seconds(5)
    (mark,) = run.trust.marks(1)
    assert mark == (
        "the generator added more than 50 ms and 25 % of p95 to a request in 5 of 5 measured seconds: "
        "wire times stay right, but requests left late, so the load was less than asked for. Use --workers"
    )
    assert run.doubts == [f"step 1 (10 users): {mark}"]
    assert (run.trust.tainted(), run.trust.doubted) == ((), {1: False})


def test_only_the_level_is_marked_in_which_it_was() -> None:
    run = Watched()
    run.seconds(60)
    run.session.append(Step(2, 50, 5.0, "plan", NOW, "", NOW, NOW))
    run.users(50)
    run.says(cpu_percent=95.0, delay_p95_ms=3.0, delay_percent=9.0)
    run.seconds(3)
    run.says(cpu_percent=50.0)
    run.seconds(7)
    assert run.trust.marks(1) == ()
    (mark,) = run.trust.marks(2)
    assert mark.startswith("the generator used more than 90 % of a core in 3 of 10 measured seconds")
    assert run.doubts == [f"step 2 (50 users): {mark}"]


def test_a_mark_goes_when_it_has_become_a_small_part_of_the_level() -> None:
    run = Watched()
    run.says(memory_percent=99.0)
    run.seconds(1)
    assert run.trust.doubted == {1: False}
    run.says(memory_percent=50.0)
    run.seconds(9)
    assert (run.trust.marks(1), run.trust.doubted) == ((), {})


def test_the_limits_are_those_of_the_configuration() -> None:
    run = Watched()
    run.trust = Trust(GeneratorLimits(lag=500, littles_law=5))
    run.says(lag_p99_ms=400.0, littles_law=90.0)
    run.seconds(5)
    (mark,) = run.trust.marks(1)
    assert mark.startswith("users were for more than 5 % of their time in no request and no wait")


def test_of_many_levels_at_the_limit_a_run_names_a_few() -> None:
    run = Watched()
    run.says(cpu_percent=99.0)
    for number in range(1, 31):
        run.session.append(Step(number, 10, 5.0, "key", NOW, "", NOW, NOW))
        run.seconds(5)
    assert len(run.trust.tainted()) == 6
    assert run.trust.tainted()[-1] == "and 25 more of the kind"


def test_a_source_that_was_blind_at_one_level_marks_it_even_if_the_run_was_long() -> None:
    run = Watched()
    run.seconds(100)
    run.session.append(Step(2, 10, 5.0, "key", NOW, "", NOW, NOW))
    run.turn("postgres", Health.BLIND, "connection refused")
    run.seconds(5)
    assert run.trust.marks(1) == ()
    assert run.doubts == [
        "step 2 (10 users): postgres@local was blind for 5 of 5 measured seconds: connection refused"
    ]


def test_seconds_in_which_the_whole_program_was_stuck_count_in_full() -> None:
    run = Watched()
    run.seconds(20)
    run.trust.observe(run.session, 8.0)
    assert "stood still in 8 of 28 measured seconds" in run.trust.tainted()[0]


def test_a_level_whose_users_have_gone_is_not_the_level_that_was_asked_for() -> None:
    run = Watched()
    run.users(9)
    run.seconds(10)
    assert run.doubts == []
    run.users(3)
    run.seconds(2)
    assert run.doubts[0].startswith("users were missing in 2 of 12 measured seconds")


def test_a_slow_server_that_fails_the_run_does_not_look_like_a_generator_without_wire_times() -> None:
    run = Watched()
    run.says(cpu_percent=95.0, lag_p99_ms=80.0, stamped=1.0)
    run.seconds(5)
    assert run.trust.tainted() == ()
    assert run.trust.doubted == {1: False}


def test_a_busy_cockpit_says_nothing_of_times_that_workers_have_measured() -> None:
    run = Watched()
    run.session.append(SourceInfo("workers@local", "workers", "local"))
    run.turn("workers", Health.LIVE)
    run.says(cpu_percent=99.0, lag_p99_ms=400.0, stamped=0.0)
    run.seconds(5)
    run.trust.observe(run.session, 8.0)
    assert (run.doubts, run.trust.tainted(), run.trust.doubted) == ([], (), {})
    run.session.append(Sample(NOW, "workers@local", {"cpu_percent": 99.0, "unstamped": 1.0}))
    run.seconds(5)
    assert "a worker used more than 90 % of a core" in run.trust.tainted()[0]


def test_thousands_of_doubted_levels_are_told_in_a_few_sentences_worked_out_once() -> None:
    run = Watched()
    run.says(cpu_percent=99.0, stamped=1.0)
    for number in range(1, 2_001):
        run.session.append(Step(number, 10, 5.0, "key", NOW, "", NOW, NOW))
        run.seconds(1)
    assert len(run.doubts) == 6
    assert run.doubts[0].startswith("step 1 (10 users): the generator used more than 90 %")
    assert run.doubts[-1] == "and 1995 more of the kind"
    assert run.trust.marks(1) is run.trust.marks(1)
    profile = cProfile.Profile()
    profile.runcall(run.trust.doubts)
    assert pstats.Stats(profile).total_calls < 500  # type: ignore[attr-defined]


class Measuring:
    """A session that is measuring, with three sources of one host."""

    def __init__(self) -> None:
        self.session = Session({}, lambda _: None)
        for kind in ("postgres", "redis", "nginx"):
            self.session.append(SourceInfo(f"{kind}@db-1", kind, "db-1"))
            self.turn(kind, Health.LIVE)
        self.session.append(Step(1, 20, 5.0, "plan", NOW, reached=NOW, measured_from=NOW))
        self.session.append(RequestBatch(NOW, 1.0, 20, ()))
        self.trust = Trust()

    def turn(self, kind: str, health: Health, reason: str = "") -> None:
        fields = {"health": health.value}
        self.session.append(
            Event(NOW, f"{kind}@db-1", EventKind.HEALTH, Severity.NOTICE, reason, fields=fields)
        )

    def seconds(self, number: int) -> None:
        for _ in range(number):
            self.trust.observe(self.session, 1.0)


def test_a_source_that_was_blind_is_named_with_the_reason_it_had_then() -> None:
    run = Measuring()
    run.turn("postgres", Health.BLIND, "the server is shutting down")
    run.seconds(8)
    run.turn("postgres", Health.LIVE)
    run.seconds(30)
    run.turn("postgres", Health.BLIND, "db-1 cannot be reached")
    run.seconds(2)
    (doubt,) = run.trust.doubts()
    assert (
        doubt == "postgres@db-1 was blind for 10 of 40 measured seconds, mostly: the server is shutting down"
    )


def test_sources_that_lost_their_host_together_are_one_doubt() -> None:
    run = Measuring()
    run.turn("redis", Health.BLIND, "db-1 cannot be reached")
    run.seconds(1)
    for kind in ("postgres", "nginx"):
        run.turn(kind, Health.BLIND, "db-1 cannot be reached")
    run.seconds(3)
    (doubt,) = run.trust.doubts()
    assert doubt == (
        "redis@db-1, postgres@db-1 and nginx@db-1 were blind for up to 4 of 4 measured seconds: "
        "db-1 cannot be reached"
    )


def test_a_moment_without_a_source_is_no_doubt() -> None:
    run = Measuring()
    run.turn("redis", Health.BLIND, "refused")
    run.seconds(1)
    run.turn("redis", Health.LIVE)
    run.seconds(9)
    assert run.trust.doubts() == ()


def lost(run: Watched, since: float, known: float) -> None:
    """Let it become known now that what a worker did since then is missing; in seconds from the beginning."""
    fields = {"signal": "worker_lost", SINCE: str(NOW.utc + since)}
    run.session.append(
        Event(NOW.plus(known), "workers", EventKind.LOG, Severity.WARNING, "worker one ended", fields=fields)
    )


def test_a_worker_that_is_lost_at_the_end_of_a_level_marks_that_level_though_it_is_known_later() -> None:
    run = Watched()
    run.seconds(30)
    run.session.append(Step(1, 10, 5.0, "key", NOW, "", NOW, NOW, ended=NOW.plus(30)))
    run.session.append(Step(2, 20, 5.0, "key", NOW.plus(34)))
    lost(run, 29, 33.5)
    run.seconds(1)
    assert run.trust.doubted == {1: False}
    assert run.doubts == ["step 1 (10 users): a worker was lost, and with it what it had not told yet"]


def test_a_worker_that_is_lost_over_the_turn_of_two_levels_marks_both() -> None:
    run = Watched()
    run.seconds(30)
    run.session.append(Step(1, 10, 5.0, "key", NOW, "", NOW, NOW, ended=NOW.plus(30)))
    run.session.append(Step(2, 20, 5.0, "key", NOW.plus(30)))
    lost(run, 29, 33)
    run.seconds(1)
    run.session.append(Step(3, 30, 5.0, "key", NOW.plus(34)))
    run.seconds(1)
    assert run.trust.doubted == {1: False, 2: False}


def test_a_worker_that_is_lost_at_the_end_of_the_last_level_marks_it() -> None:
    run = Watched()
    run.seconds(30)
    run.session.append(Step(1, 10, 5.0, "key", NOW, "", NOW, NOW, ended=NOW.plus(30)))
    lost(run, 29, 33)
    run.seconds(1)
    assert run.trust.doubted == {1: False}


def at_second(run: Watched, source: str, signal: str, second: float, **fields: str) -> None:
    """Let a source say something at a second of the level."""
    text = f"{source} says"
    given = {"signal": signal, **fields}
    run.session.append(Event(NOW.plus(second), source, EventKind.LOG, Severity.NOTICE, text, fields=given))


def test_a_restart_in_a_measured_level_is_a_doubt_and_marks_the_level() -> None:
    run = Watched()
    run.seconds(10)
    at_second(run, "postgres@local", "restarted", 10)
    run.seconds(20)
    sentence = "postgres@local was restarted at 13:46:50 UTC: before and after is not one system"
    assert run.doubts == [sentence]
    assert run.trust.marks(1) == (sentence,)
    assert run.trust.doubted == {1: False}
    assert run.trust.tainted() == ()


def test_a_reload_while_users_ramp_is_a_doubt_of_the_run_but_no_mark_of_a_level() -> None:
    run = Watched()
    run.seconds(30)
    run.session.append(Step(1, 10, 5.0, "key", NOW, "", NOW, NOW, ended=NOW.plus(30)))
    run.session.append(Step(2, 20, 5.0, "key", NOW.plus(30)))
    at_second(run, "postgres@local", "restarted", 32)
    run.seconds(1)
    run.session.append(Step(2, 20, 5.0, "key", NOW.plus(30), "", NOW.plus(34), NOW.plus(39)))
    run.users(20)
    run.seconds(10)
    assert len(run.doubts) == 1
    assert (run.trust.marks(1), run.trust.marks(2), run.trust.doubted) == ((), (), {})


def test_a_stop_that_marked_a_level_becomes_a_restart_there_too_when_it_is_known() -> None:
    run = Watched()
    run.session.append(SourceInfo.of("gunicorn"))
    run.turn("gunicorn", Health.LIVE)
    run.seconds(29)
    at_second(run, "gunicorn@local", "stopping", 29)
    run.seconds(1)
    run.session.append(Step(1, 10, 5.0, "key", NOW, "", NOW, NOW, ended=NOW.plus(30)))
    run.session.append(Step(2, 20, 5.0, "key", NOW.plus(30)))
    assert "was stopped" in run.trust.marks(1)[0]
    at_second(run, "gunicorn@local", "starting", 31)
    run.seconds(1)
    assert run.trust.marks(1)[0].startswith("gunicorn@local was restarted at 13:47:09 UTC")


def test_a_step_of_our_own_clock_is_a_doubt_one_of_a_host_is_told() -> None:
    run = Watched()
    run.session.append(SourceInfo.of("clock", "web"))
    run.session.append(
        Event(NOW, "clock@web", EventKind.HEALTH, Severity.NOTICE, "", fields={"health": "live"})
    )
    run.seconds(10)
    at_second(run, "clock@web", "step", 10)
    run.seconds(10)
    assert run.doubts == []
    told = "the clock of web was set at 13:46:50 UTC: times before and after do not fit together"
    assert run.trust.warnings() == (told,)
    at_second(run, "generator@local", "clock_step", 20)
    run.seconds(1)
    assert run.doubts == [
        "this machine's clock was set at 13:47:00 UTC: times before and after do not fit together"
    ]


def stealing(run: Watched, percent: float) -> None:
    run.session.append(Sample(NOW, "host@web", {"steal": percent}))


def test_a_hypervisor_that_takes_the_servers_processor_is_a_doubt_with_how_much() -> None:
    run = Watched()
    run.session.append(SourceInfo.of("host", "web"))
    run.session.append(
        Event(NOW, "host@web", EventKind.HEALTH, Severity.NOTICE, "", fields={"health": "live"})
    )
    stealing(run, 9.0)
    run.seconds(50)
    assert run.doubts == []
    stealing(run, 12.0)
    run.seconds(5)
    assert run.doubts == []
    stealing(run, 16.0)
    run.seconds(5)
    assert run.doubts == [
        "the hypervisor took 14 % of web's processor in 10 of 60 measured seconds: "
        "its hypervisor's other guests may have made it slow, not the release"
    ]
    assert run.trust.doubted == {1: False}


def test_a_hypervisor_that_takes_the_generators_processor_taints_even_wire_times() -> None:
    run = Watched()
    run.says(steal_percent=11.0, stamped=1.0)
    run.seconds(5)
    (taint,) = run.trust.tainted()
    assert taint == (
        "step 1 (10 users): the hypervisor took more than 10 % of this machine's processor in 5 of 5 "
        "measured seconds: response times hold what it took"
    )
    assert run.trust.doubted == {1: True}


def test_each_source_says_for_how_many_of_the_measured_seconds_it_was_seen() -> None:
    run = Watched()
    assert run.trust.coverage() == ()
    run.session.append(SourceInfo.of("redis"))
    run.turn("redis", Health.ABSENT, "not here")
    run.seconds(30)
    run.turn("postgres", Health.BLIND, "refused", silent=5.0)
    run.seconds(5)
    run.turn("postgres", Health.LIVE)
    run.seconds(5)
    assert run.trust.coverage() == (
        Coverage("generator@local", 40.0, 40.0),
        Coverage("postgres@local", 40.0, 30.0),
    )


def test_a_blind_source_that_is_not_needed_is_told_and_takes_no_pass_away() -> None:
    run = Watched()
    table = {"kind": "postgres", "needed": False}
    run.trust = Trust.of(Config(collectors=(table, {"kind": "postgres", "host": "db"})), ())
    run.turn("postgres", Health.BLIND, "refused")
    run.seconds(10)
    assert (run.doubts, run.trust.doubted) == ([], {})
    assert run.trust.warnings() == (
        "postgres@local was blind for 10 of 10 measured seconds: refused (it is not needed)",
    )
    assert run.trust.coverage()[1] == Coverage("postgres@local", 10.0, 0.0)


def lines(run: Watched, suppressed: int) -> None:
    counts = dict.fromkeys(("lines_read", "lines_stored", "lines_counted", "lines_dropped"), 0.0)
    run.session.append(Sample(NOW, "gunicorn@web", {**counts, "lines_suppressed": float(suppressed)}))


def judged_by(*metrics: str) -> Watched:
    """Return a run whose thresholds are over these metrics, and that reads a log on web."""
    run = Watched()
    some = Gate(["rps >= 1"]).thresholds[0]
    thresholds = [replace(some, metric=metric, expression=f"{metric} == 0") for metric in metrics]
    run.trust = Trust(thresholds=thresholds)
    run.session.append(SourceInfo.of("gunicorn", "web"))
    run.session.append(
        Event(NOW, "gunicorn@web", EventKind.HEALTH, Severity.NOTICE, "", fields={"health": "live"})
    )
    return run


def test_lines_that_the_journal_suppressed_are_a_doubt_where_a_threshold_counts_lines() -> None:
    run = judged_by("rps", "gunicorn.worker_timeout")
    run.seconds(10)
    lines(run, 4_000)
    run.seconds(1)
    lines(run, 312)
    run.seconds(1)
    assert run.doubts == [
        "the host left out 4312 lines of gunicorn@web, so gunicorn.worker_timeout == 0 may not have seen all"
    ]


def test_lines_that_the_journal_suppressed_are_no_doubt_where_nothing_is_judged_by_them() -> None:
    run = judged_by("rps", "nginx.answered_5xx")
    lines(run, 4_000)
    run.seconds(10)
    assert run.doubts == []
