"""The result as JUnit XML: one suite for the session, one for each load level, one case a threshold.

What reads such files knows four outcomes, and treats them alike: a failure and
an error make the build unstable (Jenkins) or the test failed (GitLab, the
reporters of GitHub Actions); a skipped test is neither, and many do not show it.
So a threshold that failed is a ``failure``, and one that could not be judged is
an ``error``, because unknown is never green. Only where the gate says PASS
nonetheless, as when one level brought too few requests and others enough, it is
``skipped``, and so is what only warns. The file is red exactly when the computed
verdict is not PASS; a person's decision beside it is a property. So a failed
check of the preflight, which takes a PASS away, is an ``error`` then; one that is
not known weighs nothing and is ``skipped``, a warning is output.

GitLab drops cases of one name, so each name holds its level. Cases take no
time; the ``time`` of a suite is how long it was measured.
"""

from __future__ import annotations

from collections.abc import Iterator

from rampdeck.gate.words import told
from rampdeck.model import Instant, level_name
from rampdeck.record import before, thresholds
from rampdeck.record.groundwork import CheckResult, PreflightResult
from rampdeck.record.result import Measured, Result, StepResult
from rampdeck.record.suites import Case, Suite, document, moment
from rampdeck.record.words import CUT_OFF, clock, date, milliseconds, number, span
from rampdeck.snapshot import ThresholdState, ThresholdView, Verdict
from rampdeck.view import Unit

TRUST = "Can this run be trusted?"


def junit(result: Result) -> str:
    """Return the document."""
    suites = (
        _session(result),
        *_preflight(result),
        *(_level(result, step) for step in result.steps),
    )
    return document(result.title or "load test", suites)


# -- the session


def _session(result: Result) -> Suite:
    began = result.began or result.ended
    return Suite(
        "session",
        max(0.0, result.ended.mono - began.mono),
        began,
        [_verdict(result), *_trust(result), *_over_all_levels(result)],
        list(_properties(result)),
        _told(result),
    )


def _verdict(result: Result) -> Case:
    """Return the case that is red whenever the verdict is not PASS, whatever became of the others."""
    name = "Verdict of the gate"
    if result.result is Verdict.PASS:
        return Case(name)
    outcome = "failure" if result.result is Verdict.FAIL else "error"
    why = "; ".join(result.reasons)
    message = f"{result.result.value}: {why}" if why else result.result.value
    return Case(name, outcome, result.result.value, message, result.reasons)


def _trust(result: Result) -> Iterator[Case]:
    if not result.doubts:
        yield Case(TRUST)
    for place, doubt in enumerate(result.doubts, 1):
        yield Case(f"{TRUST} ({place})", _unsure(result), "doubt", doubt)


def _over_all_levels(result: Result) -> Iterator[Case]:
    """Yield the thresholds that no level shows as they ended: counts, and breaches between the levels."""
    shown: dict[str, set[ThresholdState]] = {}
    for step in result.steps:
        for view in step.thresholds:
            shown.setdefault(view.expression, set()).add(thresholds.state(view))
    for view in result.thresholds:
        state = thresholds.state(view)
        seen = shown.get(view.expression)
        if seen is None or (state is ThresholdState.FAIL and state not in seen):
            yield _case(view, "", _unsure(result))


def _properties(result: Result) -> Iterator[tuple[str, str]]:
    yield "verdict", result.result.value
    if decision := result.decision:
        yield "decision", decision.verdict.value
        yield "decision.by", decision.name
        yield "decision.at", _zulu(decision.at)
        yield "decision.computed", decision.computed.value
        yield "decision.note", decision.note
    yield "title", result.title
    yield "host", result.host
    yield "users", str(result.users)
    yield "began", _zulu(result.began) if result.began else ""
    yield "ended", _zulu(result.ended)
    if work := result.groundwork:
        yield "environment", work.environment
        yield "preflight", before.headline(work.preflight)
        yield "guard.refused", str(work.guard.refused) if work.guard else ""
    yield "running", str(result.running).lower()
    yield "session", str(result.session or "")
    yield "session.sha256", result.session_sha256
    yield "rampdeck", result.version
    for name, text in result.record.named().items():
        yield f"record.{name}", text


