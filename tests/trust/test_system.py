"""Whether what was measured was one system, left alone by others, and seen as far as it was needed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rampdeck.config import Config
from rampdeck.gate import Gate
from rampdeck.model import Event, EventKind, Health, Sample, Severity, SourceInfo, Step
from rampdeck.snapshot import Coverage
from rampdeck.trust import Trust
from tests.gate.stack import METRICS
from tests.trust.watched import NOW, Watched


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
    run.live("clock@web")
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
    run.live("host@web")
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
        "its other guests may have made web slow, not the release"
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


@pytest.mark.parametrize(("threshold", "needed"), [("", True), (" warn", False)])
def test_a_source_that_a_threshold_decides_by_is_needed_whatever_its_table_says(
    threshold: str, needed: bool
) -> None:
    run = Watched()
    table = {"kind": "postgres", "needed": False}
    judged = Gate([f"postgres.connections < 80{threshold}"], METRICS).thresholds
    run.trust = Trust.of(Config(collectors=(table,)), judged)
    run.seconds(10)
    run.turn("postgres", Health.BLIND, "refused")
    run.seconds(10)
    assert (run.doubts == ["postgres@local was blind for 10 of 20 measured seconds: refused"]) is needed


def lines(run: Watched, suppressed: int, source: str = "gunicorn@web") -> None:
    counts = dict.fromkeys(("lines_read", "lines_stored", "lines_counted", "lines_dropped"), 0.0)
    run.session.append(Sample(NOW, source, {**counts, "lines_suppressed": float(suppressed)}))


def judged_by(*metrics: str) -> Watched:
    """Return a run whose thresholds are over these metrics, and that reads a log on web."""
    run = Watched()
    some = Gate(["rps >= 1"]).thresholds[0]
    thresholds = [replace(some, metric=metric, expression=f"{metric} == 0") for metric in metrics]
    run.trust = Trust(thresholds=thresholds)
    run.session.append(SourceInfo.of("gunicorn", "web"))
    run.live("gunicorn@web")
    return run


def test_lines_that_the_journal_suppressed_are_a_doubt_where_a_threshold_counts_lines() -> None:
    run = judged_by("rps", "gunicorn.worker_timeout")
    run.seconds(10)
    lines(run, 4_000)
    run.seconds(1)
    lines(run, 312)
    run.seconds(1)
    assert run.doubts == [
        "4312 lines of gunicorn@web were left out, so gunicorn.worker_timeout == 0 may not have seen all"
    ]


def test_lines_that_the_journal_suppressed_are_no_doubt_where_nothing_is_judged_by_them() -> None:
    run = judged_by("rps", "nginx.answered_5xx")
    lines(run, 4_000)
    run.seconds(10)
    assert run.doubts == []


@pytest.mark.parametrize(
    ("labels", "doubted"),
    [
        ({"host": "web"}, True),
        ({"host": "db"}, False),
        ({"label": "api"}, True),
        ({"label": "admin"}, False),
    ],
)
def test_lines_of_another_source_of_the_kind_are_no_doubt(labels: dict[str, str], doubted: bool) -> None:
    run = Watched()
    some = Gate(["rps >= 1"]).thresholds[0]
    over = replace(some, metric="gunicorn.worker_timeout", labels=tuple(labels.items()))
    run.trust = Trust(thresholds=[over])
    source = SourceInfo.of("gunicorn", "web", "api")
    run.session.append(source)
    run.live(source.name)
    run.seconds(5)
    lines(run, 7, source.name)
    run.seconds(5)
    assert bool(run.doubts) is doubted


def gap(run: Watched, why: str, **fields: str) -> None:
    span = {"from": f"{NOW.utc:.3f}", "until": f"{NOW.utc:.3f}", **fields}
    run.session.append(Event(NOW, "gunicorn@web", EventKind.GAP, Severity.WARNING, why, fields=span))


def test_a_hole_in_a_log_is_a_doubt_where_a_threshold_counts_lines() -> None:
    run = judged_by("gunicorn.worker_timeout")
    gap(run, "900 lines were not stored: more than 5000 a second", dropped="900")
    run.seconds(5)
    assert run.doubts == [], "they were counted"
    gap(run, "lines of gunicorn.service may be missing: the journal was replaced")
    run.seconds(5)
    assert run.doubts == [
        "lines of gunicorn@web may be missing, so gunicorn.worker_timeout == 0 may not have seen all"
    ]
