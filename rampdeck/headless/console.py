"""The run without a screen: a progress line now and then, a table at the end."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

from rampdeck.gate.words import told
from rampdeck.model import EventKind, Health, Severity
from rampdeck.record import Result
from rampdeck.record.result import Measured
from rampdeck.snapshot import Snapshot, ThresholdState, ThresholdView
from rampdeck.text import clean

if TYPE_CHECKING:
    from rampdeck.run import Run

PROGRESS = 5
"""Seconds between progress lines."""
MOST_NEWS = 100
"""Events of the engine that are told of one second."""

NAME = 31
"""Characters of a request name in the final table: with them it is 100 columns wide, and 80 at least."""
WIDTHS = (9, 8, 8, 8, 7, 7, 7, 7)
"""Columns of its numbers."""


class HowMuch(Enum):
    """How much is told while the run goes on."""

    EVERYTHING = Severity.DEBUG
    WRONG = Severity.WARNING  #: what is wrong, and every breach (``--only-summary``)
    ERRORS = Severity.ERROR  #: what is wrong with the run itself (``--quiet``)


def how_much(options: Namespace) -> HowMuch:
    """Return how much the command line wants to be told."""
    if options.quiet:
        return HowMuch.ERRORS
    return HowMuch.WRONG if options.only_summary else HowMuch.EVERYTHING


async def until_over(run: Run, tell: Callable[[str], None], much: HowMuch = HowMuch.EVERYTHING) -> None:
    """Wait until the load has come to its end, telling what happens at once and figures now and then.

    Every line stands for itself, without a carriage return, so that a pipeline's log can be read.
    """
    news, blind = _News(run, tell, much), set[tuple[str, str]]()
    seconds = 0
    while not run.over.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(run.over.wait(), 1.0)
        news.tell()
        seconds += 1
        if seconds % PROGRESS or run.over.is_set():
            continue
        snapshot = run.snapshot()
        before, blind = blind, blind_now(snapshot)
        for source, why in sorted(blind - before) if much is not HowMuch.ERRORS else ():
            tell(f"{source} is blind: {clean(why)}")
        if much is HowMuch.EVERYTHING:
            tell(progress_line(snapshot))


class _News:
    """Tells what happened to the load and in the gate since it last did, as it stands on the timeline."""

    def __init__(self, run: Run, tell: Callable[[str], None], much: HowMuch) -> None:
        self._run = run
        self._session = run.session
        self._tell = tell
        self._kinds = {EventKind.LOAD} if much is HowMuch.ERRORS else {EventKind.LOAD, EventKind.GATE}
        self._least = much.value
        self._cursor = 0

    def tell(self) -> None:
        self._cursor, events = self._session.events_after(self._cursor, ("engine",), MOST_NEWS)
        began = self._run.began or self._run.opened  # the progress lines count from there, too
        for event in events:
            if event.kind in self._kinds and event.severity <= self._least:
                self._tell(f"{elapsed(event.at.mono - began.mono)} {clean(event.text)}")


def elapsed(seconds: float) -> str:
    """Return a time as minutes and seconds."""
    return "{:02d}:{:02d}".format(*divmod(max(0, int(seconds)), 60))


def blind_now(snapshot: Snapshot) -> set[tuple[str, str]]:
    """Return the sources that cannot be seen, each with the reason."""
    return {(source.info.name, source.reason) for source in snapshot.sources if source.health is Health.BLIND}


def progress_line(snapshot: Snapshot) -> str:
    """Return one line that says how the run goes."""
    load, window = snapshot.load, snapshot.window
    parts = [
        f"{elapsed(load.elapsed)} {load.state.value}",
        f"users {load.users}/{load.target}",
        f"rps {_number(window.rps)}",
        f"p50 {_number(window.p50)} p95 {_number(window.p95)} p99 {_number(window.p99)} ms",
        f"fail {_percent(window.error_rate)}",
    ]
    if snapshot.thresholds:
        parts.append(_gate([one.state for one in snapshot.thresholds if not one.warns]))
    if refused := snapshot.guard.refused:
        parts.append(f"guard {refused} refused")
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
    judged = (f"{_state(t):8} {t.expression}  ({told(t.value, t.unit, t.limit)})" for t in result.thresholds)
    knee = ["", result.knee.sentence] if result.knee else []
    lines += ["", *judged, *knee, "", verdict(result)]
    return "\n".join(lines)


def _state(view: ThresholdView) -> str:
    """Return how a threshold stands; what only warns never fails."""
    state = view.state
    if view.warns and state is ThresholdState.FAIL:
        state = ThresholdState.WARN
    return state.upper()


def verdict(result: Result) -> str:
    """Return the verdict, under it the reasons, one a line, and what a person decided."""
    lines = [str(result.result), *(f"  - {clean(reason)}" for reason in result.reasons)]
    if decision := result.decision:
        how = "overruling the gate" if decision.verdict is not result.result else "as the gate has it"
        note = f": {clean(decision.note)}" if decision.note else ""
        lines.append(f"Decided: {decision.verdict} by {clean(decision.name)}, {how}{note}")
    return "\n".join(lines)


def ending(result: Result, options: Namespace) -> str:
    """Return what is said at the end: the verdict in one line, or with its reasons, or with all figures."""
    if options.quiet:
        reasons = "; ".join(clean(reason) for reason in result.reasons)
        return f"{result.result}: {reasons}" if reasons else str(result.result)
    # Of a load that was never made there are no figures.
    return final_table(result) if options.headless and result.total.requests else verdict(result)


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
