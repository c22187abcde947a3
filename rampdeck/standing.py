"""How a run stands, told to its session file whenever that has changed: what its items do not say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rampdeck.levels.capacity import target_of
from rampdeck.model import Instant
from rampdeck.record.outcome import KEY, Outcome

if TYPE_CHECKING:
    from rampdeck.run import Run


class Standing:
    """Keeps the outcome of a run up to date in its file."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._told = Outcome()
        self._closed: Instant | None = None

    @property
    def outcome(self) -> Outcome:
        """How the run came out so far."""
        run = self._run
        return Outcome(
            ended=run.ended,
            broken=run.broken,
            planned=bool(run.walk.stages or run.engine.has_shape or run.setup.run_time),
            climb=run.pilot.auto.ending,
            target=target_of(run.setup),
            raised=dict(run.engine.exceptions),
            missing=run.writer.missing,
            exit_code=run.engine.exit_code,
            closed=self._closed,
            peak=max((stage.users for stage in run.setup.plan if not stage.warmup), default=0),
        )

    def store(self) -> None:
        """Tell the file what has changed; once a second, for the run may be killed at any time."""
        # What cannot be written now will have been written when this can be read.
        if (outcome := replace(self.outcome, missing=self._run.writer.lost)) != self._told:
            self._told = outcome
            self._run.writer.set_meta(KEY, outcome.to_meta())

    def close(self) -> None:
        """Say that the session is over, as the last thing that is said of it."""
        self._closed = Instant.now()
        self.store()
