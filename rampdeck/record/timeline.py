"""A run over time, in as many columns as a picture has room for: what requests and sources brought.

Fed with a session's items in their order, once. What is kept of a second are
a few numbers, so a long session costs little, and its log lines next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rampdeck.histogram import Histogram
from rampdeck.model import Event, EventKind, RequestBatch, Sample, Severity, SourceInfo, Step
from rampdeck.record.track import NO_LINE, Line, Readings, Track, folded
from rampdeck.session import Item
from rampdeck.snapshot import Trend
from rampdeck.view import View

MOST = 4_000
"""Columns of a timeline."""
BEFORE, AFTER = 5, 10
"""Seconds that are shown of the time before the load, and after it."""
MOST_NOTES = 500
"""Marks, and turns of thresholds, that are kept."""
ALWAYS = ("host.cpu", "postgres.connections")
"""Metrics of sources that are kept and drawn in any case."""
_TOLD = frozenset({EventKind.MARK, EventKind.GATE})


@dataclass(frozen=True, slots=True)
class Mark:
    """The operator's note, at UTC seconds."""

    utc: float
    text: str


@dataclass(frozen=True, slots=True)
class Breach:
    """A threshold did not hold, in UTC seconds; ``until`` is ``None`` where it never did again."""

    expression: str
    begin: float
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Columns of equal width in seconds, from ``began`` (UTC seconds) on.

    ``users`` is the most of a column, ``rps`` the mean, ``p50``, ``p95`` and
    ``p99`` (ms) those of its worst second, ``error_rate`` a share of 0 to 1 of its
    requests; ``None`` where there was nothing. ``tracks`` are metrics of sources,
    by source and metric. ``steps`` are the load levels as they came to be.
    """

    began: float = 0.0
    width: float = 1.0
    count: int = 0
    users: Line = NO_LINE
    rps: Line = NO_LINE
    p50: Line = NO_LINE
    p95: Line = NO_LINE
    p99: Line = NO_LINE
    error_rate: Line = NO_LINE
    steps: tuple[Step, ...] = ()
    marks: tuple[Mark, ...] = ()
    breaches: tuple[Breach, ...] = ()
    tracks: Mapping[tuple[str, str], Track] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Return how long it is."""
        return self.width * self.count

    def line(self, source: str, metric: str) -> Line:
        """Return a metric of a source; the mean of each column."""
        track = self.tracks.get((source, metric))
        return track.line(self.began, round(self.width), self.count) if track else NO_LINE


@dataclass(slots=True)
class _Second:
    seconds: float = 0.0
    users: int = 0
    requests: int = 0
    failures: int = 0
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None

    @property
    def rps(self) -> float | None:
        return self.requests / self.seconds if self.seconds > 0 else None

    @property
    def error_rate(self) -> float | None:
        return self.failures / self.requests if self.requests else None


