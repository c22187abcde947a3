"""The figure that a threshold looks at, and the state that follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rampdeck.gate.grammar import Threshold
from rampdeck.histogram import Histogram
from rampdeck.requests import Span, Tally
from rampdeck.snapshot import Figures, ThresholdState

Group = tuple[tuple[str, str], tuple[int, ...], tuple[float, ...]]
"""Method and name, the thresholds that look at them, and the percentiles those need."""


def grouped(thresholds: Sequence[Threshold]) -> tuple[Group, ...]:
    """Group thresholds by what they look at, so that each selection is made once."""
    members: dict[tuple[str, str], list[int]] = {}
    for index, threshold in enumerate(thresholds):
        members.setdefault((threshold.method, threshold.name), []).append(index)
    return tuple(
        (
            selection,
            tuple(indices),
            tuple(sorted({thresholds[index].percent for index in indices if thresholds[index].percent})),
        )
        for selection, indices in members.items()
    )


def selected(span: Span, method: str, name: str) -> Tally | None:
    """Return the requests of a method and a name; empty stands for any."""
    if method and name:
        return span.names.get((method, name))
    return span.matching(method or None, name or None)


def value_of(
    threshold: Threshold,
    everything: Histogram,
    failures: int,
    seconds: float,
    percentiles: Mapping[float, float | None],
) -> float | None:
    """Return the value of a threshold in its unit, ``None`` without samples."""
    count = everything.count
    if not count:
        return None
    match threshold.metric:
        case "percentile":
            return percentiles[threshold.percent]
        case "mean":
            return everything.mean
        case "max":
            return everything.highest
        case "error_rate":
            return 100 * failures / count
        case "rps":
            return count / seconds if seconds > 0 else None
        case "requests":
            return float(count)
        case _:
            return float(failures)


def figure_of(threshold: Threshold, figures: Figures) -> float | None:
    """Return the value of a threshold from ready figures, ``None`` where they do not have it."""
    match threshold.metric:
        case "percentile":
            return {50.0: figures.p50, 95.0: figures.p95, 99.0: figures.p99}.get(threshold.percent)
        case "mean":
            return figures.mean
        case "max":
            return figures.highest
        case "error_rate":
            return None if figures.error_rate is None else 100 * figures.error_rate
        case "rps" if threshold.name:
            return figures.rps
        case _:
            return None


def state_of(threshold: Threshold, value: float) -> ThresholdState:
    """Return the state of a value that is worth judging."""
    if not threshold.holds(value):
        return ThresholdState.FAIL
    return ThresholdState.WARN if threshold.is_near(value) else ThresholdState.PASS


def may_change(threshold: Threshold, count: float) -> bool:
    """Return whether a count that breaches its limit now may keep to it later, by growing."""
    match threshold.operator:
        case ">" | ">=" | "!=":
            return True
        case "==":
            return count < threshold.limit
        case _:
            return False
