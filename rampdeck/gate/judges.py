"""How each sort of threshold on requests is judged: by load level, in a sliding window, in all.

A judge is told what comes in, keeps what its threshold is now, what it has come
to in the present load level (``present``) and in those before (``past``), and
returns the course that has just been judged. That of sources is in
:mod:`rampdeck.gate.sourcejudge`.
"""

from __future__ import annotations

from typing import NamedTuple

from rampdeck.gate.course import Course, Ever, state_of
from rampdeck.gate.figures import MIN_SECONDS, is_enough, margin_of, may_change, value_of
from rampdeck.gate.threshold import Threshold
from rampdeck.gate.windows import Selection, Window
from rampdeck.model import Instant, Step, level_name
from rampdeck.snapshot import ThresholdState, ThresholdView


class Now(NamedTuple):
    """What a threshold says at this moment."""

    value: float | None = None
    state: ThresholdState = ThresholdState.UNKNOWN
    samples: int = 0


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
        self.applied = False
        """Whether it was looked at in the load level before, or in the one at hand."""
        self._judged_up_to = -1  # users of the highest load level that it judged
        self._unjudged: Step | None = None  # the highest that it could not judge

    @property
    def now(self) -> Now:
        """What it says at this moment."""
        raise NotImplementedError

    @property
    def present(self) -> Ever:
        """What it has come to in the load level at hand."""
        raise NotImplementedError

    @property
    def failing(self) -> bool | None:
        """Whether it is broken just now; ``None``: nobody knows."""
        raise NotImplementedError

    @property
    def level_state(self) -> ThresholdState:
        """What it would say of the load level at hand if that ended now."""
        return state_of(self.threshold, self.present, self.warn_at)

    @property
    def unproved(self) -> Step | None:
        """The load level that it could not judge though it judged none of as many users, if there is one.

        What held at fewer users says nothing of more.
        """
        level = self._unjudged
        return level if level is not None and level.users > self._judged_up_to else None

    def ever(self) -> Ever:
        """Return what it has come to in all load levels so far."""
        return self.past.with_(self.threshold, self.present)

    def for_good(self) -> Ever:
        """Return what it has come to if nothing comes any more."""
        return self.ever()

    def outcome(self, ever: Ever) -> ThresholdState:
        """Return the state that follows from what it has come to; unjudged at the highest load is no pass."""
        state = state_of(self.threshold, ever, self.warn_at)
        return state if state is ThresholdState.FAIL or self.unproved is None else ThresholdState.UNKNOWN

    def applies(self, step: Step) -> bool:
        """Return whether it is looked at in a load level."""
        return not step.warmup and self.threshold.stage in ("", step.stage)

    def begin(self, step: Step) -> None:
        """Take note that a load level begins in which it is looked at."""
        self.level = step
        self.place = level_name(step.number, step.users)
        self.came = True

    def settle(self, measured: float) -> None:
        """Take note, before the load level ends, whether it was judged in so many measured seconds."""
        level = self.level
        if level is None or not self.per_level:
            return
        if self.level_state is not ThresholdState.UNKNOWN:
            self._judged_up_to = max(self._judged_up_to, level.users)
        elif measured >= max(MIN_SECONDS, self.threshold.over or 0.0) and (
            self._unjudged is None or level.users > self._unjudged.users
        ):
            self._unjudged = level

    def end(self) -> None:
        """Take note that the load level has ended."""
        self.past.fold(self.threshold, self.present)
        self.level = None

    def load_begins(self) -> None:
        """Forget what is now: the load begins, or begins again, or its stage does."""

    def stop(self, course: Course) -> None:
        """Take note that a course of it stops the load."""
        course.stopped = True


