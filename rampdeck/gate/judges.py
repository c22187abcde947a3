"""How each sort of threshold is judged: by load level, in all, in a sliding window, by what sources say.

A judge is told what comes in, keeps what its threshold is now, what it has come
to in the present load level (``present``) and in those before (``past``), and
returns the courses that have just been judged.
"""

from __future__ import annotations

from typing import NamedTuple

from rampdeck.gate.course import Course, Ever, state_of
from rampdeck.gate.figures import is_enough, may_change, value_of
from rampdeck.gate.grammar import Kind, Threshold
from rampdeck.gate.sources import Readings, is_of_source, selected
from rampdeck.gate.windows import Selection, Window
from rampdeck.model import Health, Instant, Sample, Step, level_name
from rampdeck.session import Session
from rampdeck.snapshot import ThresholdState


class Now(NamedTuple):
    """What a threshold says at this moment."""

    value: float | None = None
    state: ThresholdState = ThresholdState.UNKNOWN
    samples: int = 0


NOTHING = Now()
_RANK = (ThresholdState.PASS, ThresholdState.WARN, ThresholdState.UNKNOWN, ThresholdState.FAIL)
"""Of several sources the last of these is the threshold's: one that is not seen is no pass."""


class Judge:
    """One threshold through a session; the base of all sorts."""

    per_level = True
    """Whether it judges each load level by itself, and so has a part in the level's verdict."""
    of_source = False
    lasts = True
    """Whether its breaches begin and end, as those of a count do not."""

    def __init__(self, threshold: Threshold, warn_at: float) -> None:
        self.threshold = threshold
        self.warn_at = warn_at
        self.past = Ever(adds=self.of_source)
        self.level: Step | None = None
        self.place = ""
        self.breached = False
        """What was said of it last: that it is breached, or that it holds."""
        self.came = not threshold.stage
        """Whether the stage came in which it is looked at."""

    @property
    def present(self) -> Ever:
        """What it has come to in the load level at hand."""
        raise NotImplementedError

    def ever(self, final: bool = False) -> Ever:
        """Return what it has come to in all load levels so far, or (``final``) for good."""
        return self.past.with_(self.threshold, self.present)

    @property
    def verdict_now(self) -> ThresholdState:
        """What it would say of the load level at hand if that ended now."""
        return state_of(self.threshold, self.present, self.warn_at)

    def applies(self, step: Step) -> bool:
        """Whether it is looked at in a load level."""
        return self.threshold.stage in ("", step.stage)

    def begin(self, step: Step) -> None:
        """Say that a load level begins in which it is looked at."""
        self.level = step
        self.place = level_name(step.number, step.users)
        self.came = True

    def end(self) -> None:
        """Say that the load level has ended."""
        self.past.fold(self.threshold, self.present)
        self.level = None

    def load_begins(self) -> None:
        """Say that the load begins, or begins again: nothing is known of what is now."""

    def now(self, at: Instant) -> Now:
        """Return what it says at this moment."""
        raise NotImplementedError

    def outcome(self, ever: Ever, final: bool = False) -> ThresholdState:
        """Return the state that follows from what it has come to (:meth:`ever`)."""
        return state_of(self.threshold, ever, self.warn_at)

    def failing(self, course: Course) -> bool | None:
        """Return whether it is broken, now that a course has been judged; ``None``: nobody knows."""
        return None if course.state is ThresholdState.UNKNOWN else course.state is ThresholdState.FAIL

    def stop(self, course: Course) -> None:
        """Note that a course has stopped the load."""
        course.stopped = True


