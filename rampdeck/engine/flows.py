"""Each critical flow of a scenario once, with one user of each class: does it work at all?

A load test of a flow that fails for one user measures the error page. Here a
user of each class begins as in a run, does every task once instead of by
weight and chance, without a pause between them, and ends.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import gevent
from locust import TaskSet
from locust.env import Environment
from locust.exception import InterruptTaskSet, RescheduleTask, StopUser
from locust.user.task import LOCUST_STATE_RUNNING, DefaultTaskSet

from rampdeck.engine.starting import fire_init, of_listeners
from rampdeck.secrets import redact
from rampdeck.text import clean

TASK = 20.0
"""Seconds that a task may take, and so an ``on_start``."""
ALL = 50.0
"""Seconds that all of them together may take, side by side."""
MOST_FAILURES = 5
"""Failures of one user that are told; the first ones say most."""
MOST_TEXT = 300
_FLOW = "rampdeck flow"


@dataclass
class Flow:
    """What became of one user: the names of its tasks, its requests, what failed, what was not done."""

    user_class: str
    tasks: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    requests: int = 0
    slowest: str = ""
    slowest_ms: float = 0.0
    failures: list[str] = field(default_factory=list)
    failed: int = 0

    def fail(self, text: str) -> None:
        """Note what failed."""
        self.failed += 1
        if len(self.failures) < MOST_FAILURES:
            self.failures.append(clean(redact(text), MOST_TEXT))

    def request(self, name: str, milliseconds: float, exception: object) -> None:
        """Note a request."""
        self.requests += 1
        if milliseconds >= self.slowest_ms:
            self.slowest, self.slowest_ms = clean(redact(name), MOST_TEXT), milliseconds
        if exception:
            self.fail(f"{name}: {exception}")


class _LeavesEarly(Exception):
    """The user is not to go on."""


def run_flows(environment: Environment) -> list[Flow]:
    """Let a user of each class do all its tasks once, side by side; listeners hear what they hear in a run.

    Raises :class:`ScenarioError` when a listener calls ``sys.exit``.
    """
    events = environment.events
    events.request.add_listener(_note)
    fire_init(environment)
    environment._filter_tasks_by_tags()
    of_listeners(lambda: events.test_start.fire(environment=environment), "test_start")
    users = {
        gevent.spawn(_live, flow, user_class, environment): flow
        for user_class in environment.user_classes
        if user_class.weight or user_class.fixed_count
        for flow in (Flow(user_class.__name__, left_out=list(_names(user_class))),)
    }
    gevent.joinall(list(users), timeout=ALL)
    for greenlet, flow in users.items():
        if not greenlet.ready():
            flow.fail(f"it had not ended after {ALL:g} s")
    gevent.killall(list(users), timeout=1.0)
    of_listeners(lambda: events.test_stop.fire(environment=environment), "test_stop")
    return list(users.values())


def _live(flow: Flow, user_class: Any, environment: Environment) -> None:
    """Be one user from its beginning to its end."""
    # Whatever the user spawns inherits it: its requests are told as this user's.
    this: Any = gevent.getcurrent()
    this.spawn_tree_locals = {_FLOW: flow}
    if environment.host is not None:
        user_class.host = environment.host
    made: list[Any] = []
    with suppress(_LeavesEarly):
        _do(flow, f"{flow.user_class}()", lambda: made.append(user_class(environment)))
        (user,) = made
        user._state, user._greenlet = LOCUST_STATE_RUNNING, this
        user._taskset_instance = DefaultTaskSet(user)
        _do(flow, "on_start", user.on_start)
        with suppress(_LeavesEarly):
            _all(flow, user_class, user)
        _do(flow, "on_stop", user.on_stop)


def _all(flow: Flow, holder: Any, owner: Any) -> None:
    """Do each task of a user or a TaskSet once, nested ones with their beginning and end."""
    if functions := getattr(owner, "functions", None):  # a PytestUser
        fixtures = [next(function.fixturedef.func(owner)) for function in functions]
        for function, fixture in zip(functions, fixtures, strict=True):
            _task(flow, function.name, partial(function.obj, fixture))
        return
    for name, task in _tasks(holder):
        if _is_set(task):
            inner = task(owner)
            _do(flow, f"{name}.on_start", inner.on_start)
            _all(flow, inner, inner)
            _do(flow, f"{name}.on_stop", inner.on_stop)
        else:
            _task(flow, name, task if getattr(task, "__self__", None) is owner else partial(task, owner))


def _is_set(task: Any) -> bool:
    return isinstance(task, type) and issubclass(task, TaskSet)


def _tasks(holder: Any) -> Iterator[tuple[str, Any]]:
    """Yield the tasks of a user class or TaskSet by name: a weight of three is three times the same one."""
    for task in dict.fromkeys(holder.tasks):
        yield getattr(task, "__name__", type(task).__name__), task


def _names(holder: Any) -> Iterator[str]:
    """Yield the names of all tasks in their order, those of nested TaskSets in their places."""
    for function in getattr(holder, "functions", None) or ():
        yield function.name
    for name, task in _tasks(holder):
        yield from _names(task) if _is_set(task) else (name,)


def _task(flow: Flow, name: str, call: Callable[[], object]) -> None:
    flow.tasks.append(name)
    del flow.left_out[:1]
    before = flow.failed
    try:
        _do(flow, name, call)
    except _LeavesEarly:
        if flow.failed == before:  # it ends its user, who does not come to the others
            raise


def _do(flow: Flow, name: str, call: Callable[[], object]) -> None:
    """Do something of the scenario's own; raises :class:`_LeavesEarly` where nothing may follow."""
    limit = gevent.Timeout(TASK)
    try:
        with limit:
            call()
    except (InterruptTaskSet, RescheduleTask):
        return
    except gevent.Timeout as timeout:
        if timeout is not limit:
            flow.fail(f"{name}: {type(timeout).__name__}: {timeout}")
        else:
            flow.fail(f"{name}: it had not ended after {TASK:g} s")
    except StopUser as stop:
        if name == "on_start":
            flow.fail(f"{name}: the user stopped itself{f': {stop}' if str(stop) else ''}")
    except SystemExit as exit_:
        flow.fail(f"{name}: called sys.exit({exit_.code!r})")
    except Exception as error:  # noqa: BLE001 - a stranger's code may raise anything; it is reported
        flow.fail(f"{name}: {type(error).__name__}: {error}{_where(error)}")
    else:
        return
    raise _LeavesEarly


def _where(error: BaseException) -> str:
    """Return the last line of the scenario itself that an exception came through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename and frame.filename != __file__]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


def _note(
    request_type: str, name: str, response_time: float | None, exception: object = None, **_: Any
) -> None:
    flow = getattr(gevent.getcurrent(), "spawn_tree_locals", {}).get(_FLOW)
    if flow is not None:
        flow.request(f"{request_type} {name}", response_time or 0.0, exception)
