"""From thresholds and doubts to one word and its reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rampdeck.gate.words import told
from rampdeck.snapshot import ThresholdState, ThresholdView, Verdict


def judge(
    views: Sequence[ThresholdView],
    doubts: Sequence[str] = (),
    tainted: Sequence[str] = (),
    places: Mapping[str, str] | None = None,
) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict and its reasons as sentences, the decisive ones first.

    ``doubts`` say what was missing (a blind source, too short a level): they
    take a PASS away, but a failure stays one. ``tainted`` says why the request
    figures themselves are not to be trusted (the generator at its limit): then
    nothing failed for certain either. No threshold and no samples never pass.
    ``places`` says by expression where its value was seen.
    """
    failed = [
        _failure(view, (places or {}).get(view.expression, ""))
        for view in views
        if view.failed or view.state is ThresholdState.FAIL
    ]
    unknown = [
        f"{view.expression} was not judged: {'too few' if view.samples else 'no'} samples"
        for view in views
        if not view.failed and view.state is ThresholdState.UNKNOWN
    ]
    if failed and not tainted:
        return Verdict.FAIL, (*failed, *unknown, *doubts)
    if not views:
        unknown = ["there are no thresholds, so nothing was judged"]
    reasons = (*tainted, *failed, *unknown, *doubts)
    if reasons:
        return Verdict.INCONCLUSIVE, reasons
    return Verdict.PASS, ()


def _failure(view: ThresholdView, place: str) -> str:
    value = told(view.value, view.unit, view.limit)
    return f"{view.expression} failed: {value}" + (f" at {place}" if place else "")
