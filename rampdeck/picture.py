"""Painting the snapshot: the frozen picture of a run that the screen is given.

What is heavy (rows, series) is made once a second; what answers a key (target,
state) is looked up each time, so that a press is painted at once.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from rampdeck.levels.steps import seconds_left
from rampdeck.levels.steptable import MOST, StepTable
from rampdeck.model import Instant, RunState
from rampdeck.record.doubts import doubts
from rampdeck.snapshot import EMPTY, GeneratorView, LoadView, Recording, Snapshot, StepRow

if TYPE_CHECKING:
    from rampdeck.run import Run


class Painter:
    """Makes snapshots of a run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._body = EMPTY
        self._due = True
        self._elapsed = 0.0
        self._steps = StepTable(run.session, run.gate)

    def tick(self) -> None:
        """Say that a second has passed: the next snapshot is made anew."""
        self._due = True

    def snapshot(self) -> Snapshot:
        """Return the picture of this moment."""
        at = Instant.now()
        if self._due:
            self._body = self._paint(at)
            self._due = False
        session = self._run.session
        return replace(
            self._body,
            at=at,
            load=self._load(at),
            mark=session.mark,
            decision=session.decision,
            events=session.events,
        )

    def _paint(self, at: Instant) -> Snapshot:
        run, session = self._run, self._run.session
        # At the end the thresholds show what decided, not that nothing is measured any more.
        over = run.engine.state is RunState.STOPPED
        against = doubts(session, run.trust, run.outcome, run.gatherer.pairs, run.writer.meta)
        verdict, reasons = run.gate.verdict(against, run.trust.tainted(), final=over)
        return Snapshot(
            at=at,
            title=run.setup.title,
            host=run.setup.host,
            production=run.setup.production is not None,
            throttled=self._throttled(),
            window=session.book.window.figures(),
            whole=session.book.whole.figures(),
            pace=session.book.window.pace.view(session.book.window.seconds),
            requests=session.request_rows(run.gate.health),
            steps=self._step_rows(at),
            trend=session.trend(),
            knee=run.capacity.settled(),
            sources=session.source_views(at),
            thresholds=run.gate.outcome(final=True) if over else run.gate.views,
            verdict=verdict,
            reasons=reasons,
            generator=self._generator(),
            recording=Recording(run.writer.path, run.writer.bytes, run.writer.problem),
            guard=run.guard.view,
        )

    def _step_rows(self, at: Instant) -> tuple[StepRow, ...]:
        run, step = self._run, self._run.steps.step
        # No more than there are rows: the newest.
        doubted = islice(reversed(run.trust.doubted), MOST)
        marks = {number: run.trust.marks(number) for number in doubted}
        if step is None:
            return self._steps.rows(None, marks)
        left = seconds_left(step, at, run.engine.users, run.steps.settle, run.walk.left)
        return self._steps.rows(left, marks)

    def _load(self, at: Instant) -> LoadView:
        run, engine, walk = self._run, self._run.engine, self._run.walk
        if run.began is not None and not run.over.is_set():
            self._elapsed = at.mono - run.began.mono
        return LoadView(
            state=engine.state,
            users=engine.users,
            target=engine.target,
            spawn_rate=engine.order.spawn_rate,
            elapsed=self._elapsed,
            total=run.setup.run_time or walk.total,
            step=run.steps.step,
            plan=walk.stages,
            shape=engine.has_shape,
            stage=walk.index,
            following=walk.following or engine.shape_running,
            held=walk.held,
            auto=walk is run.pilot.auto,
        )

    def _throttled(self) -> float | None:
        told = (source.last.values for source in self._run.session.sources.values() if source.last)
        return next((values["held_back"] for values in told if "held_back" in values), None)

    def _generator(self) -> GeneratorView:
        source = next((s for s in self._run.session.sources.values() if s.info.kind == "generator"), None)
        if source is None or source.last is None:
            return GeneratorView()
        values = source.last.values
        return GeneratorView(
            health=source.health,
            cpu_percent=values.get("cpu_percent"),
            lag_p99_ms=values.get("lag_p99_ms"),
            lag_max_ms=values.get("lag_max_ms"),
            reason=source.reason,
        )
