"""The result in a screenful of Markdown, for the summary of a pipeline's step.

GitHub takes 1 MiB from a step and shows nothing beyond; this is far less,
whatever the session holds (:data:`MOST` characters), and says where the rest is.
"""

from __future__ import annotations

from collections.abc import Iterator

from rampdeck.gate.words import NOTHING, told
from rampdeck.record import before, thresholds
from rampdeck.record.gfm import MOST_SAID, bullets, code, prose, table
from rampdeck.record.groundwork import times
from rampdeck.record.mdload import verdict
from rampdeck.record.result import Finding, Result, StepResult
from rampdeck.record.words import CUT_OFF, clock, decided, heading, milliseconds, number, span
from rampdeck.snapshot import ThresholdState, Verdict
from rampdeck.view import Unit

MOST = 64 * 1024
"""Characters that a summary never has."""
MOST_REASONS = 8
MOST_THRESHOLDS = 20
MOST_LEVELS = 5
MOST_FINDINGS = 3
_ORDER = (ThresholdState.FAIL, ThresholdState.UNKNOWN, ThresholdState.WARN, ThresholdState.PASS)
_WORST = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)


def summary(result: Result) -> str:
    """Return the summary."""
    parts = (
        f"## {heading(result)}: {prose(result.title) or 'untitled'}",
        f"Against {code(result.host)} {span(result)}.",
        CUT_OFF if result.cut_off else "",
        _decision(result),
        bullets(_first(result.reasons, MOST_REASONS, "reasons")),
        _before(result),
        _thresholds(result),
        _levels(result),
        _findings(result.findings),
        _where(result),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _first(sentences: tuple[str, ...], most: int, what: str) -> Iterator[str]:
    yield from (prose(sentence, MOST_SAID) for sentence in sentences[:most])
    if (more := len(sentences) - most) > 0:
        yield f"and {number(more)} more {what}"


def _decision(result: Result) -> str:
    if (decision := result.decision) is None:
        return ""
    note = f": {prose(decision.note)}" if decision.note else "."
    said = decided(decision, result.result)
    return f"Decided: **{decision.verdict.value}** by {prose(decision.name) or 'somebody'} {said}{note}"


def _before(result: Result) -> str:
    """Return what was not as it should be before the load, or was refused; nothing when all was well."""
    work = result.groundwork
    if work is None:
        return ""
    lines = []
    if work.preflight and work.preflight.named("failed", "unknown"):
        names = ", ".join(work.preflight.named("failed", "unknown"))
        lines.append(f"**Preflight**: {prose(before.headline(work.preflight))}: {prose(names)}")
    if work.guard and work.guard.refused:
        places = ", ".join(dict.fromkeys(one.place for one in before.refusals(work)))
        lines.append(f"**Refused by the guard**: {times(work.guard.refused)}: {prose(places)}")
    return "\n\n".join(f"{line}." for line in lines)


def _thresholds(result: Result) -> str:
    """Return the worst thresholds, in the order they were given."""
    views = result.thresholds
    kept = set(
        sorted(range(len(views)), key=lambda at: _ORDER.index(thresholds.state(views[at])))[:MOST_THRESHOLDS]
    )
    shown = [view for at, view in enumerate(views) if at in kept]
    if not shown:
        return "No threshold was given."
    more = len(views) - len(shown)
    left = f"\n\nThe {number(more)} that are not here did no worse." if more > 0 else ""
    return f"### Thresholds\n\n{thresholds.section(shown)}{left}"


def _levels(result: Result) -> str:
    if not result.steps:
        return ""
    worst = sorted(result.steps, key=lambda step: (_WORST.index(_verdict(step)), -(step.p95 or 0.0)))
    rows = [_row(step) for step in sorted(worst[:MOST_LEVELS], key=lambda step: step.number)]
    head = ("Step", "Stage", "Verdict", "Users", "Requests/s", "Error rate", "p50 ms", "p95 ms", "p99 ms")
    more = len(result.steps) - MOST_LEVELS
    title = (
        f"### The {MOST_LEVELS} worst of {number(len(result.steps))} load levels"
        if more > 0
        else "### Load levels"
    )
    return f"{title}\n\n{table(head, rows, 3)}"


def _verdict(step: StepResult) -> Verdict:
    return step.verdict if step.measured else Verdict.INCONCLUSIVE


def _row(step: StepResult) -> tuple[str, ...]:
    rate = None if step.error_rate is None else step.error_rate * 100
    return (
        str(step.number),
        code(step.stage),
        verdict(step),
        number(step.users),
        NOTHING if step.rps is None else f"{step.rps:.1f}",
        told(rate, Unit.PERCENT),
        *(milliseconds(time) for time in (step.p50, step.p95, step.p99)),
    )


def _findings(findings: tuple[Finding, ...]) -> str:
    if not findings:
        return ""
    lines = []
    for finding in findings[:MOST_FINDINGS]:
        since = f", first at {clock(finding.since)} UTC" if finding.since is not None else ""
        advice = f". {prose(finding.advice)}" if finding.advice else ""
        lines.append(f"**{prose(finding.layer)}**: {prose(finding.text)}{since}{advice}")
    if (more := len(findings) - MOST_FINDINGS) > 0:
        lines.append(f"and {number(more)} more in the record")
    return f"### What broke first\n\n{bullets(lines)}"


def _where(result: Result) -> str:
    if result.session is None:
        return ""
    return f"The whole record is {code(str(result.session.with_name('record.md')))}, the session beside it."
