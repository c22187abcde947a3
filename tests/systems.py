"""Systems under load whose knee is known, and the levels that a run against them would measure."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rampdeck.histogram import Histogram
from rampdeck.levels.curve import BEND, LEAST_MS, LOSS
from rampdeck.levels.knee import Level
from rampdeck.snapshot import Figures, Verdict

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


@dataclass(frozen=True)
class Fixed:
    """``servers`` that take exactly ``service`` seconds a request; users think ``think`` seconds."""

    servers: int
    service: float
    think: float

    def response(self, users: float) -> float:
        """Seconds: nobody waits below the saturation point, above it the users share the capacity."""
        return max(self.service, users * self.service / self.servers - self.think)


@dataclass(frozen=True)
class Queue:
    """M/M/c with a finite population: exponential service and thinking."""

    servers: int
    service: float
    think: float

    def response(self, users: float) -> float:
        """Seconds, from the birth-death chain (Lazowska et al., Quantitative System Performance, ch. 20)."""
        weight, total, inside = 1.0, 1.0, 0.0
        for there in range(1, round(users) + 1):
            weight *= (users - there + 1) * self.service / (self.think * min(there, self.servers))
            if weight > 1e200:
                weight, total, inside = weight / 1e200, total / 1e200, inside / 1e200
            total += weight
            inside += there * weight
        waiting = inside / total
        return waiting * self.think / (users - waiting)


System = Fixed | Queue


def rate(system: System, users: float) -> float:
    return users / (system.think + system.response(users))


def bends_at(system: System, first: int, slack: float = 1.0) -> int:
    """The first number of users at which throughput or p95 have bent by the rule, against ``first`` users.

    ``slack`` moves the limit of p95, for the error of the buckets.
    """
    base, quick = rate(system, first) / first, system.response(first) * 1_000

    def bent(users: int) -> bool:
        p95 = _slow(system.response(users) * 1_000)
        lost = rate(system, users) / users < (1 - LOSS) * base
        return lost or p95 > slack * max(BEND * _slow(quick), _slow(quick) + LEAST_MS)

    # Neither ever comes back with more users.
    return bisect_left(range(4 * full_load(system) + 100), True, lo=first, key=bent)


def full_load(system: System) -> int:
    """The users at which the line meets the capacity."""
    return math.ceil(system.servers * (system.service + system.think) / system.service)


def _slow(mean: float) -> float:
    return mean * SHAPE[-5]


SHAPE = [0.9 + 0.2 * place / 99 for place in range(100)]
"""Response times around their mean, all within a tenth."""


def level(
    step: int,
    users: int,
    successes: float,
    response: float = 0.05,
    verdict: Verdict = PASS,
    seconds: float = 30.0,
    failures: int = 0,
    tainted: str = "",
) -> Level:
    count = round(successes)
    each, more = divmod(count, len(SHAPE))
    times = Histogram()
    for place, shape in enumerate(SHAPE):
        if many := each + (place < more):
            milliseconds = 1_000 * response * shape
            alike = Histogram.of([milliseconds])
            (bucket,) = alike.buckets
            times.add(Histogram.restored({bucket: many}, many * milliseconds, milliseconds, milliseconds))
    figures = Figures(
        seconds=seconds, requests=count + failures, failures=failures, rps=(count + failures) / seconds
    )
    return Level(step, users, figures, verdict, tainted, times)


def measured(
    system: System,
    users: Sequence[int],
    seconds: float = 30.0,
    noise: Callable[[], float] = lambda: 0.0,
    limit: int = 100_000,
) -> list[Level]:
    """The levels of a run; ``noise`` shifts each count by so many standard deviations."""
    levels = []
    for step, many in enumerate(users, 1):
        count = rate(system, many) * seconds
        verdict = PASS if many <= limit else FAIL
        shifted = max(0.0, count + noise() * math.sqrt(count))
        levels.append(level(step, many, shifted, system.response(many), verdict, seconds))
    return levels
