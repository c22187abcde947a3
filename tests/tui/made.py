"""What a cockpit can be given to show: made-up figures, sources and thresholds, frozen in time."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from rampdeck.model import (
    Event,
    EventKind,
    Health,
    Instant,
    RunState,
    Severity,
    SourceInfo,
    Stage,
    Step,
    Value,
)
from rampdeck.snapshot import (
    Figures,
    GeneratorView,
    LoadView,
    Recording,
    RequestRow,
    Series,
    Snapshot,
    SourceView,
    StepRow,
    ThresholdState,
    ThresholdView,
    Trend,
    Verdict,
)
from rampdeck.view import Unit

START = Instant(utc=1_795_350_000.0, mono=10_000.0)
PLAN = (
    Stage("baseline", 60, 5, 180),
    Stage("busy", 120, 5, 180),
    Stage("peak", 240, 5, 300),
    Stage("spike", 300, 5, 300),
    Stage("drain", 0, 20, 60),
)


def kind_of(event: Event) -> str:
    return event.source.partition("@")[0].partition(":")[0]


def event(
    at: Instant,
    source: str,
    text: str,
    severity: Severity = Severity.INFO,
    kind: EventKind = EventKind.LOG,
    fields: Mapping[str, str] | None = None,
) -> Event:
    return Event(at, source, kind, severity, text, fields=fields or {})


def wave(second: float, low: float, high: float, slowness: float = 40, shift: float = 0) -> float:
    """Return a smooth number between two others that depends on the second alone."""
    return low + (high - low) * (0.5 - 0.5 * math.cos((second + shift) / slowness))


def series(second: int, low: float, high: float, slowness: float = 90, gap: bool = False) -> Series:
    return tuple(
        None if gap and 60 <= past <= 72 else wave(second - past, low, high, slowness) + (past * 7919 % 13)
        for past in reversed(range(300))
    )


_REQUESTS = (
    ("GET", "/", 18_204, 0, 62.1, 18, Health.LIVE),
    ("GET", "/dashboard/", 9_117, 2, 31.0, 96, Health.WARNING),
    ("GET", "/orders/", 9_080, 0, 30.8, 74, Health.LIVE),
    ("GET", "/orders/[id]", 6_021, 0, 20.5, 41, Health.LIVE),
    ("POST", "/checkout/", 2_995, 55, 10.2, 240, Health.BLIND),
    ("POST", "/login/", 412, 0, 1.4, 130, Health.LIVE),
)


def figures(requests: int, failures: int, rps: float, p50: float) -> Figures:
    share = failures / requests if requests else None
    return Figures(
        10.0, requests, failures, rps, share, p50 * 1.1, p50, p50 * 3.9, p50 * 6.8, p50 * 16.7, p50 * 3.8,
        locust_p95=p50 * 3.9 + 2, delay_p95=3.1, stamped=requests, p999=p50 * 11,
    )  # fmt: skip


def row(second: int, place: int) -> RequestRow:
    method, name, requests, failures, rps, p50, health = _REQUESTS[place]
    moved = wave(second, 0.9, 1.1, 7, place)
    now = figures(round(requests * moved / 50), failures, rps * moved, p50 * moved)
    now = replace(now, error_rate=failures / requests)
    whole = figures(requests + second * 3, failures, rps, p50)
    return RequestRow(method, name, now, whole, series(second, p50 * 2, p50 * 4.5, 70 + place * 9), health)


def steps(second: int) -> tuple[StepRow, ...]:
    """Return the levels that the plan has come to: one was cut short by a key, the last one ramps."""
    rows, began = [], START
    verdicts = (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.PASS)
    for number, (stage, verdict) in enumerate(zip(PLAN[:3], verdicts, strict=True), 1):
        ended, users = began.plus(stage.hold), stage.users
        step = Step(number, users, 5, "plan", began, stage.name, began.plus(12), began.plus(17), ended)
        measured = replace(figures(users * 150, users // 10, users * 0.64, 20 + users / 5), seconds=163.0)
        marks = ("generator delay p95 31 ms", "loop held up 2 s") if number == 2 else ()
        rows.append(StepRow(step, measured, verdict, marks=marks))
        began = ended
    short = Step(4, 250, 5, "key", began, reached=began.plus(2), ended=began.plus(4))
    ramps = Step(5, 300, 5, "plan", START.plus(second - 12), "spike")
    rows += [StepRow(short, Figures(), Verdict.INCONCLUSIVE)]
    return (*rows, StepRow(ramps, Figures(), Verdict.INCONCLUSIVE, left=11.0))


def source(
    name: str,
    values: Mapping[str, float],
    *,
    rows: tuple[Mapping[str, Value], ...] = (),
    trends: Mapping[str, Series] | None = None,
    health: Health = Health.LIVE,
    reason: str = "",
    age: float | None = 0.4,
) -> SourceView:
    kind, _, host = name.partition("@")
    kind = kind.partition(":")[0]
    return SourceView(
        SourceInfo(name, kind, host),
        health,
        reason,
        age,
        750 if values else 0,
        120,
        0,
        values,
        rows,
        trends or {},
    )


def sources(second: int) -> tuple[SourceView, ...]:
    moved = wave(second, 0, 1, 11)
    return (
        source("gunicorn@app-1", {"worker_timeout": 3, "booting": 4, "errors": 41 + second}),
        source("gunicorn@app-2", {"worker_timeout": 0, "booting": 1, "errors": 12 + second // 2}),
        source(
            "nginx@web-1",
            {"rps": 156 + 9 * moved, "4xx": 3, "5xx": 1 + round(moved), "upstream_p95": 268 + 20 * moved},
            trends={"rps": series(second, 40, 160)},
            health=Health.WARNING,
            reason="error_log level is error: warnings are not written",
        ),
        source(
            "postgres@db-1",
            {
                "connections": 96,
                "usable": 100,
                "active": 18 + round(6 * moved),
                "idle_in_transaction": 3,
                "waiting": 7 + round(3 * moved),
            },
            rows=_sessions(moved),
            trends={"active": series(second, 2, 24)},
        ),
        source(
            "redis@cache-1",
            {
                "ops": 4_812 + 300 * moved,
                "hit_rate": 97.2 - moved,
                "memory": 412 * 2**20,
                "maxmemory": 512 * 2**20,
                "evicted": 0,
                "clients": 118 + round(4 * moved),
                "maxclients": 10_000,
                "blocked": 0,
            },
            trends={"ops": series(second, 900, 5_000)},
        ),
        *_hosts(moved),
    )


def _hosts(moved: float) -> Iterator[SourceView]:
    hosts = (("app-1", 71.0, 3), ("app-2", 68.5, 2), ("web-1", 22.1, 1), ("db-1", 88.0, 6))
    for name, cpu, queue in hosts:
        yield source(
            f"host@{name}",
            {
                "cpu": cpu + 8 * moved,
                "steal": 0.1,
                "iowait": 2.5 * moved,
                "memory": 41.0 + queue,
                "run_queue": queue + round(2 * moved),
                "listen_queue": 0,
            },
            health=Health.WARNING if cpu > 80 else Health.LIVE,
        )


def _sessions(moved: float) -> tuple[Mapping[str, Value], ...]:
    return (
        _session(
            "4121", "idle-tx", "Client:ClientRead", 41.2 + moved, "UPDATE store_stock SET", Health.BLIND
        ),
        _session(
            "4188", "active", "Lock:transactionid", 12.0 + moved, "UPDATE store_stock SET", Health.WARNING
        ),
        _session(
            "4190", "active", "Lock:transactionid", 11.4 + moved, "UPDATE store_stock SET", Health.WARNING
        ),
        _session(
            "4197", "active", "Lock:transactionid", 9.8 + moved, "UPDATE store_stock SET", Health.WARNING
        ),
        _session("4203", "active", "IO:DataFileRead", 1.1 + moved, "SELECT orders.id, orders.", Health.LIVE),
        _session("4204", "active", "", 0.2 + moved, "SELECT auth_user.id FROM", Health.LIVE),
        {"_table": "statements", "queryid": "81a4", "calls": 31.2, "mean": 1.8, "query": "SELECT orders"},
        {"_table": "statements", "queryid": "f3c0", "calls": 9.9, "mean": 82.4, "query": "UPDATE stock"},
    )


def _session(pid: str, state: str, wait: str, age: float, query: str, health: Health) -> Mapping[str, Value]:
    return {"pid": pid, "state": state, "wait": wait, "age": age, "query": query, "_health": health}


def thresholds(second: int) -> tuple[ThresholdView, ...]:
    moved = wave(second, 0, 1, 9)

    def one(
        expression: str,
        label: str,
        operator: str,
        limit: float,
        unit: Unit,
        value: float,
        state: ThresholdState,
        failed: bool = False,
    ) -> ThresholdView:
        breach = START.plus(-125) if failed else None
        worst = value * (1.2 if failed else 1.05)
        return ThresholdView(
            *(expression, label, operator, limit, unit, value, state, failed, breach, 600),
            worst=worst,
            where="postgres@db-1 at step 4 (240 users)" if "postgres" in label else "step 4 (240 users)",
            longest=41.0 if failed else 0.0,
            breaches=2 if failed else 0,
            margin=(limit - worst) / limit if limit else None,
        )

    percent, ms = Unit.PERCENT, Unit.MILLISECONDS
    return (
        one("p95 < 400ms", "p95 all requests", "<", 400, ms, 270 + 20 * moved, ThresholdState.PASS),
        one("error_rate < 0.5%", "error rate", "<", 0.5, percent, 0.13, ThresholdState.PASS, failed=True),
        one(
            "error_rate{name=/checkout/} < 1%",
            "error rate /checkout/",
            "<",
            1,
            percent,
            1.84 + 0.1 * moved,
            ThresholdState.FAIL,
            failed=True,
        ),
        one(
            "p95{name=/dashboard/} < 400ms",
            "p95 /dashboard/",
            "<",
            400,
            ms,
            310 + 40 * moved,
            ThresholdState.WARN,
        ),
        one("postgres.waiting < 10", "postgres waiting", "<", 10, Unit.COUNT, 7, ThresholdState.PASS),
        one("redis.evicted == 0", "redis evicted", "==", 0, Unit.PER_SECOND, 0, ThresholdState.PASS),
    )


@functools.cache
def picture(second: int = 754) -> Snapshot:
    """Return the whole screen's data at a second of an imagined run."""
    at = START.plus(second)
    rows = tuple(row(second, place) for place in range(len(_REQUESTS)))
    moved = wave(second, 0.9, 1.1, 7)
    window = replace(figures(1_560, 2, 156.0 * moved, 52 * moved), p95=270 * moved, p99=610 * moved)
    load = LoadView(
        RunState.SPAWNING,
        users=240 + second % 60,
        target=300,
        spawn_rate=5,
        elapsed=float(second),
        total=1_200.0,
        step=Step(5, 300, 5, "plan", at.plus(-12), "spike"),
        plan=PLAN,
        stage=3,
        following=True,
    )
    users = tuple(min(300.0, 60.0 * (1 + (second - past) // 120)) for past in reversed(range(300)))
    return Snapshot(
        at,
        title="checkout-peak",
        host="https://shop-staging.example",
        load=load,
        window=window,
        whole=figures(45_829 + 3 * second, 60, 148.0, 52),
        requests=rows,
        steps=steps(second),
        trend=Trend(
            series(second, 90, 420, 95, gap=True),
            users,
            series(second, 40, 160),
            tuple(0.0 if past > 80 else 0.002 * (80 - past) / 80 for past in reversed(range(300))),
        ),
        sources=sources(second),
        thresholds=thresholds(second),
        verdict=Verdict.FAIL,
        reasons=("error rate /checkout/ is above 1 % since step 4",),
        generator=GeneratorView(Health.LIVE, 38.0 + 4 * moved, 3.1, 14.0),
        recording=Recording(
            Path("rampdeck-sessions/2026-11-22T1221Z/session.db"), 3_355_443 + 4_096 * second
        ),
        mark=event(at.plus(-130), "operator", "deploy 8f3c1d2", kind=EventKind.MARK),
        events=4_402,
    )


def before() -> Snapshot:
    """Return the picture before the load has begun: sources and a plan, no requests."""
    shot = picture(0)
    load = LoadView(spawn_rate=5, total=1_200.0, plan=PLAN)
    none = Figures()
    return replace(
        shot,
        load=load,
        window=none,
        whole=none,
        requests=(),
        steps=(),
        trend=Trend(),
        thresholds=(),
        mark=None,
    )
