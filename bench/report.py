"""Pairs of runs in, Markdown out: medians, ratios, and which aims were met."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

from bench.runs import Case, Figures

P95_LIMIT, P99_LIMIT, RATE_LIMIT = 1.05, 1.10, 0.95
KEY_LIMIT_MS, PAINT_LIMIT_S = 100.0, 1.5


@dataclass(frozen=True)
class Pairs:
    """The runs of one load: each of plain Locust with the one of the cockpit right after it."""

    case: Case
    runs: Sequence[tuple[Figures, Figures]]

    def ratio(self, name: str) -> float:
        """Return cockpit to headless, the median over the pairs: ``p95``, ``p99`` or ``rps``."""
        return median(_value(cockpit, name) / _value(headless, name) for headless, cockpit in self.runs)

    @property
    def extra_cpu(self) -> float:
        """How much more of a core the cockpit takes, in per cent."""
        return median(cockpit.cpu_percent - headless.cpu_percent for headless, cockpit in self.runs)


@dataclass(frozen=True)
class Aim:
    """What was aimed at, what came out, and whether that is good enough."""

    what: str
    limit: str
    measured: str
    met: bool


def _value(figures: Figures, name: str) -> float:
    value: float = figures.rps if name == "rps" else getattr(figures.times, name)
    return value


def machine() -> str:
    """Return one line about this machine: no name of it, but what the figures depend on."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import locust"], check=True)
    importing = time.perf_counter() - began
    packages = ", ".join(f"{name} {version(name)}" for name in ("locust", "gevent", "textual"))
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    return (
        f"{_processor()}, {cores} cores, Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, {packages}; "
        f"`import locust` takes {importing:.1f} s; load average before the bench {load:.1f}"
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def tables(pairs: Sequence[Pairs]) -> Iterator[str]:
    """Yield the figures of every load, a line of plain Locust and one of the cockpit."""
    yield "| load | | p50 / p95 / p99 ms | req/s | loop lag p99 / max ms | CPU | server's own clock |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for each in pairs:
        for side, name in enumerate(("`locust --headless`", "cockpit")):
            runs = [pair[side] for pair in each.runs]
            yield f"| {each.case.name if side == 0 else ''} | {name} | " + " | ".join(_cells(runs)) + " |"
        ratios = f"{each.ratio('p50'):.2f} / {each.ratio('p95'):.2f} / {each.ratio('p99'):.2f}"
        yield f"| | ratio | {ratios} | {each.ratio('rps'):.3f} | | {each.extra_cpu:+.1f} | |"


def _cells(runs: Sequence[Figures]) -> tuple[str, ...]:
    return (
        _three([(run.times.p50, run.times.p95, run.times.p99) for run in runs]),
        f"{median(run.rps for run in runs):.0f}",
        f"{median(run.lag.p99 for run in runs):.1f} / {max(run.lag.highest for run in runs):.1f}",
        f"{median(run.cpu_percent for run in runs):.1f} %",
        _three([(run.server.p50, run.server.p95, run.server.p99) for run in runs]),
    )


def _three(values: Sequence[tuple[float, float, float]]) -> str:
    return " / ".join(f"{median(column):.1f}" for column in zip(*values, strict=True))


def aims(pairs: Sequence[Pairs], keys: Mapping[str, Sequence[float]]) -> list[Aim]:
    """Return every aim for which there are figures."""
    found: list[Aim] = []
    for each in pairs:
        p95, p99, rate = each.ratio("p95"), each.ratio("p99"), each.ratio("rps")
        name = each.case.name
        found.append(Aim(f"p95, {name}", f"<= {P95_LIMIT} of headless", f"{p95:.3f}", p95 <= P95_LIMIT))
        found.append(Aim(f"p99, {name}", f"<= {P99_LIMIT} of headless", f"{p99:.3f}", p99 <= P99_LIMIT))
        if each.case.saturated:
            limit = f">= {RATE_LIMIT} of headless"
            found.append(Aim(f"rate, {name}", limit, f"{rate:.3f}", rate >= RATE_LIMIT))
    for name, times in keys.items():
        worst = max(times)
        told = f"{median(times):.0f} ms, worst of {len(times)} {worst:.0f} ms"
        found.append(Aim(f"key to paint, {name}", f"<= {KEY_LIMIT_MS:.0f} ms", told, worst <= KEY_LIMIT_MS))
    paints = [cockpit.paint for each in pairs for _, cockpit in each.runs if cockpit.paint is not None]
    if paints:
        paint = median(paints)
        limit = f"<= {PAINT_LIMIT_S} s"
        found.append(Aim("first paint", limit, f"{paint:.2f} s", paint <= PAINT_LIMIT_S))
    return found


def aims_table(found: Sequence[Aim]) -> Iterator[str]:
    """Yield the aims as a table."""
    yield "| aim | limit | measured | |"
    yield "| --- | --- | --- | --- |"
    for aim in found:
        yield f"| {aim.what} | {aim.limit} | {aim.measured} | {'✔' if aim.met else '✖'} |"


def doubts(pairs: Sequence[Pairs]) -> Iterator[str]:
    """Yield a sentence for everything that takes weight off the figures."""
    for each in pairs:
        failures = sum(run.failures for pair in each.runs for run in pair)
        if failures:
            yield f"{each.case.name}: {failures} requests failed."
        blind = {
            name for _, run in each.runs for name, state, seen in run.sources if state != "live" or not seen
        }
        if blind:
            yield f"{each.case.name}: not alive in the cockpit: {', '.join(sorted(blind))}."
        if any(not run.sources for _, run in each.runs):
            yield f"{each.case.name}: the cockpit told nothing about its sources."
