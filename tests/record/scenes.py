"""Results as they come about, each with what it is about: what the golden records are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rampdeck.knee import Knee, Target
from rampdeck.model import Severity
from rampdeck.reconcile import Counts, Reconciled, Sent
from rampdeck.record.result import (
    Decision,
    ErrorResult,
    Finding,
    GapResult,
    GeneratorResult,
    LogResult,
    LogsResult,
    Measured,
    RecordFields,
    Result,
    StepResult,
    TableResult,
    measured,
)
from rampdeck.requests import Tally
from rampdeck.snapshot import Coverage, Lines, ThresholdState, Verdict
from rampdeck.view import Column, Unit
from tests.record import helpers
from tests.record.hostile import spoiled
from tests.record.parts import BEGAN, clock, facts, level, names, pair, source, total, unjudged, view

FILE = Path("rampdeck-sessions/2026-11-22T1221Z-checkout-peak/session.sqlite")
SHA256 = "4be17a90c2d3e4f5061728394a5b6c7d8e9f00112233445566778899aabbccc0"
STAGES = ("baseline", "busy", "peak")
QUICK = ((60, 1.0, 0), (240, 1.0, 0), (300, 1.0, 0))
SLOW = ((60, 1.0, 0), (240, 1.4, 0), (300, 9.0, 36))


def passed() -> Result:
    """Every threshold holds on data that can be trusted."""
    return Result(
        result=Verdict.PASS,
        reasons=(),
        title="checkout-peak",
        host="https://staging.example.com",
        began=BEGAN,
        ended=BEGAN.plus(615),
        running=False,
        users=300,
        total=total(QUICK),
        record=RecordFields(
            date="2026-11-22 12:21 UTC",
            commit_sha="8f3c1d2",
            image_tag="web-8f3c1d2",
            gunicorn_workers="4 gthread, 8 threads",
            nginx_config_version="nginx/1.22.1, sha256 91c0…",
            database_size_note="200 users, 5 000 orders",
            test_scenarios="checkout-peak: baseline, busy, peak",
            result="PASS",
        ),
        thresholds=tuple(
            view(*given, where="step 3 (300 users)")
            for given in (("p95 < 800ms", 132.0), ("error_rate < 1%", 0.0), ("rps >= 40", 60.0))
        ),
        steps=levels(QUICK),
        requests=names(QUICK),
        sources=(
            source("generator@local", 615),
            source("gunicorn@app-1", 614, Lines(412, 412)),
            source("nginx@web-1", 615, Lines(61_222, 40, 61_182)),
            source("postgres@db-1", 612),
        ),
        clocks=(clock("app-1", 0.004), clock("db-1", -0.012)),
        generator=GeneratorResult(38.2, 2.4, 14.1, 1.8, 41.0),
        counts=Counts(whole=Reconciled(0, Sent(61_180, 21), 61_204, 30, 30)),
        facts=facts(),
        coverage=tuple(
            Coverage(name, 540.0, 540.0) for name in ("gunicorn@app-1", "nginx@web-1", "postgres@db-1")
        ),
        decision=Decision(
            BEGAN.plus(1_200), Verdict.PASS, Verdict.PASS, "Ada Lovelace", "Released with 2026.11.2."
        ),
        session=FILE,
        session_sha256=SHA256,
        version="0.1.0",
    )


def failed() -> Result:
    """One endpoint is slow at the peak, and everything that a record can hold is there."""
    peak = "step 3 (300 users)"
    broken = view("p95 < 800ms", 1_240.0, ThresholdState.FAIL, peak, begun=430, longest=209, breaches=2)
    checkout = view(
        "error_rate{name=/checkout/, method=POST} < 1%",
        1.84,
        ThresholdState.FAIL,
        peak,
        begun=451,
        longest=168,
        breaches=1,
    )
    near = view("postgres.connections < 80%", 71.0, ThresholdState.WARN, "postgres@db-1, step 3 (300 users)")
    advisory = replace(
        view("host.cpu < 85% for 30s", 97.5, ThresholdState.FAIL, "host@app-1, " + peak, 440, 96, 3),
        warns=True,
    )
    unknown = unjudged("p99{name=/x} < 1s")
    views = (broken, checkout, view("rps >= 40", 48.5, where=peak), near, advisory, unknown)
    steps = list(levels(SLOW))
    steps[2] = replace(
        steps[2],
        verdict=Verdict.FAIL,
        thresholds=(broken, checkout, steps[2].thresholds[-1], near, advisory, unknown),
    )
    return replace(
        passed(),
        result=Verdict.FAIL,
        reasons=(
            "p95 < 800ms failed: 1 240 ms at step 3 (300 users)",
            "error_rate{name=/checkout/, method=POST} < 1% failed: 1.84 % at step 3 (300 users)",
            "p99{name=/x} < 1s was not judged: no samples",
        ),
        record=replace(passed().record, result="FAIL", notes="Re-test with the *same* plan."),
        total=total(SLOW),
        thresholds=views,
        steps=tuple(steps),
        requests=names(SLOW),
        errors=(ErrorResult("POST", "/checkout/", "HTTPError('504 Server Error: Gateway Time-out')", 36),),
        errors_left_out=2,
        decision=None,
        warnings=(
            "host.cpu < 85% for 30s was breached, which only warns: 97.5 % at host@app-1, step 3 (300 users)",
        ),
        **what_broke(),
    )


def what_broke() -> dict[str, Any]:
    """What the sources said of the slow endpoint."""
    return {
        "sources": (
            *passed().sources[:3],
            source(
                "postgres@db-1", 598, gaps=(GapResult(BEGAN.utc + 400, BEGAN.utc + 404, "blind: no answer"),)
            ),
        ),
        "coverage": (
            Coverage("gunicorn@app-1", 540.0, 540.0),
            Coverage("nginx@web-1", 540.0, 539.9),
            Coverage("postgres@db-1", 540.0, 536.0),
        ),
        "tables": (
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
        ),
        "logs": (
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
        ),
        "findings": (
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
                ("worst 1 240 ms", "since 12:28:10 UTC"),
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
            Finding(
                "facts", "warning", "gunicorn.workers of gunicorn@app-1 changed during the run", ("4 → 6",)
            ),
        ),
        "counts": Counts(
            (Reconciled(3, Sent(18_000, 7, 12), 18_500, 30, 30),),
            Reconciled(0, Sent(61_180, 21, 12), 61_700, 30, 30),
            ((3, 12),),
            9,
        ),
        "knee": Knee(
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
        ),
        "facts": (
            *facts()[:1],
            pair("gunicorn@app-1", "gunicorn.workers", "Workers", "4", "6"),
            *facts()[2:],
        ),
    }


def blind() -> Result:
    """PostgreSQL could not be seen for half of the run."""
    doubt = "postgres@db-1 blind for 270 of 540 measured seconds: no answer from db-1 for 5 s"
    mark = "postgres@db-1 blind for 150 of 180 measured seconds: no answer from db-1 for 5 s"
    connections = unjudged("postgres.connections < 80%", 3)
    made = passed()
    first, second, third = made.steps
    return replace(
        made,
        result=Verdict.INCONCLUSIVE,
        reasons=("postgres.connections < 80% was not judged: too few samples", doubt),
        record=replace(made.record, result="INCONCLUSIVE"),
        thresholds=(*made.thresholds, connections),
        steps=(
            first,
            second,
            replace(
                third,
                verdict=Verdict.INCONCLUSIVE,
                marks=(mark,),
                thresholds=(*third.thresholds, connections),
            ),
        ),
        doubts=(doubt,),
        decision=None,
        coverage=(*made.coverage[:2], Coverage("postgres@db-1", 540.0, 270.0)),
        sources=(
            *made.sources[:3],
            replace(
                source(
                    "postgres@db-1",
                    301,
                    gaps=(GapResult(BEGAN.utc + 345, None, "blind: no answer from db-1"),),
                ),
                state="blind",
                reason="no answer from db-1 for 5 s; next try in 8 s",
            ),
        ),
        findings=(
            Finding(
                "postgres",
                "warning",
                "postgres@db-1 was blind once",
                ("12:26:45 UTC to the end: blind: no answer from db-1",),
                since=BEGAN.utc + 345,
            ),
        ),
        facts=(
            *facts()[:3],
            pair("postgres@db-1", "postgres.version", "PostgreSQL", "15.8", None, "no answer"),
        ),
    )


def cut_off() -> Result:
    """The machine went away in the middle of the second level."""
    made = passed()
    nothing = {"measured": False, "verdict": Verdict.INCONCLUSIVE, "thresholds": (), **measured(Tally(), 0.0)}
    unmeasured = replace(made.steps[1], **nothing)
    why = "the session file ends before the session did"
    return replace(
        made,
        result=Verdict.INCONCLUSIVE,
        reasons=(why,),
        doubts=(why,),
        ended=BEGAN.plus(260),
        users=240,
        steps=(made.steps[0], unmeasured),
        record=replace(made.record, result="INCONCLUSIVE"),
        decision=None,
        facts=tuple(replace(pair, end=None) for pair in facts()),
        cut_off=True,
    )  # fmt: skip


def overruled() -> Result:
    """The gate said FAIL, and somebody released nonetheless."""
    note = "The payment sandbox was slow that day; checked again by hand."
    decision = Decision(BEGAN.plus(1_300), Verdict.PASS, Verdict.FAIL, "Grace Hopper", note)
    return replace(failed(), decision=decision)


def no_load() -> Result:
    """The operator left before the first press."""
    return Result(
        result=Verdict.INCONCLUSIVE,
        reasons=(
            "p95 < 800ms was not judged: no samples",
            "no load level was held long enough to be measured",
        ),
        title="smoke",
        host="https://staging.example.com",
        began=None,
        ended=BEGAN,
        running=False,
        users=0,
        total=Measured(**measured(Tally(), 0.0)),
        record=RecordFields(date="2026-11-22 12:21 UTC", test_scenarios="smoke", result="INCONCLUSIVE"),
        thresholds=(unjudged("p95 < 800ms"),),
        doubts=("no load level was held long enough to be measured",),
        version="0.1.0",
    )  # fmt: skip


def levels(loads: tuple[tuple[int, float, int], ...]) -> tuple[StepResult, ...]:
    return tuple(level(number, *stage) for number, stage in enumerate(zip(STAGES, loads, strict=True), 1))


SCENES: Mapping[str, Callable[[], Result]] = {
    "passed": passed,
    "failed": failed,
    "blind": blind,
    "cut-off": cut_off,
    "overruled": overruled,
    "hostile": lambda: spoiled(failed()),
    "no-load": no_load,
    "played": helpers.result,
}
"""All of them by name; the last one is played through a session and a gate."""
