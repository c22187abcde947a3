"""From a session, live or read back, to its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rampdeck import __version__
from rampdeck.config import ReleaseConfig
from rampdeck.facts import FactPair
from rampdeck.gate import Gate
from rampdeck.levels.arrivals import paces
from rampdeck.levels.capacity import Capacity
from rampdeck.levels.knee import Knee
from rampdeck.model import Event, Instant, Step
from rampdeck.reconcile import Counts
from rampdeck.record import clocks
from rampdeck.record.doubts import doubts
from rampdeck.record.facts import fields
from rampdeck.record.findings import findings
from rampdeck.record.groundwork import Groundwork
from rampdeck.record.logs import said
from rampdeck.record.markdown import date
from rampdeck.record.outcome import Outcome
from rampdeck.record.result import (
    Decision,
    ErrorResult,
    Finding,
    GapResult,
    GeneratorResult,
    Measured,
    RecordFields,
    RequestResult,
    Result,
    SourceResult,
    StepResult,
    measured,
)
from rampdeck.record.settings import NO_SETTINGS, Settings
from rampdeck.record.tables import of_session
from rampdeck.requests import Span, Tally
from rampdeck.session import Session, Source
from rampdeck.snapshot import Coverage, Verdict
from rampdeck.trust import Trust

if TYPE_CHECKING:
    from rampdeck.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A session with those who judged it, live or read back, and what is known of it beside its items.

    ``meta`` is what the session says of itself as a whole. ``sha256`` is that of
    its ``file`` once that is closed. ``cut_off`` is when the file ends, if the
    session was killed or still goes on elsewhere.
    """

    session: Session
    gate: Gate
    trust: Trust
    capacity: Capacity
    outcome: Outcome
    title: str
    host: str
    file: Path
    release: ReleaseConfig
    meta: Mapping[str, Any] = field(default_factory=dict)
    facts: tuple[FactPair, ...] = ()
    warnings: tuple[str, ...] = ()
    sha256: str = ""
    cut_off: Instant | None = None


@dataclass(frozen=True, slots=True)
class Matter:
    """What a result is made of, beside the session and its gate.

    ``doubts`` take a PASS away; ``tainted`` says why the figures themselves
    cannot be trusted (:func:`rampdeck.gate.judge`); ``marks`` say the same of
    load levels, by number. ``counts`` are worked out where they are not known.
    ``facts`` are the fields of the record, ``pairs`` all facts that were gathered.
    ``settings`` are what it was run with, ``groundwork`` what was laid before the load,
    ``coverage`` says how much each source was seen; ``warnings``, ``sha256`` and ``cut_off``
    become those of the result.
    """

    title: str
    host: str
    facts: RecordFields = field(default_factory=RecordFields)
    doubts: Sequence[str] = ()
    tainted: Sequence[str] = ()
    findings: Sequence[Finding] = ()
    file: Path | None = None
    marks: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    knee: Knee | None = None
    counts: Counts | None = None
    pairs: Sequence[FactPair] = ()
    settings: Settings = NO_SETTINGS
    groundwork: Groundwork | None = None
    coverage: Sequence[Coverage] = ()
    warnings: tuple[str, ...] = ()
    sha256: str = ""
    cut_off: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """A result without the figures of load levels and request names, and copies of what these are made of.

    Percentiles of hundreds of names hold up the loop for a tenth of a second;
    nothing here is touched any more, so a thread may work them out.
    """

    result: Result
    steps: tuple[tuple[dict[str, Any], Tally, float], ...]
    names: tuple[tuple[str, str, Tally], ...]
    seconds: float

    def finished(self) -> Result:
        """Work the figures out and return the whole result; dear."""
        return replace(
            self.result,
            steps=tuple(
                StepResult(**step, **measured(tally, seconds)) for step, tally, seconds in self.steps
            ),
            requests=tuple(
                RequestResult(method=method, name=name, **measured(tally, self.seconds))
                for method, name, tally in self.names
            ),
        )


def conclude(run: Run) -> Result:
    """Return the result of a run as of now."""
    return draft(run).finished()


def draft(run: Run) -> Draft:
    """Return what the result of a run as of now is made of; quick."""
    judged = Judged(
        session=run.session,
        gate=run.gate,
        trust=run.trust,
        capacity=run.capacity,
        outcome=run.outcome,
        title=run.setup.title,
        host=run.setup.host,
        file=run.writer.path,
        sha256=run.writer.sha256,
        release=run.setup.config.release,
        meta=run.writer.meta,
        facts=run.gatherer.pairs,
        warnings=(run.writer.unsealed,) if run.writer.unsealed else (),
    )
    return draft_of(judged, run.outcome.closed or Instant.now())


def draft_of(judged: Judged, at: Instant) -> Draft:
    """Return what the result of a session as of ``at`` is made of; quick."""
    session, gate, trust, outcome = judged.session, judged.gate, judged.trust, judged.outcome
    counts = session.counts(at)
    if knee := judged.capacity.now():
        knee = replace(knee, climb=outcome.climb)
    cut = () if judged.cut_off is None else (_cut_off(judged.cut_off),)
    final = session.step is None and not cut
    groundwork = Groundwork.of_meta(judged.meta)
    matter = Matter(
        title=judged.title,
        host=judged.host,
        facts=fields(judged.release, judged.facts),
        doubts=(*cut, *doubts(session, trust, outcome, judged.facts, judged.meta)),
        tainted=trust.tainted(),
        findings=findings(session, gate.outcome(final=final), outcome.raised, knee, counts, judged.facts),
        marks={number: trust.marks(number) for number in trust.doubted},
        knee=knee,
        file=judged.file,
        counts=counts,
        pairs=judged.facts,
        settings=Settings.of_meta(judged.meta),
        groundwork=groundwork,
        coverage=trust.coverage(),
        warnings=(*trust.warnings(), *(groundwork.warnings() if groundwork else ()), *judged.warnings),
        sha256=judged.sha256,
        cut_off=bool(cut),
    )
    return _draft(session, gate, matter, at)


