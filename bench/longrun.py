"""A session of hours in minutes: a real run without users, its clock and its requests made up.

``python -m bench.longrun ENDPOINTS MINUTES [MINUTES ...]`` prints a JSON object
for each of these minutes of the session. Everything that a second brings is
done as in a run: requests, samples and log lines are taken in, judged, stored
and committed, and the picture for the screen is made. Only the second itself
is not waited for, and nobody sends requests: 1 000 of them a second are spread
over the endpoints.
"""

from __future__ import annotations

from rampdeck import loop  # isort: skip

import argparse
import gc
import json
import random
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace

import locust.env
import locust.event

from bench.process import memory
from collectors import COLLECTORS
from rampdeck import model
from rampdeck.config import Config
from rampdeck.engine.engine import LoadEngine
from rampdeck.gate import Gate
from rampdeck.histogram import Histogram
from rampdeck.model import Event, EventKind, Health, Instant, RequestStats, Sample, Severity, SourceInfo, Step
from rampdeck.output import LogTap, OutputCapture
from rampdeck.remote.hosts import Hosts
from rampdeck.run import Run
from rampdeck.setup import Setup
from rampdeck.store import SessionWriter
from tui import Cockpit

RATE = 1_000
"""Requests a second, of all endpoints together."""
LINES = 50
"""Log lines a second."""
MEAN_OF = 60
"""Seconds of the session over which costs are averaged."""
PAINTS = 20
POOL = 50
"""Different seconds of requests, which come again and again."""


@dataclass(frozen=True)
class Mark:
    """What a session costs at one moment.

    ``memory`` is what the process holds (bytes); of each second: ``tick_ms``
    of the loop to take in, judge and make the picture, ``cpu_ms`` of the whole
    process with what is written; ``paint_ms`` to draw a picture on 160x45;
    ``file`` is the size of the session file (bytes).
    """

    endpoints: int
    minutes: int
    memory: int
    tick_ms: float
    cpu_ms: float
    paint_ms: float
    file: int


class Clock:
    """The session's clock, which goes when it is told to; instants are made by it."""

    def __init__(self) -> None:
        self.seconds = 10_000.0

    def time(self) -> float:
        """Return UTC seconds."""
        return 1_795_000_000.0 + self.seconds

    def monotonic(self) -> float:
        """Return monotonic seconds."""
        return self.seconds


