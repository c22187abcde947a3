"""The knee: up to which level throughput follows users, what passed, and how much room is left.

Pure: from measured load levels to one frozen :class:`Knee`. The rules, and where they come from:

- **Throughput.** Users who think and wait make ``users / (think + response)``
  requests a second (Little's law for a closed system), so below saturation
  every user brings the same rate, and beyond it less; users with a constant
  pace behave alike. Operational analysis (Denning and Buzen, Computing Surveys
  1978) calls the place where that line meets the capacity the saturation
  point, Gunther's Universal Scalability Law bends smoothly there. So each
  level's successes per user and second are held against those of the lowest
  levels. Counts are Poisson; the ratio of two rates has the interval
  ``exp(log ratio +- 1.96 sqrt(1/n + 1/m))`` (Rothman, Epidemiology, ch. 9).
  A level has bent when more than :data:`LOSS` is lost for certain (95 %).
- **p95** of the successes, bounded by order statistics (Conover, Practical
  Nonparametric Statistics, 3.2). A level has bent when it is for certain
  :data:`BEND` times that of the lowest levels, and :data:`LEAST_MS` above it.

Levels with the same users are pooled. Tainted levels and those with too few
requests are left out and named. A level that is reached from above after one
that failed still clears a queue away: it tells whether the system recovers,
and a PASS there counts, but it is no part of the curve.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from rampdeck.histogram import Histogram
from rampdeck.snapshot import Figures, Verdict

LOSS = 0.10
"""Share of the rate per user whose certain loss is a bend of the throughput."""
BEND = 1.5
"""Times the p95 of the lowest levels that are a bend of the response times."""
LEAST_MS = 5.0
"""Milliseconds that p95 must rise in any case: a bend from 1 to 2 ms is none that a release is bet on."""
MIN_LEVELS = 3
"""Distinct levels without which there is no knee: two for the line, one to leave it."""
MIN_REQUESTS = 20
"""Requests below which a level is left out: the intervals would be no intervals."""
ENOUGH = 1_000
"""Requests after which the lowest levels are a base: their rate is known to some 6 %."""
Z = 1.96
"""Standard deviations on both sides that hold 95 %."""


@dataclass(frozen=True, slots=True)
class Level:
    """The measured part of a step: its figures, its verdict, and why it is not to be trusted, if so.

    ``times`` are the response times of its successes, for the bounds of p95; without them p95 is not judged.
    """

    step: int
    users: int
    figures: Figures
    verdict: Verdict
    tainted: str = ""
    times: Histogram | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % bounds."""

    low: float
    best: float
    high: float


@dataclass(frozen=True, slots=True)
class Recovery:
    """Whether a level that had passed passes again after ``after`` users failed."""

    step: int
    users: int
    after: int
    recovered: bool


@dataclass(frozen=True, slots=True)
class Target:
    """The users that must be carried, and who says so: ``the plan's peak``."""

    users: int
    name: str


@dataclass(frozen=True, slots=True)
class Knee:
    """Where the system bends, what passed, and the room above the target, in users.

    The knee lies between ``low`` and ``high``: 95 % sure of each, ``unsure``
    are measured levels between them; ``low`` is ``None`` when it may lie
    anywhere below, both are when there is none, and ``reason`` says why.
    ``sign`` says what bent: ``throughput``, ``p95`` or both; ``capacity`` is
    the highest rate of successes a second, once throughput has bent.
    ``passed`` is the highest level that passed below the lowest that
    ``failed``. ``sentence`` says all this, ``method`` how it was found.
    """

    low: int | None = None
    high: int | None = None
    sign: str = ""
    unsure: tuple[int, ...] = ()
    capacity: Interval | None = None
    passed: int | None = None
    failed: int | None = None
    target: Target | None = None
    recovery: Recovery | None = None
    levels: int = 0
    left_out: tuple[str, ...] = ()
    reason: str = ""
    sentence: str = ""
    method: str = ""

    @property
    def headroom(self) -> int | None:
        """Return the users between the target and the highest level that passed; below zero it is short."""
        return None if self.target is None or self.passed is None else self.passed - self.target.users


