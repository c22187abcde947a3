"""Where one load level ends and the next begins: ramp, settle, measure.

Pure: it is told what the load does and answers with steps, so that a shape of
the locustfile, a plan and a key press are treated alike.
"""

from __future__ import annotations

from dataclasses import replace

from rampdeck.model import Instant, RunState, Step


class StepMachine:
    """Turns observations of the load into steps.

    Feed it :meth:`begin` when a new level is asked for and :meth:`observe`
    several times a second; each returns the steps that changed.
    """

    def __init__(self, settle: float) -> None:
        self.settle = settle
        self.step: Step | None = None
        self._count = 0

    def begin(
        self,
        at: Instant,
        users: int,
        spawn_rate: float,
        cause: str,
        stage: str = "",
        warmup: bool = False,
    ) -> tuple[Step, ...]:
        """Begin a level; the one before ends. Users that are there already count as reached when observed."""
        ended = self.end(at)
        self._count += 1
        self.step = Step(self._count, users, spawn_rate, cause, at, stage, warmup=warmup)
        return (*ended, self.step)

    def end(self, at: Instant) -> tuple[Step, ...]:
        """End the level, because the load stops."""
        if self.step is None:
            return ()
        ended, self.step = replace(self.step, ended=at), None
        return (ended,)

    def observe(self, at: Instant, users: int, target: int, state: RunState, cause: str) -> tuple[Step, ...]:
        """Look at the load; ``cause`` names who changed the target if it is not the step's."""
        if state not in (RunState.SPAWNING, RunState.RUNNING):
            return self.end(at) if state in (RunState.STOPPING, RunState.STOPPED) else ()
        step = self.step
        if step is None or step.users != target:
            return self.begin(at, target, 0.0, cause)
        if step.reached is None:
            # Users may end by themselves (StopUser), so Locust's word counts, not the number alone.
            if state is RunState.RUNNING or users == target:
                return self._turn(replace(step, reached=at))
        elif self.settled(at):
            return self._turn(replace(step, measured_from=at))
        return ()

    def settled(self, at: Instant) -> bool:
        """Return whether the level has settled and is not measured yet."""
        step = self.step
        if step is None or step.warmup or step.reached is None or step.measured_from is not None:
            return False
        return at.mono - step.reached.mono >= self.settle

    def _turn(self, step: Step) -> tuple[Step, ...]:
        self.step = step
        return (step,)


def seconds_left(step: Step, at: Instant, users: int, settle: float, hold: float | None) -> float | None:
    """Return how long the phase of a level still takes, ``None`` where nobody knows.

    ``hold`` is what the plan still holds the level for, if a plan drives it.
    """
    if step.phase == "ramp":
        return abs(step.users - users) / step.spawn_rate if step.spawn_rate else None
    if step.phase == "settle" and step.reached is not None:
        return max(settle - (at.mono - step.reached.mono), 0.0)
    return hold if step.phase in ("measure", "warm-up") and step.cause == "plan" else None
