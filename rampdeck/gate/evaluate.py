"""Judging the thresholds of a session while it goes on.

Response times, shares and rates are judged over the measured part of each load
level by itself, and the worst level decides: a run that is quick at 10 users
and slow at 50 has failed, whatever its average. ``requests`` and ``failures``
add up over the measured parts of all levels.

A level counts with at least :data:`MIN_REQUESTS` requests of the threshold's
selection, for ``rps`` with at least :data:`MIN_SECONDS` measured seconds. Since
a level's figures are of its whole measured part, a breach that passes within
the level is none at its end: ``failed`` always says what the verdict would be
if the load ended now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rampdeck.gate.figures import Selector, figure_of, grouped, may_change, state_of, value_of
from rampdeck.gate.grammar import Kind, Threshold, parse_all
from rampdeck.gate.verdict import judge
from rampdeck.gate.words import told
from rampdeck.model import EventKind, Health, Instant, Severity, level_name
from rampdeck.requests import Span
from rampdeck.snapshot import Figures, ThresholdState, ThresholdView, Verdict
from rampdeck.view import Metric

if TYPE_CHECKING:
    from rampdeck.session import Session

MIN_REQUESTS = 10
"""Requests below which response times and shares of a level are not judged."""
MIN_SECONDS = 5.0
"""Measured seconds below which a rate is not judged."""


@dataclass(frozen=True, slots=True)
class Turned:
    """A threshold that has just been breached, or holds again."""

    expression: str
    breached: bool
    text: str


@dataclass(slots=True)
class _Reading:
    """A threshold at one load level."""

    value: float | None = None
    samples: int = 0
    state: ThresholdState = ThresholdState.UNKNOWN
    since: Instant | None = None  # when the breach began that lasts

    @property
    def failed(self) -> bool:
        return self.state is ThresholdState.FAIL


@dataclass(slots=True)
class _Level:
    """A load level that is or was measured."""

    number: int
    users: int
    readings: list[_Reading]
    seconds: float = 0.0
    requests: int = 0

    def __str__(self) -> str:
        return level_name(self.number, self.users)


@dataclass(slots=True)
class _Past:
    """A threshold over the levels that have ended."""

    worst: _Reading | None = None
    where: str = ""
    failed: bool = False
    first: Instant | None = None
    count: float = 0.0
    samples: int = 0


class Gate:
    """The thresholds of a session.

    ``metrics`` are those of sources, by full name. Raises :class:`UsageError`
    for thresholds that cannot be read. Feed it once a second with :meth:`observe`;
    everything else can be asked at any time.
    """

    def __init__(
        self, thresholds: Iterable[str | Threshold], metrics: Mapping[str, Metric] | None = None
    ) -> None:
        self.thresholds: tuple[Threshold, ...] = parse_all(thresholds, metrics)
        self._past = [_Past() for _ in self.thresholds]
        self._breached = [False] * len(self.thresholds)
        self._level: _Level | None = None
        self._latest = 0
        self._thin: list[str] = []
        self._verdicts: dict[int, Verdict] = {}
        self.doubted: Mapping[int, bool] = {}
        """Levels that are not to be trusted, and whether their very figures are tainted."""
        self._groups = grouped(self.thresholds)
        self._percents = sorted({threshold.percent for threshold in self.thresholds if threshold.percent})

    @property
    def judges_levels(self) -> bool:
        """Whether any threshold judges a load level by itself, as counts over all levels do not."""
        return any(threshold.kind is not Kind.COUNT for threshold in self.thresholds)

    # -- once a second

    def observe(self, at: Instant, session: Session) -> tuple[Turned, ...]:
        """Judge the session as of now; return what has turned since the last time."""
        step = session.step
        measured = step.number if step is not None and step.phase == "measure" else 0
        turned: list[Turned] = []
        for number, span in session.book.steps.items():
            if number >= self._latest:
                turned += self.measure(at, number, session.steps[number].users, span)
                if number != measured:
                    self.settle()
        return tuple(turned)

    def announce(self, at: Instant, session: Session) -> None:
        """Judge the session as of now and say on its timeline what has turned."""
        for turned in self.observe(at, session):
            severity = Severity.ERROR if turned.breached else Severity.NOTICE
            session.say(EventKind.GATE, turned.text, {"threshold": turned.expression}, severity)

    def measure(self, at: Instant, number: int, users: int, span: Span) -> list[Turned]:
        """Judge what a load level has brought so far; ``number`` never goes back.

        A level that was closed by :meth:`settle` is not looked at again.
        """
        if self._level is None or self._level.number != number:
            if number <= self._latest:
                return []
            self.settle()
            self._level = _Level(number, users, [_Reading() for _ in self.thresholds])
            self._latest = number
        level = self._level
        level.seconds = span.seconds
        level.requests = span.total.successes.count + span.total.failures.count
        turned: list[Turned] = []
        selector = Selector(span, self._percents)
        for (method, name), members in self._groups:
            selection = selector.select(method, name)
            for index in members:
                threshold, reading = self.thresholds[index], level.readings[index]
                reading.samples = selection.everything.count
                reading.value = value_of(threshold, selection, span.seconds)
                self._turn(at, index, threshold, reading, level, turned)
        return turned

    def settle(self) -> None:
        """Say that nothing is measured: the level that was has ended."""
        level, self._level = self._level, None
        if level is None:
            return
        if level.requests < MIN_REQUESTS and level.seconds >= MIN_SECONDS:
            self._thin.append(_too_thin(level))
        self._verdicts[level.number] = self._verdict_of(level)
        for threshold, past, reading in zip(self.thresholds, self._past, level.readings, strict=True):
            _fold(past, threshold, reading, str(level))

    # -- what it says

    @property
    def views(self) -> tuple[ThresholdView, ...]:
        """The thresholds now: at the level that is measured; ``unknown`` while none is."""
        readings = self._level.readings if self._level else [_Reading() for _ in self.thresholds]
        return tuple(
            self._view(
                index, self._total(index, final=False) if threshold.kind is Kind.COUNT else readings[index]
            )
            for index, threshold in enumerate(self.thresholds)
        )

    def outcome(self, final: bool = False) -> tuple[ThresholdView, ...]:
        """Return the thresholds over all levels, each with its worst value.

        While the load goes on (not ``final``), a count that may yet be reached
        is ``unknown`` rather than failed.
        """
        return tuple(self._view(index, self._worst(index, final)[0]) for index in range(len(self.thresholds)))

    def verdict(
        self, doubts: Sequence[str] = (), tainted: Sequence[str] = (), final: bool = False
    ) -> tuple[Verdict, tuple[str, ...]]:
        """Return the verdict so far, or (``final``) for good; see :func:`judge` for the reasons."""
        places = {
            threshold.expression: self._worst(index, final)[1]
            for index, threshold in enumerate(self.thresholds)
        }
        thin = list(self._thin)
        level = self._level
        if level is not None and level.requests < MIN_REQUESTS and level.seconds >= MIN_SECONDS:
            thin.append(_too_thin(level))
        if tainted and any(self.doubted.values()) and self._fails_untainted():
            doubts, tainted = (*tainted, *doubts), ()
        return judge(self.outcome(final), (*thin, *doubts), tainted, places)

    def step_verdict(self, number: int) -> Verdict:
        """Return the verdict of one load level by itself; counts have no part in it.

        A doubt takes a PASS away, a taint a FAIL too.
        """
        verdict = self._verdicts.get(number, Verdict.INCONCLUSIVE)
        if self._level is not None and self._level.number == number:
            verdict = self._verdict_of(self._level)
        tainted = self.doubted.get(number)
        if tainted or (verdict is Verdict.PASS and tainted is not None):
            return Verdict.INCONCLUSIVE
        return verdict

    def _fails_untainted(self) -> bool:
        """Tell whether a level has failed whose figures are its own."""
        numbers = [*self._verdicts, *([self._level.number] if self._level else [])]
        return any(self.step_verdict(number) is Verdict.FAIL for number in numbers)

    def health(self, method: str, name: str, figures: Figures) -> Health:
        """Return how a request name stands to the thresholds in the figures of its last seconds.

        A threshold for all requests only warns here: one slow name is no breach
        of it. A threshold of this name that is breached makes it ``BLIND``, the
        worst health there is.
        """
        health = Health.WARNING if figures.failures else Health.LIVE
        for threshold in self.thresholds:
            if threshold.name not in ("", name) or threshold.method not in ("", method):
                continue
            value = figure_of(threshold, figures)
            if value is None:
                continue
            if not threshold.holds(value) and threshold.name and figures.requests >= MIN_REQUESTS:
                return Health.BLIND
            if not threshold.holds(value) or threshold.is_near(value):
                health = Health.WARNING
        return health

    # -- how it gets there

    def _turn(
        self,
        at: Instant,
        index: int,
        threshold: Threshold,
        reading: _Reading,
        level: _Level,
        turned: list[Turned],
    ) -> None:
        """Bring a reading's state up to date and note it if that turns the threshold."""
        if threshold.kind is Kind.COUNT:
            reading = self._total(index, final=False)
        else:
            reading.state = _state(threshold, reading, level.seconds)
        if not reading.failed:
            level.readings[index].since = None
        elif level.readings[index].since is None:
            level.readings[index].since = at
        if reading.state is ThresholdState.UNKNOWN or reading.failed == self._breached[index]:
            return
        self._breached[index] = reading.failed
        value = told(reading.value, threshold.unit, threshold.limit)
        verb = "is breached" if reading.failed else "holds again"
        text = f"{threshold.expression} {verb}: {value} at {level}"
        turned.append(Turned(threshold.expression, reading.failed, text))

    def _total(self, index: int, final: bool) -> _Reading:
        """Return a count over all levels."""
        threshold, past = self.thresholds[index], self._past[index]
        now = self._level.readings[index] if self._level else _Reading()
        total = _Reading(past.count + (now.value or 0.0), past.samples + now.samples)
        total.since = past.first or now.since
        if total.samples and total.value is not None:
            total.state = state_of(threshold, total.value)
            if total.failed and not final and may_change(threshold, total.value):
                total.state = ThresholdState.UNKNOWN
        return total

    def _worst(self, index: int, final: bool) -> tuple[_Reading, str]:
        """Return the worst reading of a threshold and where it was."""
        threshold, past = self.thresholds[index], self._past[index]
        if threshold.kind is Kind.COUNT:
            return self._total(index, final), ""
        now = self._level.readings[index] if self._level else None
        if now is None or now.state is ThresholdState.UNKNOWN or now.value is None:
            return past.worst or now or _Reading(), past.where
        if past.worst is None or _is_worse(threshold, now, past.worst):
            return now, str(self._level)
        return past.worst, past.where

    def _view(self, index: int, reading: _Reading) -> ThresholdView:
        threshold, past = self.thresholds[index], self._past[index]
        if threshold.kind is Kind.COUNT:
            failed, first = reading.failed, reading.since if reading.failed else None
        else:
            now = self._level.readings[index] if self._level else None
            now_failed = now is not None and now.failed
            failed, first = (
                past.failed or now_failed,
                past.first or (now.since if now and now_failed else None),
            )
        return ThresholdView(
            expression=threshold.expression,
            label=threshold.label,
            operator=threshold.operator,
            limit=threshold.limit,
            unit=threshold.unit,
            value=reading.value,
            state=reading.state,
            failed=failed,
            first_breach=first,
            samples=reading.samples,
        )

    def _verdict_of(self, level: _Level) -> Verdict:
        states = [
            reading.state
            for threshold, reading in zip(self.thresholds, level.readings, strict=True)
            if threshold.kind is not Kind.COUNT
        ]
        if ThresholdState.FAIL in states:
            return Verdict.FAIL
        return Verdict.INCONCLUSIVE if not states or ThresholdState.UNKNOWN in states else Verdict.PASS


