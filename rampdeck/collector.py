"""What a collector is, and the supervisor that keeps it reading.

A collector reads one source (one kind on one host) for ever. It knows nothing
of the screen, the store or its own restarts: it reads, hands samples and
events to its :class:`Sink`, and raises when it cannot go on. The supervisor
says why, waits and calls it again; the object stays the same, so a collector
keeps its place (journal cursor, file offset) in attributes.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from rampdeck.errors import RampdeckError, SourceError
from rampdeck.model import Event, EventKind, Health, Instant, Sample, Severity, SourceInfo, Value
from rampdeck.remote import Remote
from rampdeck.view import Metric, View

FIRST_RETRY = 1.0
"""Seconds before the first new try after a failure."""
LAST_RETRY = 30.0
"""Seconds between tries at the most."""


class CollectorConfig(BaseModel):
    """What every ``[[collectors]]`` table may say; each kind adds its own keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    host: str = "local"
    label: str = ""
    absent: str = ""
    """Why this source is left out and how to get it; its pane says so."""

    @property
    def source(self) -> SourceInfo:
        """The source that this table describes."""
        kind = f"{self.kind}:{self.label}" if self.label else self.kind
        return SourceInfo(name=f"{kind}@{self.host}", kind=self.kind, host=self.host)


class Collector(Protocol):
    """Reads one source.

    ``kind`` is its name in the configuration and the first part of its metric
    names; ``Config`` validates its table; ``metrics`` are the numbers it gives;
    ``view`` is its pane.
    """

    kind: ClassVar[str]
    Config: ClassVar[type[CollectorConfig]]
    metrics: ClassVar[tuple[Metric, ...]]
    view: ClassVar[View]

    def __init__(self, config: Any) -> None: ...

    async def run(self, remote: Remote, sink: Sink) -> None:
        """Read until it cannot go on; returning means that the source ended.

        Raises :class:`SourceError` or a remote error with what, why and fix.
        """


class Sink:
    """Where one source's samples and events go, and where its health is known.

    The first sample, event or :meth:`live` call makes the source live; what
    was missed before becomes a gap event.
    """

    def __init__(self, info: SourceInfo, append: Callable[[Sample | Event], None]) -> None:
        self.info = info
        self._append = append
        self.health = Health.CONNECTING
        self.reason = ""
        self._blind_since: Instant | None = None

    def sample(self, values: Mapping[str, float], rows: tuple[Mapping[str, Value], ...] = ()) -> None:
        """Hand over one reading."""
        if self.health is not Health.WARNING:
            self.live()
        self._append(Sample(Instant.now(), self.info.name, values, rows))

    def log(
        self,
        text: str,
        severity: Severity = Severity.INFO,
        *,
        sent: float | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        """Hand over one line of a log."""
        self._append(Event(Instant.now(), self.info.name, EventKind.LOG, severity, text, sent, fields or {}))

    def live(self) -> None:
        """Say that the source can be seen, though nothing may have come yet."""
        self._turn(Health.LIVE, "")

    def warn(self, reason: str) -> None:
        """Say that the source can be seen, but not as it should be."""
        self._turn(Health.WARNING, reason)

    def blind(self, reason: str) -> None:
        """Say that nothing can be seen, and why."""
        self._turn(Health.BLIND, reason)

    def absent(self, reason: str) -> None:
        """Say that the source is left out, and how to get it."""
        self._turn(Health.ABSENT, reason)

    def gap(self, since: Instant, why: str) -> None:
        """Say that something between ``since`` and this moment was not seen and will not come."""
        at = Instant.now()
        span = {"from": f"{since.utc:.3f}", "until": f"{at.utc:.3f}"}
        self._append(Event(at, self.info.name, EventKind.GAP, Severity.WARNING, why, fields=span))

    def _turn(self, health: Health, reason: str) -> None:
        if (health, reason) == (self.health, self.reason):
            return
        at = Instant.now()
        was_blind = self._blind_since
        if health is Health.BLIND:
            self._blind_since = was_blind or at
        elif was_blind is not None:
            self._blind_since = None
            self.gap(was_blind, f"blind for {at.mono - was_blind.mono:.1f} s")
        self.health, self.reason = health, reason
        severity = Severity.ERROR if health is Health.BLIND else Severity.NOTICE
        fields = {"health": health.value}
        self._append(Event(at, self.info.name, EventKind.HEALTH, severity, reason, fields=fields))

    def close(self) -> None:
        """End the source's story: a gap that is still open ends here."""
        if self._blind_since is not None:
            seconds = Instant.now().mono - self._blind_since.mono
            self.gap(self._blind_since, f"blind for {seconds:.1f} s, until the end")
            self._blind_since = None


async def supervise(collector: Collector, remote: Remote, sink: Sink) -> None:
    """Keep a collector reading for ever.

    A failure makes the source blind, with the reason, and is tried again after
    1 s, 2 s, 4 s ... 30 s, each with jitter so that many sources do not knock
    at a host at once. A defect in a collector is reported in its own pane and
    takes no other one down.
    """
    delay = FIRST_RETRY
    while True:
        began = asyncio.get_running_loop().time()
        try:
            await collector.run(remote, sink)
            failure: RampdeckError = SourceError("the source ended", "its command stopped writing")
        except RampdeckError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - the supervising edge: a defect must stay in its own pane
            failure = SourceError(
                f"the {collector.kind} collector has a defect", f"{type(error).__name__}: {error}"
            )
        if asyncio.get_running_loop().time() - began > LAST_RETRY:
            delay = FIRST_RETRY
        pause = delay * random.uniform(0.8, 1.2)
        sink.blind(str(failure))
        await asyncio.sleep(pause)
        delay = min(delay * 2, LAST_RETRY)
