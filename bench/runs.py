"""One measured run, of plain Locust or of the cockpit: same load, same recorder, same server."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.figures import Spread
from bench.loopback import ROOT, LoopbackServer
from bench.server import HOST
from bench.terminal import NotSeen, Terminal
from bench.vt import Screen
from bench.web import OpenPage, free_port

LOCUSTFILE = Path(__file__).with_name("locustfiles.py")
MOST_RATE = 100
"""Users a second, as [guard] spawn_rate allows."""
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
    """A load: which client, how many users, how many requests a second; 0: as fast as they can."""

    client: str
    rate: int
    users: int

    @property
    def saturated(self) -> bool:
        """Whether the generator is the limit."""
        return self.rate == 0

    @property
    def name(self) -> str:
        """How the tables call it."""
        return f"{self.client}, {'saturated' if self.saturated else f'{self.rate:,} req/s'.replace(',', ' ')}"

    @property
    def user_class(self) -> str:
        """The class of the locustfile."""
        return self.client.removesuffix("User") + ("Saturated" if self.saturated else "Paced")

    @property
    def environment(self) -> dict[str, str]:
        """What the locustfile has to know."""
        return {"BENCH_USERS": str(self.users), "BENCH_RATE": str(self.rate or 1)}


# More users than 20 ms can keep busy: the generator is the limit, not the server's delay.
SATURATED = {"FastHttpUser": 200, "HttpUser": 100}
CASES = (
    *(Case(client, rate, 100) for rate in (50, 200, 1_000) for client in SATURATED),
    *(Case(client, 0, users) for client, users in SATURATED.items()),
)


@dataclass(frozen=True)
class Figures:
    """What one run delivered; the cockpit also the time to its first screen (s) and its sources.

    Of several processes the times are put together, ``cpu_percent`` and
    ``memory`` (bytes) are the sum. ``polls``: how often a browser asked.
    """

    rps: float
    failures: int
    cpu_percent: float
    times: Spread
    lag: Spread
    server: Spread
    memory: int = 0
    polls: int = 0
    processes: int = 1
    paint: float | None = None
    sources: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True)
class Bench:
    """Where runs are made: the server, a ``rampdeck.toml``, a folder, and how long is measured."""

    server: LoopbackServer
    configuration: Path
    folder: Path
    seconds: float

    def headless(self, case: Case, *options: str) -> Figures:
        """Run plain ``locust --headless``."""
        command = [sys.executable, "-m", "locust", "--headless", *options, *self._load(case)]
        with self._recorded(case) as (environment, out):
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                timeout=START + self._lasts(case),
                check=False,
            )
            return self._figures(out, done.stderr)

    def web(self, case: Case, browser: str) -> Figures:
        """Run ``locust`` with its web page open in a browser on this machine."""
        port = free_port()
        command = [sys.executable, "-m", "locust", "--autostart", "--web-host", HOST, "--web-port", str(port)]
        words = self.folder / "web.txt"
        with self._recorded(case) as (environment, out), words.open("w") as file:
            locust = subprocess.Popen(
                [*command, *self._load(case, patience=START)],
                cwd=self.folder,
                env=environment | {"BENCH_WEB": "1"},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
            try:
                with OpenPage(browser, port, self.folder / "browser"):
                    deadline = time.monotonic() + START + self._lasts(case)
                    while not recorded(out) and locust.poll() is None and time.monotonic() < deadline:
                        time.sleep(0.2)
            finally:
                locust.terminate()
                locust.wait()
            figures = self._figures(out, words.read_text(encoding="utf-8"))
        if not figures.polls:
            raise RunFailed("the browser did not ask for Locust's page while it was measured")
        return figures

    def cockpit(self, case: Case, *options: str) -> Figures:
        """Run the cockpit in a terminal of 160x45."""
        result = self.folder / "result.json"
        result.unlink(missing_ok=True)
        with self._recorded(case) as (environment, out):
            command = self._cockpit(case, "--json-file", str(result), *options)
            with Terminal(command, environment) as terminal:
                painted = self._seen(terminal, lambda screen: screen.full and screen.painted >= PAINTED)
                terminal.drain(START + self._lasts(case), until=lambda: terminal.process.poll() is not None)
            figures = self._figures(out, "\n".join(terminal.screen.rows))
        told = json.loads(result.read_text(encoding="utf-8")) if result.exists() else {"sources": []}
        sources = tuple((s["name"], s["state"], s["samples"] + s["events"]) for s in told["sources"])
        return replace(figures, paint=painted - terminal.began, sources=sources)

    def keys(self, case: Case, presses: int) -> list[float]:
        """Return the times in ms from a key to the new target on the screen, under full load."""
        times: list[float] = []
        command = self._cockpit(case, patience=2.0 * presses)
        with self._recorded(case) as (environment, _), Terminal(command, environment) as terminal:
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

    def breaches(
        self, case: Case, times: int, settled: float, breached: Any, holds: Any, fail: Callable[[bool], None]
    ) -> Iterator[float]:
        """Yield the seconds from the moment at which the server begins to fail to the screen that shows it.

        ``breached`` and ``holds`` tell it by the screen; it holds for ``settled`` seconds before it fails.
        """
        with self._recorded(case) as (environment, _), Terminal(self._cockpit(case), environment) as terminal:
            for _ in range(times):
                self._seen(terminal, holds)
                # Not in step with what is judged and painted once a second.
                self._look(terminal, settled + random.uniform(0.0, 1.0))
                fail(True)
                began = time.perf_counter()
                yield self._seen(terminal, breached) - began
                fail(False)

    def _lasts(self, case: Case) -> float:
        return case.users / MOST_RATE + WARMUP + self.seconds + 5

    def _load(self, case: Case, patience: float = 0.0) -> list[str]:
        rate = min(case.users, MOST_RATE)
        return [
            *("-f", str(LOCUSTFILE), "-H", self.server.url, "-u", str(case.users), "-r", str(rate)),
            *("-t", f"{self._lasts(case) + patience:.0f}s", case.user_class),
        ]

    def _cockpit(self, case: Case, *options: str, patience: float = 0.0) -> list[str]:
        command = [sys.executable, "-m", "rampdeck", "run", "-c", str(self.configuration)]
        return [*command, "--autostart", "--autoquit", "0", *options, *self._load(case, patience)]

    @contextlib.contextmanager
    def _recorded(self, case: Case) -> Iterator[tuple[dict[str, str], Path]]:
        """Yield the environment of a run and the name of the files into which its recorders write."""
        out = self.folder / "recorded.json"
        for old in recorded(out):
            old.unlink()
        self.server.clock()
        window = {"BENCH_WARMUP": str(WARMUP), "BENCH_SECONDS": str(self.seconds)}
        yield plain_environment() | case.environment | window | {"BENCH_OUT": str(out)}, out

    def _figures(self, out: Path, words: str) -> Figures:
        files = recorded(out)
        if not files:
            raise RunFailed(f"the run ended without figures; its last words:\n{words[-3000:]}")
        return together([json.loads(file.read_text(encoding="utf-8")) for file in files], self.server.clock())

    def _seen(self, terminal: Terminal, seen: Any) -> float:
        try:
            return terminal.wait_for(seen, START)
        except NotSeen as error:
            raise RunFailed(f"the cockpit did not show what was expected; its screen:\n{error}") from None

    def _look(self, terminal: Terminal, seconds: float) -> None:
        with contextlib.suppress(NotSeen):
            terminal.wait_for(lambda _: False, seconds)


def recorded(out: Path) -> list[Path]:
    """Return the files that the processes of a run have written, one each."""
    return sorted(out.parent.glob(f"{out.stem}.*{out.suffix}"))


def together(told: Sequence[Mapping[str, Any]], server: Spread) -> Figures:
    """Return the figures of a run from what each of its processes has recorded."""
    return Figures(
        rps=sum(len(one["times_ms"]) / one["seconds"] for one in told),
        failures=sum(one["failures"] for one in told),
        cpu_percent=sum(one["cpu_percent"] for one in told),
        times=Spread.of([time for one in told for time in one["times_ms"]]),
        lag=Spread.of([lag for one in told for lag in one["lags_ms"]]),
        server=server,
        memory=sum(one["memory"] for one in told),
        polls=sum(one["polls"] for one in told),
        processes=len(told),
    )


def plain_environment() -> dict[str, str]:
    """Return this process's environment without what would change Locust's options, and our modules in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOCUST_", "BENCH_"))}
    return kept | {"PYTHONPATH": str(ROOT), "RAMPDECK_ENVIRONMENT": "bench", "RAMPDECK_NO_PREFLIGHT": "1"}


class shows:  # noqa: N801 - reads as a word: wait until the screen shows 201
    """Whether the top bar shows this target: ``users 201``, or ``users 200 → 201`` while it ramps."""

    def __init__(self, target: int) -> None:
        digits = f"{target:,}".replace(",", r"\D?")
        self._pattern = re.compile(rf"users (?:[\d\s]+ ?(?:→|->) ?)?{digits}(?!\d| ?(?:→|->))")

    def __call__(self, screen: Screen) -> bool:
        """Look at the two top lines."""
        return any(self._pattern.search(screen.row(line)) for line in (0, 1))
