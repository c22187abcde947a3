"""The load of the bench, and a listener that notes exact times; the same under Locust and in the cockpit.

Locust rounds its percentiles and Rampdeck's histograms are 1 % wide, so
neither is compared with the other: this listener keeps every response time
in both runs, and the estimator is one. From the environment:

- ``BENCH_OUT``: the JSON file it writes when the measured window is over,
- ``BENCH_WARMUP``, ``BENCH_SECONDS``: the window, counted from the moment all users are there,
- ``BENCH_USERS``, ``BENCH_RATE``: how many paced users ask how often in total, per second.
"""

from __future__ import annotations

import json
import os
import resource
import time
from array import array
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, HttpUser, User, events, task
from locust.env import Environment

from bench.figures import Spread

PERIOD = int(os.environ.get("BENCH_USERS", "100")) / float(os.environ.get("BENCH_RATE", "200"))
LAG_TIMER = 0.02
GOLDEN = 0.618033988749895


class Paced(User):
    """Asks at an even pace, all users together RATE times a second.

    Not with ``constant_pacing``: that counts from the user's creation, and
    Locust creates all users in one instant, so they would ask in one instant
    too and measure each other. Here they are spread over the period, the same
    way in each run.
    """

    abstract = True
    created = 0

    def on_start(self) -> None:
        """Wait for the own place in the period."""
        Paced.created += 1
        self.due = time.perf_counter() + Paced.created * GOLDEN % 1 * PERIOD
        gevent.sleep(self.due - time.perf_counter())

    def wait_time(self) -> float:
        """Return the time left until the next request is due, in seconds."""
        self.due += PERIOD
        return max(0.0, self.due - time.perf_counter())


class FastHttpPaced(Paced, FastHttpUser):
    """FastHttpUser at the given rate."""

    @task
    def ask(self) -> None:
        """Ask."""
        self.client.get("/")


class HttpPaced(Paced, HttpUser):
    """HttpUser at the given rate."""

    @task
    def ask(self) -> None:
        """Ask."""
        self.client.get("/")


class FastHttpSaturated(FastHttpUser):
    """FastHttpUser without any wait."""

    @task
    def ask(self) -> None:
        """Ask."""
        self.client.get("/")


class HttpSaturated(HttpUser):
    """HttpUser without any wait."""

    @task
    def ask(self) -> None:
        """Ask."""
        self.client.get("/")


class Recorder:
    """Notes every response time, the loop's lateness and the processor time inside the window."""

    def __init__(self, out: Path, warmup: float, seconds: float) -> None:
        self.out, self.warmup, self.seconds = out, warmup, seconds
        self.times_ms = array("d")
        self.lags_ms = array("d")
        self.failures = 0
        self.open = False

    def request(self, response_time: float, exception: BaseException | None, **_: Any) -> None:
        """Note one request."""
        if self.open:
            self.times_ms.append(response_time)
            if exception is not None:
                self.failures += 1

    def spawned(self, **_: Any) -> None:
        """Open the window once, after the warm-up; later changes of the target are part of the run."""
        events.spawning_complete.remove_listener(self.spawned)
        gevent.spawn(self._watch)

    def _watch(self) -> None:
        gevent.sleep(self.warmup)
        self.open, began, cpu = True, time.perf_counter(), _cpu_seconds()
        while (now := time.perf_counter()) - began < self.seconds:
            gevent.sleep(LAG_TIMER)
            self.lags_ms.append(max(0.0, time.perf_counter() - now - LAG_TIMER) * 1000)
        self.open, lasted = False, time.perf_counter() - began
        figures = {
            "seconds": lasted,
            "rps": len(self.times_ms) / lasted,
            "failures": self.failures,
            "cpu_percent": (_cpu_seconds() - cpu) / lasted * 100,
            "times_ms": Spread.of(self.times_ms).as_dict(),
            "lag_ms": Spread.of(self.lags_ms).as_dict(),
        }
        part = self.out.with_suffix(".part")
        part.write_text(json.dumps(figures), encoding="utf-8")
        part.rename(self.out)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@events.init.add_listener
def record(environment: Environment, **_: Any) -> None:
    """Record, if there is a file to record into."""
    out = os.environ.get("BENCH_OUT")
    if out:
        recorder = Recorder(Path(out), float(os.environ["BENCH_WARMUP"]), float(os.environ["BENCH_SECONDS"]))
        environment.events.request.add_listener(recorder.request)
        environment.events.spawning_complete.add_listener(recorder.spawned)