@dataclass
class _Point:
    """All levels of one number of users together."""

    users: int
    seconds: float = 0.0
    successes: int = 0
    times: Histogram | None = field(default_factory=Histogram)

    def add(self, level: Level) -> None:
        self.seconds += level.figures.seconds
        self.successes += level.figures.requests - level.figures.failures
        if self.times is None or level.times is None:
            self.times = None
        elif not self.times.count:
            self.times = level.times
        else:
            self.times = _merged((self.times, level.times))

    @property
    def user_seconds(self) -> float:
        return self.users * self.seconds

    @cached_property
    def p95(self) -> Interval | None:
        return p95_bounds(self.times) if self.times is not None else None


@dataclass(frozen=True, slots=True)
class _Judged:
    """What is known of a point: ``True`` for certain, ``False`` for certain not, ``None`` too close to call."""

    users: int
    throughput_bent: bool | None
    p95_bent: bool | None

    @property
    def bent(self) -> bool:
        return bool(self.throughput_bent or self.p95_bent)

    @property
    def follows(self) -> bool:
        return self.throughput_bent is False and self.p95_bent is False


def find(levels: Iterable[Level], target: Target | None = None) -> Knee | None:
    """Return what the levels tell, in the order of their steps; ``None`` before the first."""
    ordered = sorted(levels, key=lambda level: level.step)
    if not ordered:
        return None
    usable, left_out = _usable(ordered)
    curve, down = _parted(usable)
    passed, failed = _passed(curve, [level for level, _ in down])
    points = _pooled(curve)
    known = Knee(
        passed=passed,
        failed=failed,
        target=target,
        recovery=_recovery(curve, down),
        levels=len(points),
        left_out=left_out,
    )
    known = _bent(known, points)
    return replace(known, sentence=_sentence(known), method=_method(known))


def p95_bounds(times: Histogram) -> Interval | None:
    """Return the p95 in ms with the order statistics that bound it; the upper is infinite for few times."""
    count = times.count
    if not count:
        return None
    middle, spread = 0.95 * count, Z * math.sqrt(0.95 * 0.05 * count)
    first, last = max(1, math.floor(middle - spread)), math.ceil(middle + spread) + 1
    ranks = (first, middle, min(last, count))
    low, best, high = (value or 0.0 for value in times.percentiles(100 * rank / count for rank in ranks))
    return Interval(low, best, math.inf if last > count else high)


# -- which levels count


def _usable(levels: Sequence[Level]) -> tuple[list[Level], tuple[str, ...]]:
    """Return the levels whose figures can be used, and sentences about the others."""
    usable: list[Level] = []
    left_out: list[str] = []
    for level in levels:
        name = f"step {level.step} ({level.users} users)"
        if level.users <= 0 or level.figures.seconds <= 0:
            continue
        if level.tainted:
            left_out.append(f"{name}: {level.tainted}")
        elif level.figures.requests < MIN_REQUESTS:
            left_out.append(f"{name}: {level.figures.requests} requests are too few")
        else:
            usable.append(level)
    return usable, tuple(left_out)


def _parted(levels: Sequence[Level]) -> tuple[list[Level], list[tuple[Level, Level]]]:
    """Part the levels of the curve from those reached from above after a failure, each with that failure."""
    curve: list[Level] = []
    down: list[tuple[Level, Level]] = []
    before: Level | None = None
    for level in levels:
        if before is not None and before.verdict is Verdict.FAIL and level.users < before.users:
            down.append((level, before))
        else:
            curve.append(level)
        before = level
    return curve, down


def _passed(curve: Sequence[Level], down: Sequence[Level]) -> tuple[int | None, int | None]:
    """Return the highest level that passed below the lowest that failed, and the lowest that failed."""
    failed = min((level.users for level in curve if level.verdict is Verdict.FAIL), default=None)
    passed = (
        level.users
        for level in (*curve, *down)
        if level.verdict is Verdict.PASS and (failed is None or level.users < failed)
    )
    return max(passed, default=None), failed


