"""What came of a session, frozen: the one source of every written record.

Times are in ms, ``error_rate`` is a share of 0 to 1, ``seconds`` are what the
figures were measured over. ``None`` is no data, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rampdeck.clocks import Offset
from rampdeck.facts import FactPair
from rampdeck.levels.knee import Knee
from rampdeck.model import Instant, Severity, Value
from rampdeck.reconcile import UNCOUNTED, Counts
from rampdeck.record.groundwork import Groundwork
from rampdeck.record.settings import NO_SETTINGS, Settings
from rampdeck.requests import Span, Tally
from rampdeck.snapshot import Coverage, Figures, Lines, Spreads, ThresholdView, Verdict
from rampdeck.view import Column

NINE = {
    "date": "Date",
    "commit_sha": "Commit SHA",
    "image_tag": "Image tag",
    "gunicorn_workers": "Gunicorn workers",
    "nginx_config_version": "Nginx config version",
    "database_size_note": "Database size note",
    "test_scenarios": "Test scenarios",
    "result": "Result",
    "notes": "Notes",
}
"""The nine fields of a decision record by attribute, with the names people know them by."""
LINES = (
    "Every line that was read is stored in the session, counted only (as most of an access log), or dropped "
    "because there were too many. Suppressed are those that the sender says it left out."
)
"""What the columns of the table of lines are."""


@dataclass(frozen=True, slots=True)
class RecordFields:
    """The nine fields; empty is not given."""

    date: str = ""
    commit_sha: str = ""
    image_tag: str = ""
    gunicorn_workers: str = ""
    nginx_config_version: str = ""
    database_size_note: str = ""
    test_scenarios: str = ""
    result: str = ""
    notes: str = ""

    def named(self) -> dict[str, str]:
        """Return the fields under their names."""
        return {name: getattr(self, attribute) for attribute, name in NINE.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The figures of some requests, and how their times are spread by every clock.

    ``stamped`` of them have a wire time. ``redirects`` are the exchanges
    beyond the first; ``killed`` requests were cut off by us and count nowhere.
    """

    seconds: float
    requests: int
    failures: int
    rps: float | None
    error_rate: float | None
    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    p999: float | None
    highest: float | None
    ok_p95: float | None
    locust_p95: float | None
    delay_p95: float | None
    stamped: int
    redirects: int
    killed: int
    spreads: Spreads

    @classmethod
    def of(cls, span: Span) -> Measured:
        """Return what is known of all requests of a span."""
        return Measured(**measured(span.total, span.seconds))

    @property
    def clock(self) -> str | None:
        """Whose clock the times are of: ``wire``, ``locust`` or ``mixed``; ``None`` without requests."""
        if not self.requests:
            return None
        if not self.stamped:
            return "locust"
        return "wire" if self.stamped == self.requests else "mixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult(Measured):
    """A load level over its measured part; ``measured`` is ``False`` when there was none, as of a ``warmup``.

    ``marks`` say why it is not to be trusted, ``thresholds`` how each one that judges
    levels stood at its end.
    ``asked`` and ``achieved`` are iterations a second of users with a known pace, if there were any.
    """

    number: int
    stage: str
    users: int
    spawn_rate: float
    cause: str
    began: Instant
    measured: bool
    verdict: Verdict
    asked: float | None = None
    achieved: float | None = None
    marks: tuple[str, ...] = ()
    thresholds: tuple[ThresholdView, ...] = ()
    warmup: bool = False

    @property
    def unmeasured(self) -> str:
        """What stands in place of a verdict where nothing was measured."""
        return "warm-up" if self.warmup else "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestResult(Measured):
    """A request name over the whole run."""

    method: str
    name: str


@dataclass(frozen=True, slots=True)
class ErrorResult:
    """How often requests of a name failed with a text."""

    method: str
    name: str
    text: str
    count: int


