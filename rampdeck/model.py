"""The data that flows: instants, samples, events, request batches, steps, sources.

Everything here is frozen, so that one object can be stored, judged and shown
at the same time. Whatever is stored carries an :class:`Instant` (UTC and
monotonic) and the name of its source.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from rampdeck.histogram import Histogram

Value = str | float | int | None
"""What a table cell of a source may hold."""
STALE = 3.0
"""Seconds without a sample after which the last one says nothing of this moment: a trend has a gap there."""
OTHER_NAMES = "(other names)"
"""The name that requests share which came after too many others."""


@dataclass(frozen=True, slots=True, order=True)
class Instant:
    """A moment on both clocks of this machine, in seconds.

    ``utc`` (Unix time) is for people and for joining with servers; ``mono``
    orders and measures, because it never jumps.
    """

    utc: float
    mono: float

    @classmethod
    def now(cls) -> Instant:
        """Return this moment."""
        return cls(time.time(), time.monotonic())

    def plus(self, seconds: float) -> Instant:
        """Return the instant ``seconds`` later on both clocks."""
        return Instant(self.utc + seconds, self.mono + seconds)


class Severity(IntEnum):
    """Syslog's severities (RFC 5424, 6.2.1): the smaller, the worse."""

    EMERGENCY = 0
    ALERT = 1
    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6
    DEBUG = 7