def _recovery(curve: Sequence[Level], down: Sequence[tuple[Level, Level]]) -> Recovery | None:
    """Return the last level that had passed before and was returned to; one that failed counts more."""
    found: Recovery | None = None
    for level, after in down:
        had_passed = any(
            old.step < level.step and old.users >= level.users and old.verdict is Verdict.PASS
            for old in curve
        )
        if not had_passed or level.verdict is Verdict.INCONCLUSIVE:
            continue
        recovery = Recovery(level.step, level.users, after.users, level.verdict is Verdict.PASS)
        if found is None or found.recovered or not recovery.recovered:
            found = recovery
    return found


def _pooled(levels: Iterable[Level]) -> list[_Point]:
    points: dict[int, _Point] = {}
    for level in levels:
        points.setdefault(level.users, _Point(level.users)).add(level)
    return [points[users] for users in sorted(points)]


# -- the curve


def _bent(known: Knee, points: Sequence[_Point]) -> Knee:
    """Add the knee to what is known, or the reason why there is none."""
    if len(points) < MIN_LEVELS:
        there = {0: "there is none", 1: "there is one"}.get(len(points), f"there are {len(points)}")
        return replace(known, reason=f"needs three measured levels, {there}")
    judged = _judged(points)
    low = max(point.users for point in (judged[0], *(one for one in judged if one.follows)))
    bent = [point for point in judged if point.bent and point.users > low]
    if not bent:
        return replace(known, reason=_no_bend(judged, low))
    high = bent[0]
    capacity = None
    if any(point.throughput_bent for point in bent):
        best = max(points, key=lambda point: point.successes / point.seconds)
        capacity = _rate(best)
        if high.throughput_bent:
            # LOSS lets a level through that is a little beyond where the line meets the capacity.
            meets = best.users * _ratio(best, _throughput_base(points)).high
            low = max((point.users for point in points if point.users <= min(low, meets)), default=low)
    signs = (("throughput", high.throughput_bent), ("p95", high.p95_bent))
    return replace(
        known,
        low=None if low == points[0].users else low,
        high=high.users,
        sign=" and ".join(name for name, there in signs if there),
        unsure=tuple(point.users for point in points if low < point.users < high.users),
        capacity=capacity,
    )


def _no_bend(judged: Sequence[_Judged], low: int) -> str:
    """Return why there is no knee although there are levels enough."""
    unsure = [str(point.users) for point in judged if point.users > low]
    if not unsure:
        return f"throughput follows users and p95 keeps level up to {low} users"
    return f"the counts at {', '.join(unsure)} users are too small, or the bend too slight, to tell"


def _judged(points: Sequence[_Point]) -> list[_Judged]:
    """Hold each point against the lowest ones."""
    throughput = _throughput_base(points)
    p95 = _p95_base(points)
    return [
        _Judged(point.users, _has_lost(_ratio(point, throughput)), _has_risen(point.p95, p95))
        for point in points
    ]


def _has_lost(ratio: Interval) -> bool | None:
    if ratio.high < 1 - LOSS:
        return True
    return False if ratio.low >= 1 - LOSS else None


def _has_risen(p95: Interval | None, base: Interval | None) -> bool | None:
    if p95 is None or base is None:
        # Nobody knows the spread, so throughput decides alone.
        return False
    if p95.low > max(BEND * base.high, base.high + LEAST_MS):
        return True
    return False if p95.high <= max(BEND * base.best, base.best + LEAST_MS) else None


def _throughput_base(points: Sequence[_Point]) -> _Point:
    """Return the lowest points together, up to :data:`ENOUGH` requests or the first that falls off."""
    base = points[0]
    for point in points[1:]:
        if base.successes >= ENOUGH or _ratio(point, base).high < 1 - LOSS / 2:
            break
        # As one user of all their user seconds, so that a rate is one per user.
        seconds, successes = base.user_seconds + point.user_seconds, base.successes + point.successes
        base = _Point(1, seconds, successes, None)
    return base


