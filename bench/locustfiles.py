"""The load of the bench, and listeners that note exact times; the same under Locust and in the cockpit.

Locust rounds its percentiles and Rampdeck's histograms are 1 % wide, so
neither is compared with the other: these listeners keep every response time
by Locust's clock in all runs, and the estimator is one. From the environment:

- ``BENCH_OUT``: the file that every process with users writes when the measured window is over,
  its process id put before the suffix, and ``BENCH_WARMUP``, ``BENCH_SECONDS``: the window,
  counted from the moment all users are there;
- ``BENCH_BOOK``: the file that gets each request with its moment when the process ends;
- ``BENCH_USERS``, ``BENCH_RATE``: how many paced users ask how often in total, per second;
- ``BENCH_WEB``: the window waits until a browser polls the page;
- ``BENCH_CA``: the certificate that users of ``requests`` trust;
- ``BENCH_HEAVY``: ms of processor time that are burnt in one piece, ten times a second.
"""

from __future__ import annotations

import json
import os
import time
from array import array
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, HttpUser, User, events, task
from locust.env import Environment
from locust.runners import MasterRunner

from bench.process import cpu_seconds, memory

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
        super().on_start()
        Paced.created += 1
        worker = getattr(self.environment.runner, "worker_index", 0)
        self.due = time.perf_counter() + (Paced.created * GOLDEN + worker / 2) % 1 * PERIOD
        gevent.sleep(self.due - time.perf_counter())

    def wait_time(self) -> float:
        """Return the time left until the next request is due, in seconds."""
        self.due += PERIOD
        return max(0.0, self.due - time.perf_counter())


class Trusting(HttpUser):
    """HttpUser that believes in the bench's certificate; FastHttpUser believes in any."""

    abstract = True

    def on_start(self) -> None:
        """Trust."""
        self.client.verify = os.environ.get("BENCH_CA") or True


class FastHttpPaced(Paced, FastHttpUser):
    """FastHttpUser at the given rate."""

    @task
    def ask(self) -> None:
        """Ask."""
        self.client.get("/")


class HttpPaced(Paced, Trusting):
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


class HttpSaturated(Trusting):
    """HttpUser without any wait."""

    @task
    def ask(self) -> None:
        """Ask."""
        self.client.get("/")


class Recorder:
    """Notes every response time, the loop's lateness and the processor time inside the window."""

    def __init__(self, environment: Environment, out: Path) -> None:
        self.environment, self.out = environment, out
        self.warmup, self.seconds = float(os.environ["BENCH_WARMUP"]), float(os.environ["BENCH_SECONDS"])
        self.times_ms = array("d")
        self.lags_ms = array("d")
        self.failures = 0
        self.polls = 0
        self.open = False

    def request(self, response_time: float, exception: BaseException | None, **_: Any) -> None:
        """Note one request."""
        if self.open:
            self.times_ms.append(response_time)
            if exception is not None:
                self.failures += 1

    def polled(self, response: Any) -> Any:
        """Count what a browser asks of the web page."""
        from flask import request

        self.polls += request.path == "/stats/requests"
        return response

    def spawned(self, **_: Any) -> None:
        """Open the window once, after the warm-up; later changes of the target are part of the run."""
        self.environment.events.spawning_complete.remove_listener(self.spawned)
        gevent.spawn(self._watch)

    def _watch(self) -> None:
        while os.environ.get("BENCH_WEB") and not self.polls:
            gevent.sleep(0.1)
        gevent.sleep(self.warmup)
        self.open, began, cpu, polls = True, time.perf_counter(), cpu_seconds(), self.polls
        while (now := time.perf_counter()) - began < self.seconds:
            gevent.sleep(LAG_TIMER)
            self.lags_ms.append(max(0.0, time.perf_counter() - now - LAG_TIMER) * 1000)
        self.open, lasted = False, time.perf_counter() - began
        figures = {
            "seconds": lasted,
            "failures": self.failures,
            "cpu_percent": (cpu_seconds() - cpu) / lasted * 100,
            "memory": memory(),
            "polls": self.polls - polls,
            "times_ms": self.times_ms.tolist(),
            "lags_ms": self.lags_ms.tolist(),
        }
        part = self.out.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(figures), encoding="utf-8")
        part.rename(part.with_suffix(self.out.suffix))


class Book:
    """Notes every request from the first to the last with the moment of its end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.moments_ns, self.times_ms = array("q"), array("d")

    def request(self, response_time: float, **_: Any) -> None:
        """Note one request."""
        self.moments_ns.append(time.time_ns())
        self.times_ms.append(response_time)

    def write(self, **_: Any) -> None:
        """Write all moments, then all times."""
        self.path.write_bytes(self.moments_ns.tobytes() + self.times_ms.tobytes())


def _burn(seconds: float) -> None:
    """Hold the loop up as a screen would that takes so long to draw, ten times a second."""
    while True:
        until = time.process_time() + seconds
        while time.process_time() < until:
            pass
        gevent.sleep(max(0.0, 0.1 - seconds))


@events.init.add_listener
def record(environment: Environment, **_: Any) -> None:
    """Record, if there is a file to record into and there are users in this process."""
    if isinstance(environment.runner, MasterRunner):
        return
    if out := os.environ.get("BENCH_OUT"):
        recorder = Recorder(environment, Path(out))
        environment.events.request.add_listener(recorder.request)
        environment.events.spawning_complete.add_listener(recorder.spawned)
        if environment.web_ui and environment.web_ui.app:
            environment.web_ui.app.after_request(recorder.polled)
    if path := os.environ.get("BENCH_BOOK"):
        book = Book(Path(path))
        environment.events.request.add_listener(book.request)
        environment.events.quitting.add_listener(book.write)
    if heavy := os.environ.get("BENCH_HEAVY"):
        gevent.spawn(_burn, float(heavy) / 1000)
