"""Whether a run can be trusted: what was missing while it was measured."""

from __future__ import annotations

import cProfile
import pstats

from rampdeck.config import GeneratorLimits
from rampdeck.histogram import Histogram
from rampdeck.model import (
    Event,
    EventKind,
    Health,
    RequestBatch,
    RequestStats,
    Sample,
    Severity,
    SourceInfo,
    Step,
)
from rampdeck.session import Session
from rampdeck.trust import Trust
from rampdeck.workers.untold import IDLE_SINCE, SINCE
from tests.trust.watched import NOW, Watched


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


def test_a_worker_that_let_go_of_the_load_marks_the_levels_it_was_missing_in() -> None:
    run = Watched()
    run.seconds(30)
    run.session.append(Step(1, 10, 5.0, "key", NOW, "", NOW, NOW, ended=NOW.plus(28)))
    run.session.append(Step(2, 20, 5.0, "key", NOW.plus(28)))
    fields = {"signal": "worker_idle", IDLE_SINCE: str(NOW.utc + 29)}
    text = "worker one stopped its users 3.0 s ago by itself"
    run.session.append(Event(NOW.plus(32), "workers", EventKind.LOG, Severity.WARNING, text, fields=fields))
    run.seconds(1)
    assert run.trust.doubted == {2: False}
    assert run.doubts == [
        "step 2 (20 users): a worker stopped its users by itself, because the cockpit was not there"
    ]


def answering(run: Watched, *seconds: int) -> None:
    """Let seconds pass, in each of which so many requests end."""
    for count in seconds:
        stats = RequestStats("GET", "/", Histogram.of([20.0] * count), Histogram())
        run.session.append(RequestBatch(NOW, 1.0, 10, (stats,) if count else ()))
        run.seconds(1)


def test_a_server_that_hangs_for_the_rest_of_a_level_is_a_doubt_however_quick_it_was_before() -> None:
    run = Watched()
    answering(run, *[10] * 30, *[0] * 3)
    assert run.doubts == []
    answering(run, *[0] * 27)
    (mark,) = run.trust.marks(1)
    assert mark == (
        "no request ended for 30 of 60 measured seconds: what hangs is in no response time until it ends"
    )
    assert run.doubts == [f"step 1 (10 users): {mark}"]
    assert run.trust.doubted == {1: False}
    answering(run, *[10] * 300)
    assert run.doubts == [], "less than a tenth of the level"


def test_users_that_pause_together_or_seldom_send_are_no_doubt() -> None:
    together, seldom = Watched(), Watched()
    answering(together, *[50, *[0] * 19] * 3)
    answering(seldom, *[1, *[0] * 7, 1, 0, 0, 1, *[0] * 30])
    assert (together.doubts, seldom.doubts) == ([], [])
