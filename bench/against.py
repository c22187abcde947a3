"""The cockpit against plain Locust, without a screen and with its web page open in a browser.

Runs come in rounds, each side once, over and over, so that a machine that is
busy for a while is busy for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.report import Aim
from bench.runs import Bench, Case, Figures

HEADLESS, COCKPIT, WEB = "`locust --headless`", "cockpit", "`locust`, page open"
P95_LIMIT, P99_LIMIT, RATE_LIMIT = 1.05, 1.10, 0.95
KEY_LIMIT_MS, PAINT_LIMIT_S = 100.0, 1.5
WHOLE_CORE = 80.0
"""Per cent of a core that a saturated generator gets at least, unless others are on the machine."""


@dataclass(frozen=True)
class Rounds:
    """The runs of one load: rounds of each side once, one after the other."""

    case: Case
    runs: Sequence[Mapping[str, Figures]]

    @property
    def sides(self) -> tuple[str, ...]:
        """Who was measured, in the order of the runs."""
        return tuple(self.runs[0])

    def ratio(self, name: str, to: str = HEADLESS) -> float:
        """Return the cockpit's ``p95``, ``p99`` or ``rps`` to another side's, the median over the rounds."""
        return median(_value(run[COCKPIT], name) / _value(run[to], name) for run in self.runs)

    @property
    def extra_cpu(self) -> float:
        """How much more of a core the cockpit takes than plain Locust, in per cent."""
        return median(run[COCKPIT].cpu_percent - run[HEADLESS].cpu_percent for run in self.runs)


def _value(figures: Figures, name: str) -> float:
    value: float = figures.rps if name == "rps" else getattr(figures.times, name)
    return value


def measured(
    bench: Bench, cases: Sequence[Case], rounds: int, browser: str | None, tell: Callable[[str], None]
) -> Iterator[Rounds]:
    """Measure some loads, round after round; without a browser there is no web page."""
    for case in cases:
        runs: list[Mapping[str, Figures]] = []
        for number in range(1, rounds + 1):
            tell(f"{case.name}, round {number} of {rounds}")
            run = {HEADLESS: bench.headless(case), COCKPIT: bench.cockpit(case)}
            if browser:
                run[WEB] = bench.web(case, browser)
            runs.append(run)
        yield Rounds(case, runs)


def tables(found: Sequence[Rounds]) -> Iterator[str]:
    """Yield the figures of every load: a line for each side, then the cockpit's ratios to the others."""
    yield "| load | | p50 / p95 / p99 ms | req/s | loop lag p99 / max ms | CPU | server's own clock |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for each in found:
        for side in each.sides:
            runs = [run[side] for run in each.runs]
            yield f"| {each.case.name if side == HEADLESS else ''} | {side} | {' | '.join(_cells(runs))} |"
        for side in each.sides:
            if side != COCKPIT:
                ratios = " / ".join(f"{each.ratio(name, side):.2f}" for name in ("p50", "p95", "p99"))
                extra = f"{each.extra_cpu:+.1f}" if side == HEADLESS else ""
                yield f"| | cockpit to {side} | {ratios} | {each.ratio('rps', side):.3f} | | {extra} | |"


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


def aims(found: Sequence[Rounds], keys: Mapping[str, Sequence[float]]) -> list[Aim]:
    """Return every aim for which there are figures."""
    aims: list[Aim] = []
    for each in found:
        for side in (side for side in each.sides if side != COCKPIT):
            p95, p99, rate = (each.ratio(name, side) for name in ("p95", "p99", "rps"))
            name = each.case.name
            aims.append(Aim(f"p95, {name}", f"<= {P95_LIMIT} of {side}", f"{p95:.3f}", p95 <= P95_LIMIT))
            aims.append(Aim(f"p99, {name}", f"<= {P99_LIMIT} of {side}", f"{p99:.3f}", p99 <= P99_LIMIT))
            if each.case.saturated:
                limit = f">= {RATE_LIMIT} of {side}"
                aims.append(Aim(f"rate, {name}", limit, f"{rate:.3f}", rate >= RATE_LIMIT))
    for name, times in keys.items():
        worst = max(times)
        told = f"{median(times):.0f} ms, worst of {len(times)} {worst:.0f} ms"
        aims.append(Aim(f"key to paint, {name}", f"<= {KEY_LIMIT_MS:.0f} ms", told, worst <= KEY_LIMIT_MS))
    paints = [paint for each in found for run in each.runs if (paint := run[COCKPIT].paint) is not None]
    if paints:
        paint = median(paints)
        aims.append(Aim("first paint", f"<= {PAINT_LIMIT_S} s", f"{paint:.2f} s", paint <= PAINT_LIMIT_S))
    return aims


def doubts(found: Sequence[Rounds]) -> Iterator[str]:
    """Yield a sentence for everything that takes weight off the figures."""
    for each in found:
        failures = sum(figures.failures for run in each.runs for figures in run.values())
        if failures:
            yield f"{each.case.name}: {failures} requests failed."
        for side in each.sides if each.case.saturated else ():
            least = min(run[side].cpu_percent for run in each.runs)
            if least < WHOLE_CORE:
                yield f"{each.case.name}: {side} got only {least:.0f} % of a core: the machine was not quiet."
        cockpits = [run[COCKPIT] for run in each.runs]
        seen = {"live", "warning"}
        blind = {
            name for run in cockpits for name, state, items in run.sources if state not in seen or not items
        }
        if blind:
            yield f"{each.case.name}: not alive in the cockpit: {', '.join(sorted(blind))}."
        if any(not run.sources for run in cockpits):
            yield f"{each.case.name}: the cockpit told nothing about its sources."
