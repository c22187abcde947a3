"""Results as they come about, each with what it is about: what the golden records are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rampdeck.reconcile import Counts, Reconciled, Sent
from rampdeck.record.result import (
    Decision,
    ErrorResult,
    Finding,
    GapResult,
    GeneratorResult,
    Measured,
    RecordFields,
    Result,
    StepResult,
    measured,
)
from rampdeck.record.settings import Settings
from rampdeck.requests import Tally
from rampdeck.snapshot import Coverage, Lines, ThresholdState, ThresholdView, Verdict
from tests.record import broken, grounds, helpers
from tests.record.hostile import spoiled
from tests.record.parts import BEGAN, clock, facts, level, names, pair, source, total, unjudged, view

FILE = Path("rampdeck-sessions/2026-11-22T1221Z-checkout-peak/session.sqlite")
SHA256 = "4be17a90c2d3e4f5061728394a5b6c7d8e9f00112233445566778899aabbccc0"
SETTINGS = Settings(
    ("run", "--headless", "-c", "rampdeck.toml"),
    {
        "target": {"host": "https://staging.example.com"},
        "load": {"step": 10, "spawn_rate": 5.0, "target_users": None},
        "stages": [
            {"name": "baseline", "users": 60, "hold": 180.0},
            {"name": "peak", "users": 300, "hold": 180.0},
        ],
        "hosts": {"app-1": {"address": "10.0.0.4", "password_env": "***"}},
        "collectors": [{"kind": "nginx", "host": "web-1", "access_log": "/var/log/nginx/access.log"}],
    },
)
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
        thresholds=worst(levels(QUICK)),
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
        settings=SETTINGS,
        groundwork=grounds.laid(grounds.meta(*grounds.GREEN)),
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
    work = grounds.laid(grounds.meta(*grounds.GREEN, guard=grounds.refusals(9, 3, 1).to_meta()))
    slow = view("p95 < 800ms", 1_108.0, ThresholdState.FAIL, peak, begun=430, longest=209, breaches=2)
    checkout = view(
        "error_rate{name=/checkout/, method=POST} < 1%",
        1.96,
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
    steps = list(levels(SLOW))
    views = (slow, checkout, worst(steps)[2], near, advisory, unknown)
    steps[2] = replace(
        steps[2],
        verdict=Verdict.FAIL,
        thresholds=(slow, checkout, steps[2].thresholds[-1], near, advisory, unknown),
    )
    return replace(
        passed(),
        result=Verdict.FAIL,
        reasons=(
            "p95 < 800ms failed: 1 108 ms at step 3 (300 users)",
            "error_rate{name=/checkout/, method=POST} < 1% failed: 1.96 % at step 3 (300 users)",
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
            *work.warnings(),
        ),
        groundwork=work,
        sources=(*passed().sources[:3], broken.SOURCE),
        coverage=broken.COVERAGE,
        tables=broken.TABLES,
        logs=broken.LOGS,
        findings=broken.FINDINGS,
        counts=broken.COUNTS,
        knee=broken.KNEE,
        facts=broken.FACTS,
    )


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


def spite() -> Result:
    """A check of the preflight failed and one went on, and the guard refused something."""
    made, work = passed(), grounds.spite()
    assert work.preflight is not None
    doubts = tuple(work.preflight.doubts(has_load=True))
    return replace(
        made,
        result=Verdict.INCONCLUSIVE,
        reasons=doubts,
        doubts=doubts,
        warnings=tuple(work.warnings()),
        record=replace(made.record, result="INCONCLUSIVE"),
        decision=None,
        groundwork=work,
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
        thresholds=made.steps[0].thresholds,
        steps=(made.steps[0], unmeasured),
        total=total(QUICK[:1]),
        requests=names(QUICK[:1]),
        coverage=tuple(Coverage(one.source, 180.0, 180.0) for one in made.coverage),
        record=replace(made.record, result="INCONCLUSIVE"),
        decision=None,
        facts=tuple(replace(pair, end=None) for pair in facts()),
        groundwork=None,
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


def worst(steps: Sequence[StepResult]) -> tuple[ThresholdView, ...]:
    """The thresholds over some levels: at each the one that left the least of its limit."""
    views = zip(*(step.thresholds for step in steps), strict=True)
    return tuple(min(these, key=lambda one: one.margin or 0.0) for these in views)


def levels(loads: tuple[tuple[int, float, int], ...]) -> tuple[StepResult, ...]:
    return tuple(level(number, *stage) for number, stage in enumerate(zip(STAGES, loads, strict=True), 1))


SCENES: Mapping[str, Callable[[], Result]] = {
    "passed": passed,
    "failed": failed,
    "blind": blind,
    "in-spite": spite,
    "cut-off": cut_off,
    "overruled": overruled,
    "hostile": lambda: spoiled(failed()),
    "no-load": no_load,
    "played": helpers.result,
}
"""All of them by name; the last one is played through a session and a gate."""