class RequestJudge(Judge):
    """A threshold on the requests of a load level, or of a window that slides over them."""

    def __init__(self, threshold: Threshold, warn_at: float) -> None:
        super().__init__(threshold, warn_at)
        self.course = Course(threshold, warn_at)
        self.slides = threshold.over is not None
        """Whether a window takes the place of the load level."""
        self.was_full = False
        self._present = Ever()

    @property
    def now(self) -> Now:
        """What the level or the window says; nothing while none is looked at."""
        if self.level is None:
            return Now()
        return Now(self.course.value, self.course.state, self.course.samples)

    @property
    def present(self) -> Ever:
        """What it has come to in the load level; of a level's own figure only the last value counts."""
        return self._present if self.slides else Ever().only(self.course, self.place)

    @property
    def failing(self) -> bool | None:
        """Whether the level or the window breaks it; nobody knows while a breach does not count yet."""
        state = self.course.state
        if state is ThresholdState.UNKNOWN or self.course.is_pending:
            return None
        return state is ThresholdState.FAIL

    def begin(self, step: Step) -> None:
        """Begin a level with a new figure, while a window goes on."""
        super().begin(step)
        self._present = Ever()
        if not self.slides:
            self.load_begins()

    def end(self) -> None:
        """Fold what came of the level into the past."""
        super().end()
        self._present = Ever()
        if not self.slides:
            self.load_begins()

    def load_begins(self) -> None:
        """Begin with a value that nobody has seen."""
        self.course = Course(self.threshold, self.warn_at)

    def stop(self, course: Course) -> None:
        """Take note that a breach stops the load."""
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
            return course
        course.lose()
        course.samples = selection.times.count
        if not self.slides:
            course.value = value_of(threshold, selection, window.seconds)
        elif not self._present.judged:
            self._present.samples = max(self._present.samples, course.samples)
        return course


class TotalJudge(Judge):
    """A count of requests, which adds up over the measured parts of all load levels."""

    per_level = False
    lasts = False

    def __init__(self, threshold: Threshold, warn_at: float) -> None:
        super().__init__(threshold, warn_at)
        self.course = Course(threshold, warn_at)

    @property
    def now(self) -> Now:
        """The count so far; one that may yet be reached has not failed."""
        return Now(self.course.value, self.outcome(self.ever()), self.course.samples)

    @property
    def present(self) -> Ever:
        """All of it: nothing is past as long as more is added."""
        return self.ever()

    @property
    def failing(self) -> bool | None:
        """Whether the count breaks it for good."""
        state = self.outcome(self.ever())
        return None if state is ThresholdState.UNKNOWN else state is ThresholdState.FAIL

    def ever(self) -> Ever:
        """Return what it has come to so far."""
        value, threshold = self.course.value, self.threshold
        may_yet = value is not None and not threshold.holds(value) and may_change(threshold, value)
        return Ever() if may_yet else self.for_good()

    def for_good(self) -> Ever:
        """Return what it has come to if nothing is added any more."""
        ever, course = Ever().only(self.course, ""), self.course
        if course.value is not None and may_change(self.threshold, course.value):
            ever.first = None  # what was to be reached was missing from the beginning
        return ever

    def end(self) -> None:
        """Go on counting over the end of a level."""
        self.level = None

    def judge(self, at: Instant, window: Window, selection: Selection) -> Course:
        """Judge the count as of now."""
        value = value_of(self.threshold, selection, window.seconds)
        if value is not None:
            self.course.judge(at, value, selection.times.count, "")
        return self.course


def view_of(one: Judge, now: Now, ever: Ever) -> ThresholdView:
    """Return what is shown of a threshold that says this now and has come to that."""
    threshold = one.threshold
    return ThresholdView(
        expression=threshold.expression,
        label=threshold.label,
        operator=threshold.operator,
        limit=threshold.limit,
        unit=threshold.unit,
        value=now.value,
        state=now.state,
        failed=ever.failed,
        first_breach=ever.first,
        samples=now.samples,
        worst=ever.worst,
        where=ever.where,
        longest=ever.longest if ever.failed else 0.0,
        breaches=ever.breaches,
        margin=margin_of(threshold, ever.worst),
        warns=threshold.warns,
    )
