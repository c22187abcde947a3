"""The run without a screen: a progress line now and then, a table at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rampdeck.gate.words import told
from rampdeck.model import Health
from rampdeck.record import Result
from rampdeck.record.result import Measured
from rampdeck.snapshot import Snapshot, ThresholdState
from rampdeck.text import clean

if TYPE_CHECKING:
    from rampdeck.run import Run

PROGRESS = 5.0
"""Seconds between progress lines."""

NAME = 31
"""Characters of a request name in the final table: with them it is 100 columns wide, and 80 at least."""
WIDTHS = (9, 8, 8, 8, 7, 7, 7, 7)
"""Columns of its numbers."""


async def until_over(run: Run, tell: Callable[[str], None], *, quiet: bool = False) -> None:
    """Wait until the load has come to its end, telling how it goes, and why a source is blind.

    ``quiet``: no progress lines, only what is wrong.
    """
    blind: set[tuple[str, str]] = set()
    while not run.over.is_set():
        try:
            await asyncio.wait_for(run.over.wait(), PROGRESS)
        except TimeoutError:
            snapshot = run.snapshot()
            before, blind = blind, blind_now(snapshot)
            for source, why in sorted(blind - before):
                tell(f"{source} is blind: {clean(why)}")
            if not quiet:
                tell(progress_line(snapshot))


def blind_now(snapshot: Snapshot) -> set[tuple[str, str]]:
    """Return the sources that cannot be seen, each with the reason."""
    return {(source.info.name, source.reason) for source in snapshot.sources if source.health is Health.BLIND}


def progress_line(snapshot: Snapshot) -> str:
    """Return one line that says how the run goes."""
    load, window = snapshot.load, snapshot.window
    minutes, seconds = divmod(int(load.elapsed), 60)
    parts = [
        f"{minutes:02d}:{seconds:02d} {load.state.value}",
        f"users {load.users}/{load.target}",
        f"rps {_number(window.rps)}",
        f"p50 {_number(window.p50)} p95 {_number(window.p95)} p99 {_number(window.p99)} ms",
        f"fail {_percent(window.error_rate)}",
    ]
    if snapshot.thresholds:
        parts.append(_gate([one.state for one in snapshot.thresholds if not one.warns]))
    if blind := sorted(source for source, _ in blind_now(snapshot)):
        parts.append("blind: " + ", ".join(blind))
    return "  ".join(parts)


def _gate(states: Sequence[ThresholdState]) -> str:
    """Return how the gate stands, by what decides; what has no samples yet does not hold."""
    failing, unknown = states.count(ThresholdState.FAIL), states.count(ThresholdState.UNKNOWN)
    if failing:
        return f"gate {failing} failing"
    if unknown == len(states):
        return "gate not judged yet"
    return f"gate holds, {unknown} not judged yet" if unknown else "gate holds"


def final_table(result: Result) -> str:
    """Return the requests, the thresholds and the verdict as plain text."""
    width = max([11, *(min(NAME, len(clean(request.name))) for request in result.requests)])
    titles = ("reqs", "fails", "fail %", "rps", "p50", "p95", "p99", "p99.9")
    head = f"{'':7} {'name':{width}}" + _row(titles)
    lines = [head, "-" * len(head)]
    lines += [
        f"{clean(row.method)[:7]:7} {_short(clean(row.name), width):{width}}" + _cells(row)
        for row in result.requests
    ]
    lines.append(f"{'':7} {'all':{width}}" + _cells(result.total))
    judged = (
        f"{t.state.upper():8} {t.expression}  ({told(t.value, t.unit, t.limit)})" for t in result.thresholds
    )
    knee = ["", result.knee.sentence] if result.knee else []
    lines += ["", *judged, *knee, "", verdict(result)]
    return "\n".join(lines)


def verdict(result: Result) -> str:
    """Return the verdict and under it the reasons, one a line."""
    return "\n".join([str(result.result), *(f"  - {clean(reason)}" for reason in result.reasons)])


def _cells(row: Measured) -> str:
    share = "-" if row.error_rate is None else f"{row.error_rate * 100:.2f}"
    numbers = (row.rps, row.p50, row.p95, row.p99, row.p999)
    return _row((str(row.requests), str(row.failures), share, *map(_number, numbers)))


def _row(cells: Sequence[str]) -> str:
    return "".join(f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True))


def _short(name: str, width: int) -> str:
    return name if len(name) <= width else f"{name[: width - 1]}…"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.2f} %"
