"""From a session, live or read back, to its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rampdeck import __version__
from rampdeck.arrivals import paces
from rampdeck.gate import Gate
from rampdeck.knee import Knee
from rampdeck.model import Instant, Step
from rampdeck.record.findings import findings
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
from rampdeck.requests import Span
from rampdeck.session import Session, Source

if TYPE_CHECKING:
    from rampdeck.run import Run


@dataclass(frozen=True, slots=True)
class Matter:
    """What a result is made of, beside the session and its gate.

    ``doubts`` take a PASS away; ``tainted`` says why the figures themselves
    cannot be trusted (:func:`rampdeck.gate.judge`); ``marks`` say the same of
    load levels, by number.
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


def conclude(run: Run) -> Result:
    """Return the result of a run as of now."""
    doubts = list(run.trust.doubts())
    planned = run.walk.stages or run.engine.has_shape or run.setup.run_time
    if run.ended == "operator" and planned:
        doubts.append("the operator stopped the load before its planned end")
    if run.broken:
        doubts.append(run.broken)
    if knee := run.capacity.now():
        knee = replace(knee, climb=run.pilot.auto.ending)
    matter = Matter(
        title=run.setup.title,
        host=run.setup.host,
        facts=run.facts,
        doubts=doubts,
        tainted=run.trust.tainted(),
        findings=findings(
            run.session, run.gate.outcome(final=run.session.step is None), run.engine.exceptions, knee
        ),
        marks={number: run.trust.marks(number) for number in run.trust.doubted},
        knee=knee,
        file=run.writer.path,
    )
    return result_of(run.session, run.gate, matter, Instant.now())


def result_of(session: Session, gate: Gate, matter: Matter, at: Instant) -> Result:
    """Return the result of a session as of ``at``."""
    steps = [session.steps[number] for number in sorted(session.steps)]
    running = bool(steps) and steps[-1].ended is None
    ended = steps[-1].ended if steps else None
    verdict, reasons = gate.verdict(matter.doubts, matter.tainted, final=not running)
    book = session.book
    seconds = book.whole.seconds
    record = replace(
        matter.facts,
        date=date(steps[0].began if steps else at),
        test_scenarios=_scenarios(matter.title, steps),
        result=verdict.value,
    )
    return Result(
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
        steps=tuple(_step(session, gate, matter, step) for step in steps),
        requests=tuple(
            RequestResult(method=method, name=name, **measured(tally, seconds))
            for (method, name), tally in book.whole.names.items()
        ),
        errors=tuple(ErrorResult(*error) for error in book.worst_errors()),
        errors_left_out=book.errors_left_out,
        sources=tuple(_source(source) for source in session.sources.values()),
        doubts=(*matter.tainted, *matter.doubts),
        findings=tuple(matter.findings),
        generator=_generator(session),
        counts=session.counts(at),
        knee=matter.knee,
        pacing=paces(book.steps),
        session=matter.file,
        version=__version__,
    )


def _step(session: Session, gate: Gate, matter: Matter, step: Step) -> StepResult:
    span = session.book.steps.get(step.number)
    pace = span.pace.view(span.seconds) if span else None
    return StepResult(
        number=step.number,
        stage=step.stage,
        users=step.users,
        spawn_rate=step.spawn_rate,
        cause=step.cause,
        began=step.began,
        measured=span is not None,
        verdict=gate.step_verdict(step.number),
        marks=matter.marks.get(step.number, ()),
        asked=pace.asked if pace else None,
        achieved=pace.achieved if pace else None,
        **measured((span or Span()).total, span.seconds if span else 0.0),
    )


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