class RequestJudge(Judge):
    """A threshold on the requests of a load level, or of a window that slides over them."""

    def __init__(self, threshold: Threshold, warn_at: float) -> None:
        super().__init__(threshold, warn_at)
        self.course = Course(threshold, warn_at)
        self.was_full = False
        self._present = Ever()

    @property
    def slides(self) -> bool:
        """Whether a window takes the place of the load level."""
        return self.threshold.over is not None

    @property
    def present(self) -> Ever:
        """What it has come to in the load level; of a level's own figure only the last value counts."""
        return self._present if self.slides else Ever().only(self.course, self.place)

    def begin(self, step: Step) -> None:
        super().begin(step)
        self._present = Ever()
        if not self.slides:
            self._forget()

    def end(self) -> None:
        super().end()
        self._present = Ever()
        if not self.slides:
            self._forget()

    def load_begins(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self.course = Course(self.threshold, self.warn_at)

    def stop(self, course: Course) -> None:
        super().stop(course)
        self._present.stopped = True

    def judge(self, at: Instant, window: Window, selection: Selection) -> Course:
        """Judge the window or the level as of now."""
        threshold, course = self.threshold, self.course
        self.was_full = self.was_full or window.full
        enough = window.full and is_enough(threshold, selection, window.seconds)
        value = value_of(threshold, selection, window.seconds) if enough else None
        if value is not None:
            course.judge(at, value, selection.times.count, self.place)
            if self.slides:
                self._present.note(course, self.place)
        else:
            course.lose()
            course.samples = selection.times.count
            if not self.slides:
                course.value = value_of(threshold, selection, window.seconds)
            elif not self._present.judged:
                self._present.samples = max(self._present.samples, course.samples)
        return course

    def now(self, at: Instant) -> Now:
        if self.level is None:
            return NOTHING
        return Now(self.course.value, self.course.state, self.course.samples)


class TotalJudge(Judge):
    """A count of requests, which adds up over the measured parts of all load levels."""

    per_level = False
    lasts = False

    def __init__(self, threshold: Threshold, warn_at: float) -> None:
        super().__init__(threshold, warn_at)
        self.course = Course(threshold, warn_at)

    @property
    def present(self) -> Ever:
        """What all of it has come to: nothing is past as long as more is added."""
        return self.ever()

    def ever(self, final: bool = False) -> Ever:
        ever, course = Ever(), self.course
        if course.value is None:
            return ever
        ever.judged, ever.worst, ever.samples = True, course.value, course.samples
        if self._state(final) is ThresholdState.FAIL:
            ever.failed, ever.breaches, ever.stopped = True, 1, course.stopped
            # What was to be reached was missing from the beginning.
            ever.first = None if may_change(self.threshold, course.value) else course.since
        return ever

    def end(self) -> None:
        self.level = None

    def judge(self, at: Instant, window: Window, selection: Selection) -> Course:
        """Judge the count as of now."""
        value = value_of(self.threshold, selection, window.seconds)
        if value is not None:
            self.course.judge(at, value, selection.times.count, "")
        return self.course

    def now(self, at: Instant) -> Now:
        return Now(self.course.value, self._state(final=False), self.course.samples)

    def outcome(self, ever: Ever, final: bool = False) -> ThresholdState:
        return self._state(final)

    def failing(self, course: Course) -> bool | None:
        state = self._state(final=False)
        return None if state is ThresholdState.UNKNOWN else state is ThresholdState.FAIL

    def _state(self, final: bool) -> ThresholdState:
        """Return the state; a count that may yet be reached has not failed before the end."""
        value, state = self.course.value, self.course.state
        if state is ThresholdState.FAIL and value is not None and not final:
            return ThresholdState.UNKNOWN if may_change(self.threshold, value) else state
        return state


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
        self._present = Ever(adds=True)
        self._courses: dict[str, Course] = {}
        self._readings: dict[str, Readings] = {}
        self._seen: set[str] = set()
        self._seen_now: set[str] = set()

    @property
    def present(self) -> Ever:
        return self._present

    @property
    def verdict_now(self) -> ThresholdState:
        state = super().verdict_now
        if state is not ThresholdState.FAIL and self._missing(self._seen_now):
            return ThresholdState.UNKNOWN
        return state

    def begin(self, step: Step) -> None:
        super().begin(step)
        self._present = Ever(adds=True)
        self._seen_now = set()

    def end(self) -> None:
        super().end()
        self._present = Ever(adds=True)

    def load_begins(self) -> None:
        self._courses.clear()
        for readings in self._readings.values():
            readings.clear()

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

    def failing(self, course: Course) -> bool | None:
        """Return whether any source breaks it."""
        return any(one.state is ThresholdState.FAIL for one in self._courses.values())

    def stop(self, course: Course) -> None:
        super().stop(course)
        self._present.stopped = True

    def now(self, at: Instant) -> Now:
        """Return the worst of what the sources say; one that is blind or silent says nothing."""
        if self.level is None or self.session is None:
            return NOTHING
        worst = None
        for source in selected(self.threshold, self.session):
            course = self._courses.get(source.info.name)
            readings = self._readings.get(source.info.name)
            if (
                course is None
                or course.value is None
                or readings is None
                or source.health is Health.BLIND
                or readings.is_stale(at)
            ):
                one = NOTHING
            else:
                one = Now(course.value, course.state, readings.samples)
            if worst is None or self._badness(one) > self._badness(worst):
                worst = one
        return worst or NOTHING

    def _badness(self, now: Now) -> tuple[int, float]:
        return _RANK.index(now.state), 0.0 if now.value is None else self.threshold.badness(now.value)

    def outcome(self, ever: Ever, final: bool = False) -> ThresholdState:
        state = super().outcome(ever, final)
        if state is not ThresholdState.FAIL and self._missing(self._seen):
            return ThresholdState.UNKNOWN
        return state

    def unseen(self) -> list[str]:
        """Return the sources that were never seen while the load ran, each with why, if that is known."""
        return [
            f"{source.info.name} {_why(source.health, source.reason)}"
            for source in (selected(self.threshold, self.session) if self.session else ())
            if source.info.name not in self._seen
        ]

    def _missing(self, seen: set[str]) -> bool:
        sources = selected(self.threshold, self.session) if self.session is not None else []
        return not sources or any(source.info.name not in seen for source in sources)


def _why(health: Health, reason: str) -> str:
    word = {Health.BLIND: "was blind", Health.ABSENT: "was left out"}.get(health, "")
    if not word:
        return "did not tell it"
    return f"{word}: {reason}" if reason else word


def judge_for(threshold: Threshold, warn_at: float) -> Judge:
    """Return the judge of a threshold."""
    if is_of_source(threshold):
        return SourceJudge(threshold, warn_at)
    if threshold.kind is Kind.COUNT and threshold.over is None:
        return TotalJudge(threshold, warn_at)
    return RequestJudge(threshold, warn_at)
