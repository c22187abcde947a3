"""The step table of a run with four levels against the server's own count and percentiles of each.

A headless run follows a plan; its record says what each level brought. The
server's book is cut where the levels were measured, and says the same.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import Spread
from bench.loopback import ROOT, LoopbackServer
from bench.report import Aim
from bench.runs import LOCUSTFILE, RunFailed, plain_environment
from bench.truth import FLOOR_MS, PERCENTILES, SHARE, TAIL_SHARE
from rampdeck.store import SessionReader

USERS = (10, 20, 40, 80)
RATE_EACH = 4.0
"""Requests a second of each user: 40 to 320 a second in all."""
SETTLE = 3.0


@dataclass(frozen=True)
class Level:
    """A level in the record's step table, and in the server's book."""

    users: int
    table: Spread
    server: Spread

    def excess(self, name: str) -> float:
        """Return how far a percentile is off, as a share of what it may be."""
        truth = float(getattr(self.server, name))
        may = truth * (TAIL_SHARE if name == "p999" else SHARE) + FLOOR_MS
        return abs(float(getattr(self.table, name)) - truth) / may


def measured(folder: Path, seconds: float, tell: Callable[[str], None]) -> list[Level]:
    """Run the plan and return its levels."""
    tell(f"levels of {', '.join(map(str, USERS))} users")
    here = folder / "levels"
    here.mkdir()
    stages = "".join(
        f'[[stages]]\nname = "{users} users"\nusers = {users}\nspawn_rate = {users}\n'
        f"hold = {SETTLE + seconds}\n"
        for users in USERS
    )
    configuration = here / "rampdeck.toml"
    sessions = here / "sessions"
    configuration.write_text(
        f"[load]\nsettle = {SETTLE}\n[record]\nfolder = {json.dumps(str(sessions))}\n{stages}",
        encoding="utf-8",
    )
    environment = plain_environment() | {
        "BENCH_USERS": str(USERS[-1]),
        "BENCH_RATE": str(RATE_EACH * USERS[-1]),
    }
    with LoopbackServer("tail") as server:
        command = [sys.executable, "-m", "rampdeck", "run", "--headless", "-c", str(configuration)]
        command += ["-f", str(LOCUSTFILE), "-H", server.url, "FastHttpPaced"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        book = server.book()
    found = list(sessions.glob("*/record.json"))
    if len(found) != 1:
        raise RunFailed(f"the run of four levels left no record:\n{done.stderr[-2000:]}")
    table = json.loads(found[0].read_text(encoding="utf-8"))["steps"]
    with SessionReader(found[0].with_name("session.sqlite")) as reader:
        steps = reader.steps()
    levels = []
    for row, step in zip(table, steps, strict=True):
        if step.measured_from is None or step.ended is None:
            raise RunFailed(f"level {step.number} was not measured")
        window = (round(step.measured_from.utc * 1e9), round(step.ended.utc * 1e9))
        levels.append(Level(step.users, _row(row), book.within(*window)))
    return levels


def _row(row: dict[str, Any]) -> Spread:
    times = row["percentiles"]["all"]
    return Spread(row["requests"], *(times[name] for name in (*PERCENTILES, "max")))


def table(levels: Sequence[Level]) -> Iterator[str]:
    """Yield a line for each level."""
    yield "| users | requests: step table | server | p50 / p95 / p99 / p99.9 ms: step table | server | |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for level in levels:
        misses = [name for name in PERCENTILES if level.excess(name) > 1]
        books = (level.table, level.server)
        counts = " | ".join(str(book.count) for book in books)
        times = " | ".join(" / ".join(f"{getattr(book, name):.1f}" for name in PERCENTILES) for book in books)
        yield f"| {level.users} | {counts} | {times} | {'✖ ' + ', '.join(misses) if misses else '✔'} |"


def aims(levels: Sequence[Level]) -> list[Aim]:
    """Return the aims: counts to what is on its way at the ends of a level, percentiles as in ``truth``."""
    off = max(levels, key=lambda level: abs(level.table.count - level.server.count) / level.users)
    difference = off.table.count - off.server.count
    worst, name = max(
        ((level, name) for level in levels for name in PERCENTILES), key=lambda pair: pair[0].excess(pair[1])
    )
    told = f"{getattr(worst.table, name):.1f} for {getattr(worst.server, name):.1f} ms, {worst.users} users"
    return [
        Aim(
            "requests of each level",
            "the server's, but for those on their way",
            f"{difference:+d} at {off.users} users",
            abs(difference) <= off.users,
        ),
        Aim(
            "percentiles of each level",
            f"within {SHARE:.0%} + {FLOOR_MS} ms, p99.9 {TAIL_SHARE:.0%}".replace("%", " %"),
            f"worst {name}: {told}",
            worst.excess(name) <= 1,
        ),
    ]
