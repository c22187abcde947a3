"""What a report costs: an hour with many endpoints and half a million log lines, printed from its file."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.loopback import ROOT
from bench.report import Aim
from rampdeck import __version__
from rampdeck.config import Config
from rampdeck.gate import parse
from rampdeck.histogram import Histogram
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
    Tick,
)
from rampdeck.record.outcome import KEY, Outcome
from rampdeck.session import Session
from rampdeck.store import Item
from rampdeck.store.about import about
from rampdeck.store.database import Database

SECONDS, ENDPOINTS, LINES = 3_600, 50, 500_000
"""The session that the aims are about."""
MOST_S, MOST_MB = 5.0, 5.0
RATE = 10
"""Requests of an endpoint in a second."""
LEVEL = 300
"""Seconds of a load level."""
BEGAN = Instant(1_795_350_060.0, 1_000.0)
SOURCES = (
    *("generator@local", "host@web", "host@db", "postgres@db"),
    *("redis@db", "clock@web", "nginx@web", "gunicorn@web"),
)
THRESHOLDS = ("p95 < 800ms", "error_rate < 1%", "p99{name=/orders/7/} < 2s", "rps >= 10")
_SPREADS = 400


@dataclass(frozen=True, slots=True)
class Printed:
    """One format: how long it took until it was written, the processor's part of that, how large it is."""

    format: str
    seconds: float
    busy: float
    mb: float


def measured(
    folder: Path, seconds: int, lines: int, tell: Callable[[str], None]
) -> tuple[float, list[Printed]]:
    """Make such a session, print it in several formats; return the file's size (MB) and what each cost."""
    tell(f"a session of {seconds} s with {ENDPOINTS} endpoints and {lines} log lines")
    file = make(folder / "hour" / "session.sqlite", seconds, lines)
    return file.stat().st_size / 1e6, [_printed(file, kind, tell) for kind in ("text", "json", "html")]


def _printed(file: Path, kind: str, tell: Callable[[str], None]) -> Printed:
    tell(f"report --{kind}")
    out = file.with_name(f"report.{kind}")
    began, busy = time.perf_counter(), _busy()
    command = [sys.executable, "-m", "rampdeck", "report", str(file), f"--{kind}", "-o", str(out)]
    subprocess.run(command, cwd=ROOT, check=True)
    return Printed(kind, time.perf_counter() - began, _busy() - busy, out.stat().st_size / 1e6)


