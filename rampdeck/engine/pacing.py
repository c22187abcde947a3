"""Users with a known pace: recognised, watched, and their response times corrected.

``wait_time = constant_pacing(n)`` and ``constant_throughput(n)`` ask for an
iteration each period, on a user class or on a task set of it; nothing in the
locustfile changes. What is kept: the rate asked for and the one achieved, how
late iterations begin, and response times with the requests that late answers
kept from being sent (:mod:`rampdeck.levels.omission`).

Before a user's first wait its schedule has not begun, because Locust counts
``on_start`` as a part of the first iteration: those requests count as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from time import perf_counter
from typing import Any

from gevent import getcurrent
from locust import TaskSet, User
from locust.env import Environment

from rampdeck.histogram import Histogram
from rampdeck.levels.omission import Schedule
from rampdeck.model import Pace

_PACED = "constant_pacing.<locals>.wait_time_func"
_MODULE = "locust.user.wait_time"
_OURS = "_rampdeck_period"
_STATE = "_rampdeck_pace"
_WATCHER = "_rampdeck_pacing"


def period_of(wait_time: Any) -> float | None:
    """Return the period in seconds of a ``wait_time`` that keeps a pace; ``None`` for any other.

    ``constant_throughput`` is Locust's ``constant_pacing`` of the inverse.
    """
    ours: float | None = getattr(wait_time, _OURS, None)
    if ours is not None:
        return ours
    if getattr(wait_time, "__qualname__", "") != _PACED or getattr(wait_time, "__module__", "") != _MODULE:
        return None
    cells = dict(zip(wait_time.__code__.co_freevars, wait_time.__closure__ or (), strict=True))
    period = cells["wait_time"].cell_contents if "wait_time" in cells else 0.0
    return float(period) if period > 0 else None


class _State:
    """What is kept on a user: its schedule, ``None`` while it has none, and who waits by it."""

    __slots__ = ("owner", "schedule", "waiting")

    def __init__(self) -> None:
        self.owner: object = None
        self.schedule: Schedule | None = None
        self.waiting = False


class Pacing:
    """Watches the users of an environment that keep a pace; knows nothing of the others.

    User classes and their task sets are looked at when it is made and again
    before each load; nothing in them changes but a ``wait_time`` that is
    recognised, which goes on returning what it did. ``watching`` says whether
    there is any; only then is :meth:`record` to be called.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._periods: dict[type, float] = {}  # of every user class, before its first wait; 0: none
        self.watching = False
        self._requests = self._filled = self._unknown = 0
        self._begun = self._ended = 0
        self._lost = self._busy = 0.0
        self._lateness = Histogram()
        setattr(environment, _WATCHER, self)
        environment.events.test_start.add_listener(lambda **_: self.watch())
        self.watch()

    def watch(self) -> None:
        """Find what keeps a pace, and watch it; what is watched already stays as it is."""
        for user_class in self._environment.user_classes:
            period = _watched(user_class) or 0.0
            self.watching = bool(period) or self.watching
            self._periods[user_class] = 0.0 if _only_task_sets(user_class) else period
            for task_set in _task_sets(user_class, set()):
                self.watching = bool(_watched(task_set)) or self.watching
        if self.watching:
            _watch_sleep()

    # -- what users do

    def record(self, corrected: Histogram, milliseconds: float) -> None:
        """Count a request that has just ended in the present greenlet, with those it kept from being sent.

        ``milliseconds`` is its response time as it is judged. Requests of users without
        a pace are left out; those of greenlets that a task started have no known user.
        """
        greenlet: Any = getcurrent()
        try:
            user = greenlet.args[0]
            state: _State | None = user.__dict__.get(_STATE)
        except (AttributeError, IndexError):
            self._unknown += 1
            return
        if state is None:
            period = self._periods.get(type(user))
            if period:
                corrected.record(milliseconds)
                self._requests += 1
            elif period is None:
                self._unknown += 1
        elif user._greenlet is not greenlet:
            self._unknown += 1
        elif state.schedule is not None:
            self._requests += 1
            self._filled += state.schedule.request(perf_counter(), milliseconds, corrected)

    def _waits(self, owner: Any, period: float, wait: float) -> None:
        """Note that an iteration of a user or a task set has ended, and what its ``wait_time`` said."""
        now = perf_counter()
        user = owner if isinstance(owner, User) else owner.user
        state: _State | None = user.__dict__.get(_STATE)
        if state is None:
            state = _State()
            setattr(user, _STATE, state)
        state.waiting = True
        if state.schedule is None or state.owner is not owner:
            state.owner, state.schedule = owner, Schedule(period, now + wait)
            self._begun += 1
            return
        run, lost = state.schedule.iterated(now, wait)
        self._ended += 1
        self._busy += run
        self._lost += lost

    def _woke(self, state: _State) -> None:
        """Note that a user begins an iteration, or that it waited for something of no pace."""
        if not state.waiting:
            state.schedule = None
        elif state.schedule is not None:
            state.waiting = False
            self._begun += 1
            self._lateness.record(max(0.0, perf_counter() - state.schedule.due) * 1000)

    # -- what is made of it

    def take(self, seconds: float) -> Pace | None:
        """Return what happened since the last call, ``seconds`` ago; ``None`` where nobody keeps a pace."""
        if not self.watching:
            return None
        users, rate = self._asked()
        pace = Pace(
            user_seconds=users * seconds,
            due=rate * seconds,
            begun=self._begun,
            lost=self._lost,
            ended=self._ended,
            busy=self._busy,
            requests=self._requests,
            filled=self._filled,
            unknown=self._unknown,
            lateness=self._lateness,
        )
        self._requests = self._filled = self._unknown = 0
        self._begun = self._ended = 0
        self._lost = self._busy = 0.0
        self._lateness = Histogram()
        return pace

    def _asked(self) -> tuple[int, float]:
        """Return the users that keep a pace now, and the iterations a second that it asks for."""
        runner: Any = self._environment.runner
        users, rate = 0, 0.0
        for greenlet in list(runner.user_greenlets) if runner is not None else ():
            user = greenlet.args[0]
            state: _State | None = user.__dict__.get(_STATE)
            if state is None:
                period = self._periods.get(type(user))
            else:
                period = state.schedule.period if state.schedule is not None else None
            if period:
                users += 1
                rate += 1 / period
        return users, rate


