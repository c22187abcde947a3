"""What the session noticed by itself: the worst first, each with its evidence and what to do."""

from __future__ import annotations

from rampdeck.gate import Gate
from rampdeck.histogram import Histogram
from rampdeck.levels.knee import Knee, Recovery
from rampdeck.model import (
    OTHER_NAMES,
    Event,
    EventKind,
    Instant,
    RequestBatch,
    RequestStats,
    Severity,
    SourceInfo,
    Step,
)
from rampdeck.record.findings import findings
from rampdeck.session import Session

NOON = Instant(1_795_348_800.0, 1_000.0)  # 2026-11-22 12:00:00 UTC
GUNICORN = "gunicorn@web"


def session() -> Session:
    made = Session({}, lambda _: None)
    made.append(SourceInfo(GUNICORN, "gunicorn", "web"))
    return made


def told(seen: Session, severity: Severity, signal: str) -> None:
    seen.append(Event(NOON, GUNICORN, EventKind.LOG, severity, "...", fields={"signal": signal}))


def requests(seen: Session, name: str, times: list[float]) -> None:
    stats = RequestStats("GET", name, Histogram.of(times), Histogram())
    seen.append(RequestBatch(NOON, 6.0, 5, (stats,)))


def test_a_quiet_session_has_nothing_to_tell() -> None:
    assert findings(session(), (), {}) == ()


def test_a_breached_threshold_is_told_with_its_worst_value_and_since_when() -> None:
    seen, gate = session(), Gate(["p95 < 100ms", "error_rate < 1%"])
    seen.append(Step(1, 5, 1.0, "key", NOON, "", NOON, NOON))
    requests(seen, "/", [400.0] * 20)
    gate.observe(NOON, seen)
    (finding,) = findings(seen, gate.outcome(final=True), {})
    assert (finding.layer, finding.severity) == ("requests", "error")
    assert "p95 < 100ms was breached" in finding.text
    assert finding.evidence == ("worst 400 ms, step 1 (5 users)", "since 12:00:00 UTC")


def test_what_the_scenario_raised_is_told_the_most_frequent_first_and_not_endlessly() -> None:
    raised = {f"KeyError: '{number}'": number for number in range(1, 9)}
    told = findings(session(), (), raised)
    assert [finding.text.rsplit("raised ", 1)[1] for finding in told] == [
        f"{n} times" for n in (8, 7, 6, 5, 4)
    ]
    assert told[0].evidence == ("KeyError: '8'",)
    assert findings(session(), (), {"E": 1})[0].text.endswith("raised once")


def test_signals_in_a_log_are_counted_and_come_with_advice() -> None:
    seen = session()
    for _ in range(3):
        told(seen, Severity.CRITICAL, "worker_timeout")
    told(seen, Severity.WARNING, "something_new")
    first, second = findings(seen, (), {})
    assert (first.text, first.severity) == (f"{GUNICORN}: worker timeout, 3 times", "error")
    assert "PostgreSQL" in first.advice
    assert (second.text, second.severity) == (f"{GUNICORN}: something new, 1 time", "warning")


def test_what_is_worst_comes_first() -> None:
    seen = session()
    told(seen, Severity.WARNING, "limiting")
    assert [finding.severity for finding in findings(seen, (), {"boom": 2})] == ["error", "warning"]


def test_a_source_that_came_and_went_is_one_finding_with_its_first_gaps() -> None:
    seen = session()
    for number in range(7):
        span = {"from": str(NOON.utc + number * 60), "until": str(NOON.utc + number * 60 + 5)}
        seen.append(Event(NOON, GUNICORN, EventKind.GAP, Severity.WARNING, "blind", fields=span))
    (finding,) = findings(seen, (), {})
    assert finding.text == f"{GUNICORN} was blind 7 times"
    assert finding.evidence[0] == "12:00:00 UTC to 12:00:05 UTC: blind"
    assert finding.evidence[-1] == "and 2 more"


def test_sources_that_lost_their_host_together_are_one_finding() -> None:
    seen = session()
    for kind, host in (("postgres", "web"), ("redis", "web"), ("redis", "db")):
        seen.append(SourceInfo.of(kind, host))
    for second, source in enumerate((GUNICORN, "redis@web", "redis@db")):
        span = {"from": str(NOON.utc + 1 - second / 2), "until": str(NOON.utc + 10 + second)}
        why = f"blind for {9 + 1.5 * second:.1f} s: web cannot be reached: no answer"
        seen.append(Event(NOON, source, EventKind.GAP, Severity.WARNING, why, fields=span))
    other = "blind for 2.0 s: PostgreSQL at 127.0.0.1:5432: nothing listens there"
    span = {"from": str(NOON.utc + 60), "until": str(NOON.utc + 62)}
    seen.append(Event(NOON, "postgres@web", EventKind.GAP, Severity.WARNING, other, fields=span))
    found = {finding.text: finding for finding in findings(seen, (), {})}
    assert set(found) == {
        f"{GUNICORN} and redis@web were blind once",
        "redis@db was blind once",
        "postgres@web was blind once",
    }
    lost = found[f"{GUNICORN} and redis@web were blind once"]
    assert lost.layer == "host"
    assert lost.evidence == (
        "12:00:00 UTC to 12:00:11 UTC: blind for 10.5 s: web cannot be reached: no answer",
    )


def test_lines_of_a_file_that_was_truncated_do_not_make_its_source_blind() -> None:
    seen = session()
    span = {"from": str(NOON.utc), "until": str(NOON.utc)}
    lost = "lines of a.log may be missing: the file was truncated"
    seen.append(Event(NOON, GUNICORN, EventKind.GAP, Severity.WARNING, lost, fields=span))
    assert [finding.text for finding in findings(seen, (), {})] == [f"{GUNICORN} has a gap"]


def test_too_many_request_names_are_told_and_how_to_group_them() -> None:
    seen = session()
    requests(seen, OTHER_NAMES, [1.0])
    (finding,) = findings(seen, (), {})
    assert "too many request names" in finding.text
    assert "name=" in finding.advice


def test_a_system_that_did_not_recover_is_told_with_the_step_and_what_to_do() -> None:
    broken = Knee(recovery=Recovery(step=5, users=80, after=90, recovered=False))
    (finding,) = findings(session(), (), {}, broken)
    assert finding.text == "the system did not recover at 80 users after 90 had failed"
    assert finding.severity == "error"
    assert finding.evidence == ("step 5 failed; its level passed before",)
    assert finding.advice
    fine = Knee(recovery=Recovery(step=5, users=80, after=90, recovered=True))
    assert findings(session(), (), {}, fine) == ()
