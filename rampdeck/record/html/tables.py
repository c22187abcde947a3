"""The tables of what was measured: thresholds, load levels, requests, errors, logs, statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from functools import partial

from rampdeck import format as fmt
from rampdeck.gate.words import told
from rampdeck.levels.knee import Knee
from rampdeck.reconcile import Counts
from rampdeck.record import counted, logs
from rampdeck.record import tables as kept
from rampdeck.record.html.words import NOTHING, Cell, Number, code, items, ms, note, table, tag, text
from rampdeck.record.result import Measured, RequestResult, Result, StepResult
from rampdeck.record.thresholds import is_beyond, longest
from rampdeck.record.words import beside
from rampdeck.snapshot import Spread, ThresholdState, ThresholdView

_MEASURED = ("Requests", "Failures", "Errors %", "Requests/s", "p50", "p95", "p99", "Max")
_TIMES = ("Mean", "p50", "p90", "p95", "p99", "p99.9", "p99.99", "Max")
_STATES = {
    ThresholdState.PASS: "holds", ThresholdState.WARN: "near its limit", ThresholdState.FAIL: "broken",
    ThresholdState.UNKNOWN: "unknown",
}  # fmt: skip


def thresholds(views: Sequence[ThresholdView]) -> str:
    """Return how each threshold stood, at the end and at its worst."""
    if not views:
        return "<p>None were given.</p>"
    rows: list[tuple[Cell, ...]] = [
        (
            code(view.expression) + (' <span class="muted">only warns</span>' if view.warns else ""),
            _state(view),
            text(view.where) or NOTHING,
            _told(view.value, view),
            _told(view.worst, view),
            _told(view.limit, view),
            Number(_margin(view.margin), view.margin),
            fmt.clock(view.first_breach.utc, UTC) if view.first_breach else NOTHING,
            Number(longest(view) if view.longest else NOTHING, view.longest),
            Number(fmt.count(view.samples), view.samples),
        )
        for view in views
    ]
    head = (
        "Threshold", "State", "Worst where", "At the end", "Worst", "Limit", "Margin %", "First breach, UTC",
        "Longest", "Samples",
    )  # fmt: skip
    return table(head, rows, 3, wide=2, sort=True) + note(
        "Margin is what the worst value left of the limit. Unknown is never a pass: there were no samples."
    )


def _state(view: ThresholdView) -> str:
    """Return its state; what only warns is never shown as a failure."""
    state = view.state.value
    if view.warns and view.state is ThresholdState.FAIL:
        return tag("warn", "broken, a warning")
    return tag(state, "broken briefly" if is_beyond(view) else _STATES[view.state])


def _told(value: float | None, view: ThresholdView) -> Number:
    return Number(NOTHING if value is None else told(value, view.unit, view.limit), value)


def _margin(margin: float | None) -> str:
    return NOTHING if margin is None else f"{margin * 100:+,.0f}".replace("-", "−").replace(",", fmt.THIN)


def steps(levels: Sequence[StepResult]) -> str:
    """Return the load levels, each over its measured part."""
    if not levels:
        return "<p>There was no load.</p>"
    rows = [
        (
            Number(str(step.number), step.number),
            code(step.stage) if step.stage else f"by {text(step.cause)}",
            tag(step.verdict.value) if step.measured else f'<span class="muted">{step.unmeasured}</span>',
            Number(fmt.count(step.users), step.users),
            Number(f"{step.seconds:.0f}" if step.measured else NOTHING, step.seconds),
            *(_measured(step) if step.measured else (Number(NOTHING, None),) * len(_MEASURED)),
        )
        for step in levels
    ]
    head = ("Step", "Stage", "Verdict", "Users", "Measured s", *_MEASURED)
    marks = items(
        f"Step {step.number}: {text(mark)}" for step in levels for mark in step.marks
    )  # why it is not to be trusted
    return (
        table(head, rows, 3, sort=True)
        + marks
        + note(
            "Times in ms. Only the measured part of each level counts: after its ramp, and after settling."
        )
    )


def capacity(knee: Knee | None) -> str:
    """Return how the capacity, which stands in the head, was found."""
    if knee is None:
        return ""
    climb = f"<p>Auto-step: {text(knee.climb)}.</p>" if knee.climb else ""
    left_out = items(f"Left out: {text(sentence)}" for sentence in knee.left_out)
    return f"<h3>How the capacity was found</h3>{climb}{note(text(knee.method))}{left_out}"


def requests(result: Result) -> str:
    """Return the requests by name, the worst first."""
    if not result.requests:
        return "<p>None ended.</p>"
    stamped = result.total.spreads.delay.count > 0
    order = sorted(result.requests, key=lambda row: (-row.failures, -(row.p95 or 0.0), row.name))
    rows: list[tuple[Cell, ...]] = [
        (code(row.method), code(row.name), *_request(row, stamped)) for row in order
    ]
    rows.append(("all", "", *_request(result.total, stamped)))
    said = "Times in ms, over the whole run, with ramps; at most 1 % off."
    if stamped:
        some = f" for {fmt.count(result.total.stamped)} of them" if result.total.clock == "mixed" else ""
        said += (
            f" They are wire times{some}. The last two: p95 by Locust's own clock, and what the generator "
            "itself added at p95."
        )
    said = " ".join((said, *beside(result.total)))
    extra = ("Locust p95", "Delay p95") if stamped else ()
    head = ("Method", "Name", *_MEASURED[:4], *_TIMES, *extra)
    return table(head, rows, 2, wide=1, sort=True) + note(said)


def errors(result: Result) -> str:
    """Return the most frequent errors."""
    if not result.errors:
        return ""
    rows = [
        (Number(fmt.count(error.count), error.count), code(error.method), code(error.name), code(error.text))
        for error in result.errors
    ]
    more = note(f"{fmt.count(result.errors_left_out)} more are not listed.") if result.errors_left_out else ""
    return table(("Count", "Method", "Name", "Error"), rows, 4, wide=3, sort=True) + more


def said_by_logs(result: Result) -> str:
    """Return what the logs said again and again."""
    return logs.section(result.logs, partial(table, wide=3), code, "<p>{}</p>".format)


def behind(result: Result) -> str:
    """Return the tables that sources keep for each load level: what statements cost."""
    found = []
    for one in kept.shown(result.tables):
        head, rows, left = kept.grid(one, code)
        title = f"<h3>{text(one.title)} of step {one.step}, {code(one.source)}</h3>"
        found.append(title + table([text(cell) for cell in head], rows, left, wide=left - 1, sort=True))
    return "\n".join(found)


def counted_twice(counts: Counts) -> str:
    """Return the second count: sent by us, seen by Nginx."""

    def escaped(head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
        cells = [[text(cell) for cell in row] for row in rows]
        return table(head, cells, left).replace("**differs**", tag("warn", "differs"))

    body = counted.section(counts, escaped)
    parts = [part if part.startswith("<div") else f"<p>{part}</p>" for part in body.split("\n\n") if part]
    return "\n".join(parts)


def _request(row: RequestResult | Measured, stamped: bool) -> tuple[Cell, ...]:
    every: Spread = row.spreads.all
    times = (every.mean, every.p50, every.p90, every.p95, every.p99, every.p999, every.p9999, every.highest)
    clocks = (row.spreads.locust.p95, row.spreads.delay.p95) if stamped else ()
    return (*_counts(row), *(Number(ms(time), time) for time in (*times, *clocks)))


def _counts(row: Measured) -> tuple[Cell, ...]:
    return (
        Number(fmt.count(row.requests), row.requests),
        Number(fmt.count(row.failures), row.failures),
        Number(fmt.share(row.error_rate), row.error_rate),
        Number(fmt.rate(row.rps), row.rps),
    )


def _measured(row: Measured) -> tuple[Cell, ...]:
    times = (row.p50, row.p95, row.p99, row.highest)
    return (*_counts(row), *(Number(ms(time), time) for time in times))
