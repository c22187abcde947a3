"""The figure that a threshold looks at, and how near it is to its limit."""

from __future__ import annotations

from rampdeck.gate.threshold import Kind, Threshold
from rampdeck.gate.windows import Selection
from rampdeck.snapshot import Figures

MIN_REQUESTS = 10
"""Requests below which response times and shares are not judged."""
MIN_SECONDS = 5.0
"""Measured seconds below which the rate of a load level is not judged."""


def value_of(threshold: Threshold, selection: Selection, seconds: float) -> float | None:
    """Return the value of a threshold in its unit, ``None`` without samples.

    That nothing was answered breaks a rate that was to be reached, or a count within a
    window, but none keeps its limit by it.
    """
    count = selection.times.count
    if threshold.metric == "requests" and threshold.over is not None:
        return float(count) if count or not threshold.holds(0.0) else None
    if threshold.metric == "rps":
        rate = count / seconds if seconds > 0 else None
        return rate if count or (rate is not None and not threshold.holds(rate)) else None
    if not count:
        return None
    match threshold.metric:
        case "percentile":
            return selection.percentiles[threshold.percent]
        case "mean":
            return selection.times.mean
        case "min":
            return selection.times.lowest
        case "max":
            return selection.times.highest
        case "error_rate":
            return 100 * selection.failures / count
        case "requests":
            return float(count)
        case "failures":
            return float(selection.failures)
        case _:
            return None


def is_enough(threshold: Threshold, selection: Selection, seconds: float) -> bool:
    """Return whether there is enough of a load level or a window to judge it."""
    match threshold.kind:
        case Kind.COUNT:
            return selection.times.count > 0 or threshold.over is not None
        case Kind.RATE:
            return threshold.over is not None or seconds >= MIN_SECONDS
        case _:
            return selection.times.count >= MIN_REQUESTS


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


def is_near(threshold: Threshold, value: float, warn_at: float) -> bool:
    """Return whether a value that holds has used up ``warn_at`` per cent of its limit.

    A lower limit is near from where the limit is ``warn_at`` per cent of the
    value: 50/s for ``rps >= 40`` and 80 %. Nothing is near a limit of 0, or one
    that must be met or missed exactly.
    """
    if threshold.limit <= 0:
        return False
    match threshold.operator:
        case "<" | "<=":
            return value >= threshold.limit * warn_at / 100
        case ">" | ">=":
            return value * warn_at / 100 <= threshold.limit
        case _:
            return False


def margin_of(threshold: Threshold, value: float | None) -> float | None:
    """Return the share of the limit that a value leaves, negative beyond it; ``None`` where there is none."""
    if value is None or threshold.limit <= 0:
        return None
    match threshold.operator:
        case "<" | "<=":
            return (threshold.limit - value) / threshold.limit
        case ">" | ">=":
            return (value - threshold.limit) / threshold.limit
        case _:
            return None


def may_change(threshold: Threshold, count: float) -> bool:
    """Return whether a count that breaches its limit now may keep to it later, by growing."""
    match threshold.operator:
        case ">" | ">=" | "!=":
            return True
        case "==":
            return count < threshold.limit
        case _:
            return False
