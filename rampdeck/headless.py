"""The run without a screen: a progress line now and then, a table at the end."""

from __future__ import annotations

import asyncio
from typing import IO

from rampdeck.model import Health
from rampdeck.record import Result
from rampdeck.run import Run
from rampdeck.snapshot import Snapshot, ThresholdState
from rampdeck.text import clean

PROGRESS = 5.0
"""Seconds between progress lines."""


async def until_over(run: Run, progress: IO[str]) -> None:
    """Wait until the load has come to its end, telling how it goes."""
    while not run.over.is_set():
        try:
            await asyncio.wait_for(run.over.wait(), PROGRESS)
        except TimeoutError:
            progress.write(progress_line(run.snapshot()) + "\n")
            progress.flush()


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
    head = f"{'':7} {'name':{width}} {'reqs':>8} {'fails':>7} {'fail %':>7} {'rps':>8} {'p50':>7} {'p95':>7} {'p99':>7}"
    lines = [head, "-" * len(head)]
    for row in result.requests:
        lines.append(
            f"{clean(row.method)[:7]:7} {clean(row.name)[:width]:{width}} {row.requests:8d} {row.failures:7d} "
            f"{_percent(row.error_rate):>7} {_number(row.rps):>8} {_number(row.p50):>7} {_number(row.p95):>7} "
            f"{_number(row.p99):>7}"
        )
    lines.append("")
    for threshold in result.thresholds:
        lines.append(f"{threshold.state.upper():8} {threshold.expression}  ({_number(threshold.value)})")
    lines += ["", str(result.result), *(f"  - {reason}" for reason in result.reasons)]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.2f} %"