@dataclass(frozen=True, slots=True)
class GapResult:
    """When a source was blind, in UTC seconds; ``until`` is ``None`` if it still was at the end."""

    begin: float
    until: float | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class SourceResult:
    """How well a source was seen: its last state, when it was blind, and its lines if it is a log."""

    name: str
    host: str
    state: str
    reason: str
    samples: int
    events: int
    gaps: tuple[GapResult, ...] = ()
    gaps_left_out: int = 0
    lines: Lines | None = None

    @property
    def gap_count(self) -> int:
        """How often it was blind, or lost something."""
        return len(self.gaps) + self.gaps_left_out


@dataclass(frozen=True, slots=True)
class TableResult:
    """The last rows of a table that a source keeps for each load level (:class:`rampdeck.view.Table`)."""

    step: int
    source: str
    table: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Value], ...]


@dataclass(frozen=True, slots=True)
class LogResult:
    """What a source's log said again and again: lines of one template; times in UTC seconds."""

    severity: Severity
    signal: str
    count: int
    first: float
    last: float
    template: str
    example: str


@dataclass(frozen=True, slots=True)
class LogsResult:
    """The worst and most frequent of what a source's log said, and how many lines it said beside."""

    source: str
    said: tuple[LogResult, ...]
    others: int


@dataclass(frozen=True, slots=True)
class ClockResult:
    """How far a host's clock was from ours: the worst reading, the last one, and since when it was read."""

    host: str
    worst: Offset
    last: Offset
    began: Instant
    readings: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found out: in which layer, how bad, on what evidence, and what to do.

    ``since`` is when it first happened, by this machine's clock (UTC seconds), where that is known.
    """

    layer: str
    severity: str
    text: str
    evidence: tuple[str, ...] = ()
    advice: str = ""
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided, beside what was computed when they did."""

    at: Instant
    verdict: Verdict
    computed: Verdict
    name: str
    note: str = ""

    @property
    def overruled(self) -> bool:
        """Return whether the person decided otherwise than the gate."""
        return self.verdict is not self.computed


@dataclass(frozen=True, slots=True)
class GeneratorResult:
    """This machine and this process: the highest of any second."""

    cpu_percent: float | None = None
    lag_p99_ms: float | None = None
    lag_max_ms: float | None = None
    delay_p95_ms: float | None = None
    memory_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a session.

    ``doubts`` are the reasons not to trust it, ``reasons`` those of the
    verdict. ``running`` says that the load was still going on. ``users`` is
    the highest target. ``pacing`` has sentences on users with a known pace.
    ``groundwork`` is what was laid before the load, ``None`` for a session of an older Rampdeck.
    ``warnings`` are sentences that weigh nothing in the verdict. ``cut_off``:
    the session file ends before the session did. ``session_sha256`` is the
    session file's, once it is closed.
    """

    result: Verdict
    reasons: tuple[str, ...]
    title: str
    host: str
    began: Instant | None
    ended: Instant
    running: bool
    users: int
    total: Measured
    record: RecordFields
    thresholds: tuple[ThresholdView, ...] = ()
    steps: tuple[StepResult, ...] = ()
    requests: tuple[RequestResult, ...] = ()
    errors: tuple[ErrorResult, ...] = ()
    errors_left_out: int = 0
    sources: tuple[SourceResult, ...] = ()
    tables: tuple[TableResult, ...] = ()
    logs: tuple[LogsResult, ...] = ()
    clocks: tuple[ClockResult, ...] = ()
    doubts: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    generator: GeneratorResult = GeneratorResult()
    counts: Counts = UNCOUNTED
    knee: Knee | None = None
    pacing: tuple[str, ...] = ()
    decision: Decision | None = None
    facts: tuple[FactPair, ...] = ()
    settings: Settings = NO_SETTINGS
    groundwork: Groundwork | None = None
    coverage: tuple[Coverage, ...] = ()
    warnings: tuple[str, ...] = ()
    cut_off: bool = False
    session: Path | None = None
    session_sha256: str = ""
    version: str = ""


def parts(figures: Figures | Measured) -> dict[str, Any]:
    """Return the single figures by name."""
    return {field.name: getattr(figures, field.name) for field in fields(Figures)}


def measured(tally: Tally, seconds: float) -> dict[str, Any]:
    """Return what a :class:`Measured` is made of, from the requests of ``seconds``."""
    return {**parts(tally.figures(seconds)), "spreads": tally.spreads()}