class EventKind(StrEnum):
    """What sort of thing an event tells."""

    LOG = "log"  #: a line that a source wrote
    #: A source changed its health: field ``health``; of a blind one ``next`` (when it is tried again) and
    #: ``since`` (when its host fell silent), UTC seconds; ``fix``: what of the reason says what to do.
    HEALTH = "health"
    #: Something was not seen: fields ``from`` and ``until``, UTC seconds; ``dropped``: so many lines were
    #: counted, but not stored.
    GAP = "gap"
    KEY = "key"  #: the operator did something
    MARK = "mark"  #: the operator's note on the timeline
    LOAD = "load"  #: the load changed: started, step, stage, stopped
    GATE = "gate"  #: a threshold was breached, or holds again
    #: A person decided: fields ``verdict``, ``computed``, ``name`` and ``note`` (the last one counts).
    DECISION = "decision"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened once.

    ``at`` is when this process learned of it; ``sent`` is the sender's own
    time (UTC seconds by the sender's clock) where the sender gave one. The
    offset between the two clocks is measured elsewhere and never applied here.
    ``text`` is what the sender wrote, undecorated and not cleaned: clean it
    where it is shown (:func:`rampdeck.text.clean`).
    """

    at: Instant
    source: str
    kind: EventKind
    severity: Severity
    text: str
    sent: float | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading of a source.

    ``values`` are numbers by metric name without the source's kind
    (``{"connections": 12.0}`` becomes ``postgres.connections``); ``rows`` is
    the table of this moment, if the source has one (one mapping a row, keys as
    in the columns of its table). A row's ``"_health"`` may hold a :class:`Health`,
    its ``"_table"`` names its table (:class:`rampdeck.view.Table`).
    """

    at: Instant
    source: str
    values: Mapping[str, float]
    rows: tuple[Mapping[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class RequestStats:
    """What one second brought for one request name.

    Response times in milliseconds, successes and failures apart, because fast
    failures pull percentiles down. They are wire times where the kernel
    stamped the answer (:mod:`rampdeck.engine.wire`), otherwise Locust's.
    ``errors`` counts failures by their text.

    - ``locust``: all of them by Locust's own clock; empty where that is the
      only clock there is, because the wire clock is off.
    - ``delay``: what the generator itself added, of the stamped ones.
    - ``corrected``: those of users with a known pace, with the requests that
      a late answer kept from being sent (coordinated omission).
    - ``redirects``: exchanges beyond the first of a request.
    - ``killed``: requests that we ourselves cut off; in none of the histograms.
    - ``unsent``: those of the killed of which nothing had been sent yet.
    - ``unreported``: answered, but the scenario raised before it said what of
      it; in none of the histograms, as Locust has it.
    """

    method: str
    name: str
    successes: Histogram
    failures: Histogram
    bytes: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    locust: Histogram = field(default_factory=Histogram)
    delay: Histogram = field(default_factory=Histogram)
    corrected: Histogram = field(default_factory=Histogram)
    redirects: int = 0
    killed: int = 0
    unsent: int = 0
    unreported: int = 0


@dataclass(frozen=True, slots=True)
class Pace:
    """What users with a known pace were to do in one interval, and what they did.

    Every field may be added up, over intervals and over workers.

    - ``user_seconds``: such users, times the seconds they were there.
    - ``due``: iterations that were asked for; ``begun``: those that began.
    - ``lost``: periods by which iterations outlasted theirs: so many were never begun.
    - ``ended``, ``busy``: iterations that ended, and the seconds they took together.
    - ``requests``: requests of these users; ``filled``: those filled in for the lost ones.
    - ``unknown``: requests of greenlets that a task started, whose user is not known.
    - ``lateness``: how late iterations began, against their intended start, in ms.
    """

    user_seconds: float = 0.0
    due: float = 0.0
    begun: int = 0
    lost: float = 0.0
    ended: int = 0
    busy: float = 0.0
    requests: int = 0
    filled: int = 0
    unknown: int = 0
    lateness: Histogram = field(default_factory=Histogram)


@dataclass(frozen=True, slots=True)
class RequestBatch:
    """All requests that ended in one interval, with the users of its end.

    ``at`` is the end of the interval, ``seconds`` its length. ``pace`` is
    ``None`` where no user has a known one. ``whole`` is the sum of all names
    where a report reads only some of them: then ``entries`` are these.
    """

    at: Instant
    seconds: float
    users: int
    entries: tuple[RequestStats, ...]
    pace: Pace | None = None
    whole: RequestStats | None = None

    @property
    def sums(self) -> tuple[RequestStats, ...]:
        """What adds up to all of its requests, whoever's name they have."""
        return self.entries if self.whole is None else (self.whole,)


@dataclass(frozen=True, slots=True)
class Tick:
    """A look at the session: what it held by then is what was judged.

    One a second is a ``beat``, which the trends note and the trust counts; the gate
    alone looks between two of them, where a level is decided. ``users`` were there.
    """

    at: Instant
    users: int
    beat: bool = True


class RunState(StrEnum):
    """What the load is doing; Locust's words."""

    READY = "ready"
    SPAWNING = "spawning"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Stage:
    """A planned step: reach ``users`` at ``spawn_rate`` users a second, hold for ``hold`` seconds.

    A ``warmup`` is never measured.
    """

    name: str
    users: int
    spawn_rate: float
    hold: float
    warmup: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One load level: ramp, settle, measure.

    Every change of the target begins one. ``reached`` is when the users were
    there, ``measured_from`` when settling was over; figures and verdicts of a
    step count from there to ``ended``. ``cause`` says who changed the target:
    ``key``, ``plan``, ``auto``, ``shape`` or (by calling Locust itself) ``scenario``.
    A ``warmup`` is never measured: it is over when the next level begins.
    """

    number: int
    users: int
    spawn_rate: float
    cause: str
    began: Instant
    stage: str = ""
    reached: Instant | None = None
    measured_from: Instant | None = None
    ended: Instant | None = None
    warmup: bool = False

    @property
    def phase(self) -> str:
        """Return ``ramp``, ``settle``, ``measure``, ``warm-up`` or ``done``."""
        if self.ended is not None:
            return "done"
        if self.reached is None:
            return "ramp"
        if self.warmup:
            return "warm-up"
        return "settle" if self.measured_from is None else "measure"


class Health(StrEnum):
    """How well a source can be seen."""

    CONNECTING = "connecting"
    LIVE = "live"
    WARNING = "warning"  #: readable, but something about it needs a look
    BLIND = "blind"  #: no data; the reason says why
    ABSENT = "absent"  #: left out on purpose; the reason says how to get it


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """Who a source is: its kind (``nginx``) and the host it is read on.

    ``name`` is ``kind@host``, or ``kind:label@host`` where a host has several.
    """

    name: str
    kind: str
    host: str

    @classmethod
    def of(cls, kind: str, host: str = "local", label: str = "") -> SourceInfo:
        """Return a source with its name."""
        return cls(f"{kind}:{label}@{host}" if label else f"{kind}@{host}", kind, host)


def level_name(number: int, users: int) -> str:
    """Name a load level in a sentence."""
    return f"step {number} ({users} users)"
