"""A session that is told what the load did, second by second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rampdeck.gate import Gate, Turned
from rampdeck.gate.threshold import Threshold
from rampdeck.histogram import Histogram
from rampdeck.model import (
    Event,
    EventKind,
    Health,
    Instant,
    RequestBatch,
    RequestStats,
    Sample,
    Severity,
    SourceInfo,
    Step,
)
from rampdeck.session import Item, Session
from rampdeck.trust import Trust
from tests.gate.stack import METRICS


class Load:
    """Feeds a session and its gate as a run does."""

    def __init__(self, *thresholds: str | Threshold, warn_at: float = 80.0, cause: str = "key") -> None:
        self.gate = Gate(thresholds, METRICS, warn_at)
        self.trust = Trust(thresholds=self.gate.thresholds)
        self.cause = cause
        self.items: list[Item] = []
        self.session = Session({}, self.items.append)
        self.gate.attach(self.session)
        self.turned: list[Turned] = []
        self.at = Instant(1_000.0, 50.0)
        self._step: Step | None = None

    def source(self, name: str) -> None:
        """Let there be a source, ``kind@host``, that is seen."""
        self.session.append(
            SourceInfo(name, name.partition("@")[0].partition(":")[0], name.partition("@")[2])
        )
        self.health(name, Health.LIVE)

    def health(self, name: str, health: Health, why: str = "") -> None:
        """Let a source turn blind, or be seen again."""
        fields = {"health": health.value}
        self.session.append(Event(self.at, name, EventKind.HEALTH, Severity.NOTICE, why, fields=fields))

    def says(self, name: str, **values: float) -> None:
        """Let a source say something; a leading ``_`` is for names that begin with a digit."""
        named = {metric.removeprefix("_"): value for metric, value in values.items()}
        self.session.append(Sample(self.at, name, named))

    def level(self, users: int, stage: str = "") -> None:
        """Begin a level and let it settle: what it brings counts from here."""
        self.end()
        number = len(self.session.steps) + 1
        self._step = Step(number, users, 5.0, self.cause, self.at, stage)
        self.session.append(self._step)
        self._step = replace(self._step, reached=self.at, measured_from=self.at)
        self.session.append(self._step)

    def ramp(self, users: int) -> None:
        """Begin a level that is not measured."""
        self.end()
        self._step = Step(len(self.session.steps) + 1, users, 5.0, self.cause, self.at)
        self.session.append(self._step)

    def end(self) -> None:
        """End the level."""
        if self._step:
            self.session.append(replace(self._step, ended=self.at))
            self._step = None

    def second(
        self,
        times: Sequence[float] = (),
        failures: Sequence[float] = (),
        name: str = "/",
        method: str = "GET",
    ) -> None:
        """Let a second pass in which these requests (ms) ended."""
        self.batch(1.0, times, failures, name, method)

    def batch(
        self,
        seconds: float,
        times: Sequence[float],
        failures: Sequence[float] = (),
        name: str = "/",
        method: str = "GET",
    ) -> None:
        """Let some seconds pass that come as one batch."""
        self.at = self.at.plus(seconds)
        stats = RequestStats(
            method,
            name,
            Histogram.of(times),
            Histogram.of(failures),
            errors={"500": len(failures)} if failures else {},
        )
        entries = (stats,) if times or failures else ()
        users = self._step.users if self._step else 0
        self.session.append(RequestBatch(self.at, seconds, users, entries))
        self.look()

    def pause(self, seconds: float = 1.0) -> None:
        """Let time pass in which nothing comes."""
        self.at = self.at.plus(seconds)
        self.look()

    def look(self) -> None:
        """Let the gate look, as it does once a second."""
        self.turned += self.gate.observe(self.at, self.session)
