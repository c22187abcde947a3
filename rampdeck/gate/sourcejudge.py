"""How a threshold on a metric of sources is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rampdeck.gate.course import Course, Ever
from rampdeck.gate.judges import Judge, Now
from rampdeck.gate.sources import Readings, selected
from rampdeck.gate.threshold import Threshold
from rampdeck.model import Health, Instant, Sample, Step
from rampdeck.snapshot import ThresholdState

if TYPE_CHECKING:
    from rampdeck.session import Session, Source

_RANK = (ThresholdState.PASS, ThresholdState.WARN, ThresholdState.UNKNOWN, ThresholdState.FAIL)
"""Of several sources the last of these is the threshold's: one that is not seen is no pass."""


class SourceJudge(Judge):
    """A threshold on a metric of sources: every sample of each of them while the load runs.

    Ramps count too: a server that runs out of connections does so while the
    load rises, and what it says then is no less true. Each source is judged by
    itself, and the worst one is shown.
    """

    of_source = True

    def __init__(self, threshold: Threshold, warn_at: float) -> None:
        super().__init__(threshold, warn_at)
        self.session: Session | None = None
        self.at = Instant(0.0, 0.0)
        """This moment: by it what is too old to be of now is told."""
        self._present = Ever(adds=True)
        self._courses: dict[str, Course] = {}
        self._readings: dict[str, Readings] = {}
        self._seen: set[str] = set()
        self._seen_now: set[str] = set()

    @property
    def now(self) -> Now:
        """The worst of what the sources say; one that is blind or silent says nothing."""
        if self.level is None or self.session is None:
            return Now()
        said = [self._now(source) for source in selected(self.threshold, self.session)]
        return max(said, key=self._badness, default=Now())

    @property
    def present(self) -> Ever:
        """What it has come to in the load level."""
        return self._present

    @property
    def failing(self) -> bool | None:
        """Whether any source breaks it; nobody knows while a breach does not count yet."""
        if any(course.state is ThresholdState.FAIL for course in self._courses.values()):
            return True
        return None if any(course.is_pending for course in self._courses.values()) else False

    @property
    def level_state(self) -> ThresholdState:
        """What it would say of the load level; a source that was not seen in it is no pass."""
        state = super().level_state
        unseen = state is not ThresholdState.FAIL and self._is_missing(self._seen_now)
        return ThresholdState.UNKNOWN if unseen else state

    def outcome(self, ever: Ever) -> ThresholdState:
        """Return the state of the session; a source that was never seen is no pass."""
        state = super().outcome(ever)
        unseen = state is not ThresholdState.FAIL and self._is_missing(self._seen)
        return ThresholdState.UNKNOWN if unseen else state

    def begin(self, step: Step) -> None:
        """Begin a level in which no source was seen yet."""
        super().begin(step)
        self._present = Ever(adds=True)
        self._seen_now = set()

    def end(self) -> None:
        """Fold what came of the level into the past."""
        super().end()
        self._present = Ever(adds=True)

    def load_begins(self) -> None:
        """Forget what was said before."""
        self._courses.clear()
        for readings in self._readings.values():
            readings.clear()

    def stop(self, course: Course) -> None:
        """Take note that a breach stops the load."""
        super().stop(course)
        self._present.stopped = True

    def take(self, sample: Sample, value: float) -> Course | None:
        """Judge a sample; return its course, ``None`` while the window is not full."""
        name = sample.source
        readings, course = self._readings.get(name), self._courses.get(name)
        if readings is None:
            readings = self._readings[name] = Readings(self.threshold)
        if course is None:
            course = self._courses[name] = Course(self.threshold, self.warn_at, name)
        elif readings.is_stale(sample.at):
            course.lose()
        judged = readings.add(sample, value)
        if judged is None:
            course.lose()
            return None
        course.judge(sample.at, judged, readings.samples, self.place)
        self._present.note(course, self.place)
        self._seen.add(name)
        self._seen_now.add(name)
        return course

    def unseen(self) -> list[str]:
        """Return the sources that were never seen while the load ran, each with why, if that is known."""
        return [
            f"{source.info.name} {_why(source.health, source.reason)}"
            for source in (selected(self.threshold, self.session) if self.session else ())
            if source.info.name not in self._seen
        ]

    def _now(self, source: Source) -> Now:
        course, readings = self._courses.get(source.info.name), self._readings.get(source.info.name)
        if course is None or readings is None or source.health is Health.BLIND or readings.is_stale(self.at):
            return Now()
        return Now(course.value, course.state, readings.samples)

    def _badness(self, now: Now) -> tuple[int, float]:
        return _RANK.index(now.state), 0.0 if now.value is None else self.threshold.badness(now.value)

    def _is_missing(self, seen: set[str]) -> bool:
        sources = selected(self.threshold, self.session) if self.session is not None else []
        return not sources or any(source.info.name not in seen for source in sources)


def _why(health: Health, reason: str) -> str:
    word = {Health.BLIND: "was blind", Health.ABSENT: "was left out"}.get(health, "")
    if not word:
        return "did not tell it"
    return f"{word}: {reason}" if reason else word
