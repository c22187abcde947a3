"""What a collector is, and where it hands over what it reads.

A collector reads one source (one kind on one host) for ever. It knows nothing
of the screen, the store or its own restarts: it reads, hands samples and
events to its :class:`Sink`, and raises when it cannot go on. Its
supervisor (:mod:`rampdeck.supervise`) says why, waits and calls it again; the object
stays the same, so a collector keeps its place (journal cursor, file offset) in attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from rampdeck.facts import Fact
from rampdeck.flood import LIMIT, Flood, Stretch
from rampdeck.model import Event, EventKind, Health, Instant, Sample, Severity, SourceInfo, Step, Value
from rampdeck.remote import Remote, Shell
from rampdeck.view import Metric, Unit, View

PATIENCE = 10.0
"""Seconds that a source may take until it is first seen without that being a gap."""


_SEVERITY = {Health.BLIND: Severity.ERROR, Health.WARNING: Severity.WARNING}


class CollectorConfig(BaseModel):
    """What every ``[[collectors]]`` table may say; each kind adds its own keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    host: str = "local"
    label: str = ""
    absent: str = ""
    """Why this source is left out and how to get it; its pane says so."""
    needed: bool = True
    """Whether a PASS needs this source; one that does not is told when it was blind, and no more."""
    limit: int = Field(LIMIT, ge=1)
    """Log lines a second that are stored on average, ten times as many at once; more are only counted."""

    @property
    def source(self) -> SourceInfo:
        """The source that this table describes."""
        return SourceInfo.of(self.kind, self.host, self.label)


class Collector(Protocol):
    """Reads one source.

    ``kind`` is its name in the configuration and the first part of its metric
    names; ``Config`` validates its table; ``metrics`` are the numbers it gives;
    ``view`` is its pane.
    """

    kind: ClassVar[str]
    Config: ClassVar[type[CollectorConfig]]
    metrics: ClassVar[tuple[Metric, ...]]
    view: ClassVar[View]

    def __init__(self, config: Any) -> None: ...

    async def run(self, remote: Remote, sink: Sink) -> None:
        """Read until it cannot go on; returning means that the source ended.

        Raises :class:`SourceError` or a remote error with what, why and fix.
        """

    def asks(self) -> tuple[str, ...]:
        """Return every command and statement that it may ever send, whole.

        What is not known before is a word in capitals (``OFFSET``, ``CURSOR``).
        Whoever lets us onto a host can read here what we do there.
        """


@runtime_checkable
class Actor(Protocol):
    """A collector that can do something with a row of one of its tables."""

    async def act(self, action: str, row: Mapping[str, Value]) -> str:
        """Do the action of that name (:class:`rampdeck.view.Action`); returns what came of it, as lines.

        Raises :class:`RampdeckError` when it cannot be done.
        """


@runtime_checkable
class StepReader(Protocol):
    """A collector whose figures are of a load level, so that it has to know where one begins and ends."""

    def step(self, step: Step) -> None:
        """Learn that a load level began, goes on to its next phase, or has ended; never blocks."""


@runtime_checkable
class Teller(Protocol):
    """A collector that can say what its source is made of: versions, settings, sizes."""

    async def facts(self, shell: Shell) -> tuple[Fact, ...]:
        """Ask for it once, by short commands or through what :meth:`Collector.run` has open.

        It may be called while ``run`` is at work, or waits for its host. A fact
        that cannot be had says why; raises :class:`RampdeckError` where none can.
        """


LINE_COUNTS = {
    "lines_read": "lines that came from the source",
    "lines_stored": "lines that stand in the session file, with an event of their own or in a traceback",
    "lines_counted": "lines that are counted only, as most of an access log",
    "lines_dropped": "lines that we left out because they were too many",
    "lines_suppressed": "lines that the sender says it left out",
}
LINE_METRICS = tuple(
    Metric(name, Unit.PER_SECOND, f"{text}, in the second of the sample")
    for name, text in LINE_COUNTS.items()
)
"""What every source of lines gives beside its own; read = stored + counted + dropped, always."""