def seconds_of_requests(endpoints: int) -> list[tuple[RequestStats, ...]]:
    """Return what some seconds of requests bring, always the same ones."""
    chance = random.Random(3)
    each = max(1, RATE // endpoints)

    def stats(number: int) -> RequestStats:
        wire = [chance.lognormvariate(3.0 + number % 7 / 7, 0.5) for _ in range(each)]
        delay = [chance.expovariate(1.0) for _ in wire]
        times = Histogram.of(value + late for value, late in zip(wire, delay, strict=True))
        failed = Histogram.of([3.0]) if chance.random() < 0.01 else Histogram()
        errors = {"502 Bad Gateway": 1} if failed.count else {}
        return RequestStats(
            *("GET", f"/endpoint/{number}/", Histogram.of(wire), failed, 200 * each, errors),
            locust=times,
            delay=Histogram.of(delay),
        )

    return [tuple(stats(number) for number in range(endpoints)) for _ in range(POOL)]


class LongRun:
    """The run, and its seconds."""

    def __init__(self, run: Run, clock: Clock, endpoints: int) -> None:
        self.run, self.clock = run, clock
        self.requests = seconds_of_requests(endpoints)
        self.sources = [SourceInfo(f"{kind}@web", kind, "web") for kind in COLLECTORS]
        self.passed = 0
        now = Instant.now()
        for info in self.sources:
            run.session.append(info)
            fields = {"health": Health.LIVE.value}
            run.session.append(Event(now, info.name, EventKind.HEALTH, Severity.NOTICE, "", fields=fields))
        run.session.append(Step(1, 100, 10.0, "plan", now, "long", now, now))

    def second(self) -> None:
        """Let one second of the session pass."""
        run, number = self.run, self.passed
        self.passed += 1
        self.clock.seconds += 1.0
        now = Instant.now()
        for info in self.sources:
            metrics = COLLECTORS[info.kind].metrics
            run.session.append(
                Sample(now, info.name, {metric.name: float(number % 97) for metric in metrics})
            )
        for line in range(LINES):
            source = self.sources[1 + line % 2].name
            text = f"order {number * LINES + line} placed by ann: 2 x Assam Tea"
            run.session.append(Event(now, source, EventKind.LOG, Severity.INFO, text))
        entries = self.requests[number % POOL]
        run.engine.recorder.take = lambda: entries  # type: ignore[method-assign]
        run._tick()
        run.snapshot()


@asynccontextmanager
async def _running(folder: Path) -> AsyncIterator[Run]:
    """Yield a run of nobody: it has an engine, a gate and a session file, and its load never begins."""
    environment = locust.env.Environment(events=locust.event.Events(), user_classes=[])
    environment.parsed_options = SimpleNamespace()
    environment.create_local_runner()
    config = Config()
    run = Run(
        Setup(
            config=config,
            title="long",
            host="http://127.0.0.1",
            engine=LoadEngine(environment, spawn_rate=1, stop_timeout=1),
            sources=(),
            hosts=Hosts({}),
            views={kind: collector.view for kind, collector in COLLECTORS.items()},
            metrics={f"{k}.{metric.name}": metric for k, c in COLLECTORS.items() for metric in c.metrics},
            plan=(),
            run_time=None,
            writer=SessionWriter(folder / "session" / "session.sqlite"),
            gate=Gate(["p95 < 800ms", "p99{name=/endpoint/1/} < 900ms", "error_rate < 5%", "rps >= 5"]),
            output=OutputCapture(),
            log=LogTap(),
        )
    )
    yield run
    await run.engine.close()
    await run.writer.close()


async def marks(endpoints: int, minutes: list[int], folder: Path) -> list[Mark]:
    """Let a session pass; return what it costs at each of these minutes."""
    clock = Clock()
    vars(model)["time"] = clock
    found: list[Mark] = []
    try:
        async with _running(folder) as run:
            long = LongRun(run, clock, endpoints)
            await _paint_ms(long)  # what the first picture takes in memory is no growth
            loop.freeze(collect=True)
            for minute in sorted(minutes):
                while long.passed < minute * 60 - MEAN_OF:
                    long.second()
                    await run.writer.commit()
                found.append(await _mark(long, endpoints, minute))
    finally:
        vars(model)["time"] = time
    return found


async def _mark(long: LongRun, endpoints: int, minute: int) -> Mark:
    ticks, cpu = 0.0, time.process_time()
    for _ in range(MEAN_OF):
        began = time.thread_time()
        long.second()
        ticks += time.thread_time() - began
        await long.run.writer.commit()
    cpu = time.process_time() - cpu
    gc.collect()
    return Mark(
        endpoints=endpoints,
        minutes=minute,
        memory=memory(),
        tick_ms=ticks / MEAN_OF * 1000,
        cpu_ms=cpu / MEAN_OF * 1000,
        paint_ms=await _paint_ms(long),
        file=long.run.writer.bytes,
    )


async def _paint_ms(long: LongRun) -> float:
    """Return the processor time that it takes to draw a new picture, the making of it left out."""
    app = Cockpit(long.run)
    spent = 0.0
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.pause()
        for _ in range(PAINTS):
            long.second()
            began = time.thread_time()
            app.paint()
            await pilot.pause()
            spent += time.thread_time() - began
    return spent / PAINTS * 1000


def main() -> None:
    """Let the session pass and print its marks."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.longrun", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("endpoints", type=int)
    parser.add_argument("minutes", type=int, nargs="+")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rampdeck-bench-") as folder:
        for mark in loop.run(marks(options.endpoints, options.minutes, Path(folder))):
            print(json.dumps(asdict(mark)))


if __name__ == "__main__":
    main()
