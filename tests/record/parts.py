"""What the scenes are made of: requests, levels, thresholds, sources, facts."""

from __future__ import annotations

from rampdeck.clocks import Offset
from rampdeck.facts import Fact, FactPair
from rampdeck.histogram import Histogram
from rampdeck.model import Instant, RequestStats
from rampdeck.record.result import (
    ClockResult,
    GapResult,
    Measured,
    RequestResult,
    SourceResult,
    StepResult,
    measured,
)
from rampdeck.requests import Tally
from rampdeck.snapshot import Lines, ThresholdState, ThresholdView, Verdict
from rampdeck.view import Unit

BEGAN = Instant(1_795_350_060.0, 1_000.0)  # 2026-11-22 12:21:00 UTC
SECONDS = 180.0
LIMITS = {
    "p95 < 800ms": ("<", 800.0, Unit.MILLISECONDS),
    "error_rate < 1%": ("<", 1.0, Unit.PERCENT),
    "error_rate{name=/checkout/, method=POST} < 1%": ("<", 1.0, Unit.PERCENT),
    "rps >= 10": (">=", 10.0, Unit.PER_SECOND),
    "postgres.connections < 80%": ("<", 80.0, Unit.PERCENT),
    "host.cpu < 85% for 30s": ("<", 85.0, Unit.PERCENT),
    "p99{name=/x} < 1s": ("<", 1_000.0, Unit.MILLISECONDS),
}
"""The thresholds of the scenes as they are read."""

Load = tuple[int, float, int]
"""A level: users, how many times slower than it should be checking out is, and how often it fails."""


def requests(name: int, load: Load) -> RequestStats:
    """The requests of a level, to the home page (0) or of a checkout (1)."""
    users, slow, failed = load
    if name == 0:
        method, path, times, failed = "GET", "/", [18.0 + place % 40 for place in range(users * 30)], 0
    else:
        method, path = "POST", "/checkout/"
        times = [(90.0 + place % 50) * slow for place in range(users * 6)]
    errors = {"HTTPError('504 Server Error: Gateway Time-out')": failed} if failed else {}
    bad = [5.0] * failed
    return RequestStats(
        method,
        path,
        Histogram.of(times),
        Histogram.of(bad),
        900,
        errors,
        locust=Histogram.of([time + 1.5 for time in (*times, *bad)]),
        delay=Histogram.of([1.5] * (len(times) + failed)),
    )


def tally(*loads: Load, of: tuple[int, ...] = (0, 1)) -> Tally:
    """The requests of some levels together."""
    made = Tally()
    for load in loads:
        for name in of:
            made.add(requests(name, load))
    return made


def total(loads: tuple[Load, ...]) -> Measured:
    return Measured(**measured(tally(*loads), 615.0))


def names(loads: tuple[Load, ...]) -> tuple[RequestResult, ...]:
    return (
        RequestResult(method="GET", name="/", **measured(tally(*loads, of=(0,)), 615.0)),
        RequestResult(method="POST", name="/checkout/", **measured(tally(*loads, of=(1,)), 615.0)),
    )


def level(number: int, stage: str, load: Load) -> StepResult:
    """A level of three minutes that passed."""
    where = f"step {number} ({load[0]} users)"
    figures = measured(tally(load), SECONDS)
    return StepResult(
        number=number,
        stage=stage,
        users=load[0],
        spawn_rate=5.0,
        cause="plan",
        began=BEGAN.plus((number - 1) * 205),
        measured=True,
        verdict=Verdict.PASS,
        thresholds=(
            view("p95 < 800ms", figures["p95"], where=where),
            view("error_rate < 1%", 100 * figures["error_rate"], where=where),
            view("rps >= 10", figures["rps"], where=where),
        ),
        **figures,
    )


def view(
    expression: str,
    value: float,
    state: ThresholdState = ThresholdState.PASS,
    where: str = "",
    begun: float | None = None,
    longest: float = 0.0,
    breaches: int = 0,
) -> ThresholdView:
    """A threshold that was judged."""
    operator, limit, unit = LIMITS[expression]
    left = (value - limit) / limit if operator == ">=" else (limit - value) / limit
    return ThresholdView(
        expression=expression,
        label=expression.partition(" ")[0],
        operator=operator,
        limit=limit,
        unit=unit,
        value=value,
        state=state,
        failed=state is ThresholdState.FAIL,
        first_breach=None if begun is None else BEGAN.plus(begun),
        samples=600,
        worst=value,
        where=where,
        longest=longest,
        breaches=breaches,
        margin=left,
    )


def unjudged(expression: str, samples: int = 0) -> ThresholdView:
    """A threshold that could not be judged."""
    operator, limit, unit = LIMITS[expression]
    unknown = ThresholdState.UNKNOWN
    return ThresholdView(
        expression, expression.partition(" ")[0], operator, limit, unit, None, unknown, False, None, samples
    )


def source(
    name: str, samples: int, lines: Lines | None = None, gaps: tuple[GapResult, ...] = ()
) -> SourceResult:
    return SourceResult(name, name.partition("@")[2], "live", "", samples, 3, gaps, lines=lines)


def clock(host: str, seconds: float) -> ClockResult:
    worst = Offset(BEGAN.plus(60), seconds, 0.0006)
    return ClockResult(host, worst, Offset(BEGAN.plus(600), seconds / 2, 0.0005), BEGAN, 62)


def pair(
    source: str, name: str, title: str, start: str, end: str | None, why: str = "", asked: str = ""
) -> FactPair:
    """A fact that was asked for twice; ``end`` is ``None`` where there was no answer then."""
    asked = asked or f"ask {name}"
    later = Fact(name, title, end or "", asked, why if end is None else "")
    return FactPair(source, Fact(name, title, start, asked, "" if start else why), later)


def facts() -> tuple[FactPair, ...]:
    started, denied = "its start line in the journal", "permission denied"
    return (
        pair("gunicorn@app-1", "gunicorn.version", "Gunicorn", "23.0.0", "23.0.0", asked=started),
        pair("gunicorn@app-1", "gunicorn.workers", "Workers", "4", "4", asked="systemctl show gunicorn"),
        pair("nginx@web-1", "nginx.config", "Configuration, sha256", "", None, denied, "nginx -T"),
        pair("postgres@db-1", "postgres.version", "PostgreSQL", "15.8", "15.8", asked="show server_version"),
    )
