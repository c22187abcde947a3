"""The figure that a threshold looks at, and the state that follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rampdeck.gate.grammar import Threshold
from rampdeck.histogram import Histogram
from rampdeck.requests import Key, Span, Tally
from rampdeck.snapshot import Figures, ThresholdState

Group = tuple[tuple[str, str], tuple[int, ...]]
"""Method and name, and the thresholds that look at them."""


def grouped(thresholds: Sequence[Threshold]) -> tuple[Group, ...]:
    """Group thresholds by what they look at, so that each selection is made once."""
    members: dict[tuple[str, str], list[int]] = {}
    for index, threshold in enumerate(thresholds):
        members.setdefault((threshold.method, threshold.name), []).append(index)
    return tuple((selection, tuple(indices)) for selection, indices in members.items())


@dataclass(frozen=True, slots=True)
class Selection:
    """The requests that a threshold looks at: their times, in all and at some percentiles."""

    everything: Histogram
    failures: int
    percentiles: Mapping[float, float | None]


class Selector:
    """Picks requests out of a span; what several thresholds look at is worked out once."""

    def __init__(self, span: Span, percents: Sequence[float]) -> None:
        self._span = span
        self._percents = percents
        self._done: dict[int, Selection] = {}
        self._keep: list[Tally] = []  # so that no id is given twice
        self._names: dict[str, list[Key]] = {}
        for key in span.names:
            self._names.setdefault(key[1], []).append(key)

    def select(self, method: str, name: str) -> Selection:
        """Return the requests of a method and a name; empty stands for any."""
        tally = self._tally(method, name)
        found = self._done.get(id(tally))
        if found is None:
            everything = tally.all()
            times = dict(zip(self._percents, everything.percentiles(self._percents), strict=True))
            found = self._done[id(tally)] = Selection(everything, tally.failures.count, times)
            self._keep.append(tally)
        return found

    def _tally(self, method: str, name: str) -> Tally:
        if not method and not name:
            return self._span.total
        keys = self._names.get(name, ()) if name else self._span.names
        tallies = [self._span.names[key] for key in keys if method in ("", key[0])]
        if len(tallies) == 1:
            return tallies[0]
        together = Tally()
        for tally in tallies:
            together.add(tally)
        return together


def value_of(threshold: Threshold, selection: Selection, seconds: float) -> float | None:
    """Return the value of a threshold in its unit, ``None`` without samples."""
    count = selection.everything.count
    if not count:
        return None
    match threshold.metric:
        case "percentile":
            return selection.percentiles[threshold.percent]
        case "mean":
            return selection.everything.mean
        case "min":
            return selection.everything.lowest
        case "max":
            return selection.everything.highest
        case "error_rate":
            return 100 * selection.failures / count
        case "rps":
            return count / seconds if seconds > 0 else None
        case "requests":
            return float(count)
        case "failures":
            return float(selection.failures)
        case _:
            return None


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
