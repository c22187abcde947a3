"""The knee: up to which level throughput follows users, what passed, and how much room is left.

Pure: from measured load levels to one frozen :class:`Knee`. What has bent is judged in
:mod:`rampdeck.levels.curve`. Levels with the same users are pooled. Tainted levels and those with too few
requests are left out and named. A level that is reached from above after one
that failed still clears a queue away: it tells whether the system recovers,
and a PASS there counts, but it is no part of the curve.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rampdeck.histogram import Histogram
from rampdeck.levels import curve
from rampdeck.levels.curve import BEND, LOSS, Interval, Judged, Point
from rampdeck.model import level_name
from rampdeck.snapshot import Figures, Verdict

MIN_LEVELS = 3
"""Distinct levels without which there is no knee: two for the line, one to leave it."""
MIN_REQUESTS = 20
"""Requests below which a level is left out: the intervals would be no intervals."""


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
    ``failed``. ``sentence`` says all this, ``method`` how it was found, and
    ``climb`` how the auto-step ended, if there was one.
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
    climb: str = ""

    @property
    def headroom(self) -> int | None:
        """Return the users between the target and the highest level that passed; below zero it is short."""
        return None if self.target is None or self.passed is None else self.passed - self.target.users


def find(levels: Iterable[Level], target: Target | None = None) -> Knee | None:
    """Return what the levels tell, in the order of their steps; ``None`` before the first."""
    ordered = sorted(levels, key=lambda level: level.step)
    if not ordered:
        return None
    usable, left_out = _usable(ordered)
    up, down = _parted(usable)
    passed, failed = _passed(up, [level for level, _ in down])
    points = _pooled(up)
    known = Knee(
        passed=passed,
        failed=failed,
        target=target,
        recovery=_recovery(up, down),
        levels=len(points),
        left_out=left_out,
    )
    known = _bent(known, points)
    return replace(known, sentence=_sentence(known), method=_method(known))


# -- which levels count


def _usable(levels: Sequence[Level]) -> tuple[list[Level], tuple[str, ...]]:
    """Return the levels whose figures can be used, and sentences about the others."""
    usable: list[Level] = []
    left_out: list[str] = []
    for level in levels:
        name = level_name(level.step, level.users)
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


def _pooled(levels: Iterable[Level]) -> list[Point]:
    points: dict[int, Point] = {}
    for level in levels:
        figures = level.figures
        point = points.setdefault(level.users, Point(level.users))
        point.add(figures.seconds, figures.requests - figures.failures, level.times)
    return [points[users] for users in sorted(points)]


# -- the curve


def _bent(known: Knee, points: Sequence[Point]) -> Knee:
    """Add the knee to what is known, or the reason why there is none."""
    if len(points) < MIN_LEVELS:
        there = ("there is none", "there is one", "there are two")[len(points)]
        return replace(known, reason=f"needs three measured levels, {there}")
    judged = curve.judged(points)
    low = max(point.users for point in (judged[0], *(one for one in judged if one.follows)))
    bent = [point for point in judged if point.bent and point.users > low]
    if not bent:
        return replace(known, reason=_no_bend(judged, low))
    high = bent[0]
    capacity = None
    if any(point.throughput_bent for point in bent):
        best = max(points, key=lambda point: point.successes / point.seconds)
        capacity = curve.rate(best)
        if high.throughput_bent:
            # LOSS lets a level through that is a little beyond where the line meets the capacity.
            meets = best.users * curve.ratio(best, curve.throughput_base(points)).high
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


def _no_bend(judged: Sequence[Judged], low: int) -> str:
    """Return why there is no knee although there are levels enough."""
    unsure = [str(point.users) for point in judged if point.users > low]
    if not unsure:
        return f"throughput follows users and p95 keeps level up to {low} users"
    return f"the counts at {', '.join(unsure)} users are too small, or the bend too slight, to tell"


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
