"""Raising the load by itself, step by step, until the gate no longer holds.

Pure, with the face of :class:`~rampdeck.levels.plan.PlanWalk`: it is told the time
and whether the users are there, asks for the verdict of the level, and answers
with the level to go to. At the first level that fails it goes back down once,
to the highest that passed, and sees whether that passes again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from rampdeck.config import LoadConfig
from rampdeck.errors import UsageError
from rampdeck.levels.plan import Walk
from rampdeck.model import Stage
from rampdeck.snapshot import Verdict

STAGE, RECOVERY = "auto-step", "recovery"
"""The names of its levels: on the way up, and after the first that failed."""
PATIENCE = 3
"""Hold times that a level may take to be judged."""

Judge = Callable[[], tuple[Verdict, str]]
"""Says the verdict of the present level so far, and why if that is INCONCLUSIVE."""


@dataclass(frozen=True, slots=True)
class Climb:
    """How to climb: from ``first`` users by ``step`` up to ``most``, each level held for ``hold`` seconds.

    ``limit`` says what allows no more.
    """

    first: int
    step: int
    most: int
    spawn_rate: float
    hold: float
    limit: str = "max_users"


def climb_of(load: LoadConfig, first: int | None, ceiling: float = math.inf) -> Climb:
    """Return how to climb by ``[load]`` below a ceiling; the hold time runs from when the users are there."""
    low = ceiling < load.max_users
    return Climb(
        first=first or load.step,
        step=load.step,
        most=int(ceiling) if low else load.max_users,
        spawn_rate=load.spawn_rate,
        hold=load.settle + load.auto_hold,
        limit="[guard] users" if low else "max_users",
    )


def check_climb(climb: Climb, judged: bool) -> None:
    """Raise :class:`UsageError` for a climb that would end where it began."""
    if climb.first > climb.most:
        why = f"{climb.first} users are more than {climb.limit}, {climb.most}"
        raise UsageError("--auto-step", why, f"Begin lower, or raise {climb.limit.removeprefix('[guard] ')}")
    if not judged:
        fix = 'Give one under [gate], as "p95 < 800ms"'
        raise UsageError("--auto-step", "no threshold judges a load level", fix)


class AutoStep(Walk):
    """A climb under way.

    ``ending`` says in a sentence why it is over, empty before. ``stages`` are
    the levels it has gone to so far, so there is no ``total``.
    """

    name = "auto-step"
    cause = "auto"
    total: float | None = None

    def __init__(self, climb: Climb, judge: Judge) -> None:
        super().__init__()
        self.climb = climb
        self._judge = judge
        self._from_the_foot()

    def _from_the_foot(self) -> None:
        self.ending = ""
        self.passed: int | None = None
        self.failed: int | None = None
        self._stages = [self._level(STAGE, min(self.climb.first, self.climb.most))]
        self._begun = False
        self._spent, self._due = 0.0, self.climb.hold
        self._seen = None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Return the levels so far; before the start the first."""
        return tuple(self._stages)

    @property
    def index(self) -> int:
        """Return the place of the present level, -1 before the start, the number of levels after the end."""
        if self.ended:
            return len(self._stages)
        return len(self._stages) - 1 if self._begun else -1

    @property
    def stage(self) -> Stage | None:
        """Return the present level, ``None`` before the start and after the end."""
        return self._stages[-1] if self._begun and not self.ended else None

    @property
    def ended(self) -> bool:
        """Return whether it is over."""
        return bool(self.ending)

    @property
    def left(self) -> float | None:
        """Return how long the present level is still held at least, ``None`` while no clock runs."""
        if not self.following or self.held or self.stage is None:
            return None
        return max(self._due - self._spent, 0.0)

    def follow(self, users: int = 0) -> Stage | None:
        """Start at ``users``, if given; or take the level up where it was left, to be measured anew.

        After the end it starts again.
        """
        if self.ended:
            self._from_the_foot()
        if users and not self._begun:
            self._stages = [self._level(STAGE, min(users, self.climb.most))]
        self._begun = True
        self.following = True
        self.held = False
        self._rest()
        return self.stage

    def advance(self, mono: float, reached: bool) -> Stage | None:
        """Let time pass; return the level to go to, if the one before has been judged.

        Nothing is returned at the end: :attr:`ended` turns true then.
        """
        if not self.following or self.stage is None:
            return None
        passed = self._counted(mono, reached)
        if passed is None:
            return None
        self._spent += passed
        if self._spent < self._due:
            return None
        verdict, why = self._judge()
        if verdict is Verdict.INCONCLUSIVE and self._due < PATIENCE * self.climb.hold:
            self._due += self.climb.hold
            return None
        return self._judged(self.stage, verdict, why)

    def _judged(self, level: Stage, verdict: Verdict, why: str) -> Stage | None:
        users = level.users
        if verdict is Verdict.INCONCLUSIVE:
            self._end(f"{users} users could not be judged in {self._spent:.0f} s: {why}")
        elif level.name == RECOVERY:
            verb = "recovered" if verdict is Verdict.PASS else "did not recover"
            self._end(f"{verb} at {users} users after {self.failed} had failed")
        elif verdict is Verdict.FAIL:
            self.failed = users
            if self.passed is not None:
                return self._go(RECOVERY, self.passed)
            self._end(f"the first level, {users} users, failed")
        else:
            self.passed = users
            if users < self.climb.most:
                return self._go(STAGE, min(users + self.climb.step, self.climb.most))
            self._end(f"{users} users passed, the most that {self.climb.limit} allows")
        return None

    def _go(self, name: str, users: int) -> Stage:
        self._stages.append(self._level(name, users))
        self._rest()
        return self._stages[-1]

    def _end(self, why: str) -> None:
        self.ending = why
        self.following = False

    def _rest(self) -> None:
        self._spent, self._due, self._seen = 0.0, self.climb.hold, None

    def _level(self, name: str, users: int) -> Stage:
        return Stage(name, users, self.climb.spawn_rate, self.climb.hold)
