"""Walking through the planned stages: the clock behind a run that goes by itself.

Pure: it is told the time and whether the users are there, and answers with
the stage to go to. The operator can hold it, leave it, and come back to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rampdeck.model import Stage


class Walk:
    """Something that goes from level to level by itself, unless it is held or left."""

    def __init__(self) -> None:
        self.following = False
        self.held = False
        self._seen: float | None = None

    def leave(self) -> None:
        """Stop driving the load; the position stays."""
        self.following = False
        self.held = False

    def toggle_hold(self) -> None:
        """Hold the present level without end, or go on."""
        if self.following:
            self.held = not self.held

    def _counted(self, mono: float, reached: bool) -> float | None:
        """Return the seconds since the last look, ``None`` while they do not count."""
        passed = 0.0 if self._seen is None else mono - self._seen
        self._seen = mono
        return passed if reached and not self.held else None


class PlanWalk(Walk):
    """A position in a plan.

    A stage's hold time runs only while the plan is followed, not held, and the
    users are there; so a stage is never shortened by a slow ramp or a detour.
    """

    name = cause = "plan"
    ending = "the plan is over"

    def __init__(self, stages: Sequence[Stage]) -> None:
        super().__init__()
        self.stages = tuple(stages)
        self.index = -1
        self._left = 0.0

    @property
    def stage(self) -> Stage | None:
        """Return the stage where the plan stands, ``None`` before its start and after its end."""
        return self.stages[self.index] if 0 <= self.index < len(self.stages) else None

    @property
    def ended(self) -> bool:
        """Return whether every stage has been walked through."""
        return self.index >= len(self.stages)

    @property
    def total(self) -> float | None:
        """Return the planned seconds, ramps included, ``None`` if a stage has no end."""
        seconds, users = 0.0, 0
        for stage in self.stages:
            seconds += abs(stage.users - users) / stage.spawn_rate + stage.hold
            users = stage.users
        return seconds if self.stages and math.isfinite(seconds) else None

    @property
    def left(self) -> float | None:
        """Return how long the present stage is still held, ``None`` while no clock runs or it has no end."""
        if not self.following or self.held or self.stage is None or not math.isfinite(self._left):
            return None
        return max(self._left, 0.0)

    def follow(self) -> Stage | None:
        """Start, or take the plan up where it was left; from the beginning after its end."""
        if not self.stages:
            return None
        if not 0 <= self.index < len(self.stages):
            self._enter(0)
        self.following = True
        self.held = False
        self._seen = None
        return self.stage

    def advance(self, mono: float, reached: bool) -> Stage | None:
        """Let time pass; return the stage to go to, if the one before is over.

        After the last stage nothing is returned, :attr:`ended` turns true and
        the plan is no longer followed.
        """
        if not self.following or self.stage is None:
            return None
        passed = self._counted(mono, reached)
        if passed is None:
            return None
        self._left -= passed
        if self._left > 0:
            return None
        self._enter(self.index + 1)
        if self.ended:
            self.following = False
        return self.stage

    def _enter(self, index: int) -> None:
        self.index = index
        stage = self.stage
        self._left = stage.hold if stage else 0.0
