"""The result as Markdown that reads well in a pull request and in a terminal.

What others wrote (request names, error texts, output of commands) stands in
code spans, where neither markup nor a mention does anything; what the operator
wrote is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple
from datetime import UTC, datetime

from rampdeck.gate.words import NOTHING, told
from rampdeck.knee import Knee
from rampdeck.model import Instant
from rampdeck.record import clocks, counted, logs, tables
from rampdeck.record.counted import number
from rampdeck.record.result import LINES, Measured, RequestResult, Result, SourceResult
from rampdeck.secrets import redact
from rampdeck.snapshot import Spread, ThresholdView
from rampdeck.text import clean
from rampdeck.view import Unit

_PROSE = re.compile(r"[\\`*\[\]~]|<(?=[A-Za-z/!?])|&(?=#?\w+;)|(?<!\w)_|_(?!\w)")
_MOST = 300
_MOST_SAID = 600
_STATES = {"pass": "pass", "warn": "pass, near", "fail": "**fail**", "unknown": "unknown"}
_MEASURED = ("Requests", "Failures", "Error rate", "Requests/s", "p50", "p95", "p99", "p99.9", "Max", "Delay")
_EVERY = ("Times of", "Count", "Mean", "p50", "p90", "p95", "p99", "p99.9", "p99.99", "Max")
_MOST_LEVELS = 50
"""Load levels whose every percentile is written, the newest; the JSON has those of all."""
_MOST_NAMES = 20
"""Request names whose every percentile is written; the JSON has those of all."""


def markdown(result: Result) -> str:
    """Return the whole record."""
    sections = (
        f"# Load test record: {prose(result.title) or 'untitled'}",
        _verdict(result),
        _section("Release", _fields(result)),
        _section("Thresholds", _thresholds(result.thresholds)),
        _section("Load levels", _steps(result)),
        _section("Capacity", _capacity(result.knee)),
        _section("Pace", "\n".join(f"- {prose(sentence, _MOST_SAID)}" for sentence in result.pacing)),
        _section("Requests", _requests(result)),
        _section("Counted twice", counted.section(result.counts, table)),
        _section("Worst errors", _errors(result)),
        _section("Behind the load levels", tables.section(result.tables, table, code)),
        _section("What the logs said", logs.section(result.logs, table, code)),
        _section("Can this run be trusted?", _trust(result)),
        _section("Lines", _lines(result.sources)),
        _section("Findings", _findings(result)),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def prose(text: str, most: int = _MOST) -> str:
    """Return somebody's text as one line that is no markup."""
    return _PROSE.sub(r"\\\g<0>", redact(clean(text, most)))


