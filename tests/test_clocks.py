"""Which of two things on two hosts came first: their clocks are put on ours."""

from __future__ import annotations

import pytest

from rampdeck.clocks import CHANGES, Clocks, Offset, ahead
from rampdeck.model import Event, EventKind, Health, Instant, Sample, Severity, SourceInfo
from rampdeck.record.findings import findings
from rampdeck.session import Session
from rampdeck.view import Column, Table, View

APP, DB = SourceInfo("gunicorn@app", "gunicorn", "app"), SourceInfo("postgres@db", "postgres", "db")
HOSTS = {"host": View("Hosts", tables=(Table("hosts", "Hosts", (Column("clock", "CLOCK"),), per_host=True),))}


def at(second: float) -> Instant:
    return Instant(1_795_350_000.0 + second, second)


def reading(second: float, host: str, ms: float, error: float = 2.0) -> Sample:
    return Sample(at(second), f"clock@{host}", {"offset": ms, "error": error})


def line(second: float, source: str, sent: float | None, signal: str = "") -> Event:
    stamp = None if sent is None else at(sent).utc
    fields = {"signal": signal} if signal else {}
    return Event(at(second), source, EventKind.LOG, Severity.ERROR, "", stamp, fields)


@pytest.fixture
def session() -> Session:
    made = Session(HOSTS, lambda _: None)
    for info in (APP, DB, SourceInfo("clock@app", "clock", "app"), SourceInfo("host@app", "host", "app")):
        made.append(info)
    return made


def test_what_a_host_logged_happened_at_its_time_less_its_clocks_offset(session: Session) -> None:
    session.append(reading(1, "app", 5_000))
    event = line(10.3, APP.name, 15.2)
    assert session.when(event) == pytest.approx(at(10.2).utc)
    assert event.sent == at(15.2).utc, "what it said stays"


def test_a_host_whose_clock_is_not_known_is_believed(session: Session) -> None:
    assert session.when(line(10.3, DB.name, 10.1)) == at(10.1).utc
    assert session.when(line(10.3, DB.name, None)) == at(10.3).utc
    assert session.when(Event(at(3), "operator", EventKind.KEY, Severity.NOTICE, "+")) == at(3).utc


def test_before_and_after_a_clock_was_set_each_line_has_its_own_offset(session: Session) -> None:
    session.append(reading(1, "app", 5_000))
    session.append(reading(30, "app", 5_001))
    session.append(reading(60, "app", 1))
    for second, sent in ((0.5, 5.5), (20.0, 25.0), (70.0, 70.0)):
        assert session.when(line(second, APP.name, sent)) == pytest.approx(at(second).utc, abs=0.003)


def test_a_clock_that_jumps_about_for_hours_takes_no_more_memory() -> None:
    clocks = Clocks()
    clocks.take(SourceInfo("clock@app", "clock", "app"))
    for number in range(CHANGES * 2):
        clocks.take(reading(30.0 * number, "app", 1_000.0 * number))
    clock = clocks.of("app")
    assert clock is not None
    assert clock.readings == CHANGES * 2
    assert len(clock._changes) == CHANGES


def test_of_two_hosts_the_record_names_first_what_came_first(session: Session) -> None:
    """The database's clock is right, the application's two minutes fast: its log seems to be later."""
    session.append(reading(1, "app", 120_000))
    session.append(line(20.0, DB.name, 19.9, "deadlock"))
    session.append(line(20.5, APP.name, 129.9, "worker_timeout"))
    found = [finding for finding in findings(session, (), {}) if finding.severity == "error"]
    assert [finding.layer for finding in found] == ["gunicorn", "postgres"]
    (evidence,) = found[0].evidence
    assert evidence == (
        "first at 12:20:09 UTC, which is 12:22:09 UTC in its log: its clock is 2 min ahead of this machine's"
    )
    assert found[1].evidence == ("first at 12:20:19 UTC",)


def test_a_clock_that_was_far_off_is_a_finding_once(session: Session) -> None:
    session.append(reading(1, "app", 100))
    session.append(reading(31, "app", -4_200))
    event = line(31, "clock@app", None, "far_off")
    session.append(event)
    session.append(reading(61, "app", 100))
    (finding,) = findings(session, (), {})
    assert finding.text == "the clock of app was 4.2 s behind this machine's"
    assert finding.evidence == ("at 12:20:31 UTC: -4 200.0 ms, error 2.0 ms",)


def test_a_hosts_row_shows_its_clock_and_warns_when_it_is_far_off(session: Session) -> None:
    session.append(Sample(at(1), "host@app", {"cpu": 12.0}))
    fields = {"health": Health.LIVE.value}
    session.append(Event(at(1), "host@app", EventKind.HEALTH, Severity.NOTICE, "", fields=fields))
    assert "clock" not in _row(session)[0]
    session.append(reading(2, "app", 12.5))
    assert _row(session) == ({"cpu": 12.0, "clock": 12.5}, Health.LIVE, "")
    session.append(reading(3, "app", 700))
    assert _row(session)[1:] == (Health.WARNING, "its clock is 700 ms ahead of this machine's")


def _row(session: Session) -> tuple[dict[str, float], Health, str]:
    view = next(view for view in session.source_views(at(5)) if view.info.kind == "host")
    return dict(view.values), view.health, view.reason


@pytest.mark.parametrize(
    ("seconds", "error", "beyond"),
    [(0.2, 0.001, False), (-0.3, 0.001, True), (0.4, 0.5, False), (0.7, 0.5, True)],
)
def test_an_offset_is_too_large_when_it_is_not_the_measurements_own(
    seconds: float, error: float, beyond: bool
) -> None:
    assert Offset(at(0), seconds, error).beyond is beyond


def test_an_offset_reads_well() -> None:
    said = [ahead(seconds) for seconds in (0.0034, -0.32, 4.21, -3540.0, 7210.0)]
    assert [text.removesuffix(" this machine's") for text in said] == [
        "3 ms ahead of",
        "320 ms behind",
        "4.2 s ahead of",
        "59 min behind",
        "2 h ahead of",
    ]
