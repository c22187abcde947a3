"""The emergency stop: the load ends by itself before it takes the servers down.

It is no threshold: it says nothing of how good a release is, holds in ramps
too, and is there without anybody asking for it. It fires when for
``[guard] emergency_after`` seconds on end

- more than ``emergency_error_rate`` per cent of the requests failed, or
- a server was beyond ``emergency_limit`` per cent of what it has (:data:`LIMITS`).

What is not seen stops nothing. Pure: it goes by the session's items and the
moment that it is given.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rampdeck.config import GuardConfig
from rampdeck.model import STALE, Event, EventKind, Health, Instant, RequestBatch, Sample, Value

if TYPE_CHECKING:
    from rampdeck.session import Item, Session, Source

KEY, FIRED = "guard", "emergency"
"""The field, and its value, by which the event of a stop is known; live and in a session file."""
ENOUGH = 30
"""Requests in the time that is looked at below which their share says nothing.

By chance, a fifth of errors looks like half of 30 requests once in 10 000 times;
and a load that makes fewer takes nothing down.
"""
PARTS = 3
"""Parts of that time, in each of which too many must have failed: a restart is no emergency."""
LIVELY = 5
"""Requests that each part needs at least: where nothing ends any more, nobody knows."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A metric that says how near a server is to falling over; per cent, or of ``most``.

    With ``only`` it counts for a server whose table has that text in a cell: (column, text).
    """

    metric: str
    what: str
    most: str = ""
    only: tuple[str, str] | None = None

    def percent(self, values: Mapping[str, float]) -> float | None:
        """Return how much is taken, ``None`` where that is not known."""
        value = values.get(self.metric)
        most = values.get(self.most) if self.most else 100.0
        if value is None or most is None or not most > 0 or not math.isfinite(value):
            return None
        return 100.0 * value / most


LIMITS: Mapping[str, tuple[Limit, ...]] = {
    # Beyond these the kernel kills, or every write fails. A full swap alone is no sign: it is full for weeks.
    "host": (
        Limit("memory", "the memory was in use"),
        Limit("filesystem", "a file system was full"),
        Limit("files", "the files that may be open were open"),
        Limit("worker_files", "the files that a worker may open were open"),
        Limit("container_memory", "the memory of a container was in use"),
        Limit("container_pids", "the processes that a container may have were there"),
    ),
    "postgres": (Limit("connections", "the connections were taken", "usable"),),
    # With any other policy a full memory is how a cache works.
    "redis": (
        Limit("memory", "the memory was in use, with noeviction", "maxmemory", ("policy", "noeviction")),
        Limit("clients", "the connections were taken", "maxclients"),
    ),
}
"""By kind of source. Processors are not among them: one that is busy is what a load test is for."""


class Emergency:
    """Watches a session; :meth:`look` once a second says why the load has to stop, if it has to."""

    def __init__(self, guard: GuardConfig) -> None:
        self._guard = guard
        self._batches: deque[RequestBatch] = deque()
        self._beyond: dict[tuple[str, str], Instant] = {}
        self._heard: dict[tuple[str, str], Instant] = {}

    def attach(self, session: Session) -> None:
        """Hear of every item from now on."""

        def take(item: Item) -> None:
            if isinstance(item, RequestBatch):
                self._batches.append(item)
            elif isinstance(item, Sample) and session.step is not None:
                self._take(session.sources[item.source])

        session.listeners.append(take)

    def look(self, session: Session, at: Instant) -> str:
        """Return why the load has to stop at this moment, as a sentence, or nothing."""
        if not self._guard.emergency or session.step is None:
            self._batches.clear()
            self._beyond.clear()
            return ""
        return self._failing(at) or self._full(session, at)

    # -- requests

    def _failing(self, at: Instant) -> str:
        """Return that too many requests have failed for too long."""
        guard = self._guard
        since = at.mono - guard.emergency_after
        batches = self._batches
        # The first of them may reach back beyond: without it the time would not be covered.
        while batches and batches[0].at.mono <= since:
            batches.popleft()
        if not batches or batches[0].at.mono - batches[0].seconds > since + 0.5:
            return ""
        parts = [[0, 0] for _ in range(PARTS)]
        for batch in batches:
            place = int((batch.at.mono - since) / guard.emergency_after * PARTS)
            part = parts[max(0, min(place, PARTS - 1))]
            for stats in batch.sums:
                part[0] += stats.successes.count + stats.failures.count
                part[1] += stats.failures.count
        requests, failures = (sum(part[which] for part in parts) for which in (0, 1))
        bound = guard.emergency_error_rate
        holds = any(count < LIVELY or 100 * failed <= bound * count for count, failed in parts)
        if requests < ENOUGH or holds:
            return ""
        share = f"{100 * failures / requests:.0f} % of the requests failed"
        return f"{share} for {guard.emergency_after:g} s (bound {bound:g} %)"

    # -- servers

    def _take(self, source: Source) -> None:
        """Note since when a source is beyond its limits."""
        sample = source.last
        if sample is None:
            return
        for limit in LIMITS.get(source.info.kind, ()):
            key = (source.info.name, limit.metric)
            percent = limit.percent(sample.values)
            if percent is None or percent <= self._guard.emergency_limit or not _concerns(limit, source):
                self._beyond.pop(key, None)
                continue
            heard = self._heard.get(key)
            if heard is None or sample.at.mono - heard.mono > STALE + self._guard.emergency_after / 2:
                self._beyond.pop(key, None)  # nobody knows what was in between
            self._beyond.setdefault(key, sample.at)
            self._heard[key] = sample.at

    def _full(self, session: Session, at: Instant) -> str:
        """Return that a server has been beyond a limit for too long."""
        for (name, metric), since in self._beyond.items():
            source = session.sources.get(name)
            if source is None or source.last is None or source.health is Health.BLIND:
                continue
            if source.last.at.mono - since.mono < self._guard.emergency_after:
                continue
            if at.mono - source.last.at.mono > STALE + self._guard.emergency_after / 2:
                continue
            limit = next(one for one in LIMITS[source.info.kind] if one.metric == metric)
            percent = limit.percent(source.last.values) or 0.0
            lasted = f"for {self._guard.emergency_after:g} s (bound {self._guard.emergency_limit:g} %)"
            return f"{name}: {percent:.0f} % of {limit.what} {lasted}"
        return ""


def fired(event: Event) -> bool:
    """Return whether an event says that the emergency stop has ended the load."""
    return event.kind is EventKind.LOAD and event.source == "engine" and event.fields.get(KEY) == FIRED


def _concerns(limit: Limit, source: Source) -> bool:
    if limit.only is None:
        return True
    column, text = limit.only
    told: set[Value] = {row[column] for row in source.rows if column in row}
    return told == {text}
