"""What the screen is given: one frozen picture of the session, at most twice a second.

Everything a pane shows is in here (logs apart: those are asked for by cursor),
so a pane needs no access to the session, and a replay can feed it alike.
Series are one value a second, oldest first, at most :data:`HISTORY` of them;
``None`` is a second without data and is drawn as a gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from rampdeck.model import Event, Health, Instant, RunState, SourceInfo, Stage, Step, Value
from rampdeck.view import Unit

if TYPE_CHECKING:
    from rampdeck.levels.knee import Knee

HISTORY = 300
"""Seconds of history that the series hold."""

Series = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """How some times in ms are spread; ``None``: there are none."""

    count: int = 0
    mean: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    p999: float | None = None
    p9999: float | None = None
    highest: float | None = None


@dataclass(frozen=True, slots=True)
class Spreads:
    """The response times of some span by every clock there is.

    ``all``, ``ok`` and ``failed`` are wire times where the kernel stamped them;
    ``locust`` are all of them by Locust's clock, ``delay`` is what the
    generator added, ``corrected`` has the requests that late answers kept back.
    """

    all: Spread = Spread()
    ok: Spread = Spread()
    failed: Spread = Spread()
    locust: Spread = Spread()
    delay: Spread = Spread()
    corrected: Spread = Spread()


@dataclass(frozen=True, slots=True)
class Figures:
    """Requests of some span: counts, rates and response times in ms.

    ``rps`` counts all requests; ``error_rate`` is a share, 0 to 1; percentiles
    are of all requests, ``ok_p95`` of the successful ones. ``None``: no data.
    ``delay_p95`` is what the generator added to the response times by Locust's
    clock, ``stamped`` counts the requests that have a wire time, ``redirects``
    the exchanges beyond the first, ``killed`` the requests that we cut off.
    """

    seconds: float = 0.0
    requests: int = 0
    failures: int = 0
    rps: float | None = None
    error_rate: float | None = None
    mean: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    highest: float | None = None
    ok_p95: float | None = None
    locust_p95: float | None = None
    delay_p95: float | None = None
    stamped: int = 0
    redirects: int = 0
    killed: int = 0
    p999: float | None = None


@dataclass(frozen=True, slots=True)
class PaceView:
    """Users with a known pace over some span: what was asked of them, and what they did.

    ``asked`` and ``achieved`` are iterations a second; ``short`` says that the
    rate was missed by more than chance. ``iteration`` is how long one took on
    average in seconds, ``needed`` how many ``users`` the asked rate takes at
    least then. ``late_p95`` is how late iterations began, in ms. ``requests``
    are those of these users, ``filled`` those that were filled in for the ones
    never sent, ``unknown`` those whose user is not known.
    """

    asked: float
    achieved: float
    users: float
    short: bool = False
    iteration: float | None = None
    needed: int | None = None
    late_p95: float | None = None
    requests: int = 0
    filled: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class LoadView:
    """The load: what is asked for, what is there, and where in the plan it stands.

    ``plan`` is empty without one; ``stage`` counts from 0, -1 before the first;
    ``shape``: the locustfile's LoadTestShape takes the plan's place.
    ``auto``: so does the auto-step, and ``plan`` holds its levels so far.
    ``following`` says whether the plan drives the load, ``held`` that it waits.
    ``elapsed`` and ``total`` are seconds; ``total`` is ``None`` for a run without end.
    """

    state: RunState = RunState.READY
    users: int = 0
    target: int = 0
    spawn_rate: float = 0.0
    elapsed: float = 0.0
    total: float | None = None
    step: Step | None = None
    plan: tuple[Stage, ...] = ()
    shape: bool = False
    stage: int = -1
    following: bool = False
    held: bool = False
    auto: bool = False

    @property
    def under_way(self) -> bool:
        """Whether users are there, come or go."""
        return self.state in (RunState.SPAWNING, RunState.RUNNING, RunState.STOPPING)


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request name: the last seconds, the whole run, and its p95 over time."""

    method: str
    name: str
    window: Figures
    whole: Figures
    p95: Series
    health: Health


