"""A page with everything on it: a run of five levels, of which the fourth breaks the shop."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace

from rampdeck.facts import Fact, FactPair
from rampdeck.histogram import Histogram
from rampdeck.model import (
    Event,
    EventKind,
    Instant,
    RequestBatch,
    RequestStats,
    Sample,
    Severity,
    SourceInfo,
    Step,
)
from rampdeck.record.html import Page
from rampdeck.record.result import (
    Decision,
    ErrorResult,
    Finding,
    GapResult,
    Measured,
    RequestResult,
    Result,
    SourceResult,
    StepResult,
    measured,
)
from rampdeck.record.timeline import TimelineMaker
from rampdeck.requests import Span
from rampdeck.session import Item
from rampdeck.snapshot import Coverage, ThresholdState, ThresholdView, Verdict
from rampdeck.view import Figure, Unit, View
from tests.record.helpers import BEGAN, result

VIEWS = {
    "host": View("Host", ((Figure("cpu", "cpu"),),)),
    "postgres": View("PostgreSQL", ((Figure("connections", "backends", limit="usable"),),)),
}
LEVELS = (("baseline", 50), ("half", 100), ("target", 200), ("peak", 400), ("recovery", 100))
NAMES = ("/", "/dashboard/", "/orders/", "/checkout/", "/static/app.css", "/search/?q=…")


def items(length: int = 120, seed: int = 7, pause: int = 0) -> Iterator[Item]:
    """Yield a session: each level lasts ``length`` seconds; in the fourth the database is not seen for 30."""
    chance = random.Random(seed)
    yield from (
        SourceInfo("host@web-1", "host", "web-1"),
        SourceInfo("host@db-1", "host", "db-1"),
        SourceInfo("postgres@db-1", "postgres", "db-1"),
        SourceInfo("gunicorn@web-1", "gunicorn", "web-1"),
    )
    at, users = BEGAN.plus(-3), 0
    for number, (stage, target) in enumerate(LEVELS, 1):
        step = Step(number, target, 20.0, "plan", at, stage)
        yield step
        for second in range(length):
            users += max(-20, min(20, target - users))
            at = at.plus(1.0)
            if second == 10:
                yield (step := replace(step, reached=at, measured_from=at.plus(5)))
            if number == 4 and 30 <= second < 30 + pause:
                continue
            slow = 1 + (users / 160) ** 3 * (0.5 + 0.5 * math.sin(second / 9) ** 2)
            yield _batch(at, users, slow, chance, errors=users > 300)
            cpu = min(99.0, users / 4.4 + chance.gauss(6, 2))
            yield Sample(at, "host@web-1", {"cpu": cpu})
            yield Sample(at, "host@db-1", {"cpu": cpu * 0.55})
            if not (number == 4 and 60 <= second < 90) and second % 2 == 0:
                yield Sample(at, "postgres@db-1", {"connections": 8 + users // 9, "usable": 97})
            yield Sample(at, "gunicorn@web-1", {"timeouts": float(number == 4 and second % 40 == 20)})
            yield from _told(at, number, second)
        yield replace(step, ended=at)


def page(length: int = 120, change: Callable[[Result], Result] = lambda it: it) -> Page:
    """Return the page of that run."""
    maker = TimelineMaker(VIEWS, ("gunicorn.timeouts",))
    whole = Span()
    spans = {number: Span() for number in range(1, len(LEVELS) + 1)}
    number = 0
    for item in items(length):
        maker.take(item)
        if isinstance(item, Step):
            number = item.number
        elif isinstance(item, RequestBatch):
            whole.add(item)
            spans[number].add(item)
    return Page(change(_result(whole, spans, length)), maker.timeline())


def at(level: int, second: int, length: int = 120) -> Instant:
    """Return a second of a level."""
    return BEGAN.plus(-3 + (level - 1) * length + second)


def _told(moment: Instant, number: int, second: int) -> Iterator[Event]:
    if (number, second) == (3, 40):
        yield Event(moment, "operator", EventKind.MARK, Severity.NOTICE, "cache warmed by hand")
    for turn, severity, text in ((25, Severity.ERROR, "is broken"), (100, Severity.NOTICE, "holds again")):
        if (number, second) == (4, turn):
            fields = {"threshold": "p95 < 800ms"}
            yield Event(moment, "rampdeck", EventKind.GATE, severity, f"p95 < 800ms {text}", fields=fields)


def _batch(moment: Instant, users: int, slow: float, chance: random.Random, *, errors: bool) -> RequestBatch:
    entries = []
    for place, name in enumerate(NAMES):
        count = max(1, users // (8 + 6 * place))
        times = [chance.lognormvariate(math.log(28 * (1 + place / 3) * slow), 0.35) for _ in range(count)]
        failed = [12.0] * (count // 12) if errors and name == "/checkout/" else []
        told = {"HTTPError('504 Server Error: Gateway Time-out')": len(failed)} if failed else {}
        delay = Histogram.of([1.5] * count)
        method = "POST" if name == "/checkout/" else "GET"
        entries.append(
            RequestStats(method, name, Histogram.of(times), Histogram.of(failed), 2_000, told, delay=delay)
        )
    return RequestBatch(moment, 1.0, users, tuple(entries))


def _result(whole: Span, spans: dict[int, Span], length: int) -> Result:
    base = result("checkout-peak")
    verdicts = (Verdict.PASS, Verdict.PASS, Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE)
    steps = tuple(
        StepResult(
            number=number,
            stage=stage,
            users=users,
            spawn_rate=20.0,
            cause="plan",
            began=at(number, 0, length),
            measured=True,
            verdict=verdicts[number - 1],
            marks=("postgres@db-1 was not seen for 30 s of it",) if number == 4 else (),
            **measured(spans[number].total, spans[number].seconds),
        )
        for number, (stage, users) in enumerate(LEVELS, 1)
    )
    lost = at(4, 60, length).utc
    gap = GapResult(lost, lost + 30, "no answer from db-1 for 5 s")
    return replace(
        base,
        result=Verdict.FAIL,
        reasons=(
            "p95 was 1 204 ms at step 4 (400 users), above its limit of 800 ms, for 75 s.",
            "error_rate was 1.31 % at step 4 (400 users), above its limit of 1 %.",
        ),
        warnings=("host.cpu of web-1 came to 97 %, above 85 %, for 63 s.",),
        began=at(1, 0, length),
        ended=at(6, 0, length),
        users=400,
        knee=None,
        total=Measured.of(whole),
        steps=steps,
        requests=_names(whole),
        errors=(ErrorResult("POST", "/checkout/", "HTTPError('504 Server Error: Gateway Time-out')", 171),),
        thresholds=_thresholds(length),
        findings=_findings(length),
        sources=(
            SourceResult("host@web-1", "web-1", "live", "", 600, 0),
            SourceResult("host@db-1", "db-1", "live", "", 600, 0),
            SourceResult("postgres@db-1", "db-1", "live", "", 285, 2, (gap,)),
            *base.sources[2:],
        ),
        coverage=tuple(
            Coverage(name, 525, seen)
            for name, seen in (
                ("host@web-1", 525), ("host@db-1", 525), ("postgres@db-1", 495), ("redis@db-1", 0),
            )
        ),
        decision=Decision(
            at(6, 90, length), Verdict.PASS, Verdict.FAIL, "R. Okafor", "Peak is twice our Black Friday."
        ),
        facts=_facts(),
        session_sha256="655bc8aa33781e8721c5af6b59f1699c03c9bda951aa74a6ab518ac20cc4326d",
    )  # fmt: skip


def _names(whole: Span) -> tuple[RequestResult, ...]:
    return tuple(
        RequestResult(method=method, name=name, **measured(tally, whole.seconds))
        for (method, name), tally in whole.names.items()
    )


def _thresholds(length: int) -> tuple[ThresholdView, ...]:
    fails, warns, unknown = ThresholdState.FAIL, ThresholdState.WARN, ThresholdState.UNKNOWN
    holds = ThresholdState.PASS
    peak = "step 4 (400 users)"

    def one(
        expression: str,
        unit: Unit,
        state: ThresholdState,
        values: tuple[float | None, float | None, float],
        margin: float | None = None,
        broken: tuple[int, float] | None = None,
        *,
        only: bool = False,
    ) -> ThresholdView:
        value, worst, limit = values
        metric, operator, _ = expression.split(" ")
        return ThresholdView(
            expression=expression,
            label=metric,
            operator=operator,
            limit=limit,
            unit=unit,
            value=value,
            state=state,
            failed=state is fails,
            first_breach=at(4, broken[0], length) if broken else None,
            samples=0 if worst is None else 525,
            worst=worst,
            where=peak if worst is not None else "",
            longest=broken[1] if broken else 0.0,
            breaches=int(bool(broken)),
            margin=margin,
            warns=only,
        )

    return (
        one("p95 < 800ms", Unit.MILLISECONDS, fails, (208.0, 1_204.0, 800), -0.505, (25, 75)),
        one("error_rate < 1%", Unit.PERCENT, fails, (0.0, 1.31, 1), -0.31, (40, 41)),
        one("rps >= 5", Unit.PER_SECOND, holds, (38.0, 13.9, 5), 1.78),
        one("postgres.connections < 80", Unit.COUNT, holds, (19, 52, 80), 0.35),
        one("host.cpu < 85%", Unit.PERCENT, fails, (28.0, 97.0, 85), -0.14, (18, 63), only=True),
        one("p99{name=/search/} < 2s", Unit.MILLISECONDS, warns, (1_710, 1_710, 2_000), 0.145),
        one("redis.evictions == 0", Unit.COUNT, unknown, (None, None, 0)),
        one("gunicorn.timeouts < 3", Unit.COUNT, holds, (0, 1, 3), 0.66),
    )


def _findings(length: int) -> tuple[Finding, ...]:
    return (
        Finding(
            "postgres", "critical", "pid 4121 held a row lock on stock for 41 s",
            ("7 backends waited on Lock:transactionid", "27 POST /checkout/ failed meanwhile"),
            "Commit before calling another service.", at(4, 22, length).utc,
        ),
        Finding(
            "gunicorn", "warning", "3 workers were killed for taking longer than 30 s",
            ("[CRITICAL] WORKER TIMEOUT (pid:2210)",), "Find out what they waited for.",
            at(4, 60, length).utc,
        ),
    )  # fmt: skip


def _facts() -> tuple[FactPair, ...]:
    def one(name: str, title: str, value: str, asked: str, end: str = "", why: str = "") -> FactPair:
        source = f"{name.partition('.')[0]}@web-1"
        later = Fact(name, title, end or value, asked, why)
        return FactPair(source, Fact(name, title, value, asked, why), later)

    return (
        one("gunicorn.version", "Gunicorn version", "23.0.0", "journal: Starting gunicorn 23.0.0"),
        one("gunicorn.workers", "Gunicorn workers", "4", "ps -C gunicorn", end="3"),
        one("nginx.config", "Nginx configuration", "sha256 9b1f…e07", "nginx -T"),
        one(
            "django.migrations", "Applied migrations", "", "manage.py showmigrations", why="permission denied"
        ),
    )
