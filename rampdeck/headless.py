"""The run without a screen: a progress line now and then, a table at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rampdeck.model import Health
from rampdeck.record import Result
from rampdeck.run import Run
from rampdeck.snapshot import Snapshot, ThresholdState
from rampdeck.text import clean

PROGRESS = 5.0
"""Seconds between progress lines."""


async def until_over(run: Run, tell: Callable[[str], None]) -> None:
    """Wait until the load has come to its end, telling how it goes."""
    while not run.over.is_set():
        try:
            await asyncio.wait_for(run.over.wait(), PROGRESS)
        except TimeoutError:
            tell(progress_line(run.snapshot()))


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
    states = [threshold.state for threshold in snapshot.thresholds]
    if states:
        failing = states.count(ThresholdState.FAIL)
        parts.append(f"gate {failing} failing" if failing else "gate holds")
    blind = [source.info.name for source in snapshot.sources if source.health is Health.BLIND]
    if blind:
        parts.append("blind: " + ", ".join(blind))
    return "  ".join(parts)


def final_table(result: Result) -> str:
    """Return the requests, the thresholds and the verdict as plain text."""
    width = max([4, *(min(60, len(clean(request.name))) for request in result.requests)])
    titles = ("reqs", "fails", "fail %", "rps", "p50", "p95", "p99")
    head = f"{'':7} {'name':{width}}" + "".join(f"{title:>9}" for title in titles)
    lines = [head, "-" * len(head)]
    for row in result.requests:
        cells = (str(row.requests), str(row.failures), _percent(row.error_rate))
        numbers = (_number(row.rps), _number(row.p50), _number(row.p95), _number(row.p99))
        name = f"{clean(row.method)[:7]:7} {clean(row.name)[:width]:{width}}"
        lines.append(name + "".join(f"{cell:>9}" for cell in (*cells, *numbers)))
    lines += ["", *(f"{t.state.upper():8} {t.expression}  ({_number(t.value)})" for t in result.thresholds)]
    lines += ["", str(result.result), *(f"  - {reason}" for reason in result.reasons)]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.2f} %"
