"""From a session, live or read back, to its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rampdeck import __version__
from rampdeck.arrivals import paces
from rampdeck.facts import FactPair
from rampdeck.gate import Gate
from rampdeck.knee import Knee
from rampdeck.model import Instant, Step
from rampdeck.reconcile import Counts
from rampdeck.record import changes, clocks
from rampdeck.record.facts import fields
from rampdeck.record.findings import findings
from rampdeck.record.logs import said
from rampdeck.record.markdown import date
from rampdeck.record.result import (
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
from rampdeck.record.tables import of_session
from rampdeck.requests import Span, Tally
from rampdeck.session import Session, Source

if TYPE_CHECKING:
    from rampdeck.run import Run


@dataclass(frozen=True, slots=True)
class Matter:
    """What a result is made of, beside the session and its gate.

    ``doubts`` take a PASS away; ``tainted`` says why the figures themselves
    cannot be trusted (:func:`rampdeck.gate.judge`); ``marks`` say the same of
    load levels, by number. ``counts`` are worked out where they are not known.
    ``facts`` are the fields of the record, ``pairs`` all facts that were gathered.
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
    at = Instant.now()
    counts = run.session.counts(at)
    doubts = list(run.trust.doubts())
    planned = run.walk.stages or run.engine.has_shape or run.setup.run_time
    if run.ended == "operator" and planned:
        doubts.append("the operator stopped the load before its planned end")
    if run.broken:
        doubts.append(run.broken)
    doubts += changes.doubts(run.gatherer.pairs)
    if run.writer.missing:
        doubts.append(run.writer.missing)
    if knee := run.capacity.now():
        knee = replace(knee, climb=run.pilot.auto.ending)
    matter = Matter(
        title=run.setup.title,
        host=run.setup.host,
        facts=fields(run.setup.config.release, run.gatherer.pairs),
        doubts=doubts,
        tainted=run.trust.tainted(),
        findings=findings(
            run.session,
            run.gate.outcome(final=run.session.step is None),
            run.engine.exceptions,
            knee,
            counts,
            run.gatherer.pairs,
        ),
        marks={number: run.trust.marks(number) for number in run.trust.doubted},
        knee=knee,
        file=run.writer.path,
        counts=counts,
        pairs=run.gatherer.pairs,
    )
    return _draft(run.session, run.gate, matter, at)


def result_of(session: Session, gate: Gate, matter: Matter, at: Instant) -> Result:
    """Return the result of a session as of ``at``."""
    return _draft(session, gate, matter, at).finished()


def _draft(session: Session, gate: Gate, matter: Matter, at: Instant) -> Draft:
    steps = [session.steps[number] for number in sorted(session.steps)]
    running = bool(steps) and steps[-1].ended is None
    ended = steps[-1].ended if steps else None
    verdict, reasons = gate.verdict(matter.doubts, matter.tainted, final=not running)
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
        running=running,
        users=max((step.users for step in steps), default=0),
        total=Measured.of(book.whole),
        record=record,
        thresholds=gate.outcome(final=not running),
        errors=tuple(ErrorResult(*error) for error in book.worst_errors()),
        errors_left_out=book.errors_left_out,
        sources=tuple(_source(source) for source in session.sources.values()),
        tables=of_session(session),
        logs=tuple(said(source) for source in session.sources.values() if source.groups),
        clocks=clocks.results(session.clocks),
        doubts=(*matter.tainted, *matter.doubts),
        findings=tuple(matter.findings),
        facts=tuple(matter.pairs),
        generator=_generator(session),
        counts=session.counts(at) if matter.counts is None else matter.counts,
        knee=matter.knee,
        pacing=paces(book.steps),
        warnings=gate.warnings(final=not running),
        session=matter.file,
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


def _scenarios(title: str, steps: Sequence[Step]) -> str:
    """Return what was run: the stages that were reached, or the levels that were set by hand."""
    stages = dict.fromkeys(step.stage for step in steps if step.stage)
    levels = dict.fromkeys(str(step.users) for step in steps if not step.stage and step.users)
    told = list(stages)
    if levels:
        told.append(("by hand " if stages else "") + ", ".join(levels) + " users")
    return f"{title}: {', '.join(told)}" if told else title
