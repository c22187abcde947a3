"""Where the users are: in a request, in a wait, or in neither (Little's law).

A closed load has ``users = rate x (response + wait)``. What the two do not
explain is time in which a user was held up: by the scenario's own code, by a
lock, by a loop that came late to him. So two places are counted as users go in
and out of them, which gives their user-seconds exactly, also for requests that
do not end: ``client.request`` of Locust's two HTTP users, and sleeps, as they
were asked for (by ``wait_time`` or by the scenario itself), not as long as they
became. Requests of other clients count when they end, by Locust's event.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any

import gevent
from gevent import getcurrent
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment

WINDOW = 10
"""Seconds that the law is held against: requests and waits of some seconds average out."""
_CLIENTS: tuple[Any, ...] = (HttpSession, FastHttpSession)


class Residence:
    """User-seconds spent in requests and waits; costs about a microsecond a request."""

    def __init__(self, environment: Environment) -> None:
        self._environment: Any = environment
        self._start = perf_counter()
        self._inside = 0
        self._area = 0.0
        self._taken = (self._start, 0.0, 0)
        self._window: deque[tuple[float, float]] = deque(maxlen=WINDOW)
        self._undo: list[Callable[[], None]] = []

    def open(self) -> None:
        """Begin to count; once in a process."""
        for client in _CLIENTS:
            self._replace(client, "request", self._counted(client.request))
        # The scenario's time.sleep is gevent's, bound when the process was patched.
        self._replace(time, "sleep", self._slept(time.sleep))
        self._replace(gevent, "sleep", self._slept(gevent.sleep))
        self._environment.events.request.add_listener(self._on_request)

    def close(self) -> None:
        """Put everything back as it was."""
        self._environment.events.request.remove_listener(self._on_request)
        while self._undo:
            self._undo.pop()()

    def _replace(self, owner: Any, name: str, new: Any) -> None:
        old = getattr(owner, name)
        setattr(owner, name, new)
        self._undo.append(lambda: setattr(owner, name, old))

    def _counted(self, request: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            current: Any = getcurrent()
            current.rampdeck_asks = True
            self._inside += 1
            self._area -= perf_counter() - self._start
            try:
                return request(*args, **kwargs)
            finally:
                self._inside -= 1
                self._area += perf_counter() - self._start

        return counted

    def _slept(self, sleep: Callable[..., Any]) -> Callable[..., Any]:
        def slept(seconds: float = 0, *args: Any, **kwargs: Any) -> Any:
            if getcurrent() not in self._environment.runner.user_greenlets:
                return sleep(seconds, *args, **kwargs)
            began = perf_counter()
            self._inside += 1
            self._area -= began - self._start
            try:
                return sleep(seconds, *args, **kwargs)
            finally:
                ended = perf_counter()
                self._inside -= 1
                self._area += min(ended, began + seconds) - self._start

        return slept

    def _on_request(self, response_time: float | None = None, **_: Any) -> None:
        current: Any = getcurrent()
        if getattr(current, "rampdeck_asks", False):
            current.rampdeck_asks = False
        else:
            self._area += (response_time or 0.0) / 1000

    def take(self) -> float | None:
        """Return the per cent of the users' time, over ten seconds, that requests and waits explain.

        Once a second. ``None`` where there were hardly any users.
        """
        now, users = perf_counter(), len(self._environment.runner.user_greenlets)  # a master has none
        area = self._area + self._inside * (now - self._start)
        then, before, users_then = self._taken
        self._taken = (now, area, users)
        if not users:
            self._window.clear()
            return None
        self._window.append(((users + users_then) / 2 * (now - then), area - before))
        whole = sum(there for there, _ in self._window)
        if len(self._window) < WINDOW:
            return None
        return 100 * sum(explained for _, explained in self._window) / whole