def _busy() -> float:
    """Return the processor seconds of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(file_mb: float, printed: Sequence[Printed]) -> Iterator[str]:
    """Yield the table."""
    yield f"| report of a session file of {file_mb:.0f} MB | seconds | processor s | MB |"
    yield "| --- | ---: | ---: | ---: |"
    for one in printed:
        yield f"| {one.format} | {one.seconds:.1f} | {one.busy:.1f} | {one.mb:.2f} |"


def aims(seconds: int, printed: Sequence[Printed]) -> list[Aim]:
    """Return what was aimed at for an hour: the HTML report."""
    page = next(one for one in printed if one.format == "html")
    return [
        Aim(
            f"HTML report of {seconds} s",
            f"<= {MOST_S:.0f} s",
            f"{page.seconds:.1f} s",
            page.seconds <= MOST_S,
        ),
        Aim("its size", f"<= {MOST_MB:.0f} MB", f"{page.mb:.2f} MB", page.mb <= MOST_MB),
    ]


# -- the session


def make(file: Path, seconds: int = SECONDS, lines: int = LINES) -> Path:
    """Write a session as a run would have; the same one each time."""
    database = Database(file)
    settings = Config()
    thresholds = [parse(expression) for expression in THRESHOLDS]
    meta = about(settings, title="hour", host="", began=BEGAN, arguments=["run"], thresholds=thresholds)
    database.write([], {**meta, "rampdeck": __version__})
    session = Session({}, lambda _: None)
    portion: list[Item] = []
    for item in _items(seconds, lines):
        session.append(item)
        portion.append(item)
        if len(portion) >= 20_000:
            database.write(portion, {})
            portion = []
    end = BEGAN.plus(seconds + 2.0)
    outcome = Outcome(ended="plan", planned=True, closed=end)
    database.write(portion, {KEY: outcome.to_meta(), "ended": end.utc})
    database.sum_up(session)
    database.close()
    return file


def _items(seconds: int, lines: int) -> Iterator[Item]:
    chance = random.Random(5)
    for name in SOURCES:
        kind, _, host = name.partition("@")
        yield SourceInfo(name, kind, host)
        yield Event(BEGAN, name, EventKind.HEALTH, Severity.INFO, "", fields={"health": Health.LIVE.value})
    spreads = [_spread(chance) for _ in range(_SPREADS)]
    step = Step(0, 0, 5.0, "plan", BEGAN)
    for second in range(seconds):
        at = BEGAN.plus(second + 1.0)
        if second % LEVEL == 0:
            if step.number:
                yield replace(step, ended=at)
            step = Step(step.number + 1, 100 * (step.number + 1), 5.0, "plan", at, f"level {step.number + 1}")
            yield step
        elif second % LEVEL == 3:
            yield (step := replace(step, reached=at))
        elif second % LEVEL == 8:
            yield (step := replace(step, measured_from=at))
        yield from (
            _line(chance, at) for _ in range(lines * (second + 1) // seconds - lines * second // seconds)
        )
        for name in SOURCES:
            yield _sample(chance, name, at)
        entries = tuple(_entry(chance, number, spreads) for number in range(ENDPOINTS))
        yield RequestBatch(at, 1.0, step.users, entries)
        yield Tick(at, step.users)
    yield replace(step, ended=BEGAN.plus(seconds + 1.0))
    yield Tick(BEGAN.plus(seconds + 2.0), 0)


def _spread(chance: random.Random) -> tuple[Histogram, Histogram, Histogram]:
    """Return the response times of a second: wire times, Locust's, and the generator's delay."""
    times = [chance.lognormvariate(4.0, 0.5) for _ in range(RATE)]
    late = [chance.expovariate(1.0) for _ in times]
    locust = [time + delay for time, delay in zip(times, late, strict=True)]
    return Histogram.of(times), Histogram.of(locust), Histogram.of(late)


def _entry(
    chance: random.Random, number: int, spreads: Sequence[tuple[Histogram, Histogram, Histogram]]
) -> RequestStats:
    wire, locust, delay = chance.choice(spreads)
    failed = chance.random() < 0.05
    return RequestStats(
        method="GET" if number % 3 else "POST",
        name=f"/orders/{number}/",
        successes=wire,
        failures=Histogram.of([12.0]) if failed else Histogram(),
        bytes=RATE * 4_096,
        errors={"502 Bad Gateway": 1} if failed else {},
        locust=locust,
        delay=delay,
    )


def _sample(chance: random.Random, name: str, at: Instant) -> Sample:
    values = {f"metric_{number}": round(chance.uniform(0, 100), 2) for number in range(12)}
    if name.startswith("generator"):
        values |= {"cpu_percent": 20.0, "lag_p99_ms": 4.0, "lag_max_ms": 9.0}
    elif name.startswith("clock"):
        values = {"offset": 1.2, "error": 0.4}
    elif name.startswith("postgres"):
        rows = tuple({"pid": 4_000 + row, "state": "active", "wait": None, "age": 1.5} for row in range(10))
        return Sample(at, name, values, rows)
    elif name.startswith(("nginx", "gunicorn")):
        kinds = ("read", "stored", "counted", "dropped", "suppressed")
        values |= {f"lines_{kind}": 70.0 for kind in kinds}
    return Sample(at, name, values)


def _line(chance: random.Random, at: Instant) -> Event:
    """Return a line of one of the logs: mostly harmless ones, with errors in between."""
    pid, order = chance.randrange(4_000, 4_016), chance.randrange(100_000)
    clock = f"2026-11-22 12:{int(at.mono) % 60:02d}:07"
    kind = chance.random()
    fields: dict[str, str] = {"pid": str(pid)}
    if kind < 0.6:
        text = f"[{clock} +0000] [{pid}] [INFO] orders: {order} of customer {order % 997} was placed"
        return Event(at, "gunicorn@web", EventKind.LOG, Severity.INFO, text, at.utc, fields)
    if kind < 0.8:
        text = f"2026/11/22 12:00:07 [warn] {pid}#0: *{order} an upstream response is buffered to a file"
        return Event(at, "nginx@web", EventKind.LOG, Severity.WARNING, text, at.utc, fields)
    if kind < 0.95:
        text = (
            f"2026/11/22 12:00:07 [error] {pid}#0: *{order} upstream timed out (110: Connection timed out) "
            f'while reading response header, request: "GET /orders/{order}/ HTTP/1.1"'
        )
        fields["signal"] = "upstream_timed_out"
        return Event(at, "nginx@web", EventKind.LOG, Severity.ERROR, text, at.utc, fields)
    text = f"[{clock} +0000] [1] [CRITICAL] WORKER TIMEOUT (pid:{pid})"
    fields["signal"] = "worker_timeout"
    return Event(at, "gunicorn@web", EventKind.LOG, Severity.CRITICAL, text, at.utc, fields)