def code(text: str) -> str:
    """Return text as a code span, whatever it holds; a dash for none."""
    text = redact(clean(text, _MOST)).strip()
    if not text:
        return NOTHING
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if "`" in (text[0], text[-1]) else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Return a table; the first ``left`` columns stand left, the others right."""
    lines = [[cell.replace("|", r"\|") for cell in row] for row in (head, *rows)]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(head))]
    rule = ["-" * width if column < left else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    lines.insert(1, rule)
    return "\n".join(
        "| "
        + " | ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in lines
    )


def _verdict(result: Result) -> str:
    reasons = "".join(f"\n- {prose(reason)}" for reason in result.reasons)
    running = "\n\nWritten while the load was still going on." if result.running else ""
    return f"**{result.result.value}**{running}" + (f"\n{reasons}" if reasons else "")


def _fields(result: Result) -> str:
    lines = []
    for name, text in result.record.named().items():
        written = text if name in ("Date", "Result") else prose(text)
        lines.append(f"- {name}: {written or 'not given'}")
    lines += ["", f"{_span(result)} against {code(result.host)}, at most {result.users} users."]
    return "\n".join(lines)


def _span(result: Result) -> str:
    if result.began is None:
        return "No load"
    minutes, seconds = divmod(round(result.ended.mono - result.began.mono), 60)
    length = f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
    return f"{length} from {_clock(result.began.utc)} UTC, {number(result.total.requests)} requests"


def _thresholds(views: Sequence[ThresholdView]) -> str:
    if not views:
        return "None were given."
    rows = [
        (
            code(view.expression),
            _STATES[view.state.value],
            told(view.value, view.unit, view.limit),
            told(view.limit, view.unit),
            number(view.samples),
            _clock(view.first_breach.utc) if view.first_breach else NOTHING,
        )
        for view in views
    ]
    return table(("Threshold", "State", "Value", "Limit", "Samples", "First breach (UTC)"), rows, 2)


def _steps(result: Result) -> str:
    steps = result.steps
    if not steps:
        return "There was no load."
    rows = [
        (
            str(step.number),
            code(step.stage) if step.stage else f"by {step.cause}",
            step.verdict.value if step.measured else "not measured",
            str(step.users),
            f"{step.seconds:.0f}",
            *(_measured(step) if step.measured else [NOTHING] * len(_MEASURED)),
        )
        for step in steps
    ]
    every = [
        (str(step.number), code(step.stage) if step.stage else f"by {step.cause}", *line)
        for step in steps[-_MOST_LEVELS:]
        for line in _every(step)
    ]
    left_out = sum(step.measured for step in steps[:-_MOST_LEVELS])
    parts = (
        _how(result),
        table(("Step", "Stage", "Verdict", "Users", "Seconds", *_MEASURED), rows, 3),
        "\n".join(f"- Step {step.number}: {prose(mark)}" for step in steps for mark in step.marks),
        every and "### Every percentile of the load levels",
        every and table(("Step", "Stage", *_EVERY), every, 3),
        left_out and f"The percentiles of {number(left_out)} levels before these are in record.json.",
    )
    return "\n\n".join(part for part in parts if part)


def _how(result: Result) -> str:
    """Return which clock was judged, and what the columns are."""
    judged: list[Measured] = [step for step in result.steps if step.measured] or [result.total]
    requests, stamped = sum(one.requests for one in judged), sum(one.stamped for one in judged)
    if not stamped:
        clock = (
            "the times that were judged are Locust's, because no answer carried the kernel's stamp: what "
            "this machine itself added is in them."
        )
    elif stamped == requests:
        clock = (
            "the times that were judged are wire times, from the first byte sent to the kernel's stamp of "
            "the last byte received."
        )
    else:
        clock = (
            f"the times that were judged are wire times, stamped by the kernel, for {number(stamped)} of "
            f"{number(requests)} requests, and Locust's for the others."
        )
    told = [
        f"How it was measured: {clock}",
        "All are in ms, percentiles at most 1 % off. Seconds are those after ramp and settling; Delay is the "
        "p95 of what this machine added to Locust's times.",
    ]
    if result.total.redirects:
        told.append(f"{number(result.total.redirects)} redirects were followed; each is part of its request.")
    if result.total.killed:
        told.append(f"{number(result.total.killed)} requests were cut off by us and count nowhere.")
    return " ".join(told)


def _capacity(knee: Knee | None) -> str:
    if knee is None:
        return ""
    climb = f"Auto-step: {knee.climb}." if knee.climb else ""
    left_out = "\n".join(f"- {prose(sentence)}" for sentence in knee.left_out)
    parts = (prose(knee.sentence), climb, knee.method, left_out and f"Left out:\n\n{left_out}")
    return "\n\n".join(part for part in parts if part)


def _requests(result: Result) -> str:
    if not result.requests:
        return "None ended."
    ordered = _ordered(result)
    rows = [(code(request.method), code(request.name), *_measured(request)) for request in ordered]
    rows.append(("all", "", *_measured(result.total)))
    every = [("all", "", *line) for line in _every(result.total)]
    for request in ordered[:_MOST_NAMES]:
        every += [(code(request.method), code(request.name), *line) for line in _every(request)]
    parts = [
        "Over the whole run, with ramps.",
        table(("Method", "Name", *_MEASURED), rows, 2),
        "### Every percentile of the requests",
        table(("Method", "Name", *_EVERY), every, 3),
    ]
    if (more := len(ordered) - _MOST_NAMES) > 0:
        parts.append(f"The percentiles of {number(more)} more are in record.json.")
    return "\n\n".join(parts)


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
                *(_milliseconds(time) for time in (*times, spread.highest)),
            )


def _ordered(result: Result) -> list[RequestResult]:
    return sorted(
        result.requests, key=lambda request: (-request.failures, -(request.p95 or 0.0), request.name)
    )


def _errors(result: Result) -> str:
    if not result.errors:
        return ""
    rows = [
        (number(error.count), code(error.method), code(error.name), code(error.text))
        for error in result.errors
    ]
    more = f"\n\n{number(result.errors_left_out)} more are not listed." if result.errors_left_out else ""
    return table(("Count", "Method", "Name", "Error"), rows, 4) + more


def _trust(result: Result) -> str:
    doubts = "\n".join(f"- {prose(doubt)}" for doubt in result.doubts)
    generator = result.generator
    parts = [
        "Not without doubt:\n\n" + doubts if doubts else "Nothing speaks against it.",
        f"Generator: CPU at most {told(generator.cpu_percent, Unit.PERCENT)}, "
        f"loop lag p99 at most {told(generator.lag_p99_ms, Unit.MILLISECONDS)}, "
        f"max {told(generator.lag_max_ms, Unit.MILLISECONDS)}, "
        f"delay p95 at most {told(generator.delay_p95_ms, Unit.MILLISECONDS)}.",
    ]
    if result.sources:
        rows = [
            (
                code(source.name),
                code(source.host),
                source.state,
                code(source.reason),
                number(source.samples),
                number(source.events),
                str(source.gap_count),
            )
            for source in result.sources
        ]
        head = ("Source", "Host", "State", "Why", "Samples", "Events", "Gaps")
        parts.append(table(head, rows, 4))
    gaps = "\n".join(line for source in result.sources for line in _gaps(source))
    measured = clocks.section(result.clocks, table, code)
    return "\n\n".join(part for part in (*parts, gaps, measured) if part)


def _gaps(source: SourceResult) -> Iterator[str]:
    for gap in source.gaps:
        until = f"{_clock(gap.until)} UTC" if gap.until is not None else "the end"
        yield f"- {code(source.name)} from {_clock(gap.begin)} to {until}: {prose(gap.why or 'blind')}"


def _lines(sources: Sequence[SourceResult]) -> str:
    rows = [
        (
            code(source.name),
            *map(number, astuple(source.lines)),
            str(source.gap_count),
        )
        for source in sources
        if source.lines is not None
    ]
    if not rows:
        return ""
    head = ("Source", "Read", "Stored", "Counted", "Dropped", "Suppressed", "Gaps")
    return f"{LINES}\n\n{table(head, rows)}"


def _findings(result: Result) -> str:
    lines = []
    for place, finding in enumerate(result.findings, 1):
        lines.append(f"{place}. **{prose(finding.layer)}**, {prose(finding.severity)}: {prose(finding.text)}")
        lines += [f"   - {code(piece)}" for piece in finding.evidence]
        if finding.advice:
            lines.append(f"   - What to do: {prose(finding.advice)}")
    return "\n".join(lines)


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _measured(measured: Measured) -> tuple[str, ...]:
    rate = None if measured.error_rate is None else measured.error_rate * 100
    times = (measured.p50, measured.p95, measured.p99, measured.p999, measured.highest, measured.delay_p95)
    return (
        number(measured.requests),
        number(measured.failures),
        told(rate, Unit.PERCENT),
        NOTHING if measured.rps is None else f"{measured.rps:.1f}",
        *(_milliseconds(time) for time in times),
    )


def _milliseconds(time: float | None) -> str:
    if time is None:
        return NOTHING
    return f"{time:.1f}" if time < 10 else number(round(time))


def _clock(utc: float) -> str:
    return datetime.fromtimestamp(utc, UTC).strftime("%H:%M:%S")


def date(instant: Instant) -> str:
    """Return a moment for the field Date: ``2026-11-22 12:21 UTC``."""
    return datetime.fromtimestamp(instant.utc, UTC).strftime("%Y-%m-%d %H:%M UTC")
