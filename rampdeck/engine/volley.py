"""Asking one endpoint again and again, so many requests at a time: what ``rampdeck smoke`` does.

The client is Locust's FastHttpSession, the clock is the kernel's. Each of those
who ask has a connection of its own and keeps it; no cookie is kept, and no
redirect is followed, so that nobody but the host of the address is contacted.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

import gevent
import gevent.pool
from locust.contrib.fasthttp import FastHttpSession

from rampdeck.engine import wire
from rampdeck.engine.recorder import LARGEST, MOST_ERRORS, count_text
from rampdeck.histogram import Histogram
from rampdeck.text import clean


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is asked for, and how; ``timeout`` in seconds is for the whole of one request."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    timeout: float = 20.0

    @property
    def parts(self) -> SplitResult:
        """The parts of the address."""
        return urlsplit(self.url)


@dataclass(slots=True)
class Answers:
    """What came of it: times in ms of what was answered, and what was not, by its reason.

    ``stamped`` answers have a wire time; the others Locust's own, which holds
    our own queue. ``leads`` are the places that redirects lead to.
    """

    times: Histogram = field(default_factory=Histogram)
    stamped: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    leads: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def ended(self) -> int:
        """How many requests ended, with an answer or without."""
        return self.times.count + sum(self.errors.values())

    @property
    def is_fine(self) -> bool:
        """Whether there were answers, to everything that was asked, and none of them an error."""
        fine = all(status < 400 for status in self.statuses)
        return fine and bool(self.statuses) and not self.errors and not self.interrupted


class Volley:
    """Sends the requests: ``count`` of them, or as many as can be in ``seconds``, ``at_once`` at a time."""

    def __init__(self, endpoint: Endpoint, *, count: int, at_once: int, seconds: float = 0.0) -> None:
        self.answers = Answers()
        self._endpoint = endpoint
        self._left = count
        self._at_once = at_once if seconds else min(at_once, count)
        self._seconds = seconds
        self._until = 0.0
        parts = endpoint.parts
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._pool = gevent.pool.Pool(self._at_once)

    def fire(self) -> Answers:
        """Send them and wait for the last answer; SIGINT ends it early. Blocks."""
        wire.install()
        interrupt = gevent.signal_handler(signal.SIGINT, self._interrupt)
        began = time.monotonic()
        self._until = began + self._seconds
        try:
            asking = [self._pool.spawn(self._ask) for _ in range(self._at_once)]
            gevent.joinall(asking, raise_error=True)
        finally:
            interrupt.cancel()
            self.answers.seconds = time.monotonic() - began
        return self.answers

    def _interrupt(self) -> None:
        self.answers.interrupted = True
        self._pool.kill(block=False)

    def _take_one(self) -> bool:
        """Return whether there is another request to send."""
        if self._seconds:
            return time.monotonic() < self._until
        self._left -= 1
        return self._left >= 0

    def _ask(self) -> None:
        asked = self._endpoint
        asker = _Asker(self._origin, asked.timeout)
        try:
            while self._take_one():
                why = asker.ask(asked.method, self._path, asked.body, asked.headers)
                if why:
                    count_text(self.answers.errors, why, MOST_ERRORS)
                else:
                    self._count(asker.told)
        finally:
            asker.close()

    def _count(self, told: Mapping[str, Any]) -> None:
        answers, response = self.answers, told["response"]
        milliseconds, on_wire = told["response_time"], told["on_wire"]
        status = int(response.status_code)
        answers.times.record(milliseconds if on_wire is None else on_wire)
        answers.stamped += on_wire is not None
        answers.statuses[status] = answers.statuses.get(status, 0) + 1
        answers.bytes += min(told["response_length"], LARGEST)
        if 300 <= status < 400 and (place := response.headers.get("location")):
            count_text(answers.leads, _without_query(str(place)), MOST_ERRORS)


class _Asker:
    """One of those who ask, with a connection of its own; it takes the place of Locust's event."""

    def __init__(self, origin: str, timeout: float) -> None:
        self._origin = origin
        self._timeout = timeout
        self._session: Any = None
        self.told: dict[str, Any] = {}

    def ask(self, method: str, path: str, body: str, headers: Mapping[str, str]) -> str:
        """Send a request and wait for the answer, which is in ``told`` then; returns why there is none."""
        session = self._session = self._session or self._made()
        self.told = {}
        try:
            with gevent.Timeout(self._timeout):
                session.request(method, path, data=body or None, headers=headers, allow_redirects=False)
        except gevent.Timeout as error:  # most often the session takes it for an answer that did not come
            why = _why(error, self._timeout)
        else:
            why = self._failure()
        if why:
            self.close()  # half an answer may still be on its way
        return why

    def fire(self, **told: Any) -> None:
        """Take what Locust tells of a request, and its wire time."""
        self.told = told
        self.told["on_wire"], _ = wire.take(told["start_time"], told["response_time"])

    def close(self) -> None:
        """Leave the connection."""
        if self._session is not None:
            self._session.client.close()
            self._session = None

    def _failure(self) -> str:
        response, exception = self.told["response"], self.told["exception"]
        if not response.status_code or (exception and getattr(response, "error", None) is None):
            # The second is an answer whose body did not come.
            return _why(exception, self._timeout)
        return ""

    def _made(self) -> Any:
        limits: dict[str, Any] = {"network_timeout": self._timeout, "connection_timeout": self._timeout}
        limits["max_retries"] = 0  # a request is a request
        session = FastHttpSession(self._origin, self, None, concurrency=1, **limits)
        session.client.cookiejar = None
        return session


def _why(error: object, timeout: float) -> str:
    error = getattr(error, "original", error)  # of geventhttpclient's, which would name the whole address
    if isinstance(error, gevent.Timeout | TimeoutError):
        return f"no answer within {timeout:g} s"
    return clean(f"{type(error).__name__}: {error}", 200)


def _without_query(place: str) -> str:
    """Return where a redirect leads, without what may be meant for one reader only."""
    try:
        parts = urlsplit(place)
        host = parts.hostname or ""
    except ValueError:
        return "an address that cannot be read"
    return clean(f"{parts.scheme}://{host}{parts.path}" if host else parts.path, 200)
