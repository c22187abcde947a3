"""What the sources of the scene that failed said of its slow endpoint."""

from __future__ import annotations

from rampdeck.levels.knee import Knee, Target
from rampdeck.model import Severity
from rampdeck.reconcile import Counts, Reconciled, Sent
from rampdeck.record.result import Finding, GapResult, LogResult, LogsResult, TableResult
from rampdeck.snapshot import Coverage
from rampdeck.view import Column, Unit
from tests.record.parts import BEGAN, facts, pair, source

SOURCE = source("postgres@db-1", 598, gaps=(GapResult(BEGAN.utc + 400, BEGAN.utc + 404, "blind: no answer"),))
COVERAGE = (
    Coverage("gunicorn@app-1", 540.0, 540.0),
    Coverage("nginx@web-1", 540.0, 539.9),
    Coverage("postgres@db-1", 540.0, 536.0),
)
TABLES = (
    TableResult(
        3,
        "postgres@db-1",
        "cost",
        "Statements",
        (
            Column("calls", "CALLS/S", Unit.PER_SECOND),
            Column("mean", "MEAN", Unit.MILLISECONDS),
            Column("query", "QUERY"),
        ),
        tuple(
            {
                "calls": 40.0 / n,
                "mean": 12.5 * n,
                "query": f"UPDATE `stock` SET n = ${n} | x",
                "_id": n,
            }
            for n in range(1, 8)
        ),
    ),
)
LOGS = (
    LogsResult(
        "gunicorn@app-1",
        (
            LogResult(
                Severity.CRITICAL,
                "worker_timeout",
                3,
                BEGAN.utc + 452,
                BEGAN.utc + 470,
                "[…] WORKER TIMEOUT (pid:…)",
                "[2207] WORKER TIMEOUT (pid:2211)",
            ),
            LogResult(
                Severity.ERROR,
                "",
                1,
                BEGAN.utc + 455,
                BEGAN.utc + 455,
                "boom",
                "OperationalError: boom",
            ),
        ),
        410,
    ),
)
FINDINGS = (
    Finding(
        "postgres",
        "error",
        "pid 4121 held a row lock on stock for 41 s",
        ("7 backends waited on Lock:transactionid", "27 POST /checkout/ failed with 504"),
        "Commit before calling the payment service",
        BEGAN.utc + 428,
    ),
    Finding(
        "requests",
        "error",
        "p95 < 800ms was breached",
        ("worst 1 108 ms", "since 12:28:10 UTC"),
        since=BEGAN.utc + 430,
    ),
    Finding(
        "gunicorn",
        "error",
        "gunicorn@app-1: worker timeout, 3 times",
        ("first at 12:28:32 UTC",),
        "Look at what the workers wait for at that time: PostgreSQL waits, a slow endpoint",
        BEGAN.utc + 452,
    ),
    Finding("facts", "warning", "gunicorn.workers of gunicorn@app-1 changed during the run", ("4 → 6",)),
)
COUNTS = Counts(
    (Reconciled(3, Sent(18_000, 7, 12), 18_500, 30, 30),),
    Reconciled(0, Sent(61_180, 21, 12), 61_700, 30, 30),
    ((3, 12),),
    9,
)
KNEE = Knee(
    240,
    300,
    "p95",
    passed=240,
    failed=300,
    target=Target(300, "the plan's peak"),
    levels=3,
    sentence="The knee lies between 240 and 300 users: p95 bends. 240 users passed, 300 failed: "
    "60 short of the plan's peak.",
    method="From 3 measured levels.",
)
FACTS = (
    *facts()[:1],
    pair("gunicorn@app-1", "gunicorn.workers", "Workers", "4", "6"),
    *facts()[2:],
)
