"""Two worker processes under the cockpit against two under plain Locust."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median

from bench.against import COCKPIT, P95_LIMIT, RATE_LIMIT, Rounds
from bench.loopback import ROOT
from bench.report import Aim
from bench.runs import SATURATED, Bench, Case, Figures

WORKERS = 2
PROCESSES = f"`locust --processes {WORKERS}`"
CASES = (
    Case("FastHttpUser", 1_000, 100),
    *(Case(client, 0, WORKERS * users) for client, users in SATURATED.items()),
)


def known() -> bool:
    """Return whether this Rampdeck can start workers."""
    command = [sys.executable, "-m", "rampdeck", "run", "--help"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return re.search(r"(?<![\w-])--workers\b", told) is not None


def measured(bench: Bench, rounds: int, tell: Callable[[str], None]) -> Iterator[Rounds]:
    """Measure each load, round after round."""
    number = str(WORKERS)
    for case in CASES:
        runs: list[Mapping[str, Figures]] = []
        for turn in range(1, rounds + 1):
            tell(f"{WORKERS} workers, {case.name}, round {turn} of {rounds}")
            runs.append(
                {
                    PROCESSES: bench.headless(case, "--processes", number),
                    COCKPIT: bench.cockpit(case, "--workers", number),
                }
            )
        yield Rounds(case, runs)


def table(found: Sequence[Rounds]) -> Iterator[str]:
    """Yield the figures of every load; times by Locust's clock of all workers, CPU of the workers alone."""
    yield "| load | | p50 / p95 / p99 ms | req/s | CPU of the workers |"
    yield "| --- | --- | --- | --- | --- |"
    for each in found:
        for side in (PROCESSES, COCKPIT):
            runs = [run[side] for run in each.runs]
            times = " / ".join(
                f"{median(getattr(run.times, name) for run in runs):.1f}" for name in ("p50", "p95", "p99")
            )
            rate, cpu = median(run.rps for run in runs), median(run.cpu_percent for run in runs)
            name = each.case.name if side == PROCESSES else ""
            shown = side if side == PROCESSES else f"cockpit, `--workers {WORKERS}`"
            yield f"| {name} | {shown} | {times} | {rate:.0f} | {cpu:.0f} % |"
        ratios = " / ".join(f"{each.ratio(name, PROCESSES):.2f}" for name in ("p50", "p95", "p99"))
        yield f"| | ratio | {ratios} | {each.ratio('rps', PROCESSES):.3f} | |"


def aims(found: Sequence[Rounds]) -> list[Aim]:
    """Return the aims: p95 everywhere, the rate where it is the generator's limit."""
    made: list[Aim] = []
    for each in found:
        p95, rate = each.ratio("p95", PROCESSES), each.ratio("rps", PROCESSES)
        name = f"{WORKERS} workers, {each.case.name}"
        made.append(Aim(f"p95, {name}", f"<= {P95_LIMIT} of {PROCESSES}", f"{p95:.3f}", p95 <= P95_LIMIT))
        if each.case.saturated:
            limit = f">= {RATE_LIMIT} of {PROCESSES}"
            made.append(Aim(f"rate, {name}", limit, f"{rate:.3f}", rate >= RATE_LIMIT))
    return made


def doubts(found: Sequence[Rounds]) -> Iterator[str]:
    """Yield a sentence for everything that takes weight off the figures."""
    for each in found:
        name = f"{WORKERS} workers, {each.case.name}"
        runs = [figures for run in each.runs for figures in run.values()]
        if failures := sum(figures.failures for figures in runs):
            yield f"{name}: {failures} requests failed."
        if any(figures.processes != WORKERS for figures in runs):
            counts = ", ".join(str(figures.processes) for figures in runs)
            yield f"{name}: {counts} processes delivered figures instead of {WORKERS}."
