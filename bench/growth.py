"""Cost as the work grows: more endpoints, a longer session, more users.

The first two on made-up sessions (:mod:`bench.longrun`), each in a process of
its own; the users are real ones, of the cockpit and of plain Locust in turn,
who together always ask as often.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.longrun import Mark
from bench.loopback import ROOT, LoopbackServer
from bench.report import Aim
from bench.runs import Bench, Case, Figures, RunFailed

ENDPOINTS = (10, 100, 500)
MINUTES = (10, 30, 60, 120)
USERS = (10, 100, 500, 2_000)
LONG_ENDPOINTS = 100
RATE = 200
USER_SECONDS = 10.0
MEMORY_LIMIT, TICK_LIMIT = 1.05, 1.15
"""What the end of a long session may take of its beginning's: nothing is to grow, but a process breathes."""


@dataclass(frozen=True)
class Crowd:
    """So many users of plain Locust, and of the cockpit."""

    users: int
    headless: Figures
    cockpit: Figures


@dataclass(frozen=True)
class Grown:
    """What was measured: by endpoints, by minutes of the session, by users."""

    endpoints: Sequence[Mark]
    minutes: Sequence[Mark]
    users: Sequence[Crowd]


def measured(folder: Path, quick: bool, tell: Callable[[str], None]) -> Grown:
    """Measure it all; ``quick`` makes minutes of the hours."""
    minutes = (2, 3, 4) if quick else MINUTES
    endpoints: list[Mark] = []
    for number in ENDPOINTS:
        tell(f"growth: {number} endpoints, {minutes[0]} min of session")
        endpoints += _session(number, minutes[:1])
    tell(f"growth: {minutes[-1]} min of session, {LONG_ENDPOINTS} endpoints")
    return Grown(endpoints, _session(LONG_ENDPOINTS, minutes), list(_crowds(folder, quick, tell)))


def _session(endpoints: int, minutes: Sequence[int]) -> list[Mark]:
    command = [sys.executable, "-m", "bench.longrun", str(endpoints), *map(str, minutes)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RunFailed(f"the made-up session failed:\n{done.stderr[-3000:]}")
    return [Mark(**json.loads(line)) for line in done.stdout.splitlines()]


def _crowds(folder: Path, quick: bool, tell: Callable[[str], None]) -> Iterator[Crowd]:
    here = folder / "growth"
    here.mkdir()
    configuration = here / "rampdeck.toml"
    lines = ["[load]", "max_users = 100_000", "[record]", f"folder = {json.dumps(str(here / 'sessions'))}"]
    configuration.write_text("\n".join(lines), encoding="utf-8")
    with LoopbackServer() as server:
        bench = Bench(server, configuration, here, 3.0 if quick else USER_SECONDS)
        for users in USERS:
            tell(f"growth: {users} users")
            case = Case("FastHttpUser", RATE, users)
            yield Crowd(users, bench.headless(case), bench.cockpit(case))


def tables(grown: Grown) -> Iterator[str]:
    """Yield a table for each way of growing."""
    yield from _marks(grown.endpoints, "endpoints", lambda mark: f"{mark.endpoints}")
    yield ""
    yield from _marks(
        grown.minutes, f"session, {LONG_ENDPOINTS} endpoints", lambda mark: f"{mark.minutes} min"
    )
    yield ""
    yield f"| users, {RATE} req/s | memory, headless | cockpit | CPU, headless | cockpit |"
    yield "| --- | --- | --- | --- | --- |"
    for crowd in grown.users:
        sides = (crowd.headless, crowd.cockpit)
        memory = " | ".join(_megabytes(side.memory) for side in sides)
        cpu = " | ".join(f"{side.cpu_percent:.1f} %" for side in sides)
        yield f"| {crowd.users} | {memory} | {cpu} |"


def _marks(marks: Sequence[Mark], what: str, named: Callable[[Mark], str]) -> Iterator[str]:
    yield f"| {what} | memory | a second: the loop | with writing | a paint | file |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for mark in marks:
        costs = f"{mark.tick_ms:.1f} ms | {mark.cpu_ms:.1f} ms | {mark.paint_ms:.1f} ms"
        yield f"| {named(mark)} | {_megabytes(mark.memory)} | {costs} | {_megabytes(mark.file)} |"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def aims(grown: Grown) -> list[Aim]:
    """Return the aims: nothing may grow with the length of the session."""
    first, last = grown.minutes[0], grown.minutes[-1]
    between = f"{last.minutes} min of session to {first.minutes}"
    found: list[Aim] = []
    for what, ratio, limit in (
        ("memory", last.memory / first.memory, MEMORY_LIMIT),
        ("a second's cost", last.tick_ms / first.tick_ms, TICK_LIMIT),
        ("a paint", last.paint_ms / first.paint_ms, TICK_LIMIT),
    ):
        found.append(Aim(f"{what}, {between}", f"<= {limit}", f"{ratio:.3f}", ratio <= limit))
    return found