def _state(threshold: Threshold, reading: _Reading, seconds: float) -> ThresholdState:
    enough = seconds >= MIN_SECONDS if threshold.kind is Kind.RATE else reading.samples >= MIN_REQUESTS
    if reading.value is None or not enough:
        return ThresholdState.UNKNOWN
    return state_of(threshold, reading.value)


def _fold(past: _Past, threshold: Threshold, reading: _Reading, where: str) -> None:
    """Take a reading of a level that has ended into what is known of the threshold."""
    if threshold.kind is Kind.COUNT:
        past.count += reading.value or 0.0
        past.samples += reading.samples
        past.first = past.first or reading.since
        return
    if reading.failed:
        past.failed = True
        past.first = past.first or reading.since
    if past.worst is None or _is_worse(threshold, reading, past.worst):
        past.worst, past.where = reading, where


def _is_worse(threshold: Threshold, reading: _Reading, than: _Reading) -> bool:
    """Compare two levels; one that could be judged counts more than one that could not."""
    if reading.state is ThresholdState.UNKNOWN or reading.value is None:
        return False
    if than.state is ThresholdState.UNKNOWN or than.value is None:
        return True
    return threshold.badness(reading.value) > threshold.badness(than.value)


def _too_thin(level: _Level) -> str:
    return f"{level} brought {level.requests} requests in {level.seconds:.0f} s, too few to judge"
