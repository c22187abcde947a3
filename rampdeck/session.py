"""The session: the only owner of live state.

Samples, events, request batches and steps are appended, in the order in which
they became known; everything that is shown or judged is derived from them. A
replay appends the same items again and gets the same pictures.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile

from rampdeck.changes import Changes
from rampdeck.clocks import KIND as CLOCK
from rampdeck.clocks import Clocks, ahead
from rampdeck.groups import Groups
from rampdeck.model import (
    STALE,
    Event,
    EventKind,
    Health,
    Instant,
    RequestBatch,
    Sample,
    Severity,
    SourceInfo,
    Step,
    Tick,
    Value,
)
from rampdeck.ours import Ours
from rampdeck.reconcile import Counts, Ledger
from rampdeck.requests import History, RequestBook
from rampdeck.secrets.scrub import scrubbed
from rampdeck.snapshot import Figures, Lines, RequestRow, SourceView, Trend
from rampdeck.view import Table, View

EVENTS_KEPT = 5_000
"""Events of one kind that stay at hand for the panes; the session file has all."""
GAPS_KEPT = 100
"""Gaps of one source that are told one by one; more are only counted."""

GRAVE = "grave"
"""The kind by which :meth:`Session.events_after` gives the critical lines of all logs."""
BLOCKED = "blocked"
"""The ``signal`` of an event that names a place that held the loop up; by field ``key``."""

Item = Sample | Event | RequestBatch | Step | SourceInfo | Tick
Store = Callable[[Item], None]
Rows = tuple[Mapping[str, Value], ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A span in which a source was blind, in UTC seconds; ``until`` is ``None`` while it lasts."""

    begin: float
    until: float | None
    why: str = ""


@dataclass
class Source:
    """The live state of one source."""

    info: SourceInfo
    health: Health = Health.CONNECTING
    reason: str = ""
    fix: str = ""
    """The part of the reason that says what to do."""
    next_try: float | None = None
    samples: int = 0
    events: int = 0
    heard: Instant | None = None
    last: Sample | None = None
    gaps: list[Gap] = field(default_factory=list)
    gaps_left_out: int = 0
    holes: int = 0
    """How often lines of its log went missing while it could be seen."""
    lines: Lines | None = None
    blind_since: Instant | None = None
    silent: float = 0.0
    """Seconds that its host had said nothing any more when it was found to be blind."""
    series: dict[str, History] = field(default_factory=dict)
    highest: dict[str, float] = field(default_factory=dict)
    signals: Counter[tuple[str, Severity]] = field(default_factory=Counter)
    kept: dict[str, Rows] = field(default_factory=dict)
    by_step: dict[tuple[int, str], Rows] = field(default_factory=dict)
    groups: Groups = field(default_factory=Groups)
    first: dict[str, Event] = field(default_factory=dict)
    """The first event of each signal."""

    def view(self, at: Instant) -> SourceView:
        """Return what a pane shows of it."""
        return SourceView(
            info=self.info,
            health=self.health,
            reason=self.reason,
            next_try=None if self.next_try is None else max(0.0, self.next_try - at.utc),
            age=None if self.heard is None else max(0.0, at.mono - self.heard.mono),
            samples=self.samples,
            events=self.events,
            gaps=len(self.gaps) + self.gaps_left_out,
            values=self.last.values if self.last else {},
            rows=self.rows,
            series={metric: history.series() for metric, history in self.series.items()},
            lines=self.lines,
        )

    @property
    def rows(self) -> Rows:
        """The rows of its tables: the last sample's, and those that stay until there are others."""
        last = self.last.rows if self.last else ()
        if not self.kept:
            return last
        passing = (row for row in last if row.get("_table") not in self.kept)
        return (*passing, *(row for rows in self.kept.values() for row in rows))

    def keep(self, table: Table, rows: Rows) -> None:
        """Keep what a sample told of a table, as far as the table asks for it."""
        told = tuple(row for row in rows if row.get("_table") == table.key)
        if table.kept and told:
            self.kept[table.key] = told
        if table.per_step:
            for step in dict.fromkeys(row.get("_step") for row in told):
                if isinstance(step, int) and step:
                    self.by_step[step, table.key] = tuple(row for row in told if row["_step"] == step)


