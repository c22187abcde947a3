"""Holding requests back: no more than so many a second begin in this process.

A user waits in its own greenlet, before the clock of its request starts, so a
response time never holds what was waited for. Until a ceiling is asked for
nothing is in the way of a request, not even a test.
"""

from __future__ import annotations

from collections import deque
from functools import wraps
from time import perf_counter
from typing import Any

import gevent
from gevent.lock import Semaphore
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession

_SESSIONS: tuple[Any, ...] = (HttpSession, FastHttpSession)
_OURS = "_rampdeck_held"


class Throttle:
    """Lets ``rps`` requests begin in any one second; ``held`` counts those that had to wait.

    Bursts below that wait for nothing. Whoever waits is served in turn. Below
    one request a second, it is one in each ``1 / rps`` seconds.
    """

    def __init__(self, rps: float) -> None:
        self.held = 0
        self._seconds = 0.0
        self._begun: deque[float] = deque()
        self._turn = Semaphore(1)
        self.change(rps)

    def change(self, rps: float) -> None:
        """Hold to another rate from now on; what has begun in the last second still counts."""
        most = max(1, int(rps))
        self._seconds = most / rps
        self._begun = deque(self._begun, maxlen=most)

    def wait(self) -> None:
        """Return when the request of the current greenlet may begin."""
        if not self._turn.locked() and self._delay() <= 0:
            self._begun.append(perf_counter())
            return
        self.held += 1
        with self._turn:
            while (delay := self._delay()) > 0:
                gevent.sleep(delay)
            self._begun.append(perf_counter())

    def owe(self, requests: int) -> None:
        """Count requests that went out within another one, as redirects do: those to come wait for them."""
        for _ in range(requests):
            self._begun.append(perf_counter())

    def _delay(self) -> float:
        begun = self._begun
        if len(begun) < (begun.maxlen or 0):
            return 0.0
        return begun[0] + self._seconds - perf_counter()


_throttle: Throttle | None = None


def hold_to(rps: float | None) -> None:
    """Hold the requests of both of Locust's clients to a rate from now on; ``None`` lets them go for good."""
    global _throttle
    if rps is None:
        _throttle = None
        for session in _SESSIONS:
            session.request = getattr(session.request, _OURS, session.request)
    elif _throttle is not None:
        _throttle.change(rps)
    else:
        _throttle = Throttle(rps)
        for session in _SESSIONS:
            session.request = _holding(session.request, _throttle)


def held() -> int | None:
    """Return how many requests of this process were held back so far; ``None`` where there is no ceiling."""
    return None if _throttle is None else _throttle.held


def _holding(original: Any, throttle: Throttle) -> Any:
    @wraps(original)
    def request(self: Any, *positional: Any, **named: Any) -> Any:
        throttle.wait()
        response = original(self, *positional, **named)
        if history := getattr(response, "history", None):
            throttle.owe(len(history))
        return response

    setattr(request, _OURS, original)
    return request