def result_of(session: Session, gate: Gate, matter: Matter, at: Instant) -> Result:
    """Return the result of a session as of ``at``."""
    return _draft(session, gate, matter, at).finished()


def _draft(session: Session, gate: Gate, matter: Matter, at: Instant) -> Draft:
    steps = [session.steps[number] for number in sorted(session.steps)]
    running = bool(steps) and steps[-1].ended is None
    ended = steps[-1].ended if steps else None
    final = not running and not matter.cut_off
    verdict, reasons = gate.verdict(matter.doubts, matter.tainted, final=final)
    book = session.book
    record = replace(
        matter.facts,
        date=date(steps[0].began if steps else at),
        test_scenarios=_scenarios(matter.title, steps),
        result=verdict.value,
    )
    result = Result(
        result=verdict,
        reasons=reasons,
        title=matter.title,
        host=matter.host,
        began=steps[0].began if steps else None,
        ended=ended or at,
        running=running and not matter.cut_off,
        users=max((step.users for step in steps), default=0),
        total=Measured.of(book.whole),
        record=record,
        thresholds=gate.outcome(final=final),
        errors=tuple(ErrorResult(*error) for error in book.worst_errors()),
        errors_left_out=book.errors_left_out,
        sources=tuple(_source(source) for source in session.sources.values()),
        tables=of_session(session),
        logs=tuple(said(source) for source in session.sources.values() if source.groups),
        clocks=clocks.results(session.clocks),
        doubts=(*matter.tainted, *matter.doubts),
        findings=tuple(matter.findings),
        facts=tuple(matter.pairs),
        settings=matter.settings,
        groundwork=matter.groundwork,
        generator=_generator(session),
        counts=session.counts(at) if matter.counts is None else matter.counts,
        knee=matter.knee,
        pacing=paces(book.steps),
        decision=_decision(session.decision),
        coverage=tuple(matter.coverage),
        warnings=(*gate.warnings(final=final), *matter.warnings),
        cut_off=matter.cut_off,
        session=matter.file,
        session_sha256=matter.sha256,
        version=__version__,
    )
    return Draft(
        result,
        tuple(_step(session, gate, matter, step) for step in steps),
        tuple((method, name, tally.copy()) for (method, name), tally in book.whole.names.items()),
        book.whole.seconds,
    )


def _step(session: Session, gate: Gate, matter: Matter, step: Step) -> tuple[dict[str, Any], Tally, float]:
    """Return what is known of a load level, and the requests of its measured part."""
    span = session.book.steps.get(step.number) or Span()
    pace = span.pace.view(span.seconds)
    known = {
        "number": step.number,
        "stage": step.stage,
        "users": step.users,
        "spawn_rate": step.spawn_rate,
        "cause": step.cause,
        "began": step.began,
        "measured": step.number in session.book.steps,
        "verdict": gate.step_verdict(step.number),
        "marks": matter.marks.get(step.number, ()),
        "thresholds": gate.step_outcome(step.number),
        "asked": pace.asked if pace else None,
        "achieved": pace.achieved if pace else None,
        "warmup": step.warmup,
    }
    # A level that has ended does not change any more.
    return known, span.total.copy() if step.ended is None else span.total, span.seconds


def _source(source: Source) -> SourceResult:
    gaps = [GapResult(gap.begin, gap.until, gap.why) for gap in source.gaps]
    if source.blind_since is not None and not any(gap.until is None for gap in gaps):
        gaps.append(GapResult(source.blind_since.utc, None, f"blind: {source.reason}"))
    return SourceResult(
        name=source.info.name,
        host=source.info.host,
        state=source.health.value,
        reason=source.reason,
        samples=source.samples,
        events=source.events,
        gaps=tuple(gaps),
        gaps_left_out=source.gaps_left_out,
        lines=source.lines,
    )


def _generator(session: Session) -> GeneratorResult:
    highest = next(
        (source.highest for source in session.sources.values() if source.info.kind == "generator"), {}
    )
    names = ("cpu_percent", "lag_p99_ms", "lag_max_ms", "delay_p95_ms", "memory_percent")
    return GeneratorResult(*(highest.get(name) for name in names))


def _decision(event: Event | None) -> Decision | None:
    """Return what the last decision says."""
    if event is None:
        return None
    said = event.fields
    return Decision(
        event.at, Verdict(said["verdict"]), Verdict(said["computed"]), said["name"], said.get("note", "")
    )


def _cut_off(at: Instant) -> str:
    """Return why a session without an end can be no PASS."""
    when = datetime.fromtimestamp(at.utc, UTC).strftime("%H:%M:%S UTC")
    return f"the session was cut off at {when}: it was killed, or it still goes on"


def _scenarios(title: str, steps: Sequence[Step]) -> str:
    """Return what was run: the stages that were reached, or the levels that were set by hand."""
    stages = dict.fromkeys(step.stage for step in steps if step.stage)
    levels = dict.fromkeys(str(step.users) for step in steps if not step.stage and step.users)
    told = list(stages)
    if levels:
        told.append(("by hand " if stages else "") + ", ".join(levels) + " users")
    return f"{title}: {', '.join(told)}" if told else title