class Session:
    """Takes items, keeps what is needed at hand, and hands every item to the store.

    What it keeps grows with sources, request names and steps, not with the
    length of the session. ``clean`` takes the secrets out of every item first;
    what is read back from a session file has none any more.
    """

    def __init__(
        self, views: Mapping[str, View], store: Store, clean: Callable[[Item], Item] = scrubbed
    ) -> None:
        self.views = views
        self.sources: dict[str, Source] = {}
        self.steps: dict[int, Step] = {}
        self.book = RequestBook()
        self.clocks = Clocks()
        self.ledger = Ledger(self.clocks)
        self.ours = Ours()
        self.changes = Changes()
        self.users = History()
        self.mark: Event | None = None
        self.decision: Event | None = None
        self.blocked: dict[str, Event] = {}
        self.events = 0
        self.user_count = 0
        self.listeners: list[Callable[[Item], None]] = []
        """Told of every item once it was taken in; what is judged item by item hears of it here."""
        self._store = store
        self._clean = clean
        self._step: Step | None = None
        self._kept: dict[str, deque[tuple[int, Event]]] = {}

    def append(self, item: Item) -> None:
        """Take in one item; never blocks."""
        item = self._clean(item)
        self._store(item)
        self.clocks.take(item)
        self.ledger.take(item)
        if isinstance(item, Sample):
            self._take_sample(item)
        elif isinstance(item, Event):
            self._take_event(item)
        elif isinstance(item, RequestBatch):
            measured = self._step is not None and self._step.phase == "measure"
            self.book.add(item, self._step.number if self._step and measured else None)
            self.ours.take(item)
            self.user_count = item.users
        elif isinstance(item, Step):
            self.steps[item.number] = item
            self.changes.step(item)
            self._step = None if item.ended is not None else item
        elif isinstance(item, Tick):
            if item.beat:
                self._tick(item.at, item.users)
        else:
            self.sources[item.name] = Source(item)
        for listener in self.listeners:
            listener(item)

    def say(
        self,
        kind: EventKind,
        text: str,
        fields: Mapping[str, str] | None = None,
        severity: Severity = Severity.NOTICE,
    ) -> None:
        """Append an event of our own: what the operator did, or what the load does."""
        person = (EventKind.KEY, EventKind.MARK, EventKind.DECISION)
        source = "operator" if kind in person else "engine"
        self.append(Event(Instant.now(), source, kind, severity, text, fields=fields or {}))

    @property
    def step(self) -> Step | None:
        """Return the load level that is under way."""
        return self._step

    @property
    def has_workers(self) -> bool:
        """Return whether the users are in workers, not in this process."""
        return any(source.info.kind == "workers" for source in self.sources.values())

    @property
    def who_waited(self) -> str:
        """Return whom it concerned that the loop stood."""
        return "the cockpit stood still" if self.has_workers else "every user waited"

    def when(self, event: Event) -> float:
        """Return when an event happened by this machine's clock, in UTC seconds (:meth:`Clocks.when`).

        Events keep their sender's time; what is ordered across hosts is ordered by this.
        """
        source = self.sources.get(event.source)
        return self.clocks.when(event, source.info.host if source else "")

    def source_views(self, at: Instant) -> tuple[SourceView, ...]:
        """Return what the panes show of all sources.

        Where a source is a row of its pane, its host's clock stands in it too, under ``clock``
        (ms), and the warning of a clock that is far off is the row's.
        """
        return tuple(self._with_clock(source.view(at)) for source in self.sources.values())

    def counts(self, at: Instant) -> Counts:
        """Return what was sent beside what Nginx saw, and what we cut off."""
        return self.ledger.counts(at, self.ours.counted.total())

    def _tick(self, at: Instant, users: int) -> None:
        """Note this second in the trends; once a second, also while nothing happens."""
        self.book.tick()
        self.users.add(users)
        for source in self.sources.values():
            fresh = source.last is not None and at.mono - source.last.at.mono < STALE
            for metric in self._drawn(source.info.kind):
                history = source.series.setdefault(metric, History())
                history.add(source.last.values.get(metric) if fresh and source.last else None)

    def events_after(self, cursor: int, kinds: Collection[str], most: int) -> tuple[int, tuple[Event, ...]]:
        """Return the newest events of some kinds of sources after a cursor, and the next cursor."""
        found: list[tuple[int, Event]] = []
        for kind in kinds:
            # As many of each: of one kind alone there may be more than all that are wanted.
            newest = islice(reversed(self._kept.get(kind, ())), most)
            found += takewhile(lambda numbered: numbered[0] > cursor, newest)
        found.sort(key=lambda numbered: numbered[0])
        return self.events, tuple(event for _, event in found[-most:])

    def request_rows(self, health: Callable[[str, str, Figures], Health]) -> tuple[RequestRow, ...]:
        """Return a row for each request name, in the order of their first request, as of the last tick."""
        book = self.book
        return tuple(
            RequestRow(
                method=key[0],
                name=key[1],
                window=glance,
                whole=book.whole.names[key].counts(book.whole.seconds),
                p95=book.p95[key].series(),
                health=health(*key, glance),
            )
            for key, glance in book.glances.items()
        )

    def trend(self) -> Trend:
        """Return the run over time."""
        book = self.book
        return Trend(
            book.total_p95.series(), self.users.series(), book.rps.series(), book.error_rate.series()
        )

    def _with_clock(self, view: SourceView) -> SourceView:
        kind, host = view.info.kind, view.info.host
        pane = self.views.get(kind)
        clock = self.clocks.of(host)
        if clock is None or kind == CLOCK or pane is None or not any(table.per_host for table in pane.tables):
            return view
        view = replace(view, values={**view.values, "clock": clock.last.seconds * 1000})
        if view.health is Health.LIVE and clock.last.beyond:
            return replace(view, health=Health.WARNING, reason=f"its clock is {ahead(clock.last.seconds)}")
        return view

    def _take_sample(self, sample: Sample) -> None:
        source = self.sources[sample.source]
        if "499" in sample.values:
            sample = replace(sample, values=self.ours.split(sample))
        source.samples += 1
        source.heard = sample.at
        source.last = sample
        view = self.views.get(source.info.kind) if sample.rows else None
        for table in view.tables if view else ():
            if table.kept or table.per_step:
                source.keep(table, sample.rows)
        if "lines_read" in sample.values:
            source.lines = (source.lines or Lines()).plus(sample.values)
        for metric, value in sample.values.items():
            if value > source.highest.get(metric, float("-inf")):
                source.highest[metric] = value

    def _take_event(self, event: Event) -> None:
        self.events += 1
        source = self.sources.get(event.source)
        kind = source.info.kind if source else event.source
        if event.kind is EventKind.MARK:
            self.mark = event
        elif event.kind is EventKind.DECISION:
            self.decision = event
        if event.fields.get("signal") == BLOCKED:
            self.blocked[event.fields["key"]] = event
        if source is not None:
            self._take_source_event(source, event)
            if "signal" in event.fields:
                self.changes.take(event, source.info, self.when(event))
        if event.kind is not EventKind.HEALTH:
            self._kept.setdefault(kind, deque(maxlen=EVENTS_KEPT)).append((self.events, event))
            if self._is_grave(kind, event):
                self._kept.setdefault(GRAVE, deque(maxlen=EVENTS_KEPT)).append((self.events, event))

    @staticmethod
    def _take_source_event(source: Source, event: Event) -> None:
        if event.kind is EventKind.LOG:
            source.events += 1
            source.heard = event.at
            if "before" not in event.fields and "action" not in event.fields:  # that is our own question
                source.groups.add(event)
                if event.severity <= Severity.WARNING and (signal := event.fields.get("signal")):
                    # A flood is told by a few events, each of which says how many lines it stands for.
                    source.signals[signal, event.severity] += int(event.fields.get("count", 1))
                    source.first.setdefault(signal, event)
        elif event.kind is EventKind.HEALTH:
            source.health = Health(event.fields["health"])
            source.reason = event.text
            source.fix = event.fields.get("fix", "")
            source.next_try = float(event.fields["next"]) if "next" in event.fields else None
            if source.health is Health.BLIND and source.blind_since is None:
                source.silent = max(0.0, event.at.utc - float(event.fields.get("since", event.at.utc)))
                source.blind_since = event.at.plus(-source.silent)
            elif source.health in (Health.LIVE, Health.WARNING):
                source.blind_since = None
        elif event.kind is EventKind.GAP:
            source.holes += "dropped" not in event.fields and not event.text.startswith("blind")
            if len(source.gaps) < GAPS_KEPT:
                since, until = float(event.fields["from"]), float(event.fields["until"])
                source.gaps.append(Gap(since, until, event.text))
            else:
                source.gaps_left_out += 1
            if "dropped" not in event.fields:
                source.blind_since = None

    def _is_grave(self, kind: str, event: Event) -> bool:
        """Return whether a line of a log is one that nobody may miss, however many come after it."""
        if event.kind is not EventKind.LOG or event.severity > Severity.CRITICAL or "before" in event.fields:
            return False
        view = self.views.get(kind)
        return view is not None and view.log

    def _drawn(self, kind: str) -> tuple[str, ...]:
        """Return the metrics of a kind whose trend its pane draws."""
        view = self.views.get(kind)
        return tuple(f.metric for line in view.figures for f in line if f.spark) if view else ()
