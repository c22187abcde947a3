"""What the Markdown record says of the load: levels, requests, errors, and how their times are spread."""

from __future__ import annotations

from collections.abc import Iterator

from rampdeck.gate.words import NOTHING, told
from rampdeck.record.gfm import MOST_SAID, bullets, code, prose, table
from rampdeck.record.result import Measured, RequestResult, Result, StepResult
from rampdeck.record.words import SIGNS, beside, milliseconds, number
from rampdeck.snapshot import Spread
from rampdeck.view import Unit

MOST_LEVELS = 50
"""Load levels whose every percentile is written, the newest; the JSON has those of all."""
MOST_NAMES = 20
"""Request names whose every percentile is written; the JSON has those of all."""
_MEASURED = ("Requests", "Failures", "Error rate", "Requests/s", "p50", "p95", "p99", "p99.9", "Max", "Delay")
_EVERY = ("Times of", "Count", "Mean", "p50", "p90", "p95", "p99", "p99.9", "p99.99", "Max")


def levels(result: Result) -> str:
    """Return the load levels over their measured parts."""
    if not result.steps:
        return "There was no load."
    rows = [
        (
            str(step.number),
            _stage(step),
            verdict(step),
            number(step.users),
            f"{step.seconds:.0f}",
            *(_measured(step) if step.measured else [NOTHING] * len(_MEASURED)),
        )
        for step in result.steps
    ]
    marks = (f"Step {step.number}: {prose(mark, MOST_SAID)}" for step in result.steps for mark in step.marks)
    parts = (
        table(("Step", "Stage", "Verdict", "Users", "Seconds", *_MEASURED), rows, 3),
        bullets(marks),
        _how(result),
    )
    return "\n\n".join(part for part in parts if part)


def verdict(step: StepResult) -> str:
    """Return the verdict of a level with its sign."""
    return f"{SIGNS[step.verdict]} {step.verdict.value}" if step.measured else f"○ {step.unmeasured}"


def spread_levels(result: Result) -> str:
    """Return every percentile of the newest levels."""
    steps = result.steps
    rows = [(str(step.number), _stage(step), *line) for step in steps[-MOST_LEVELS:] for line in _every(step)]
    if not rows:
        return ""
    written = table(("Step", "Stage", *_EVERY), rows, 3)
    left_out = sum(step.measured for step in steps[:-MOST_LEVELS])
    more = f"\n\nThe percentiles of {number(left_out)} levels before these are in record.json."
    return written + (more if left_out else "")


def requests(result: Result) -> str:
    """Return the request names over the whole run, the worst first."""
    if not result.requests:
        return "None ended."
    rows = [(code(request.method), code(request.name), *_measured(request)) for request in _ordered(result)]
    rows.append(("all", "", *_measured(result.total)))
    return f"Over the whole run, with ramps.\n\n{table(('Method', 'Name', *_MEASURED), rows, 2)}"


def spread_requests(result: Result) -> str:
    """Return every percentile of all requests and of the worst names."""
    if not result.requests:
        return ""
    ordered = _ordered(result)
    rows = [("all", "", *line) for line in _every(result.total)]
    for request in ordered[:MOST_NAMES]:
        rows += [(code(request.method), code(request.name), *line) for line in _every(request)]
    written = table(("Method", "Name", *_EVERY), rows, 3)
    left_out = len(ordered) - MOST_NAMES
    more = f"\n\nThe percentiles of {number(left_out)} more are in record.json."
    return written + (more if left_out > 0 else "")


def errors(result: Result) -> str:
    """Return the most frequent errors."""
    if not result.errors:
        return ""
    rows = [
        (number(error.count), code(error.method), code(error.name), code(error.text))
        for error in result.errors
    ]
    more = f"\n\n{number(result.errors_left_out)} more are not listed." if result.errors_left_out else ""
    return table(("Count", "Method", "Name", "Error"), rows, 4) + more


def _how(result: Result) -> str:
    """Return which clock was judged, and what the columns are."""
    judged: list[Measured] = [step for step in result.steps if step.measured] or [result.total]
    count, stamped = sum(one.requests for one in judged), sum(one.stamped for one in judged)
    if not stamped:
        clock = (
            "the times that were judged are Locust's, because no answer carried the kernel's stamp: what "
            "this machine itself added is in them."
        )
    elif stamped == count:
        clock = (
            "the times that were judged are wire times, from the first byte sent to the kernel's stamp of "
            "the last byte received."
        )
    else:
        clock = (
            f"the times that were judged are wire times, stamped by the kernel, for {number(stamped)} of "
            f"{number(count)} requests, and Locust's for the others."
        )
    said = [
        f"How it was measured: {clock}",
        "All are in ms, percentiles at most 1 % off.",
        "Seconds are those after ramp and settling; Delay is the p95 of what this machine added to "
        "Locust's times.",
    ]
    return "\n".join((*said, *beside(result.total)))


def _every(measured: Measured) -> Iterator[tuple[str, ...]]:
    """Return a line for each clock that says something of its own."""
    spreads = measured.spreads
    lines: list[tuple[str, Spread]] = [("all", spreads.all)]
    if measured.failures:
        lines += [("successes", spreads.ok), ("failures", spreads.failed)]
    if measured.stamped:
        lines += [("Locust's clock", spreads.locust), ("generator delay", spreads.delay)]
    lines.append(("corrected", spreads.corrected))
    for label, spread in lines:
        if spread.count:
            times = (spread.mean, spread.p50, spread.p90, spread.p95, spread.p99, spread.p999, spread.p9999)
            yield (
                label,
                number(spread.count),
                *(milliseconds(time) for time in (*times, spread.highest)),
            )


def _ordered(result: Result) -> list[RequestResult]:
    return sorted(
        result.requests, key=lambda request: (-request.failures, -(request.p95 or 0.0), request.name)
    )


def _stage(step: StepResult) -> str:
    return code(step.stage) if step.stage else f"by {prose(step.cause)}"


def _measured(measured: Measured) -> tuple[str, ...]:
    rate = None if measured.error_rate is None else measured.error_rate * 100
    times = (measured.p50, measured.p95, measured.p99, measured.p999, measured.highest, measured.delay_p95)
    return (
        number(measured.requests),
        number(measured.failures),
        told(rate, Unit.PERCENT),
        NOTHING if measured.rps is None else f"{measured.rps:.1f}",
        *(milliseconds(time) for time in times),
    )
