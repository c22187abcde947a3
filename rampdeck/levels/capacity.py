"""The knee of a session: from its load levels, its gate and what spoiled a level to one picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from rampdeck.gate import Gate
from rampdeck.levels import knee
from rampdeck.levels.knee import Knee, Level, Target
from rampdeck.session import Session
from rampdeck.snapshot import Verdict

if TYPE_CHECKING:
    from rampdeck.setup import Setup

MOST_LEVELS = 200
"""Measured levels that are looked at, the newest, so that hours of a shape cost no more than minutes."""


class Doubts(Protocol):
    """What speaks against the figures of a load level, by its number: :class:`~rampdeck.trust.Trust`."""

    def spoiled(self, number: int) -> str:
        """Return why it tells nothing of the system, empty if it does."""

    def marks(self, number: int) -> tuple[str, ...]:
        """Return everything that takes a PASS away."""


class Capacity:
    """Knows the knee of a session."""

    def __init__(self, session: Session, gate: Gate, doubts: Doubts, target: Target | None) -> None:
        self._session = session
        self._gate = gate
        self._doubts = doubts
        self._target = target
        self._found: Knee | None = None
        self._known: list[tuple[int, Verdict, str]] = []

    def settled(self) -> Knee | None:
        """Return the knee by the levels that have ended; worked out anew when one of them has changed."""
        numbers = [number for number in self._measured() if self._session.steps[number].ended is not None]
        known = [
            (number, self._gate.step_verdict(number), self._doubts.spoiled(number)) for number in numbers
        ]
        if known != self._known:
            self._known = known
            self._found = self._find(numbers)
        return self._found

    def now(self) -> Knee | None:
        """Return the knee with the level that is measured just now."""
        return self._find(self._measured())

    def level(self) -> tuple[Verdict, str]:
        """Return the verdict of the present level so far and, if that is INCONCLUSIVE, why."""
        step = self._session.step
        if step is None or step.number not in self._session.book.steps:
            return Verdict.INCONCLUSIVE, "nothing was measured"
        requests = self._session.book.steps[step.number].figures().requests
        few = f"{requests} requests are too few for the thresholds, or none of them judges a level"
        why = "; ".join(self._doubts.marks(step.number)) or few
        return self._gate.step_verdict(step.number), why

    def _measured(self) -> list[int]:
        return sorted(self._session.book.steps)[-MOST_LEVELS:]

    def _find(self, numbers: Sequence[int]) -> Knee | None:
        return knee.find([self._level(number) for number in numbers], self._target)

    def _level(self, number: int) -> Level:
        span = self._session.book.steps[number]
        return Level(
            step=number,
            users=self._session.steps[number].users,
            figures=span.figures(),
            verdict=self._gate.step_verdict(number),
            tainted=self._doubts.spoiled(number),
            times=span.total.successes,
        )


def target_of(setup: Setup) -> Target | None:
    """Return the users to be carried: those of ``[load] target_users``, or else the plan's highest stage."""
    if asked := setup.config.load.target_users:
        return Target(asked, "the target")
    peak = max((stage.users for stage in setup.plan if not stage.warmup), default=0)
    return Target(peak, "the plan's peak") if peak else None
