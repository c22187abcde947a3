"""What the gate keeps of load levels that have ended: their verdicts, and of the newest each threshold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rampdeck.gate.figures import MIN_REQUESTS, MIN_SECONDS
from rampdeck.gate.judges import Judge
from rampdeck.model import Step, level_name
from rampdeck.snapshot import ThresholdState, ThresholdView, Verdict

if TYPE_CHECKING:
    from rampdeck.session import Session

MOST_VIEWS = 20_000
"""Thresholds of levels (100 in 200 levels) that are kept apart; of levels before only the verdict."""
MOST_TOLD = 5
"""Levels too thin to judge that are told one by one."""


@dataclass(slots=True)
class Level:
    """A load level that was judged; ``certain``: what failed did so by what a server said of itself."""

    verdict: Verdict = Verdict.INCONCLUSIVE
    certain: bool = False
    views: tuple[ThresholdView, ...] = ()


def verdict_of(judges: Iterable[Judge]) -> Level:
    """Return what these thresholds, of one load level, make of it; those that only warn have no say."""
    verdict = Verdict.INCONCLUSIVE
    certain = False
    unknown = False
    for judge in judges:
        if judge.threshold.warns or not judge.per_level:
            continue
        state = judge.level_state
        if state is ThresholdState.FAIL:
            verdict = Verdict.FAIL
            certain = certain or judge.of_source
        elif state is ThresholdState.UNKNOWN:
            unknown = True
        elif verdict is Verdict.INCONCLUSIVE:
            verdict = Verdict.PASS
    if verdict is Verdict.PASS and unknown:
        verdict = Verdict.INCONCLUSIVE
    return Level(verdict, certain)


class Levels:
    """The levels that have ended, by number."""

    def __init__(self) -> None:
        self.past: dict[int, Level] = {}
        self.failed: list[int] = []
        self._with_views: list[int] = []
        self._views = 0
        self._thin: list[str] = []
        self._thin_count = 0

    def add(self, number: int, level: Level, thin: str) -> None:
        """Keep a level that has ended; ``thin`` says that it brought too few requests, if so."""
        self.past[number] = level
        if level.verdict is Verdict.FAIL:
            self.failed.append(number)
        if thin:
            self._thin_count += 1
            if len(self._thin) <= MOST_TOLD:
                self._thin.append(thin)
        self._with_views.append(number)
        self._views += len(level.views)
        while self._views > MOST_VIEWS and len(self._with_views) > 1:
            oldest = self.past[self._with_views.pop(0)]
            self._views -= len(oldest.views)
            oldest.views = ()

    def thin(self, now: Sequence[str]) -> list[str]:
        """Return which levels brought too few requests to judge, those that go on (``now``) with them."""
        told = [*self._thin, *now]
        more = self._thin_count + len(now) - MOST_TOLD
        return told if more <= 1 else [*told[:MOST_TOLD], f"and {more} more of the kind"]


def too_thin(step: Step, session: Session) -> str:
    """Return that a load level brought too few requests to judge, if so."""
    span = session.book.steps.get(step.number)
    if span is None or span.seconds < MIN_SECONDS:
        return ""
    requests = span.total.successes.count + span.total.failures.count
    if requests >= MIN_REQUESTS:
        return ""
    level, seconds = level_name(step.number, step.users), f"{span.seconds:.0f} s"
    return f"{level} brought {requests} requests in {seconds}, too few to judge"
