"""Who drives the load when no key does: the plan or the auto-step, one at a time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rampdeck.levels.autostep import AutoStep, Climb, Judge
from rampdeck.levels.plan import PlanWalk
from rampdeck.model import Stage


class Autopilot:
    """The plan and the auto-step; ``walk`` is the one that drives, or drove last, or would."""

    def __init__(
        self, plan: Sequence[Stage], climb: Climb, judge: Judge, tell: Callable[[str], None]
    ) -> None:
        self.plan = PlanWalk(plan)
        self.auto = AutoStep(climb, judge)
        self.walk: PlanWalk | AutoStep = self.plan
        self._tell = tell

    def take_up_plan(self) -> Stage | None:
        """Follow the plan, or without one the auto-step if there was any; ``None`` if that goes on."""
        if not self.plan.stages and self.walk is self.auto:
            return self.take_up_auto()
        if self.plan.following or (stage := self.plan.follow()) is None:
            return None
        self._drives(self.plan, f"following the plan from “{stage.name}”")
        return stage

    def take_up_auto(self, users: int = 0) -> Stage | None:
        """Follow the auto-step; one that begins, begins at ``users`` if there are any."""
        if self.auto.following or (stage := self.auto.follow(users)) is None:
            return None
        self._drives(self.auto, f"auto-step from {stage.users} users")
        return stage

    def _drives(self, walk: PlanWalk | AutoStep, words: str) -> None:
        self._tell(words)
        if walk is not self.walk:
            self.walk.leave()
            self.walk = walk
