"""The clocks of the hosts against this machine's.

A log says when something happened by its own host's clock. Which of two things
on two hosts came first can only be said once both are on one clock: ours. An
offset is what a host's clock shows more than ours (there = here + offset).

What came is stored as it came; here it is only known by how much it is off.
Pure, and fed like the session; grows with the changes of an offset only.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from rampdeck.model import Event, Instant, Sample, SourceInfo

KIND = "clock"
"""The kind of source that measures a host's clock."""
LIMIT = 0.25
"""Seconds of offset from which times in logs mislead."""
STEP = 0.1
"""Seconds by which a clock that keeps time does not move between two looks."""
TOLD = 0.02
"""Seconds by which an offset changes before it counts as another one."""
CHANGES = 500
"""Changes of one offset that are remembered."""
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def drift() -> float:
    """Return this machine's time of day less a clock that nobody sets; only its changes mean anything."""
    return time.time() - time.clock_gettime(_STEADY)


@dataclass(frozen=True, slots=True)
class Offset:
    """One measurement, in seconds: the true offset lies within ``error`` of ``seconds``."""

    at: Instant
    seconds: float
    error: float

    @property
    def beyond(self) -> bool:
        """Whether it is more than :data:`LIMIT`, and not the measurement's own error."""
        return abs(self.seconds) > max(LIMIT, self.error)


@dataclass(slots=True)
class HostClock:
    """What was measured of one host's clock: ``worst`` is the reading furthest from ours."""

    host: str
    first: Offset
    last: Offset
    worst: Offset
    readings: int = 1
    _changes: deque[Offset] = field(default_factory=lambda: deque(maxlen=CHANGES))

    @classmethod
    def of(cls, host: str, offset: Offset) -> HostClock:
        """Return a clock of which there is one reading."""
        clock = cls(host, offset, offset, offset)
        clock._changes.append(offset)
        return clock

    def take(self, offset: Offset) -> None:
        """Take in the next reading."""
        self.last = offset
        self.readings += 1
        if abs(offset.seconds) > abs(self.worst.seconds):
            self.worst = offset
        if abs(offset.seconds - self._changes[-1].seconds) > max(TOLD, offset.error):
            self._changes.append(offset)

    def at(self, moment: Instant) -> Offset:
        """Return the offset that held at a moment; before the first reading, that one."""
        place = bisect_right(self._changes, moment.mono, key=lambda offset: offset.at.mono)
        return self._changes[max(place - 1, 0)]


class Clocks:
    """The clocks of all hosts, from the samples of the sources that measure them."""

    def __init__(self) -> None:
        self._hosts: dict[str, str] = {}  # of each such source
        self._clocks: dict[str, HostClock] = {}

    def __iter__(self) -> Iterator[HostClock]:
        return iter(self._clocks.values())

    def take(self, item: object) -> None:
        """Take in one item of a session."""
        if isinstance(item, SourceInfo) and item.kind == KIND:
            self._hosts[item.name] = item.host
        elif isinstance(item, Sample) and (host := self._hosts.get(item.source)):
            offset = Offset(item.at, item.values["offset"] / 1000, item.values["error"] / 1000)
            if clock := self._clocks.get(host):
                clock.take(offset)
            else:
                self._clocks[host] = HostClock.of(host, offset)

    def of(self, host: str) -> HostClock | None:
        """Return a host's clock; ``None`` where it is this machine's, or was never read."""
        return self._clocks.get(host)

    def when(self, event: Event, host: str) -> float:
        """Return when an event of a host happened by this machine's clock, in UTC seconds.

        Where the sender gave no time, that is when it was heard of; where the
        host's clock was not measured, the sender's time stands as it is.
        """
        if event.sent is None:
            return event.at.utc
        clock = self._clocks.get(host)
        return event.sent - clock.at(event.at).seconds if clock else event.sent


def span(seconds: float) -> str:
    """Return how far a clock is off: ``320 ms``, ``4.2 s``, ``59 min``, ``2 h``."""
    size = abs(seconds)
    if size < 1:
        return f"{size * 1000:.0f} ms"
    if size < 120:
        return f"{size:.1f} s"
    return f"{size / 60:.0f} min" if size < 7200 else f"{size / 3600:.0f} h"


def ahead(seconds: float) -> str:
    """Return an offset in words: ``4.2 s ahead of this machine's``."""
    return f"{span(seconds)} {'ahead of' if seconds > 0 else 'behind'} this machine's"