class Sink:
    """Where one source's samples and events go, and where its health is known.

    The first sample, log line or :meth:`live` call makes the source live, and
    again after each time it was blind. How long it could not be seen, and why it
    began, becomes a gap event, also before it was ever live, if that took longer
    than :data:`PATIENCE` or failed once; it begins when the source was last heard,
    not when that was noticed. A change of health is an event; saying the same
    again is not.
    """

    def __init__(
        self, info: SourceInfo, append: Callable[[Sample | Event], None], limit: int = LIMIT
    ) -> None:
        self.info = info
        self.health = Health.CONNECTING
        self.reason = ""
        self.settled: Callable[[], None] = lambda: None
        """Called when the source is seen again, or left out."""
        self._append = append
        self._next_try: Instant | None = None
        self._unseen_since: Instant | None = Instant.now()
        self._heard: Instant | None = None
        self._why = ""
        self._flood = Flood(limit)
        self._limit = limit
        self._lines: dict[str, float] = {}

    def sample(self, values: Mapping[str, float], rows: tuple[Mapping[str, Value], ...] = ()) -> None:
        """Hand over one reading; of a source of lines, with what was counted of them since the last one."""
        at = self._seen()
        if self._lines:
            values = {**values, **self._lines}
            self._lines = dict.fromkeys(LINE_COUNTS, 0.0)
        self._append(Sample(at, self.info.name, values, rows))
        if stretch := self._flood.over(at):
            self._tell_dropped(stretch)

    def lines(self, *, read: int = 0, counted: int = 0, suppressed: int = 0) -> None:
        """Count lines: that came, that become figures only, that the sender left out."""
        if not self._lines:
            self._lines = dict.fromkeys(LINE_COUNTS, 0.0)
        self._lines["lines_read"] += read
        self._lines["lines_counted"] += counted
        self._lines["lines_suppressed"] += suppressed

    def log(
        self,
        text: str,
        severity: Severity = Severity.INFO,
        *,
        sent: float | None = None,
        fields: Mapping[str, str] | None = None,
        lines: int = 1,
    ) -> None:
        """Hand over one event of a log, which stands for so many of its lines: 0 where it is our own word.

        Beyond the limit of lines it is dropped and counted; one with a signal, or
        an error, only when the reserve for such is used up as well.
        """
        at = self._seen()
        fields = fields or {}
        grave = severity <= Severity.ERROR or "signal" in fields
        stored = not lines or self._flood.takes(lines, at, grave=grave)
        if self._lines:
            self._lines["lines_stored" if stored else "lines_dropped"] += lines
        if stored:
            self._append(Event(at, self.info.name, EventKind.LOG, severity, text, sent, fields))

    def due(self) -> None:
        """Say, before a reading, that none was due since the last one: only from now on is one missed."""
        if self.health in (Health.LIVE, Health.WARNING):
            self._heard = Instant.now()

    def live(self) -> None:
        """Say that the source can be seen, though nothing may have come yet; ends a warning."""
        self._turn(Health.LIVE, "")

    def warn(self, reason: str) -> None:
        """Say that the source can be seen, but not as it should be; holds until :meth:`live`."""
        self._turn(Health.WARNING, reason)

    def blind(
        self, reason: str, next_try: Instant | None = None, *, since: Instant | None = None, fix: str = ""
    ) -> None:
        """Say that nothing can be seen, why, when it is tried next, and ``since`` when at the latest.

        ``fix`` is the part of the reason that says what to do.
        """
        silent = {"since": f"{since.utc:.3f}"} if since else {}
        if fix:
            silent["fix"] = fix
        known = [moment for moment in (since, self._heard) if moment is not None]
        since = min(known, key=lambda moment: moment.mono, default=None)
        self._turn(Health.BLIND, reason, next_try, since=since, fields=silent)

    def absent(self, reason: str) -> None:
        """Say that the source is left out, and how to get it; what is left out has no gaps."""
        self._turn(Health.ABSENT, reason)

    def gap(self, since: Instant, why: str) -> None:
        """Say that something between ``since`` and this moment was not seen and will not come."""
        self._tell_gap(since, Instant.now(), why)

    def close(self) -> None:
        """End the source's story: a gap that is still open ends here, and what was counted last is told."""
        at = Instant.now()
        if any(self._lines.values()):
            self._append(Sample(at, self.info.name, self._lines))
            self._lines = {}
        if stretch := self._flood.over():
            self._tell_dropped(stretch)
        self._end_gap(at, ", until the end")

    def _seen(self) -> Instant:
        if self.health not in (Health.LIVE, Health.WARNING):
            self.live()
        self._heard = Instant.now()
        return self._heard

    def _tell_dropped(self, stretch: Stretch) -> None:
        why = f"{stretch.lines} lines were not stored: more than {self._limit} a second"
        self._tell_gap(stretch.since, stretch.until, why, dropped=str(stretch.lines))

    def _tell_gap(self, since: Instant, until: Instant, why: str, **fields: str) -> None:
        span = {"from": f"{since.utc:.3f}", "until": f"{until.utc:.3f}", **fields}
        self._append(Event(Instant.now(), self.info.name, EventKind.GAP, Severity.WARNING, why, fields=span))

    def _turn(
        self,
        health: Health,
        reason: str,
        next_try: Instant | None = None,
        *,
        since: Instant | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        if (health, reason, next_try) == (self.health, self.reason, self._next_try):
            return
        at = Instant.now()
        if health is Health.BLIND:
            self._unseen_since = self._unseen_since or since or at
            self._why = self._why or reason
        elif self.health is Health.CONNECTING and (
            health is Health.ABSENT or self._seconds_unseen(at) <= PATIENCE
        ):
            self._unseen_since = None
        else:
            self._end_gap(at)
        self.health, self.reason, self._next_try = health, reason, next_try
        severity = _SEVERITY.get(health, Severity.NOTICE)
        fields = {"health": health.value, **(fields or {})}
        if next_try:
            fields["next"] = f"{next_try.utc:.3f}"
        if health is not Health.BLIND:
            self.settled()
        self._append(Event(at, self.info.name, EventKind.HEALTH, severity, reason, fields=fields))

    def _seconds_unseen(self, at: Instant) -> float:
        return at.mono - self._unseen_since.mono if self._unseen_since else 0.0

    def _end_gap(self, at: Instant, how: str = "") -> None:
        since = self._unseen_since
        if since is None:
            return
        why = f": {self._why}" if self._why else ""
        self.gap(since, f"blind for {self._seconds_unseen(at):.1f} s{how}{why}")
        self._unseen_since, self._why = None, ""
