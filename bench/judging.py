"""What judging costs: 100 thresholds over 50 endpoints, and the time from a breach to the screen.

The cost is that of a made-up session, all of it in this process: what the gate
does with every batch and sample of a second, and when it is asked what has
turned. The breach is a real one: a server that answers with errors from one
moment on, and a cockpit in a terminal that judges a window of 5 s.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.loopback import LoopbackServer
from bench.report import Aim
from bench.runs import Bench, Case
from bench.vt import Screen
from collectors import COLLECTORS
from rampdeck.gate import Gate
from rampdeck.histogram import Histogram
from rampdeck.model import Instant, RequestBatch, RequestStats, Sample, SourceInfo, Step
from rampdeck.session import Item, Session

THRESHOLDS, ENDPOINTS = 100, 50
RATE = 1_000
"""Requests a second, of all endpoints together."""
SECONDS = 300
POOL = 50
"""Different seconds of requests, which come again and again."""
COST_LIMIT, SCREEN_LIMIT = 2.0, 2.0
"""Milliseconds a second, and seconds."""
CASE = Case("FastHttpUser", 200, 100)
WINDOW = 5.0
BREACH = f"error_rate < 1% over {WINDOW:g}s"
SETTLED = 3.0
"""Seconds that the window holds before the server breaks, so that it is full of good answers."""

_EACH = (
    "p95{name=%s} < 800ms",
    "p99{name=%s} < 900ms over 30s",
    "error_rate{name=%s} < 5%%",
    "p(99.9){name=%s} < 2s for 15s",
    "rps{name=%s} >= 5 over 60s",
)
_ALL = (
    *("p95 < 800ms", "error_rate < 1%", "p99 < 2s over 10s", "rps >= 40", "requests >= 100"),
    *("failures < 100000", "p95{method=GET} < 900ms", "max < 20s over 30s", "mean < 1s"),
)
_SOURCES = (
    *("postgres.connections < 80%", "host.cpu < 85% for 30s", "host.memory < 90% over 30s warn"),
    *("nginx.5xx == 0", "nginx.5xx < 50/s over 60s", "redis.memory < 80%", "host.cpu{host=web} < 95%"),
    *("postgres.active < 50", "postgres.waiting < 5 over 30s", "gunicorn.worker_timeout == 0"),
)
_HOSTS = ("postgres@db", "host@web", "host@db", "nginx@web", "redis@db", "gunicorn@web")


@dataclass(frozen=True)
class Judging:
    """What was measured: ms of each second, and seconds from each breach to the screen."""

    costs_ms: Sequence[float]
    to_screen: Sequence[float]


def measured(folder: Path, breaches: int, tell: Callable[[str], None]) -> Judging:
    """Measure both."""
    tell(f"gate: {THRESHOLDS} thresholds, {ENDPOINTS} endpoints")
    costs = list(_costs())
    tell(f"gate: {breaches} breaches")
    return Judging(costs, list(_breaches(folder, breaches)))


def thresholds() -> list[str]:
    """Return as many thresholds as are wanted: of endpoints most, of all requests, and of sources."""
    each = [
        _EACH[(number + number // ENDPOINTS) % len(_EACH)] % f"/endpoint/{number % ENDPOINTS}/"
        for number in range(THRESHOLDS - len(_ALL) - len(_SOURCES))
    ]
    return [*_ALL, *_SOURCES, *each]


def _costs() -> Iterator[float]:
    """Yield what each second of a session costs the gate, in ms of processor time."""
    metrics = {f"{kind}.{one.name}": one for kind, each in COLLECTORS.items() for one in each.metrics}
    gate, session = Gate(thresholds(), metrics), Session({}, lambda _: None)
    gate.attach(session)
    (judge,) = session.listeners
    spent = 0.0

    def timed(item: Item) -> None:
        nonlocal spent
        began = time.thread_time()
        judge(item)
        spent += time.thread_time() - began

    session.listeners[:] = [timed]
    at = Instant(1_795_000_000.0, 10_000.0)
    for name in _HOSTS:
        session.append(SourceInfo(name, *name.split("@")))
    session.append(Step(1, 100, 10.0, "key", at, "", at, at))
    pool = _seconds_of_requests()
    for number in range(SECONDS):
        at, spent = at.plus(1.0), 0.0
        for name in _HOSTS:
            values = {one.name: 40.0 + number % 7 for one in COLLECTORS[name.split("@")[0]].metrics}
            session.append(Sample(at, name, values))
        session.append(RequestBatch(at, 1.0, 100, pool[number % POOL]))
        began = time.thread_time()
        gate.observe(at, session)
        spent += time.thread_time() - began
        if number >= SECONDS // 3:  # the windows are full
            yield spent * 1000


def _seconds_of_requests() -> list[tuple[RequestStats, ...]]:
    chance = random.Random(3)

    def stats(number: int) -> RequestStats:
        times = [chance.lognormvariate(3.0 + number % 7 / 7, 0.5) for _ in range(RATE // ENDPOINTS)]
        failed = Histogram.of([3.0]) if chance.random() < 0.05 else Histogram()
        return RequestStats("GET", f"/endpoint/{number}/", Histogram.of(times), failed)

    return [tuple(stats(number) for number in range(ENDPOINTS)) for _ in range(POOL)]


def _breaches(folder: Path, breaches: int) -> Iterator[float]:
    """Yield the seconds from each time that a server breaks to the time that the gate pane shows it."""
    here = folder / "gate"
    here.mkdir()
    configuration = here / "rampdeck.toml"
    lines = ["[gate]", f"thresholds = [{json.dumps(BREACH)}]", "[load]", 'settle = "0s"']
    lines += ["[record]", f"folder = {json.dumps(str(here / 'sessions'))}"]
    configuration.write_text("\n".join(lines), encoding="utf-8")
    with LoopbackServer() as server:
        bench = Bench(server, configuration, here, 2 * breaches * (2 * WINDOW + SETTLED))
        yield from bench.breaches(CASE, breaches, SETTLED, _shows("✖"), _shows("●"), server.fail)


def _shows(sign: str) -> Callable[[Screen], bool]:
    """Whether the gate pane shows the threshold with this sign."""
    words = f"{sign} error rate"
    return lambda screen: any(words in row for row in screen.rows)


def table(judging: Judging) -> Iterator[str]:
    """Yield what was measured."""
    costs, shown = sorted(judging.costs_ms), sorted(judging.to_screen)
    yield "| | median | p95 | max |"
    yield "| --- | --- | --- | --- |"
    for what, values, unit in (
        (f"{THRESHOLDS} thresholds, {ENDPOINTS} endpoints, a second", costs, "ms"),
        (f"breach to screen, {len(shown)} times", shown, "s"),
    ):
        p95 = values[min(len(values) - 1, int(len(values) * 0.95))]
        yield f"| {what} | {median(values):.2f} {unit} | {p95:.2f} {unit} | {values[-1]:.2f} {unit} |"


def aims(judging: Judging) -> list[Aim]:
    """Return the aims: the usual second, and the last breach."""
    cost, last = median(judging.costs_ms), max(judging.to_screen)
    what = f"judging {THRESHOLDS} thresholds over {ENDPOINTS} endpoints, a second"
    return [
        Aim(what, f"<= {COST_LIMIT:g} ms", f"{cost:.2f} ms", cost <= COST_LIMIT),
        Aim("breach to screen, at most", f"<= {SCREEN_LIMIT:g} s", f"{last:.2f} s", last <= SCREEN_LIMIT),
    ]
