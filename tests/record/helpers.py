"""A run of two levels, with everything a record can hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rampdeck.gate import Gate
from rampdeck.histogram import Histogram
from rampdeck.levels.capacity import Capacity
from rampdeck.levels.knee import Target
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
    Value,
)
from rampdeck.record.conclude import Matter, result_of
from rampdeck.record.result import Finding, RecordFields, Result
from rampdeck.session import Session, Store
from rampdeck.trust import Trust
from rampdeck.view import Column, Table, Unit, View

BEGAN = Instant(1_795_350_060.0, 1_000.0)  # 2026-11-22 12:21:00 UTC
FACTS = RecordFields(
    commit_sha="8f3c1d2",
    image_tag="web-8f3c1d2",
    gunicorn_workers="4",
    nginx_config_version="not known: exit status 1, nginx: [alert] could not open error log",
    database_size_note="200 users, 5 000 orders",
    notes="Commit before calling the payment service. *Re-test* with the same plan.",
)

STATEMENTS = Table(
    "cost",
    "Statements",
    (
        Column("calls", "CALLS/S", Unit.PER_SECOND),
        Column("mean", "MEAN", Unit.MILLISECONDS),
        Column("query", "QUERY"),
    ),
    kept=True,
    per_step=True,
)
LINES = {
    "lines_read": 150.0,
    "lines_stored": 100.0,
    "lines_counted": 20.0,
    "lines_dropped": 30.0,
    "lines_suppressed": 5.0,
}


def session(store: Store = lambda _: None) -> tuple[Session, Gate, Instant]:
    """Play the run to its end."""
    played = Session({"postgres": View("pg", tables=(STATEMENTS,))}, store)
    gate = Gate(
        ["p95 < 800ms", "error_rate{name=/checkout/, method=POST} < 1%", "rps >= 5", "p99{name=/x} < 1s"]
    )
    for info in (
        SourceInfo("generator@local", "generator", "local"),
        SourceInfo("postgres@db-1", "postgres", "db-1"),
        SourceInfo("redis@db-1", "redis", "db-1"),
        SourceInfo("clock@db-1", "clock", "db-1"),
        SourceInfo("gunicorn@web-1", "gunicorn", "web-1"),
    ):
        played.append(info)
        played.append(_health(BEGAN, info.name, Health.LIVE, ""))
    at = BEGAN
    for number, (stage, users, slow) in enumerate([("baseline", 20, 1.0), ("peak", 50, 9.0)], 1):
        step = Step(number, users, 5.0, "plan", at, stage)
        played.append(step)
        step = replace(step, reached=at, measured_from=at)
        played.append(step)
        for second in range(10):
            at = at.plus(1.0)
            played.append(_batch(at, users, slow))
            played.append(_sample(at, second))
            played.append(_statements(at, number, second))
            played.append(Sample(at, "gunicorn@web-1", LINES))
            gate.observe(at, played)
        played.append(Sample(at, "clock@db-1", {"offset": 1_240.0 / number, "error": 0.8}))
        if number == 1:
            played.append(_health(at, "postgres@db-1", Health.BLIND, "no answer from db-1 for 5 s"))
        played.append(replace(step, ended=at))
    gap = {"from": str(BEGAN.utc + 10), "until": str(BEGAN.utc + 14)}
    text = "blind for 4.0 s: no answer from db-1 for 5 s"
    played.append(Event(at, "postgres@db-1", EventKind.GAP, Severity.WARNING, text, fields=gap))
    played.append(_health(at, "postgres@db-1", Health.LIVE, ""))
    played.append(_health(at, "redis@db-1", Health.BLIND, "connection refused"))
    gate.observe(at, played)
    return played, gate, at


def result(title: str = "checkout-peak") -> Result:
    """Return the result of the run."""
    played, gate, at = session()
    doubts = ("postgres@db-1 was blind for 4 of 20 measured seconds (no answer from db-1 for 5 s)",)
    finding = Finding(
        layer="postgres",
        severity="critical",
        text="pid 4121 held a row lock on stock for 41 s",
        evidence=("7 backends waited on Lock:transactionid", "27 POST /checkout/ failed"),
        advice="Commit before calling another service.",
    )
    file = Path("s/session.sqlite")
    knee = Capacity(played, gate, Trust(), Target(20, "the target")).now()
    matter = Matter(title, "https://staging.example.com", FACTS, doubts, (), (finding,), file, knee=knee)
    return replace(result_of(played, gate, matter, at), version="0.1.0")


def _batch(at: Instant, users: int, slow: float) -> RequestBatch:
    """Return a second: the home page has wire times, the order is read by a client that has none."""
    times = [12.0, 13.0, 14.0, 15.0 * slow]
    home = RequestStats(
        "GET",
        "/",
        Histogram.of(times),
        Histogram(),
        4_096,
        locust=Histogram.of([time + 2.5 for time in times]),
        delay=Histogram.of([2.5] * 4),
        redirects=1,
    )
    failures = Histogram.of([5.0]) if slow > 1 else Histogram()
    errors = {"HTTPError('504 Server Error: Gateway Time-out')": 1} if slow > 1 else {}
    orders = Histogram.of([90.0 * slow] * 4)
    both = Histogram.of([90.0 * slow] * 4 + [5.0] * failures.count)
    killed = 2 if slow > 1 else 0
    order = RequestStats("POST", "/checkout/", orders, failures, 512, errors, locust=both, killed=killed)
    return RequestBatch(at, 1.0, users, (home, order))


def _sample(at: Instant, second: int) -> Sample:
    values = {"cpu_percent": 20.0 + second, "lag_p99_ms": 1.5 + second / 4, "lag_max_ms": 14.25}
    return Sample(at, "generator@local", values)


def _statements(at: Instant, step: int, second: int) -> Sample:
    query = "SELECT * FROM `stock` WHERE id = $1 | x"
    rows: list[dict[str, Value]] = [
        {"query": f"all of step {step}", "calls": 40.0 + second},
        {"query": query, "user": "shop", "_statement": "10 5 77", "calls": 30.5, "mean": 4.25},
    ]
    return Sample(at, "postgres@db-1", {}, tuple({"_table": "cost", "_step": step, **row} for row in rows))


def _health(at: Instant, source: str, health: Health, reason: str) -> Event:
    return Event(at, source, EventKind.HEALTH, Severity.NOTICE, reason, fields={"health": health.value})
