"""Thresholds that look at the same requests, judged together.

Work is shared: a batch is cut once, each window is kept once, and of each
selection in it the percentiles are worked out in one pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rampdeck.gate.course import Course
from rampdeck.gate.judges import RequestJudge, TotalJudge
from rampdeck.gate.windows import Selected, Slice, Slicer, Window
from rampdeck.model import Instant, Step

Requests = RequestJudge | TotalJudge


class Panel:
    """Judges of one window: of a load level, of all of them, or sliding; those with a stage by themselves."""

    def __init__(self, judges: Iterable[Requests]) -> None:
        self.judges: dict[Selected, list[Requests]] = {}
        percents: dict[Selected, list[float]] = {}
        for judge in judges:
            threshold = judge.threshold
            selected = (threshold.method, threshold.name)
            self.judges.setdefault(selected, []).append(judge)
            percents.setdefault(selected, []).extend([threshold.percent] if threshold.percent else [])
            self.stage, over = threshold.stage, threshold.over
            self.per_level = judge.per_level
        self.slides = over is not None
        self.window = Window(over, percents)
        self.inside = False
        """Whether the load is in the stage that it looks at."""

    def begin(self, step: Step) -> None:
        """Say that a load level begins."""
        before, self.inside = self.inside, not step.warmup and self.stage in ("", step.stage)
        if (self.per_level and not self.slides) or (self.inside and not before and self.slides):
            self.window.clear()

    def load_begins(self) -> None:
        """Say that the load begins, or begins again."""
        if self.slides:
            self.window.clear()

    def add(
        self, at: Instant, seconds: float, slices: Mapping[Selected, Slice], measured: bool
    ) -> Iterator[tuple[Requests, Course]]:
        """Take in a batch of the load level at hand and yield what has been judged."""
        if not self.inside or not (measured or self.slides):
            return
        window = self.window
        window.add(seconds, slices)
        for selected, judges in self.judges.items():
            selection = window.selections[selected]
            if window.full:
                selection.measure()
            for judge in judges:
                yield judge, judge.judge(at, window, selection)


class Panels:
    """All thresholds on requests."""

    def __init__(self, judges: Iterable[Requests]) -> None:
        together: dict[tuple[bool, float | None, str], list[Requests]] = {}
        for judge in judges:
            key = (judge.per_level, judge.threshold.over, judge.threshold.stage)
            together.setdefault(key, []).append(judge)
        self._panels = [Panel(several) for several in together.values()]
        self.slicer = Slicer(selected for panel in self._panels for selected in panel.judges)

    def begin(self, step: Step, anew: bool) -> None:
        """Say that a load level begins, and whether the load does."""
        for panel in self._panels:
            if anew:
                panel.load_begins()
            panel.begin(step)

    def add(
        self, at: Instant, seconds: float, slices: Mapping[Selected, Slice], measured: bool
    ) -> Iterator[tuple[Requests, Course]]:
        """Take in a batch and yield what has been judged."""
        for panel in self._panels:
            yield from panel.add(at, seconds, slices, measured)
