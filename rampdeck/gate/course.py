"""How a value stands to its threshold over time, and what has come of that so far.

A :class:`Course` is one value on its way: the figure of a load level, of a
sliding window, or what one source says. An :class:`Ever` keeps what is to be
known of a threshold when all that is past: a few numbers, however long it took.
"""

from __future__ import annotations

from rampdeck.gate.figures import is_near
from rampdeck.gate.threshold import Threshold
from rampdeck.model import Instant
from rampdeck.snapshot import ThresholdState


class Course:
    """One value that is judged again and again.

    It is ``FAIL`` once it has been broken for the threshold's ``patience`` on
    end, ``WARN`` until then. ``since`` is when it broke, ``peak`` the worst
    value since then, seen at ``place``; ``lasted`` is how many seconds the
    breach has been seen to last, also when it has just ended.
    """

    __slots__ = (
        *("at", "counted", "fresh", "lasted", "name", "peak", "place", "samples", "since"),
        *("state", "stopped", "threshold", "value", "warn_at"),
    )

    def __init__(self, threshold: Threshold, warn_at: float, name: str = "") -> None:
        self.threshold = threshold
        self.warn_at = warn_at
        self.name = name
        self.counted: Ever | None = None
        self.samples = 0
        self.stopped = False
        """Whether it has stopped the load: what the last requests bring does not undo that."""
        self.lose()

    def lose(self) -> None:
        """Say that the value is not seen: a breach is not known to last any more."""
        self.value: float | None = None
        self.at: Instant | None = None
        self.state = ThresholdState.UNKNOWN
        self._holds()
        self.lasted = 0.0

    def _holds(self) -> None:
        self.since: Instant | None = None
        self.peak: float | None = None
        self.place = ""
        self.counted = None
        self.fresh = False

    def judge(self, at: Instant, value: float, samples: int, place: str) -> None:
        """Take in the value of a moment, of so many samples, seen at a load level."""
        threshold, failed = self.threshold, self.state is ThresholdState.FAIL
        holds = threshold.holds(value)
        if holds and self.stopped:
            return
        self.at, self.value, self.samples = at, value, samples
        if holds:
            self.lasted = at.mono - self.since.mono if failed and self.since else 0.0
            self._holds()
            near = is_near(threshold, value, self.warn_at)
            self.state = ThresholdState.WARN if near else ThresholdState.PASS
            return
        if self.since is None:
            self.since = at
        self.lasted = at.mono - self.since.mono
        if self.peak is None or threshold.badness(value) > threshold.badness(self.peak):
            self.peak, self.place = value, place
        counts = self.stopped or self.lasted >= threshold.patience
        self.fresh = counts and not failed
        self.state = ThresholdState.FAIL if counts else ThresholdState.WARN

    @property
    def is_pending(self) -> bool:
        """Whether it is broken, but not for long enough to count."""
        return self.since is not None and self.state is ThresholdState.WARN

    @property
    def stops(self) -> bool:
        """Whether the breach is one that stops the load, and has not yet done so."""
        threshold = self.threshold
        return (
            threshold.abort
            and not threshold.warns
            and not self.stopped
            and self.state is ThresholdState.FAIL
            and self.lasted >= threshold.patience + threshold.grace
        )


class Ever:
    """What a threshold has come to, over a load level or all of them.

    ``worst`` is the worst value; once a breach counts, the worst of the breaches
    that do. ``judged`` says that there was a value at all. ``continued`` are
    the breaches that had begun in the load level before. ``samples`` are those of
    the worst value; with ``adds`` all of them, one for each time it was judged.
    """

    __slots__ = (
        *("adds", "breaches", "continued", "failed", "first", "judged", "longest"),
        *("samples", "stopped", "where", "worst"),
    )

    def __init__(self, adds: bool = False) -> None:
        self.adds = adds
        self.failed = False
        self.judged = False
        self.stopped = False
        self.first: Instant | None = None
        self.breaches = 0
        self.continued = 0
        self.longest = 0.0
        self.worst: float | None = None
        self.where = ""
        self.samples = 0

    def note(self, course: Course, place: str) -> None:
        """Take in what a course has just come to."""
        if course.value is None:
            return
        self.judged = True
        if self.adds:
            self.samples += 1
        if not course.is_pending:
            # Also of one that the level before began, and whose end is the first thing seen in this one.
            self.longest = max(self.longest, course.lasted)
        if course.state is not ThresholdState.FAIL:
            self._see(course.threshold, course.value, course, place, False)
            return
        if course.counted is not self:
            self.breaches += 1
            self.continued += not course.fresh
            course.counted = self
        if course.since is not None and (self.first is None or course.since.mono < self.first.mono):
            self.first = course.since
        self.stopped = self.stopped or course.stopped
        value = course.value if course.peak is None else course.peak
        self._see(course.threshold, value, course, course.place, True)
        self.longest = max(self.longest, course.lasted)

    def only(self, course: Course, place: str) -> Ever:
        """Take in a course that ends here with its last value, as a load level's figure does."""
        self.samples = course.samples
        if course.value is not None and course.state is not ThresholdState.UNKNOWN:
            self.judged, self.stopped = True, course.stopped
            self.worst, self.where = course.value, place
            if course.state is ThresholdState.FAIL:
                self.failed, self.first, self.breaches, self.longest = True, course.since, 1, course.lasted
        return self

    def fold(self, threshold: Threshold, other: Ever) -> None:
        """Take in what a load level has come to, which has ended."""
        if self.adds:
            self.samples += other.samples
        if not other.judged:
            if not self.judged:
                self.samples = max(self.samples, other.samples)
            return
        if not self.judged or (other.failed, threshold.badness(other.worst or 0.0)) > (
            self.failed,
            threshold.badness(self.worst or 0.0),
        ):
            self.worst, self.where = other.worst, other.where
            self.samples = self.samples if self.adds else other.samples
        self.judged = True
        self.failed = self.failed or other.failed
        self.stopped = self.stopped or other.stopped
        self.first = self.first or other.first
        self.breaches += other.breaches - other.continued
        self.longest = max(self.longest, other.longest)

    def with_(self, threshold: Threshold, present: Ever) -> Ever:
        """Return this with a load level that goes on; not to be changed."""
        if not (self.judged or self.samples):
            return present
        if not (present.judged or present.samples):
            return self
        both = Ever(self.adds)
        both.fold(threshold, self)
        both.fold(threshold, present)
        return both

    def _see(self, threshold: Threshold, value: float, course: Course, place: str, failed: bool) -> None:
        if (
            self.worst is None
            or failed > self.failed
            or (failed >= self.failed and threshold.badness(value) > threshold.badness(self.worst))
        ):
            self.worst = value
            self.where = f"{course.name} at {place}" if course.name else place
            self.samples = self.samples if self.adds else course.samples
        self.failed = self.failed or failed


def state_of(threshold: Threshold, ever: Ever, warn_at: float) -> ThresholdState:
    """Return what a threshold has come to.

    A limit that was broken, though not for long enough to count, is a warning.
    """
    if ever.failed:
        return ThresholdState.FAIL
    if not ever.judged or ever.worst is None:
        return ThresholdState.UNKNOWN
    if not threshold.holds(ever.worst) or is_near(threshold, ever.worst, warn_at):
        return ThresholdState.WARN
    return ThresholdState.PASS
