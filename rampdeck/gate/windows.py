"""The requests that thresholds look at: of a load level, or of a window that slides over them.

Each batch is cut once into slices, one for each selection (a method, a name),
and every window adds the same slices and takes them out again when they have
left it. So a second costs as much as the requests of that second have names,
however long the windows are, and however many thresholds look at them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from rampdeck.dense import Dense
from rampdeck.histogram import Histogram
from rampdeck.model import RequestStats
from rampdeck.requests import Key, Tally

Selected = tuple[str, str]
"""Method and name; empty stands for any."""
HALF = 0.5
"""Seconds by which a window may be shorter than asked for: batches are a second, but not to the dot."""


class Slice(NamedTuple):
    """The requests of one batch and one selection: all response times, and how many had failed."""

    times: Histogram
    failures: int


class Slicer:
    """Cuts batches into slices, by the selections that there are."""

    def __init__(self, selections: Iterable[Selected]) -> None:
        self.selections = tuple(dict.fromkeys(selections))
        self._all = ("", "") in self.selections
        self._of_key: dict[Key, tuple[Selected, ...]] = {}

    def slices(
        self, entries: Iterable[tuple[Key, RequestStats | Tally]], total: Tally
    ) -> Mapping[Selected, Slice]:
        """Return the slices of some requests; ``total`` is the sum of them."""
        found: dict[Selected, Slice] = {}
        together: dict[Selected, list[RequestStats | Tally]] = {}
        for key, stats in entries:
            matching = self._of_key.get(key)
            for selected in self._matching(key) if matching is None else matching:
                together.setdefault(selected, []).append(stats)
        everything = total.successes.count + total.failures.count
        for selected, several in together.items():
            # What is all there is has been added up already.
            found[selected] = _slice(several if _count(several) < everything else (total,))
        if self._all:
            found["", ""] = _slice((total,))
        return found

    def _matching(self, key: Key) -> tuple[Selected, ...]:
        method, name = key
        found = tuple(
            selected
            for selected in self.selections
            if selected != ("", "") and selected[0] in ("", method) and selected[1] in ("", name)
        )
        self._of_key[key] = found
        return found


def _count(several: Sequence[RequestStats | Tally]) -> int:
    return sum(stats.successes.count + stats.failures.count for stats in several)


def _slice(several: Sequence[RequestStats | Tally]) -> Slice:
    failures = sum(stats.failures.count for stats in several)
    if len(several) == 1 and not failures:
        return Slice(several[0].successes, 0)
    times = Histogram()
    for stats in several:
        times.add(stats.successes)
        if stats.failures.count:
            times.add(stats.failures)
    return Slice(times, failures)


class Selection:
    """The requests of one selection in a window, and their response times at some percentiles."""

    __slots__ = ("_percents", "failures", "percentiles", "times")

    def __init__(self, percents: Iterable[float]) -> None:
        self._percents = tuple(sorted(set(percents), reverse=True))
        self.times = Dense()
        self.failures = 0
        self.percentiles: Mapping[float, float | None] = {}

    def measure(self) -> None:
        """Work out the percentiles, for all who want one, in one pass."""
        if self._percents:
            self.percentiles = self.times.percentiles(self._percents)


class Window:
    """Requests by selection: of the last ``seconds``, or of all seconds since :meth:`clear`."""

    def __init__(self, seconds: float | None, percents: Mapping[Selected, Iterable[float]]) -> None:
        self.length = seconds
        self.seconds = 0.0
        self._percents = percents
        self._kept: deque[tuple[float, dict[Selected, Slice]]] = deque()
        self.selections: dict[Selected, Selection] = {}
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.seconds = 0.0
        self._kept.clear()
        self.selections = {selected: Selection(percents) for selected, percents in self._percents.items()}

    @property
    def full(self) -> bool:
        """Whether it is as long as it should be."""
        return self.length is None or self.seconds >= self.length - HALF

    def add(self, seconds: float, slices: Mapping[Selected, Slice]) -> None:
        """Take in a batch, and take out what has left the window."""
        mine = {
            selected: slices[selected]
            for selected in self.selections
            if selected in slices and slices[selected].times.count
        }
        self.seconds += seconds
        for selected, part in mine.items():
            selection = self.selections[selected]
            selection.times.add(part.times)
            selection.failures += part.failures
        if self.length is not None:
            self._kept.append((seconds, mine))
            while self.seconds - self._kept[0][0] >= self.length - HALF:
                self._take_out(*self._kept.popleft())

    def _take_out(self, seconds: float, parts: Mapping[Selected, Slice]) -> None:
        self.seconds -= seconds
        for selected, part in parts.items():
            selection = self.selections[selected]
            selection.times.subtract(part.times)
            selection.failures -= part.failures
