"""The load engine: what the operator wants, made to happen by Locust's runner.

Every control only notes what is wanted and returns; one task carries it out.
So key presses add up while Locust is busy, and the latest target wins. All
calls into Locust that may block run in greenlets of their own.
"""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Callable, Mapping

import gevent
from locust.env import Environment

from rampdeck.engine import throttle, wire
from rampdeck.engine.ceilings import Ceilings
from rampdeck.engine.classes import UserClasses
from rampdeck.engine.driver import STOP, Driver, Order
from rampdeck.engine.local import LocalDriver
from rampdeck.engine.recorder import Recorder
from rampdeck.engine.stall import Stall
from rampdeck.engine.starting import fire_init
from rampdeck.guard.refusals import Refusal
from rampdeck.loop import in_greenlet
from rampdeck.model import Pace, RequestStats, RunState

_STATES = {
    "ready": RunState.READY,
    "spawning": RunState.SPAWNING,
    "running": RunState.RUNNING,
    "cleanup": RunState.STOPPING,
    "stopping": RunState.STOPPING,
    "stopped": RunState.STOPPED,
}


class LoadEngine:
    """Drives one Locust environment, by the ``driver`` that its runner needs; by default, of this process.

    ``admit`` is called before a load begins, when its user classes are known; it may block.

    ``target`` is what is wanted, ``users`` what is there. Between a control
    and its effect the two differ; nothing waits for it. While an order is
    :attr:`pending`, Locust's state is still that of the order before.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        spawn_rate: float,
        stop_timeout: float,
        driver: Driver | None = None,
        ceilings: Ceilings | None = None,
        admit: Callable[[], object] = lambda: None,
    ) -> None:
        self.environment = environment
        self.ceilings = ceilings or Ceilings()
        self.classes = UserClasses(environment)
        self.spawn_rate = spawn_rate
        self.order = STOP
        environment.stop_timeout = stop_timeout
        self._stop_timeout = stop_timeout
        self._wanted = asyncio.Event()
        self._stopping = False
        self._taking_up = False
        self._closing = False
        self._busy = asyncio.Lock()
        self._admit = admit
        self.driver: Driver = driver or LocalDriver(environment)
        self._runner = self.driver.runner
        self._runner.ceilings = self.ceilings
        self.driver.hold_to(self.ceilings.rps)

    # -- what is there

    @property
    def users(self) -> int:
        """Return the number of users that are running."""
        return int(self._runner.user_count)

    @property
    def target(self) -> int:
        """Return the number of users that are wanted, by us or by the locustfile's shape."""
        if self.pending:
            return self.order.users
        if self.state in (RunState.STOPPING, RunState.STOPPED):
            return 0
        return int(self._runner.target_user_count)

    @property
    def state(self) -> RunState:
        """Return what Locust's runner is doing."""
        if self._stopping:
            return RunState.STOPPING
        return RunState.SPAWNING if self.driver.owed else _STATES[self._runner.state]

    @property
    def pending(self) -> bool:
        """Return whether an order waits, or Locust has not yet begun to follow it."""
        return self._wanted.is_set() or self._taking_up

    @property
    def running(self) -> bool:
        """Return whether there is load, or about to be; not while it is being stopped."""
        if self.pending and self.order is not STOP:
            return True
        state = self.state
        # A shape that has been started finds the runner ready, and moves it at its first tick.
        return state in (RunState.SPAWNING, RunState.RUNNING) or (
            state is RunState.READY and self.shape_running
        )

    @property
    def has_shape(self) -> bool:
        """Return whether the locustfile brings a LoadTestShape."""
        return self.environment.shape_class is not None

    @property
    def shape_running(self) -> bool:
        """Return whether the locustfile's shape drives the load."""
        # After its end Locust does not always forget the greenlet.
        return self._runner.shape_greenlet is not None and not self._runner.shape_greenlet.ready()

    @property
    def failure(self) -> str:
        """Return what broke the ramp or the locustfile's shape, so that the load cannot go on as wanted.

        Locust logs it and stays as it is, for ever: a user class that cannot
        be made, a ``tick`` that raises. Users who catch even the exception
        that is to end them stay, unseen, until the process ends.
        """
        if self.driver.failure:
            return self.driver.failure
        for what, greenlet in (
            ("the users cannot be started", self._runner.spawning_greenlet),
            ("the locustfile's shape failed", self._runner.shape_greenlet),
        ):
            error = greenlet.exception if greenlet is not None else None
            if error is not None and not isinstance(error, SystemExit):
                return f"{what}: {type(error).__name__}: {error}"
        return ""

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
    def unstamped(self) -> str:
        """Return why the kernel does not stamp what users receive; empty when it does."""
        return wire.clock().reason

    @property
    def recorder(self) -> Recorder:
        """Return what counts the requests of this process."""
        return self.driver.recorder

    @property
    def exceptions(self) -> Mapping[str, int]:
        """Return how often the scenario's own code raised, by text."""
        return self.driver.exceptions

    @property
    def spelled(self) -> Mapping[str, str]:
        """Return errors of requests as Locust writes them, with their class, by text."""
        return self.driver.spelled

    @property
    def overflowed(self) -> bool:
        """Return whether there were more request names than are told apart."""
        return self.driver.overflowed

    def take(self) -> tuple[RequestStats, ...]:
        """Return the requests that were counted since the last call."""
        return self.driver.take()

    def take_pace(self, seconds: float) -> Pace | None:
        """Return what users with a known pace did since the last call, ``seconds`` ago."""
        return self.driver.take_pace(seconds)

    def take_stalls(self) -> list[tuple[str, Stall]]:
        """Return what held workers up since the last call, each with the worker's name."""
        return self.driver.take_stalls()

    @property
    def held(self) -> int | None:
        """Return how many requests were held back here so far; ``None`` where none can be."""
        return throttle.held()

    def take_refusals(self) -> list[tuple[str, list[Refusal]]]:
        """Return what the guards of workers have refused since the last call, each with the worker's name."""
        return self.driver.take_refusals()

    @property
    def blind(self) -> tuple[str, ...]:
        """Return what the guards of workers cannot see, as sentences."""
        return self.driver.blind

    def caught_up(self) -> bool:
        """Return whether what was counted so far is here; asks for it at the first call, never blocks."""
        return self.driver.caught_up()

    # -- what is wanted

    def want(self, order: Order) -> None:
        """Ask for a load level, below the ceilings; replaces whatever was asked for before."""
        if self._closing or (order is not STOP and self.ceilings.refuses()):
            return
        self.order = self.ceilings.cut(order)
        if self.shape_running:
            self._leave_shape()
        self._wanted.set()

    def start_shape(self) -> None:
        """Let the locustfile's own shape drive the load, from its beginning."""
        if self.ceilings.refuses():
            return
        before = self._runner.state
        if before in ("ready", "stopped"):
            self.classes.apply()
            gevent.spawn(self._admit)
        self._runner.start_shape()
        if self.users:
            # Locust would take the load for a new one: fire test_start again, clear its figures.
            self._runner.update_state(before)

    def stop(self) -> None:
        """Stop gracefully: users end their requests, at most for the stop timeout."""
        self.want(STOP)

    def abort(self) -> None:
        """Stop at once: requests in flight are cut off. Works while a graceful stop is under way.

        A second one also cuts an ``on_stop`` off that does not end.
        """
        self.order = STOP
        self.environment.stop_timeout = 0.0
        self.driver.abort()
        if not self._closing:
            self._wanted.set()

    def free_the_loop(self) -> None:
        """End the user in whose greenlet this is called: out of a signal handler, one who never yields."""
        self.driver.free_the_loop()

    # -- making it happen

    def open(self) -> None:
        """Fire Locust's ``init``, for the listeners of the locustfile.

        Raises :class:`ScenarioError` when one of them calls ``sys.exit``.
        """
        fire_init(self.environment)

    async def drive(self, happened: Callable[[Order], None]) -> None:
        """Carry out orders until :meth:`close`; ``happened`` is told each one as it is taken up."""
        while True:
            await self._wanted.wait()
            async with self._busy:
                if self._closing:
                    return
                self._taking_up = True
                try:
                    # What is counted by now belongs to the level before.
                    await in_greenlet(self.driver.catch_up)
                    order = self.order
                    self._wanted.clear()
                    happened(order)
                    await (self._stop() if order is STOP else self._retarget(order))
                finally:
                    self._taking_up = False

    def when_spawned(self, tell: Callable[[int], None]) -> None:
        """Have a function called with the number of users each time a ramp is over."""
        self.environment.events.spawning_complete.add_listener(lambda user_count, **_: tell(user_count))

    async def close(self) -> None:
        """Stop what still runs and fire Locust's ``quitting`` and ``quit``; no order is taken any more."""
        self._closing = True
        if self.state in (RunState.READY, RunState.STOPPED) and self._runner.spawning_greenlet is not None:
            self._runner.spawning_greenlet.kill(block=False)  # still in a test_start listener
        async with self._busy:
            await self._stop()
        events = self.environment.events
        await self._let(lambda: events.quitting.fire(environment=self.environment, reverse=True))
        await in_greenlet(self.driver.close)
        throttle.hold_to(None)
        await self._let(lambda: events.quit.fire(exit_code=self.exit_code))

    @staticmethod
    async def _let(function: Callable[[], object]) -> None:
        """Let code that may hold listeners of the locustfile run to its end.

        In a greenlet of its own, so that a ``sys.exit`` in it is told like any
        other (:data:`rampdeck.loop.exits`) and does not end this task.
        """
        await in_greenlet(gevent.spawn(function).join)

    async def _stop(self) -> None:
        try:
            if self.state is RunState.READY and not self.users:
                return
            self._stopping = True
            await in_greenlet(self.driver.halt)
        finally:
            self._stopping = False
            self.environment.stop_timeout = self._stop_timeout

    async def _retarget(self, order: Order) -> None:
        if self._runner.state in ("ready", "stopped"):
            self.classes.apply()
            await in_greenlet(self._admit)
        await in_greenlet(self.driver.begin, order, lambda: self.order is order)

    def _leave_shape(self) -> None:
        shape = self._runner.shape_greenlet
        self._runner.shape_greenlet = None
        self._runner.shape_last_tick = None
        shape.kill(block=False)