def _p95_base(points: Sequence[_Point]) -> Interval | None:
    """Return the p95 of the lowest points together, up to :data:`ENOUGH` requests or the first that rises."""
    times = points[0].times
    for point in points[1:]:
        if times is None or point.times is None or times.count >= ENOUGH:
            break
        bounds, base = point.p95, p95_bounds(times)
        if bounds is None or base is None or bounds.low > (1 + BEND) / 2 * base.best:
            break
        times = _merged((times, point.times))
    return p95_bounds(times) if times is not None else None


def _rate_per_user(point: _Point) -> float:
    return (point.successes + 0.5) / point.user_seconds


def _ratio(point: _Point, base: _Point) -> Interval:
    """Return the rate per user against that of the base; half a request keeps zero in bounds (Haldane)."""
    best = _rate_per_user(point) / _rate_per_user(base)
    factor = math.exp(Z * math.sqrt(1 / (point.successes + 0.5) + 1 / (base.successes + 0.5)))
    return Interval(best / factor, best, best * factor)


def _rate(point: _Point) -> Interval:
    """Return the successes a second; the spread of a Poisson count is its root."""
    spread = Z * math.sqrt(point.successes)
    counts = (max(0.0, point.successes - spread), point.successes, point.successes + spread)
    low, best, high = (count / point.seconds for count in counts)
    return Interval(low, best, high)


def _merged(histograms: Iterable[Histogram]) -> Histogram:
    together = Histogram()
    for histogram in histograms:
        together.add(histogram)
    return together


# -- words


def _sentence(knee: Knee) -> str:
    parts = (_room(knee), _knee(knee), _after(knee))
    return ". ".join(part[0].upper() + part[1:] for part in parts if part) + "."


def _room(knee: Knee) -> str:
    passed, failed, target, room = knee.passed, knee.failed, knee.target, knee.headroom
    if failed is None:
        tried = f"{passed} users passed, and no level failed" if passed is not None else ""
    elif passed is None:
        tried = f"{failed} users failed, and no level below has passed"
    else:
        tried = f"{passed} users passed, {failed} failed"
    if target is None or room is None:
        return tried
    over = f"{target.name} of {target.users}"
    if room < 0:
        return f"{-room} users short of {over}: {tried}"
    share = f" ({100 * room / target.users:.0f} %)" if target.users else ""
    least = "at least " if failed is None else ""
    return f"headroom {least}{room} users{share} over {over}: {tried}"


def _knee(knee: Knee) -> str:
    if knee.high is None:
        return f"no knee: {knee.reason}"
    where = f"between {knee.low} and {knee.high} users"
    if knee.low is None:
        where = f"at or below {knee.high} users"
    what = {
        "throughput": "throughput stops following users",
        "p95": "p95 bends",
        "throughput and p95": "throughput stops following users and p95 bends",
    }[knee.sign]
    most = ""
    if knee.capacity is not None:
        spread = (knee.capacity.high - knee.capacity.low) / 2
        most = f"; at most {knee.capacity.best:.0f} ± {spread:.0f} requests a second succeed"
    return f"knee {where}: {what}{most}"


def _after(knee: Knee) -> str:
    if knee.recovery is None:
        return ""
    verb = "recovered" if knee.recovery.recovered else "did not recover"
    return f"{verb} at {knee.recovery.users} users after {knee.recovery.after} had failed"


def _method(knee: Knee) -> str:
    return (
        f"From {knee.levels} measured {'level' if knee.levels == 1 else 'levels'}: a level has bent when its "
        f"successes per user are for certain (95 %, by the counts) more than {LOSS:.0%} below those of the "
        f"lowest levels, or its p95 {BEND:g} times theirs."
    ).replace("0%", "0 %")
