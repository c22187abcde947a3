"""The result as one web page that needs nothing but itself: no script, no font, no request.

It reads light, dark and printed. Whatever others wrote is cleaned, redacted and
escaped; a policy in its head keeps even a mistake in that from doing anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import UTC
from functools import partial
from html import escape
from pathlib import Path

from rampdeck import format as fmt
from rampdeck.gate.words import told
from rampdeck.record import logs, tables
from rampdeck.record.chart import Boundary, chart
from rampdeck.record.markdown import date
from rampdeck.record.result import LINES, Measured, RequestResult, Result, SourceResult, StepResult
from rampdeck.record.timeline import Timeline
from rampdeck.requests import Key
from rampdeck.secrets import redact
from rampdeck.snapshot import Spreads, Verdict
from rampdeck.text import clean
from rampdeck.view import Unit

NOTHING = fmt.NOTHING
SIGNS = {Verdict.PASS: "●", Verdict.FAIL: "✖", Verdict.INCONCLUSIVE: "▲"}
_MOST = 500
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_P95 = re.compile(r"p95\s*<=?\s*[\d.]+\s*m?s\Z")
_MEASURED = ("Requests", "Failures", "Errors %", "Requests/s", "p50", "p95", "p99", "Max")
_TIMES = ("Mean", "p50", "p90", "p95", "p99", "p99.9", "p99.99", "Max")


@dataclass(frozen=True, slots=True)
class Page:
    """What the page is made of: the result, how response times are spread, and the run over time."""

    result: Result
    timeline: Timeline
    spreads: Mapping[Key, Spreads] = field(default_factory=dict)
    total: Spreads = field(default_factory=Spreads)
    timeline_note: str = ""


def html(page: Page) -> str:
    """Return the page."""
    result = page.result
    title = text(result.title) or "untitled"
    sections = (
        _section("Timeline", _timeline(page)),
        _section("Thresholds", _thresholds(result)),
        _section("Load levels", _steps(result.steps)),
        _section("Requests", _requests(page)),
        _section("Worst errors", _errors(result)),
        _section("What the logs said", _logs(result)),
        _section("Behind the load levels", _tables(result)),
        _section("Findings", _findings(result)),
        _section("Can this run be trusted?", _trust(result)),
        _section("Lines", _lines(result.sources)),
        _section("Release", _facts(result)),
    )
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{result.result.value}: {title}</title>",
            f"<style>\n{style}</style></head><body><main>",
            _verdict(page, title),
            *(section for section in sections if section),
            f'<p class="muted small">Rampdeck {text(result.version)}. Times are at most 1 % off, and '
            "wire times where the kernel stamped the answer. The session file has everything"
            + (f": <code>{text(str(result.session))}</code></p>" if result.session else ".</p>"),
            "</main></body></html>",
            "",
        )
    )


def text(raw: str) -> str:
    """Return somebody's text as one line that is no markup and holds no secret."""
    return escape(redact(clean(raw, _MOST)))


def code(raw: str) -> str:
    """Return text as code; a dash for none."""
    return f"<code>{text(raw)}</code>" if raw.strip() else NOTHING


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1, wide: int = -1) -> str:
    """Return a table of cells that are HTML already.

    The first ``left`` columns stand left; ``wide`` is one that may wrap; a last
    row that begins with ``all`` is told apart.
    """

    def side(column: int) -> str:
        names = " ".join(("left",) * (column < left) + ("wide",) * (column == wide))
        return f' class="{names}"' if names else ""

    lines = ["<tr>" + "".join(f"<th{side(place)}>{cell}</th>" for place, cell in enumerate(head)) + "</tr>"]
    for row in rows:
        cells = "".join(f"<td{side(place)}>{cell}</td>" for place, cell in enumerate(row))
        lines.append(f'<tr class="all">{cells}</tr>' if row[0] == "all" else f"<tr>{cells}</tr>")
    return '<div class="scroll"><table>\n' + "\n".join(lines) + "\n</table></div>"


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>\n{body}\n</section>" if body else ""


