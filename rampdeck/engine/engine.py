"""The load engine: what the operator wants, made to happen by Locust's runner.

Every control only notes what is wanted and returns; one task carries it out.
So key presses add up while Locust is busy, and the latest target wins. All
calls into Locust that may block run in greenlets of their own.
"""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import LocalRunner
from locust.user.task import LOCUST_STATE_STOPPING

from rampdeck.engine.recorder import Recorder
from rampdeck.errors import ScenarioError
from rampdeck.loop import in_greenlet
from rampdeck.model import RunState

_STATES = {
    "ready": RunState.READY,
    "spawning": RunState.SPAWNING,
    "running": RunState.RUNNING,
    "cleanup": RunState.STOPPING,
    "stopping": RunState.STOPPING,
    "stopped": RunState.STOPPED,
}


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted of the load: this many users, reached at this rate.

    ``cause`` and ``stage`` say who wants it; they end up in the step.
    """

    users: int
    spawn_rate: float
    cause: str
    stage: str = ""


STOP = Order(0, 1.0, "stop")


class LoadEngine:
    """Drives one Locust environment.

    ``target`` is what is wanted, ``users`` what is there. Between a control
    and its effect the two differ; nothing waits for it.
    """

    def __init__(self, environment: Environment, *, spawn_rate: float, stop_timeout: float) -> None:
        self.environment = environment
        self.recorder = Recorder(environment)
        self.spawn_rate = spawn_rate
        self.order = STOP
        environment.stop_timeout = stop_timeout
        self._stop_timeout = stop_timeout
        self._wanted = asyncio.Event()
        self._stopping = False
        self._taking_up = False
        self._runner: Any = environment.runner
        assert isinstance(self._runner, LocalRunner)

    # -- what is there

    @property
    def users(self) -> int:
        """Return the number of users that are running."""
        return int(self._runner.user_count)

    @property
    def target(self) -> int:
        """Return the number of users that are wanted, by us or by the locustfile's shape."""
        if self._wanted.is_set() or self._taking_up:
            return self.order.users
        if self.state in (RunState.STOPPING, RunState.STOPPED):
            return 0
        return int(self._runner.target_user_count)

    @property
    def state(self) -> RunState:
        """Return what Locust's runner is doing."""
        return RunState.STOPPING if self._stopping else _STATES[self._runner.state]

    @property
    def running(self) -> bool:
        """Return whether there is load, or about to be."""
        return self._wanted.is_set() or self.state in (RunState.SPAWNING, RunState.RUNNING)

    @property
    def has_shape(self) -> bool:
        """Return whether the locustfile brings a LoadTestShape."""
        return self.environment.shape_class is not None

    @property
    def shape_running(self) -> bool:
        """Return whether the locustfile's shape drives the load."""
        return self._runner.shape_greenlet is not None

    @property
    def options(self) -> Namespace:
        """Return the parsed command line, Locust's and the locustfile's own options."""
        options: Namespace | None = self.environment.parsed_options
        assert options is not None
        return options

    @property
    def exit_code(self) -> int | None:
        """Return the exit code that the locustfile asks for, if it does."""
        return self.environment.process_exit_code

    @property
    def exceptions(self) -> Mapping[str, int]:
        """Return how often the scenario's own code raised, by text."""
        rows = self._runner.exceptions.values()
        return {str(row["msg"]): int(row["count"]) for row in rows}

    # -- what is wanted

    def want(self, order: Order) -> None:
        """Ask for a load level; replaces whatever was asked for before."""
        self.order = order
        if self.shape_running and order.cause != "shape":
            self._leave_shape()
        self._wanted.set()

    def start_shape(self) -> None:
        """Let the locustfile's own shape drive the load, from its beginning."""
        self._runner.start_shape()

    def stop(self) -> None:
        """Stop gracefully: users end their requests, at most for the stop timeout."""
        self.want(STOP)

    def abort(self) -> None:
        """Stop at once: requests in flight are cut off. Works while a graceful stop is under way."""
        self.order = STOP
        self.environment.stop_timeout = 0.0
        if self._runner.spawning_greenlet is not None:
            self._runner.spawning_greenlet.kill(block=False)
        self._runner.user_greenlets.kill(block=False)
        self._wanted.set()

    # -- making it happen

    def open(self) -> None:
        """Fire Locust's ``init``, for the listeners of the locustfile.

        Raises :class:`ScenarioError` when one of them calls ``sys.exit``.
        """
        try:
            self.environment.events.init.fire(environment=self.environment, runner=self._runner, web_ui=None)
        except SystemExit as exit_:
            why = (
                exit_.code
                if isinstance(exit_.code, str)
                else f"its init listener called sys.exit({exit_.code})"
            )
            raise ScenarioError("the scenario refuses to start", why) from None

    async def drive(self, happened: Callable[[Order], None]) -> None:
        """Carry out orders for ever; ``happened`` is told each one as it is taken up."""
        while True:
            await self._wanted.wait()
            order = self.order
            self._wanted.clear()
            happened(order)
            self._taking_up = True
            try:
                await (self._stop() if order.cause == "stop" else self._retarget(order))
            finally:
                self._taking_up = False

    async def close(self) -> None:
        """Stop what still runs and fire Locust's ``quitting`` and ``quit``."""
        await self._stop()
        events = self.environment.events
        await in_greenlet(events.quitting.fire, environment=self.environment, reverse=True)
        self._runner.greenlet.kill(block=False)
        await in_greenlet(events.quit.fire, exit_code=self.exit_code)

    async def _stop(self) -> None:
        if self.state is RunState.READY:
            return
        self._stopping = True
        try:
            await in_greenlet(self._runner.stop)
        finally:
            self._stopping = False
            self.environment.stop_timeout = self._stop_timeout

    async def _retarget(self, order: Order) -> None:
        leaving = self._leaving()
        await in_greenlet(self._runner.start, order.users, order.spawn_rate)
        if leaving:
            gevent.spawn(self._replace, order, leaving)

    def _leaving(self) -> list[Any]:
        """Return the greenlets of users that an earlier step-down asked to stop and that are still there."""
        return [
            greenlet
            for greenlet in self._runner.user_greenlets
            if greenlet.args and greenlet.args[0]._state == LOCUST_STATE_STOPPING
        ]

    def _replace(self, order: Order, leaving: list[Any]) -> None:
        """Ask again once the users that were leaving are gone.

        Locust counts a user that is still ending its last request as running, so a
        step up in the middle of a step down would come out short of them.
        """
        gevent.joinall(leaving, timeout=self._stop_timeout + 1)
        ramp: Any = self._runner.spawning_greenlet
        if ramp is not None:
            ramp.join()
        if self.order is order and self.state in (RunState.SPAWNING, RunState.RUNNING):
            self._runner.start(order.users, order.spawn_rate)

    def _leave_shape(self) -> None:
        shape = self._runner.shape_greenlet
        self._runner.shape_greenlet = None
        self._runner.shape_last_tick = None
        shape.kill(block=False)
