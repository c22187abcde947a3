"""The load in the cockpit's own process: Locust's LocalRunner, driven."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import LocalRunner

from rampdeck.engine import throttle
from rampdeck.engine.driver import Order
from rampdeck.engine.ending import Ending
from rampdeck.engine.recorder import Recorder
from rampdeck.engine.stall import Stall
from rampdeck.guard.refusals import Refusal
from rampdeck.model import Pace, RequestStats


class LocalDriver:
    """Users and their recorder in this process."""

    def __init__(self, environment: Environment) -> None:
        self.runner: Any = environment.runner
        assert isinstance(self.runner, LocalRunner)
        self.recorder = Recorder(environment)
        self._ending = Ending(self.runner)
        self._stop_timeout = float(environment.stop_timeout or 0.0)

    @property
    def owed(self) -> bool:
        """Whether an order waits for somebody: here never."""
        return False

    @property
    def failure(self) -> str:
        """Who could not be ended."""
        return self._ending.failure

    @property
    def overflowed(self) -> bool:
        """Whether there were more request names than are told apart."""
        return self.recorder.overflowed

    @property
    def exceptions(self) -> Mapping[str, int]:
        """How often the scenario's own code raised, by text."""
        return self.recorder.exceptions

    @property
    def spelled(self) -> Mapping[str, str]:
        """Errors of requests as Locust writes them, by text."""
        return self.recorder.spelled

    def take(self) -> tuple[RequestStats, ...]:
        """Return the requests that were counted since the last call."""
        return self.recorder.take()

    def take_pace(self, seconds: float) -> Pace | None:
        """Return what users with a known pace did since the last call, ``seconds`` ago."""
        return self.recorder.pacing.take(seconds)

    def take_stalls(self) -> list[tuple[str, Stall]]:
        """Return nothing: there are no workers."""
        return []

    def hold_to(self, rps: float | None) -> None:
        """Hold the requests of this process back."""
        throttle.hold_to(rps)

    def take_refusals(self) -> list[tuple[str, list[Refusal]]]:
        """Return nothing: there are no workers."""
        return []

    @property
    def blind(self) -> tuple[str, ...]:
        """Nothing: there are no workers."""
        return ()

    def begin(self, order: Order, latest: Callable[[], bool]) -> None:
        """Start a ramp and wait until Locust follows it; not for its end.

        The next ramp kills this one, so a ``test_start`` listener must have ended before.
        """
        leaving = self._ending.leaving()
        runner = self.runner
        runner.start(order.users, order.spawn_rate)
        ramp = runner.spawning_greenlet
        while not ramp.ready() and (
            runner.state not in ("spawning", "running") or runner.target_user_count != order.users
        ):
            gevent.sleep(0.01)
        if leaving:
            gevent.spawn(self._replace, order, leaving, latest)

    def catch_up(self) -> None:
        """Do nothing: what is counted here is here."""

    def caught_up(self) -> bool:
        """Return that it is: what is counted here is here."""
        return True

    def halt(self) -> None:
        """Stop the load; blocks until the users are gone."""
        self._ending.halt()

    def abort(self) -> None:
        """Cut every request off at once."""
        self._ending.abort()

    def free_the_loop(self) -> None:
        """End the user in whose greenlet this is called: out of a signal handler, one who never yields."""
        if gevent.getcurrent() in self.runner.user_greenlets:
            raise gevent.GreenletExit

    def close(self) -> None:
        """End Locust's own greenlets."""
        self.runner.greenlet.kill(block=False)
        self.recorder.close()

    def _replace(self, order: Order, leaving: list[Any], latest: Callable[[], bool]) -> None:
        """Ask again once the users that were leaving are gone."""
        gevent.joinall(leaving, timeout=self._stop_timeout + 1)
        ramp: Any = self.runner.spawning_greenlet
        if ramp is not None:
            ramp.join()
        if latest() and self.runner.state in ("spawning", "running"):
            self.runner.start(order.users, order.spawn_rate)