def _verdict(page: Page, title: str) -> str:
    result, total = page.result, page.result.total
    word = result.result.value
    reasons = "".join(f"<li>{text(reason)}</li>" for reason in result.reasons)
    tiles = {
        "requests": fmt.count(total.requests),
        "requests/s": fmt.rate(total.rps),
        "errors": _unit(fmt.share(total.error_rate), "%"),
        "p50": _unit(_ms(total.p50), "ms"),
        "p95": _unit(_ms(total.p95), "ms"),
        "p99": _unit(_ms(total.p99), "ms"),
        "users at most": fmt.count(result.users),
    }
    if page.total.delay.count:
        tiles["generator, p95"] = _unit("+" + _ms(page.total.delay.p95), "ms")
    running = '<p class="warn">Written while the load was still going on.</p>' if result.running else ""
    figures = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in tiles.items())
    return (
        f'<header class="{word}"><p class="verdict {word}">{SIGNS[result.result]} {word}</p><h1>{title}</h1>'
        f'<p class="muted">{_span(result)} against {code(result.host)}</p>{running}'
        + (f"<ul>{reasons}</ul>" if reasons else "")
        + f'<dl class="tiles">{figures}</dl></header>'
    )


def _span(result: Result) -> str:
    if result.began is None:
        return "No load"
    seconds = result.ended.mono - result.began.mono
    return f"{fmt.duration(seconds)} from {date(result.began)}"


def _timeline(page: Page) -> str:
    boundaries = [
        Boundary(step.began.utc, f"{step.number}: {clean(step.stage, 16) or f'{step.users} users'}")
        for step in page.result.steps
    ]
    limits = [view.limit for view in page.result.thresholds if _P95.match(view.expression)]
    drawn = chart(page.timeline, boundaries, min(limits, default=None))
    note = f'<p class="warn">{text(page.timeline_note)}</p>' if page.timeline_note else ""
    return drawn + note if drawn else ""


def _thresholds(result: Result) -> str:
    if not result.thresholds:
        return "<p>None were given.</p>"
    rows = (
        (
            code(view.expression),
            _tag(view.state.value, "near its limit" if view.state.value == "warn" else view.state.value),
            told(view.value, view.unit, view.limit),
            told(view.limit, view.unit),
            fmt.count(view.samples),
            fmt.clock(view.first_breach.utc, UTC) if view.first_breach else NOTHING,
        )
        for view in result.thresholds
    )
    return table(("Threshold", "State", "Value", "Limit", "Samples", "First breach, UTC"), rows, 2)


def _steps(steps: Sequence[StepResult]) -> str:
    if not steps:
        return "<p>There was no load.</p>"
    rows = (
        (
            str(step.number),
            code(step.stage),
            text(step.cause),
            _tag(step.verdict.value, step.verdict.value) if step.measured else "not measured",
            fmt.count(step.users),
            f"{step.seconds:.0f}" if step.measured else NOTHING,
            *(_measured(step) if step.measured else [NOTHING] * len(_MEASURED)),
        )
        for step in steps
    )
    head = ("Step", "Stage", "Cause", "Verdict", "Users", "Measured s", *_MEASURED)
    return (
        table(head, rows, 4) + '<p class="muted small">Times in ms, over the measured part of each level.</p>'
    )


def _requests(page: Page) -> str:
    result = page.result
    if not result.requests:
        return "<p>None ended.</p>"
    stamped = page.total.delay.count > 0
    head = ("Method", "Name", "Requests", "Failures", "Errors %", "Requests/s", *_TIMES)
    order = sorted(result.requests, key=lambda row: (-row.failures, -(row.p95 or 0.0), row.name))
    rows = [
        (code(row.method), code(row.name), *_request(row, page.spreads.get((row.method, row.name)), stamped))
        for row in order
    ]
    rows.append(("all", "", *_request(result.total, page.total, stamped)))
    note = "Times in ms, over the whole run, with ramps."
    if stamped:
        note += " The last two: p95 by Locust's own clock, and what the generator itself added at p95."
    extra = ("Locust p95", "Generator") if stamped else ()
    return table((*head, *extra), rows, 2, wide=1) + f'<p class="muted small">{note}</p>'


def _request(row: RequestResult | Measured, spreads: Spreads | None, stamped: bool) -> tuple[str, ...]:
    every = spreads.all if spreads else None
    times = (
        (every.mean, every.p50, every.p90, every.p95, every.p99, every.p999, every.p9999, every.highest)
        if every
        else (row.mean, row.p50, None, row.p95, row.p99, None, None, row.highest)
    )
    clocks = (spreads.locust.p95, spreads.delay.p95) if stamped and spreads else (None,) * (2 * stamped)
    return (*_counts(row), *(_ms(time) for time in (*times, *clocks)))


