"""The preflight as JUnit XML: a suite for each theme of checks, a case for each place of a check.

A check that failed is a failure, one that could not be found out is an error,
because unknown is never green; what was left out is skipped. A warning stands
against nothing, so its case passed; what it says is in the output of its suite.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rampdeck.model import Instant
from rampdeck.preflight.check import Check, State
from rampdeck.preflight.inspection import PreflightView
from rampdeck.record.suites import Case, Suite, document

_OUTCOMES = {
    State.FAILED: "failure",
    State.UNKNOWN: "error",
    State.PENDING: "error",
    State.SKIPPED: "skipped",
}


def as_junit(view: PreflightView, began: Instant, about: Mapping[str, object]) -> str:
    """Return the document; ``about`` says what was looked at."""
    properties = [(key, str(value)) for key, value in about.items()]
    themes: dict[str, list[Check]] = {}
    for check in view.checks:
        themes.setdefault(check.name.partition(".")[0], []).append(check)
    suites = (
        Suite(theme, _seconds(checks), began, list(map(_case, checks)), properties, _said(checks))
        for theme, checks in themes.items()
    )
    return document("preflight", suites)


def _seconds(checks: list[Check]) -> float:
    """Return how long the slowest check of them took: they are looked at side by side."""
    return max(check.took for check in checks)


def _case(check: Check) -> Case:
    outcome = _OUTCOMES.get(check.state, "")
    lines = tuple(
        f"{called}: {text}"
        for called, text in (
            ("found", check.found),
            ("expected", check.expected),
            ("why", check.why),
            ("do", check.fix),
            ("record", check.effect),
        )
        if text
    )
    return Case(check.label, outcome, check.state.value, check.found, lines, check.took)


def _said(checks: list[Check]) -> Iterator[str]:
    for check in checks:
        yield f"{check.state.value}: {check.name} {check.host}: {check.found}"
        if check.state is State.WARNING and check.fix:
            yield f"  do: {check.fix}"
