"""One measured run, of plain Locust or of the cockpit: same load, same recorder, same server."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from bench.figures import Spread
from bench.server import HOST
from bench.sources import Watched
from bench.terminal import NotSeen, Terminal
from bench.vt import Screen

ROOT = Path(__file__).parents[1]
LOCUSTFILE = Path(__file__).with_name("locustfiles.py")
WARMUP = 3.0
"""Seconds from the last user's start to the beginning of the measured window."""
START = 60.0
"""Seconds a run may take to begin, on a busy machine."""
PAINTED = 400
"""So many cells that are not blank are a screen: the frames of the panes alone are more."""


class RunFailed(Exception):
    """A run did not deliver its figures; with the last words of the program."""


@dataclass(frozen=True)
class Case:
    """A load: which client, how many users, at an even pace or as fast as they can."""

    client: str
    saturated: bool
    users: int

    @property
    def name(self) -> str:
        """How the tables call it."""
        return f"{self.client}, {'saturated' if self.saturated else '200 req/s'}"

    @property
    def user_class(self) -> str:
        """The class of the locustfile."""
        return self.client.removesuffix("User") + ("Saturated" if self.saturated else "Paced")


# More users than 20 ms can keep busy: the generator is the limit, not the server's delay.
CASES = (
    Case("FastHttpUser", False, 100),
    Case("HttpUser", False, 100),
    Case("FastHttpUser", True, 200),
    Case("HttpUser", True, 100),
)


@dataclass(frozen=True)
class Figures:
    """What one run delivered; the cockpit also the time to its first screen (s) and its sources."""

    rps: float
    failures: int
    cpu_percent: float
    times: Spread
    lag: Spread
    server: Spread
    paint: float | None = None
    sources: tuple[tuple[str, str, int], ...] = ()


class LoopbackServer:
    """``bench.server`` in a process of its own."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.server"], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    def clock(self) -> Spread:
        """Return how long its answers took by its own clock since it was asked last."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", "/_clock")
            return Spread(**json.loads(connection.getresponse().read()))


@dataclass(frozen=True)
class Bench:
    """Where runs are made: the server, the watched stack, a folder, and how long is measured."""

    server: LoopbackServer
    watched: Watched
    folder: Path
    seconds: float

    def headless(self, case: Case) -> Figures:
        """Run plain ``locust --headless``."""
        command = [sys.executable, "-m", "locust", "--headless", *self._load(case)]
        with self._recorded(case) as (environment, out):
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                timeout=START + self._lasts,
                check=False,
            )
            return self._figures(out, done.stderr)

    def cockpit(self, case: Case) -> Figures:
        """Run the cockpit in a terminal of 160x45."""
        result = self.folder / "result.json"
        result.unlink(missing_ok=True)
        with self._recorded(case) as (environment, out):
            with Terminal(self._cockpit(case, "--json-file", str(result)), environment) as terminal:
                painted = self._seen(terminal, lambda screen: screen.full and screen.painted >= PAINTED)
                terminal.drain(START + self._lasts, until=lambda: terminal.process.poll() is not None)
            figures = self._figures(out, "\n".join(terminal.screen.rows))
        told = json.loads(result.read_text(encoding="utf-8")) if result.exists() else {"sources": []}
        sources = tuple((s["name"], s["state"], s["samples"] + s["events"]) for s in told["sources"])
        return replace(figures, paint=painted - terminal.began, sources=sources)

    def keys(self, case: Case, presses: int) -> list[float]:
        """Return the times in ms from a key to the new target on the screen, under full load."""
        times: list[float] = []
        with self._recorded(case) as (environment, _), Terminal(self._cockpit(case), environment) as terminal:
            target = case.users
            self._seen(terminal, shows(target))
            self._look(terminal, WARMUP)
            for number in range(presses):
                key, by = ("+", 1) if number % 2 == 0 else ("-", -1)
                target += by
                # Not in step with what is painted once a second.
                self._look(terminal, random.uniform(0.4, 1.4))
                pressed = terminal.type(key)
                times.append((self._seen(terminal, shows(target)) - pressed) * 1000)
        return times

    @property
    def _lasts(self) -> float:
        return WARMUP + self.seconds + 5

    def _load(self, case: Case) -> list[str]:
        users = str(case.users)
        return [
            *("-f", str(LOCUSTFILE), "-H", self.server.url, "-u", users, "-r", users),
            *("-t", f"{self._lasts:.0f}s", case.user_class),
        ]

    def _cockpit(self, case: Case, *options: str) -> list[str]:
        command = [sys.executable, "-m", "rampdeck", "run", "-c", str(self.watched.configuration)]
        return [*command, "--autostart", "--autoquit", "0", *options, *self._load(case)]

    @contextlib.contextmanager
    def _recorded(self, case: Case) -> Iterator[tuple[dict[str, str], Path]]:
        """Yield the environment of a run and the file into which its recorder writes."""
        out = self.folder / "recorded.json"
        out.unlink(missing_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
        self.server.clock()
        yield (
            kept
            | {
                "PYTHONPATH": str(ROOT),
                "BENCH_OUT": str(out),
                "BENCH_WARMUP": str(WARMUP),
                "BENCH_SECONDS": str(self.seconds),
                "BENCH_USERS": str(case.users),
            },
            out,
        )

    def _figures(self, out: Path, words: str) -> Figures:
        if not out.exists():
            raise RunFailed(f"the run ended without figures; its last words:\n{words[-3000:]}")
        told: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return Figures(
            told["rps"],
            told["failures"],
            told["cpu_percent"],
            Spread(**told["times_ms"]),
            Spread(**told["lag_ms"]),
            self.server.clock(),
        )

    def _seen(self, terminal: Terminal, seen: Any) -> float:
        try:
            return terminal.wait_for(seen, START)
        except NotSeen as error:
            raise RunFailed(f"the cockpit did not show what was expected; its screen:\n{error}") from None

    def _look(self, terminal: Terminal, seconds: float) -> None:
        with contextlib.suppress(NotSeen):
            terminal.wait_for(lambda _: False, seconds)


class shows:  # noqa: N801 - reads as a word: wait until the screen shows 201
    """Whether the top bar shows this target: ``users 201``, or ``users 200 → 201`` while it ramps."""

    def __init__(self, target: int) -> None:
        digits = f"{target:,}".replace(",", r"\D?")
        self._pattern = re.compile(rf"users (?:[\d\s]+ ?(?:→|->) ?)?{digits}(?!\d| ?(?:→|->))")

    def __call__(self, screen: Screen) -> bool:
        """Look at the two top lines."""
        return any(self._pattern.search(screen.row(line)) for line in (0, 1))