def _told(result: Result) -> Iterator[str]:
    yield f"{result.result.value} {span(result)}"
    if result.cut_off:
        yield CUT_OFF
    if decision := result.decision:
        note = f": {decision.note}" if decision.note else ""
        verb = "overruled by" if decision.verdict is not result.result else "decided by"
        yield f"{decision.verdict.value}, {verb} {decision.name}, {date(decision.at)}{note}"
    yield from (f"warning: {warning}" for warning in result.warnings)
    for finding in result.findings:
        since = f", first at {clock(finding.since)} UTC" if finding.since is not None else ""
        yield f"{finding.severity}: {finding.layer}: {finding.text}{since}"


# -- before the load


def _preflight(result: Result) -> Iterator[Suite]:
    """Yield a suite of the checks that were not ok; none where all were."""
    work = result.groundwork
    if work is None or work.preflight is None or not work.preflight.not_ok:
        return
    preflight = work.preflight
    yield Suite(
        "preflight",
        preflight.seconds,
        result.began or result.ended if preflight.at is None else Instant(preflight.at, 0.0),
        [_check(check, preflight, _unsure(result)) for check in preflight.not_ok],
        [("environment", work.environment), ("went_on", ", ".join(preflight.went_on))],
        list(_said(preflight)),
    )


def _check(check: CheckResult, preflight: PreflightResult, unsure: str) -> Case:
    outcome = {"failed": unsure, "warning": ""}.get(check.state, "skipped")
    words = (("found", check.found), *before.below(check, preflight), ("why", check.why))
    lines = tuple(f"{called.lower()}: {text}" for called, text in words if text)
    return Case(check.label, outcome, check.state, check.found, lines)


def _said(preflight: PreflightResult) -> Iterator[str]:
    yield before.headline(preflight)
    for check in preflight.not_ok:
        on = ", and one went on" if before.went_on(check, preflight) else ""
        yield f"{check.state}: {check.name} {check.host}: {check.found}{on}"


# -- a level


def _level(result: Result, step: StepResult) -> Suite:
    level = level_name(step.number, step.users)
    cases = list(_level_cases(result, step, level))
    return Suite(
        f"step {step.number}" + (f" {step.stage}" if step.stage else ""),
        step.seconds,
        step.began,
        cases,
        [
            ("step", str(step.number)),
            ("stage", step.stage),
            ("users", str(step.users)),
            ("cause", step.cause),
            ("verdict", step.verdict.value if step.measured else step.unmeasured),
        ],
        [f"{name}: {text}" for name, text in _figures(step)] if step.measured else [step.unmeasured],
    )


def _level_cases(result: Result, step: StepResult, level: str) -> Iterator[Case]:
    if step.warmup:
        return
    if not step.measured:
        yield Case(f"{level} was measured", _unsure(result), "not measured", f"{level} was not measured")
    elif step.marks:
        yield Case(
            f"{level} can be trusted", _unsure(result), "doubt", "; ".join(step.marks), tuple(step.marks)
        )
    else:
        yield Case(f"{level} can be trusted")
    for view in step.thresholds:
        if step.measured or thresholds.state(view) is not ThresholdState.UNKNOWN:
            yield _case(view, level, _unsure(result))


def _figures(measured: Measured) -> Iterator[tuple[str, str]]:
    rate = None if measured.error_rate is None else measured.error_rate * 100
    yield "measured", f"{measured.seconds:.0f} s"
    yield "requests", number(measured.requests)
    yield "failures", number(measured.failures)
    yield "error rate", told(rate, Unit.PERCENT)
    yield "rps", told(measured.rps, Unit.PER_SECOND)
    for name, time in (("p50", measured.p50), ("p95", measured.p95), ("p99", measured.p99)):
        yield name, f"{milliseconds(time)} ms" if time is not None else milliseconds(time)


# -- a threshold


def _case(view: ThresholdView, level: str, unsure: str) -> Case:
    name = f"{view.expression} at {level}" if level else view.expression
    state = thresholds.state(view)
    if state in (ThresholdState.PASS, ThresholdState.WARN):
        return Case(name)
    outcome = unsure if state is ThresholdState.UNKNOWN else "failure"
    if view.warns:
        outcome = "skipped"
    lines = tuple(f"{what}: {text}" for what, text in thresholds.figures(view))
    return Case(name, outcome, state.value, thresholds.sentence(view, level), lines)


def _unsure(result: Result) -> str:
    """Return how what is not known is told: red, unless the gate says PASS nonetheless."""
    return "skipped" if result.result is Verdict.PASS else "error"


def _zulu(instant: Instant) -> str:
    return f"{moment(instant)}Z"
