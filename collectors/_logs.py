"""Several logs of one source, side by side: one that cannot be read does not hide the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from rampdeck.backoff import Backoff
from rampdeck.collector import Sink
from rampdeck.errors import HostKeyRefused, HostUnreachable, LoginRefused, NoSession, RemoteError, SourceError
from rampdeck.model import Instant
from rampdeck.remote import Remote

from ._follow import Follow
from ._tasks import every, together

RETRY = 10.0
"""Seconds after which a log that cannot be read is tried again while another one is read, at the most."""
SETTLING = 3
"""Seconds that lines from before the beginning wait for the other logs."""


class Log:
    """One of the logs; ``trouble`` is why it cannot be read, empty where it can, None until that is known."""

    def __init__(self, follow: Follow) -> None:
        self.follow = follow
        self.trouble: str | None = None
        self.known = asyncio.Event()

    @property
    def readable(self) -> bool:
        """Whether it is, or may still turn out to be."""
        return not self.trouble

    def say(self, trouble: str) -> None:
        """Note how it fares."""
        self.trouble = trouble
        self.known.set()


class Logs:
    """Keeps the logs of one source; the first one is the most important.

    They are opened one after the other: a host that gives too few sessions
    gives one to the first. While one can be read the source is live, with a
    warning that says what is wrong with the others.
    """

    def __init__(self, *logs: Log) -> None:
        self._logs = logs
        self._held: list[Callable[[], None]] = []

    async def run(self, remote: Remote, sink: Sink, beat: Callable[[], None]) -> None:
        """Follow until none can be read, with a beat each second; raises why."""
        for log in self._logs:
            log.trouble = None
            log.known.clear()
        parts = [
            self._keep(log, self._logs[place - 1] if place else None, remote, sink)
            for place, log in enumerate(self._logs)
        ]
        patience = iter(range(SETTLING))

        def tick() -> None:
            if next(patience, None) is None:
                self.release()
            beat()

        try:
            await together(*parts, every(1.0, tick))
        finally:
            self.release()
            beat()

    def when_settled(self, tell: Callable[[], None]) -> None:
        """Tell what is from before the beginning once it is known of all logs how they fare, or soon.

        With the first event a source is live, and then all of it should be.
        """
        self._held.append(tell)
        if all(log.trouble is not None for log in self._logs):
            self.release()

    def release(self) -> None:
        """Tell what was held: nothing newer may be told before it."""
        held, self._held = self._held, []
        for tell in held:
            tell()

    async def _keep(self, log: Log, first: Log | None, remote: Remote, sink: Sink) -> None:
        if first is not None:
            await first.known.wait()
        backoff = Backoff()
        while True:
            began = time.monotonic()
            try:
                await log.follow(remote, _Voice(self, log, sink))
            except (HostUnreachable, HostKeyRefused, LoginRefused):
                raise
            except (SourceError, RemoteError) as error:
                log.say(str(error))
                if all(each.trouble for each in self._logs):
                    raise
                self.tell(sink)
                backoff.went_well(time.monotonic() - began)
                pause = min(backoff.failed(), RETRY)
                await remote.pause(pause, session=isinstance(error, NoSession))

    def tell(self, sink: Sink) -> None:
        """Pass on how well the logs can be read, once it is known of all."""
        if any(log.trouble is None for log in self._logs):
            return
        troubles = [log.trouble for log in self._logs if log.trouble]
        if troubles:
            sink.warn("; ".join(troubles))
        else:
            sink.live()
        self.release()


class _Voice:
    """Hears how one log fares and says how the source does."""

    def __init__(self, logs: Logs, log: Log, sink: Sink) -> None:
        self._logs = logs
        self._log = log
        self._sink = sink

    def live(self) -> None:
        self._log.say("")
        self._logs.tell(self._sink)

    def warn(self, reason: str) -> None:
        self._log.say(reason)
        self._logs.tell(self._sink)

    def gap(self, since: Instant, why: str) -> None:
        self._sink.gap(since, why)
