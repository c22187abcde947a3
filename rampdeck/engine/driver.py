"""What the load engine asks of a runner, be the users here or in workers.

:class:`rampdeck.engine.local.LocalDriver` has them in this process,
:class:`rampdeck.engine.distributed.MasterDriver` in workers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from rampdeck.engine.recorder import Recorder
from rampdeck.engine.stall import Stall
from rampdeck.guard.refusals import Refusal
from rampdeck.model import Pace, RequestStats


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted of the load: this many users, reached at this rate.

    ``cause``, ``stage`` and ``warmup`` say who wants it and what for; they end up in the step.
    """

    users: int
    spawn_rate: float
    cause: str
    stage: str = ""
    warmup: bool = False


STOP = Order(0, 1.0, "stop")


class Driver(Protocol):
    """One of Locust's runners, driven.

    Methods that say that they block are called in a greenlet of their own.
    """

    @property
    def runner(self) -> Any:
        """Locust's runner."""

    @property
    def recorder(self) -> Recorder:
        """What counts the requests of this process."""

    @property
    def owed(self) -> bool:
        """Whether an order waits for somebody who can carry it out."""

    @property
    def failure(self) -> str:
        """What keeps the load from going on as wanted, beyond a broken ramp or shape."""

    @property
    def overflowed(self) -> bool:
        """Whether there were more request names than are told apart."""

    @property
    def exceptions(self) -> Mapping[str, int]:
        """How often the scenario's own code raised, by text."""

    @property
    def spelled(self) -> Mapping[str, str]:
        """Errors of requests as Locust writes them, with their class, by text."""

    def take(self) -> tuple[RequestStats, ...]:
        """Return the requests that were counted since the last call."""

    def take_pace(self, seconds: float) -> Pace | None:
        """Return what users with a known pace did since the last call, ``seconds`` ago."""

    def take_stalls(self) -> list[tuple[str, Stall]]:
        """Return what held workers up since the last call, each with the worker's name."""

    def hold_to(self, rps: float | None) -> None:
        """Hold the requests of all users back to so many a second; ``None`` for as many as they like."""

    def take_refusals(self) -> list[tuple[str, list[Refusal]]]:
        """Return what the guards of workers have refused since the last call, each with the worker's name."""

    @property
    def blind(self) -> tuple[str, ...]:
        """What the guards of workers cannot see, as sentences."""

    def begin(self, order: Order, latest: Any) -> None:
        """Start a ramp; blocks until Locust follows it, not until its end.

        ``latest()`` says whether the order is still the one that is wanted.
        """

    def catch_up(self) -> None:
        """Let what has been counted so far arrive; may block for a moment."""

    def caught_up(self) -> bool:
        """Return whether what was counted so far is here; asks for it at the first call, never blocks."""

    def halt(self) -> None:
        """Stop the load; blocks until the users are gone and all that they did is counted."""

    def abort(self) -> None:
        """Cut every request off at once; does not block."""

    def free_the_loop(self) -> None:
        """End the user in whose greenlet this is called, if it is one."""

    def close(self) -> None:
        """Let go of what the runner holds; blocks."""