@dataclass(frozen=True, slots=True)
class StepRow:
    """One load level: where it stands, its measured figures, its own verdict.

    ``figures`` are those of the measured part, empty where there is none (yet).
    ``left`` is how many seconds its phase goes on, ``None`` where nobody knows.
    ``marks`` say why its figures are not to be trusted.
    """

    step: Step
    figures: Figures
    verdict: Verdict
    left: float | None = None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trend:
    """The run over time: one value a second."""

    p95: Series = ()
    users: Series = ()
    rps: Series = ()
    error_rate: Series = ()


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one source's logs; ``read`` are those that were stored, counted or dropped.

    ``counted`` became figures only, ``dropped`` were too many for us (see
    :mod:`rampdeck.flood`), ``suppressed`` the sender left out by its own word.
    """

    read: int = 0
    stored: int = 0
    counted: int = 0
    dropped: int = 0
    suppressed: int = 0

    def plus(self, values: Mapping[str, float]) -> Lines:
        """Return these and those of one more sample, ``lines_read`` and so on."""
        return Lines(*(had + int(values[f"lines_{name}"]) for name, had in asdict(self).items()))


@dataclass(frozen=True, slots=True)
class SourceView:
    """One source: how well it is seen, and what it said last.

    ``next_try`` is seconds until a blind one is tried again, 0 while it is, ``None``
    where that is not known; ``age`` is seconds since the last sample or event, ``None``
    before the first; ``values`` and ``rows`` are those of the last sample; ``series``
    has the trend of each metric that its view draws. ``lines`` are those of a log,
    up to now; ``None`` for a source that reads none.
    """

    info: SourceInfo
    health: Health
    reason: str
    age: float | None
    samples: int
    events: int
    gaps: int
    values: Mapping[str, float]
    rows: tuple[Mapping[str, Value], ...]
    series: Mapping[str, Series]
    lines: Lines | None = None
    next_try: float | None = None


class ThresholdState(StrEnum):
    """What a threshold says; ``unknown`` is never a pass."""

    PASS = "pass"
    WARN = "warn"  #: holds, but near its limit
    FAIL = "fail"
    UNKNOWN = "unknown"  #: no samples


@dataclass(frozen=True, slots=True)
class ThresholdView:
    """One threshold: now (``state``, ``value``) and ever (all others).

    ``value``, ``worst`` and ``limit`` are in ``unit``; a share is written as per cent.
    ``worst`` was seen ``where``: at which load level, of which source. ``longest``
    is how many seconds the longest breach lasted, ``breaches`` how many there were.
    ``margin`` is the share of the limit that ``worst`` left (0.2: 20 % to spare),
    negative beyond it; ``None`` where that means nothing (a limit of 0, ``==``).
    What only ``warns`` never changes a verdict.
    """

    expression: str
    label: str
    operator: str
    limit: float
    unit: Unit
    value: float | None
    state: ThresholdState
    failed: bool
    first_breach: Instant | None
    samples: int
    worst: float | None = None
    where: str = ""
    longest: float = 0.0
    breaches: int = 0
    margin: float | None = None
    warns: bool = False


class Verdict(StrEnum):
    """The gate's word."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the measured seconds a source was seen."""

    source: str
    measured: float
    seen: float


@dataclass(frozen=True, slots=True)
class GeneratorView:
    """This machine and this process: may the numbers be trusted?"""

    health: Health = Health.CONNECTING
    cpu_percent: float | None = None
    lag_p99_ms: float | None = None
    lag_max_ms: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GuardView:
    """The guard: how often it has refused something, and where the last one wanted to go."""

    refused: int = 0
    place: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """The session file: where it is, how large, and whether it is being written."""

    path: Path | None = None
    bytes: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the panes show at one moment."""

    at: Instant
    title: str = ""
    host: str = ""
    production: bool = False
    """The load goes to production."""
    throttled: float | None = None
    """Requests that the ceiling held back in the last second, ``None`` where there is no ceiling."""
    load: LoadView = field(default_factory=LoadView)
    window: Figures = field(default_factory=Figures)
    whole: Figures = field(default_factory=Figures)
    pace: PaceView | None = None
    requests: tuple[RequestRow, ...] = ()
    steps: tuple[StepRow, ...] = ()
    trend: Trend = field(default_factory=Trend)
    knee: Knee | None = None
    sources: tuple[SourceView, ...] = ()
    thresholds: tuple[ThresholdView, ...] = ()
    verdict: Verdict = Verdict.INCONCLUSIVE
    reasons: tuple[str, ...] = ()
    generator: GeneratorView = field(default_factory=GeneratorView)
    recording: Recording = field(default_factory=Recording)
    guard: GuardView = field(default_factory=GuardView)
    mark: Event | None = None
    decision: Event | None = None
    events: int = 0


EMPTY = Snapshot(at=Instant(0.0, 0.0))
"""What a pane shows before the first snapshot."""