def _counts(row: Measured) -> tuple[str, ...]:
    return fmt.count(row.requests), fmt.count(row.failures), fmt.share(row.error_rate), fmt.rate(row.rps)


def _measured(row: Measured) -> tuple[str, ...]:
    times = (row.p50, row.p95, row.p99, row.highest)
    return (*_counts(row), *(_ms(time) for time in times))


def _errors(result: Result) -> str:
    if not result.errors:
        return ""
    rows = (
        (code(error.method), code(error.name), code(error.text), fmt.count(error.count))
        for error in result.errors
    )
    more = (
        f"<p>{fmt.count(result.errors_left_out)} more are not listed.</p>" if result.errors_left_out else ""
    )
    return table(("Method", "Name", "Error", "Count"), rows, 3, wide=2) + more


def _logs(result: Result) -> str:
    return logs.section(result.logs, partial(table, wide=3), code, "<p>{}</p>".format)


def _tables(result: Result) -> str:
    found = []
    for one in tables.shown(result.tables):
        head, rows, left = tables.grid(one, code)
        title = f"<h3>{text(one.title)} of step {one.step}, {code(one.source)}</h3>"
        found.append(title + table([text(cell) for cell in head], rows, left, wide=left - 1))
    return "\n".join(found)


def _findings(result: Result) -> str:
    found = []
    for finding in result.findings:
        evidence = "".join(f"<li>{code(piece)}</li>" for piece in finding.evidence)
        advice = f"<p>What to do: {text(finding.advice)}</p>" if finding.advice else ""
        severity = text(finding.severity)
        found.append(
            f"<li>{_tag(severity, severity)} <b>{text(finding.layer)}</b>: {text(finding.text)}"
            + (f"<ul>{evidence}</ul>" if evidence else "")
            + f"{advice}</li>"
        )
    return f"<ol>{''.join(found)}</ol>" if found else ""


def _trust(result: Result) -> str:
    doubts = "".join(f"<li>{text(doubt)}</li>" for doubt in result.doubts)
    generator = result.generator
    parts = [
        f"<p>Not without doubt:</p><ul>{doubts}</ul>" if doubts else "<p>Nothing speaks against it.</p>",
        f"<p>Generator: CPU at most {told(generator.cpu_percent, Unit.PERCENT)}, "
        f"loop lag p99 at most {told(generator.lag_p99_ms, Unit.MILLISECONDS)}, "
        f"max {told(generator.lag_max_ms, Unit.MILLISECONDS)}.</p>",
    ]
    if result.sources:
        rows = (
            (
                code(source.name),
                code(source.host),
                text(source.state),
                text(source.reason) or NOTHING,
                fmt.count(source.samples),
                fmt.count(source.events),
                str(source.gap_count),
            )
            for source in result.sources
        )
        head = ("Source", "Host", "State", "Why", "Samples", "Events", "Gaps")
        parts.append(table(head, rows, 4, wide=3))
    gaps = "".join(gap for source in result.sources for gap in _gaps(source))
    return "\n".join((*parts, f"<ul>{gaps}</ul>" if gaps else ""))


def _gaps(source: SourceResult) -> Iterator[str]:
    for gap in source.gaps:
        until = f"{fmt.clock(gap.until, UTC)} UTC" if gap.until is not None else "the end"
        why = text(gap.why or "blind")
        yield f"<li>{code(source.name)} from {fmt.clock(gap.begin, UTC)} to {until}: {why}</li>"


def _lines(sources: Sequence[SourceResult]) -> str:
    rows = [
        (code(source.name), *map(fmt.count, astuple(source.lines)), str(source.gap_count))
        for source in sources
        if source.lines is not None
    ]
    if not rows:
        return ""
    head = ("Source", "Read", "Stored", "Counted", "Dropped", "Suppressed", "Gaps")
    return f"<p>{text(LINES)}</p>\n{table(head, rows)}"


def _facts(result: Result) -> str:
    facts = "".join(
        f"<dt>{name}</dt><dd>{text(fact) or 'not given'}</dd>" for name, fact in result.record.named().items()
    )
    return f'<dl class="facts">{facts}</dl>'


def _tag(state: str, words: str) -> str:
    return f'<span class="tag {state}">{words}</span>'


def _ms(time: float | None) -> str:
    return f"{time:.1f}" if time is not None and time < 99.95 else fmt.milliseconds(time)


def _unit(value: str, unit: str) -> str:
    return value if value.endswith(NOTHING) else f"{value}{fmt.THIN}{unit}"