def _watched(paced: Any) -> float | None:
    """Watch the ``wait_time`` of a user class or task set where it stands; return its period."""
    owner = next((base for base in paced.__mro__ if "wait_time" in vars(base)), None)
    if owner is None:
        return None
    wait_time = vars(owner)["wait_time"]
    period = period_of(wait_time)
    if period is not None and not hasattr(wait_time, _OURS):
        owner.wait_time = _watching(wait_time, period)
    return period


def _watching(wait_time: Callable[[Any], float], period: float) -> Callable[[Any], float]:
    """Return a ``wait_time`` that does the same and tells the environment's :class:`Pacing`."""

    @wraps(wait_time)
    def watched(self: Any) -> float:
        wait = wait_time(self)
        # One that is only asked by an override of it does not say how long the user waits.
        if type(self).wait_time is watched:
            user = self if isinstance(self, User) else self.user
            pacing: Pacing | None = getattr(user.environment, _WATCHER, None)
            if pacing is not None:
                pacing._waits(self, period, wait)
        return wait

    setattr(watched, _OURS, period)
    return watched


def _watch_sleep() -> None:
    """Note when users wake up: the only moment at which an iteration is known to begin.

    A sleep that no watched ``wait_time`` asked for is that of a task set with a wait of its
    own; until it is left the user's pace is not known.
    """
    original: Any = TaskSet._sleep
    if hasattr(original, _OURS):
        return

    @wraps(original)
    def sleep(self: Any, seconds: float) -> None:
        original(self, seconds)
        state: _State | None = self.user.__dict__.get(_STATE)
        if state and (pacing := getattr(self.user.environment, _WATCHER, None)):
            pacing._woke(state)

    setattr(sleep, _OURS, 0.0)
    module: Any = TaskSet
    module._sleep = sleep


def _task_sets(tasks_of: Any, seen: set[Any]) -> Iterator[type[TaskSet]]:
    """Yield the task sets of a user class, also those within others."""
    for task in getattr(tasks_of, "tasks", None) or ():
        if isinstance(task, type) and issubclass(task, TaskSet) and task not in seen:
            seen.add(task)
            yield task
            yield from _task_sets(task, seen)


def _only_task_sets(user_class: Any) -> bool:
    """Return whether a user's own ``wait_time`` says nothing before one of its task sets has used it."""
    tasks = list(getattr(user_class, "tasks", None) or ())
    return bool(tasks) and all(isinstance(task, type) and issubclass(task, TaskSet) for task in tasks)
