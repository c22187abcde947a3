"""Judging the thresholds of a session while it goes on.

**Requests.** Response times, shares and rates are judged over the measured part
of each load level by itself, and the worst level decides: a run that is quick
at 10 users and slow at 50 has failed, whatever its average. Since a level's
figures are of its whole measured part, a breach that passes within the level is
none at its end: ``failed`` always says what the verdict would be if the load
ended now. ``requests`` and ``failures`` add up over the measured parts of all
levels. A level counts with at least :data:`MIN_REQUESTS` requests of the
threshold's selection, for ``rps`` with at least :data:`MIN_SECONDS` measured seconds.

**Windows.** With ``over 30s`` a window that slides over the load takes the place
of the level, ramps included; it is judged with every batch, once it is full and
has enough requests. What it finds is not forgotten, and belongs to the level
that it was found in. With ``at NAME`` it begins with the stage.

**Sources.** Every sample while the load runs, from the first step on, of every
source that the labels select, each by itself; with ``over`` the mean of the
window's samples. See :class:`~rampdeck.gate.judges.SourceJudge`.

**Patience.** With ``for 15s`` a limit must be seen broken for 15 s on end before
that counts; until then it is a warning. What is not seen for a while, or has
too few requests, is not on end.

**Stopping.** A breach of what is to ``abort`` stops the load once it counts and
has lasted for the grace period beyond that. It stays a failure then, whatever
the last requests bring.

**The guard.** Whatever the thresholds say, a run that the emergency stop ended
(:mod:`rampdeck.guard.emergency`) has failed, and so has the level in which it did.

Everything follows from the items of the session in their order, and from
nothing else: no clock is read. A replay of the items says the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rampdeck.gate import sentences
from rampdeck.gate.course import Course, Ever
from rampdeck.gate.figures import MIN_REQUESTS, figure_of, is_near
from rampdeck.gate.grammar import Kind, Threshold, parse_all
from rampdeck.gate.judges import Judge, Now, RequestJudge, TotalJudge, view_of
from rampdeck.gate.levels import Level, Levels, too_thin, verdict_of
from rampdeck.gate.panels import Panels
from rampdeck.gate.sourcejudge import SourceJudge
from rampdeck.gate.sources import selects, value_in
from rampdeck.gate.verdict import NO_THRESHOLDS, ONLY_WARNINGS, judge
from rampdeck.guard import emergency
from rampdeck.model import Event, EventKind, Health, Instant, RequestBatch, Sample, Severity, Step
from rampdeck.requests import Key
from rampdeck.snapshot import Figures, ThresholdState, ThresholdView, Verdict
from rampdeck.view import Metric

if TYPE_CHECKING:
    from rampdeck.session import Item, Session, Source

WARN_AT = 80.0
"""Per cent of a limit from which on a value is near it."""


@dataclass(frozen=True, slots=True)
class Turned:
    """A threshold that has just been breached, or holds again.

    ``aborts``: the load is to be stopped for it. ``warns``: it is only a warning.
    """

    expression: str
    breached: bool
    text: str
    aborts: bool = False
    warns: bool = False


class Gate:
    """The thresholds of a session.

    ``metrics`` are those of the sources by full name, ``warn_at`` the per cent
    of a limit from which on a value is near it. Raises :class:`UsageError` for
    a threshold that cannot be read.

    :meth:`attach` it to the session before the first item, then ask once a
    second with :meth:`observe` what has turned; everything else can be asked at
    any time. What it keeps grows with the load levels (a few words each), not
    with their length.
    """

    def __init__(
        self,
        thresholds: Iterable[str | Threshold],
        metrics: Mapping[str, Metric] | None = None,
        warn_at: float = WARN_AT,
    ) -> None:
        self.thresholds: tuple[Threshold, ...] = parse_all(thresholds, metrics)
        self.warn_at = warn_at
        self.doubted: Mapping[int, bool] = {}
        """Levels that are not to be trusted, and whether their very figures are tainted."""
        self._judges = tuple(_judge_for(threshold, warn_at) for threshold in self.thresholds)
        self._panels = Panels([one for one in self._judges if isinstance(one, RequestJudge | TotalJudge)])
        self._of_sources = [one for one in self._judges if isinstance(one, SourceJudge)]
        self._levels = Levels()
        self._level: Step | None = None
        self._ended: Instant | None = None
        self._session: Session | None = None
        self._turned: list[Turned] = []
        self._emergencies: dict[int, str] = {}  # by load level, what the guard said
        self._concerned: dict[Key, tuple[Threshold, ...]] = {}

    @property
    def judges_levels(self) -> bool:
        """Whether any threshold judges every load level, as counts over all levels do not."""
        return any(
            one.per_level and not one.threshold.warns and not one.threshold.stage for one in self._judges
        )

    # -- what comes in

    def attach(self, session: Session) -> None:
        """Judge what a session takes in from now on, and the measured levels that it has already."""
        self._session = session
        session.listeners.append(self._take)
        for one in self._of_sources:
            one.session = session

    def observe(self, at: Instant, session: Session) -> tuple[Turned, ...]:
        """Return what has turned since the last time; once a second.

        A session that it was not attached to is taken as it is: its measured
        levels are judged, windows and sources from now on.
        """
        for one in self._of_sources:
            one.at = at
        if session is not self._session:
            self.attach(session)
            self._catch_up(at, session)
        turned, self._turned = self._turned, []
        return tuple(turned)

    def announce(self, at: Instant, session: Session) -> tuple[Turned, ...]:
        """Say on the session's timeline what has turned, and return it."""
        found = self.observe(at, session)
        for turned in found:
            severity = Severity.WARNING if turned.warns else Severity.ERROR
            fields = {"threshold": turned.expression} | ({"aborts": "yes"} if turned.aborts else {})
            session.say(EventKind.GATE, turned.text, fields, severity if turned.breached else Severity.NOTICE)
        return found

    def _take(self, item: Item) -> None:
        session = self._session
        if session is None:
            return
        if isinstance(item, Step):
            self._step(item, session)
        elif session.step is None:
            return
        elif isinstance(item, Event):
            if emergency.fired(item):
                self._emergencies[session.step.number] = item.text
        elif isinstance(item, RequestBatch):
            entries = (((stats.method, stats.name), stats) for stats in item.entries)
            slices = self._panels.slicer.slices(entries, session.book.latest)
            measured = session.step.phase == "measure"
            for one, course in self._panels.add(item.at, item.seconds, slices, measured):
                self._look(one, course)
        elif isinstance(item, Sample):
            self._judge_sample(session.sources[item.source])

    def _judge_sample(self, source: Source) -> None:
        # Not the item: the session has taken what we cut off ourselves out of it.
        sample = source.last
        for one in self._of_sources:
            if sample is None or one.level is None or not selects(one.threshold, source.info):
                continue
            value = value_in(one.threshold, sample.values)
            if value is not None and (course := one.take(sample, value)):
                self._look(one, course)

    def _catch_up(self, at: Instant, session: Session) -> None:
        for number, step in sorted(session.steps.items()):
            self._step(replace(step, ended=None), session)
            if span := session.book.steps.get(number):
                slices = self._panels.slicer.slices(span.names.items(), span.total)
                for one, course in self._panels.add(at, span.seconds, slices, measured=True):
                    self._look(one, course)
            if step.ended is not None:
                self._step(step, session)

    def _step(self, step: Step, session: Session) -> None:
        if self._level is not None and step.number != self._level.number:
            self._settle(session)
        if step.ended is not None:
            self._settle(session)
            self._ended = step.ended
        elif self._level is None:
            anew = self._ended is None or step.began.mono > self._ended.mono
            self._panels.begin(step, anew)
            for one in self._judges:
                if anew or (one.applies(step) and not one.applied):
                    one.load_begins()
                one.applied = one.applies(step)
                if one.applied:
                    one.begin(step)
            self._level = step

    def _settle(self, session: Session) -> None:
        """Note that the load level has ended."""
        step, self._level = self._level, None
        if step is None:
            return
        level = self._level_now()
        level.views = self._views_of_level()
        thin = too_thin(step, session)
        span = session.book.steps.get(step.number)
        for one in self._judges:
            if one.level is not None:
                # What is too thin for all of them is told once.
                one.settle(0.0 if span is None or (thin and not one.of_source) else span.seconds)
                one.end()
        self._levels.add(step.number, level, thin)

    def _look(self, one: Judge, course: Course) -> None:
        """Note it if a course that has just been judged turns its threshold, or stops the load."""
        failing = one.failing
        if failing is None:
            return
        aborts = failing and course.stops
        if aborts:
            one.stop(course)
        turns, one.breached = failing != one.breached, failing
        if turns or aborts:
            text = sentences.turned(one, course, aborts, again=aborts and not turns)
            expression, warns = one.threshold.expression, one.threshold.warns
            self._turned.append(Turned(expression, failing, text, aborts, warns))

    # -- what it says

    @property
    def views(self) -> tuple[ThresholdView, ...]:
        """The thresholds now: at the level that is measured; ``unknown`` while none is."""
        return tuple(view_of(one, one.now, one.ever()) for one in self._judges)

    def outcome(self, final: bool = False) -> tuple[ThresholdView, ...]:
        """Return the thresholds over all levels, each with its worst value.

        While the load goes on (not ``final``), a count that may yet be reached
        is ``unknown`` rather than failed.
        """
        return tuple(
            view_of(one, Now(ever.worst, state, ever.samples), ever)
            for one, ever, state in self._come_to(final)
        )

    def step_outcome(self, number: int) -> tuple[ThresholdView, ...]:
        """Return the thresholds that look at a load level, as it left them.

        Counts over all levels have no part in it. Of levels of long ago
        (:data:`~rampdeck.gate.levels.MOST_VIEWS`) only the verdict is kept.
        """
        if self._level is not None and self._level.number == number:
            return self._views_of_level()
        return self._levels.past.get(number, _NEVER).views

    def verdict(
        self, doubts: Sequence[str] = (), tainted: Sequence[str] = (), final: bool = False
    ) -> tuple[Verdict, tuple[str, ...]]:
        """Return the verdict so far, or (``final``) for good; see :func:`judge` for the reasons."""
        failed: list[str] = []
        certain = list(self._emergencies.values())
        unknown: list[str] = []
        decides = False
        for one, ever, state in self._come_to(final):
            if one.threshold.warns:
                continue
            decides = True
            if state is ThresholdState.FAIL:
                where = certain if one.of_source else failed
                # What ended the run is said first.
                where.insert(0 if ever.stopped else len(where), sentences.failure(one, ever))
            elif state is ThresholdState.UNKNOWN:
                unknown.append(sentences.unjudged(one, ever))
        if not decides:
            unknown.append(ONLY_WARNINGS if self._judges else NO_THRESHOLDS)
        thin = too_thin(self._level, self._session) if self._level and self._session else ""
        told = self._levels.thin([thin] if thin else [])
        if tainted and any(self.doubted.values()) and self._fails_untainted():
            doubts, tainted = (*tainted, *doubts), ()
        return judge(failed, unknown, (*told, *doubts), tainted, certain)

    def warnings(self, final: bool = False) -> tuple[str, ...]:
        """Return what was breached of the thresholds that only warn, as sentences."""
        return tuple(
            sentences.failure(one, ever)
            for one, ever, state in self._come_to(final)
            if one.threshold.warns and state is ThresholdState.FAIL
        )

    def step_verdict(self, number: int) -> Verdict:
        """Return the verdict of one load level by itself; counts have no part in it.

        A doubt takes a PASS away, a taint a FAIL by its requests too.
        """
        if number in self._emergencies:
            return Verdict.FAIL
        level = self._levels.past.get(number, _NEVER)
        if self._level is not None and self._level.number == number:
            level = self._level_now()
        tainted = self.doubted.get(number)
        if (tainted and not level.certain) or (level.verdict is Verdict.PASS and tainted is not None):
            return Verdict.INCONCLUSIVE
        if level.verdict is Verdict.PASS and self._session and number not in self._session.book.steps:
            return Verdict.INCONCLUSIVE  # windows and sources look at its ramp, too
        return level.verdict

    def health(self, method: str, name: str, figures: Figures) -> Health:
        """Return how a request name stands to the thresholds in the figures of its last seconds.

        A threshold for all requests only warns here: one slow name is no breach
        of it. A threshold of this name that is breached makes it ``BLIND``, the
        worst health there is.
        """
        health = Health.WARNING if figures.failures else Health.LIVE
        for threshold in self._about(method, name):
            value = figure_of(threshold, figures)
            if value is None:
                continue
            holds = threshold.holds(value)
            if not holds and threshold.name and not threshold.warns and figures.requests >= MIN_REQUESTS:
                return Health.BLIND
            if not holds or is_near(threshold, value, self.warn_at):
                health = Health.WARNING
        return health

    # -- how it gets there

    def _about(self, method: str, name: str) -> tuple[Threshold, ...]:
        """Return the thresholds on the requests of a name."""
        found = self._concerned.get((method, name))
        if found is None:
            found = self._concerned[method, name] = tuple(
                threshold
                for threshold in self.thresholds
                if threshold.kind is not Kind.SOURCE
                and threshold.name in ("", name)
                and threshold.method in ("", method)
            )
        return found

    def _come_to(self, final: bool) -> Iterator[tuple[Judge, Ever, ThresholdState]]:
        """Yield the thresholds with what they have come to so far, or for good."""
        for one in self._judges:
            ever = one.for_good() if final else one.ever()
            yield one, ever, one.outcome(ever)

    def _level_now(self) -> Level:
        """Return what the load level would come to if it ended now."""
        return verdict_of(one for one in self._judges if one.level is not None)

    def _views_of_level(self) -> tuple[ThresholdView, ...]:
        return tuple(
            view_of(one, Now(present.worst, one.level_state, present.samples), present)
            for one in self._judges
            if one.level is not None and one.per_level
            for present in (one.present,)
        )

    def _fails_untainted(self) -> bool:
        """Tell whether a level has failed whose figures are its own."""
        numbers = [*self._levels.failed, *([self._level.number] if self._level else [])]
        return any(self.step_verdict(number) is Verdict.FAIL for number in numbers)


_NEVER = Level()


def _judge_for(threshold: Threshold, warn_at: float) -> Judge:
    if threshold.kind is Kind.SOURCE:
        return SourceJudge(threshold, warn_at)
    if threshold.kind is Kind.COUNT and threshold.over is None:
        return TotalJudge(threshold, warn_at)
    return RequestJudge(threshold, warn_at)