class TimelineMaker:
    """Takes a session's items and makes its timeline.

    Of sources it keeps every metric; or, where it is told what is ``judged``
    (``nginx.5xx``), that, what their panes show as figures and :data:`ALWAYS`.
    """

    def __init__(self, views: Mapping[str, View], judged: Iterable[str] | None = None) -> None:
        figures = {
            kind: {figure.metric: figure.limit for line in view.figures for figure in line}
            for kind, view in views.items()
        }
        self._mosts = {
            kind: {name: most for name, most in of.items() if most} for kind, of in figures.items()
        }
        self._wanted: dict[str, set[str]] | None = None
        if judged is not None:
            self._wanted = {kind: {*of, *of.values()} for kind, of in figures.items()}
            for metric in (*ALWAYS, *judged):
                kind, dot, name = metric.partition(".")
                if dot:
                    self._wanted.setdefault(kind, set()).add(name)
        self._kinds: dict[str, str] = {}
        self._readings: dict[str, Readings] = {}
        self._seconds: dict[int, _Second] = {}
        self._began: tuple[float, float] | None = None
        self._times, self._now = Histogram(), 0
        self._steps: dict[int, Step] = {}
        self._marks: list[Mark] = []
        self._turns: list[tuple[str, float, bool]] = []

    def take(self, item: Item) -> None:
        """Take in the next item; those that do not matter cost next to nothing."""
        if isinstance(item, Event):
            if item.kind in _TOLD:
                self._event(item)
        elif isinstance(item, Sample):
            self._sample(item)
        elif isinstance(item, RequestBatch):
            self._batch(item)
        elif isinstance(item, Step):
            self._steps[item.number] = item
        elif isinstance(item, SourceInfo):
            self._kinds[item.name] = item.kind

    def timeline(self, most: int = MOST) -> Timeline:
        """Return the timeline of what was taken in so far."""
        if self._began is None or not self._seconds:
            return Timeline()
        loaded = [place for place, second in self._seconds.items() if second.users or second.requests]
        begin = max(0, min(loaded, default=0) - BEFORE)
        end = min(max(self._seconds), max(loaded, default=max(self._seconds)) + AFTER) + 1
        width = max(1, math.ceil((end - begin) / most))
        count = math.ceil((end - begin) / width)
        known = [self._seconds.get(place) for place in range(begin, begin + count * width)]
        utc = self._began[0]

        def line(name: str, how: str) -> Line:
            return folded([getattr(second, name, None) for second in known], width, how)

        return Timeline(
            began=utc + begin,
            width=float(width),
            count=count,
            users=line("users", "max"),
            rps=line("rps", "mean"),
            p50=line("p50", "max"),
            p95=line("p95", "max"),
            p99=line("p99", "max"),
            error_rate=_shares(line("error_rate", "max"), known, width),
            steps=tuple(self._steps[number] for number in sorted(self._steps)),
            marks=tuple(self._marks),
            breaches=tuple(_breaches(self._turns)),
            tracks={
                (source, name): track
                for source, readings in self._readings.items()
                for name, track in readings.tracks(
                    utc - self._began[1], self._mosts.get(self._kinds[source], {})
                ).items()
            },
        )

    def _sample(self, sample: Sample) -> None:
        readings = self._readings.get(sample.source)
        if readings is None:
            source = sample.source
            kind = self._kinds.setdefault(source, source.partition("@")[0].partition(":")[0])
            readings = self._readings[source] = Readings(kind)
        wanted = None if self._wanted is None else self._wanted.get(self._kinds[sample.source], ())
        readings.add(sample.at.mono, sample.values, wanted)

    def _batch(self, batch: RequestBatch) -> None:
        begin = batch.at.mono - batch.seconds
        if self._began is None:
            self._began = (batch.at.utc - batch.seconds, begin)
        place = max(0, int(begin + batch.seconds / 2 - self._began[1]))
        if place != self._now:
            self._times, self._now = Histogram(), place
        second = self._seconds.get(place)
        if second is None:
            second = self._seconds[place] = _Second()
        second.seconds += batch.seconds
        second.users = max(second.users, batch.users)
        times = self._times
        for stats in batch.sums:
            if stats.successes.count:
                times.add(stats.successes)
            if stats.failures.count:
                times.add(stats.failures)
                second.failures += stats.failures.count
        second.requests = times.count
        second.p50, second.p95, second.p99 = times.percentiles((50, 95, 99))

    def _event(self, event: Event) -> None:
        if event.kind is EventKind.MARK:
            if len(self._marks) < MOST_NOTES:
                self._marks.append(Mark(event.at.utc, event.text))
        elif (expression := event.fields.get("threshold")) and len(self._turns) < MOST_NOTES:
            self._turns.append((expression, event.at.utc, event.severity <= Severity.WARNING))


def recent(trend: Trend, until: float) -> Timeline:
    """Return what the screen knows of the last minutes, up to ``until`` (UTC seconds)."""
    count = min(map(len, (trend.users, trend.rps, trend.p95, trend.error_rate)))
    return Timeline(
        began=until - count,
        count=count,
        users=Line(trend.users[:count]),
        rps=Line(trend.rps[:count]),
        p95=Line(trend.p95[:count]),
        error_rate=Line(trend.error_rate[:count]),
    )


def _shares(worst: Line, known: Sequence[_Second | None], width: int) -> Line:
    """Return the share of all requests of each column, where a mean of the seconds' shares is not it."""
    if width == 1:
        return worst
    values: list[float | None] = []
    for start in range(0, len(known), width):
        seconds = [second for second in known[start : start + width] if second is not None]
        requests = sum(second.requests for second in seconds)
        values.append(sum(second.failures for second in seconds) / requests if requests else None)
    return Line(tuple(values), worst.lows, worst.highs)


def _breaches(turns: Sequence[tuple[str, float, bool]]) -> list[Breach]:
    """Put each turn for the worse together with the next one for the better."""
    found: list[Breach] = []
    open_: dict[str, int] = {}
    for expression, utc, breached in turns:
        if breached and expression not in open_:
            open_[expression] = len(found)
            found.append(Breach(expression, utc))
        elif not breached and expression in open_:
            place = open_.pop(expression)
            found[place] = Breach(expression, found[place].begin, utc)
    return found
