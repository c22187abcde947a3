"""Asked and achieved: what users with a known pace were to begin, and what they began.

An open model asks for arrivals at a rate, whether or not answers come. Users
are a closed model; with a pace they come near it for as long as each one's
iteration fits into its period. Where it does not, the load that was asked for
was not there, and the figures are those of a smaller one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rampdeck.histogram import Histogram
from rampdeck.model import Pace
from rampdeck.snapshot import PaceView, Spreads

if TYPE_CHECKING:
    from rampdeck.requests import Span

ENOUGH = 0.95
"""Share of the asked rate below which it is not that rate."""
DIFFERS = 1.1
"""Corrected against measured time from which the difference is told."""
_COUNTS = ("user_seconds", "due", "begun", "lost", "ended", "busy", "requests", "filled", "unknown")


class PaceTally:
    """The paces of some span, with the fields of :class:`~rampdeck.model.Pace`."""

    __slots__ = (*_COUNTS, "lateness")

    def __init__(self) -> None:
        self.user_seconds = self.due = self.lost = self.busy = 0.0
        self.begun = self.ended = self.requests = self.filled = self.unknown = 0
        self.lateness = Histogram()

    def add(self, pace: Pace | None) -> None:
        """Take in an interval, or a worker's share of one."""
        if pace is not None:
            for name in _COUNTS:
                setattr(self, name, getattr(self, name) + getattr(pace, name))
            self.lateness.add(pace.lateness)

    def subtract(self, pace: Pace | None) -> None:
        """Take out an interval that has left a sliding window."""
        if pace is not None:
            for name in _COUNTS:
                setattr(self, name, getattr(self, name) - getattr(pace, name))
            self.lateness.subtract(pace.lateness)

    def view(self, seconds: float) -> PaceView | None:
        """Return the figures of this span, which lasted ``seconds``; ``None`` if nobody had a pace."""
        # What a sliding window has taken out again leaves the rounding of floats.
        if seconds <= 0 or (self.due < 1e-6 and not self.begun):
            return None
        asked, users = self.due / seconds, self.user_seconds / seconds
        took = self.busy / self.ended if self.ended else None
        return PaceView(
            asked=asked,
            achieved=self.begun / seconds,
            users=users,
            short=self._short(users),
            iteration=took,
            needed=None if took is None else max(1, math.ceil(asked * took - 1e-6)),
            late_p95=self.lateness.percentile(95),
            requests=self.requests,
            filled=self.filled,
            unknown=self.unknown,
        )

    def _short(self, users: float) -> bool:
        """Return whether the rate was missed.

        A span may cut one iteration off for each user, so that much is no
        evidence; what iterations lost by outlasting their period is.
        """
        missing = (1 - ENOUGH) * self.due
        return self.lost > missing or self.due - self.begun > max(missing, users)


def paces(steps: Mapping[int, Span]) -> tuple[str, ...]:
    """Return what the record says of the pace of each load level, beside its rates."""
    found: list[str] = []
    unknown = 0
    for number, span in sorted(steps.items()):
        view = span.pace.view(span.seconds)
        if view is None:
            continue
        late = "" if view.late_p95 is None else f", iterations began late by {view.late_p95:.1f} ms (p95)"
        found.append(
            f"step {number}: asked {view.asked:.1f} iterations/s, achieved {view.achieved:.1f}/s{late}"
        )
        count = span.total.successes.count + span.total.failures.count
        if view.filled and (why := explained(view, span.total.spreads(), count)):
            found.append(f"step {number}: {why}")
        unknown += view.unknown
    if unknown:
        found.append(
            f"{unknown} requests came from greenlets that a task started: whose they are is not known, "
            "so they are not corrected"
        )
    return tuple(found)


def shortfall(view: PaceView | None) -> str:
    """Return what is wrong with a rate that was missed, as a sentence; empty if it was not."""
    if view is None or not view.short:
        return ""
    said = f"asked {view.asked:.1f} iterations/s, achieved {view.achieved:.1f}/s"
    if view.iteration is None or view.needed is None:
        return f"{said}: hardly any iteration of its {view.users:.0f} users came to an end"
    took = f"an iteration took {view.iteration:.2f} s on average"
    if view.needed <= view.users:
        return f"{said}: {took}, but many outlasted their period"
    return (
        f"{said}: users too few for this pace: {took}, so it needs at least {view.needed} users, "
        f"not {view.users:.0f}, each at a longer period"
    )


def explained(view: PaceView | None, times: Spreads, requests: int) -> str:
    """Return why corrected times differ from the measured ones, as a sentence; empty if they hardly do."""
    if view is None or not view.filled:
        return ""
    pairs = (
        ("p50", times.all.p50, times.corrected.p50),
        ("p95", times.all.p95, times.corrected.p95),
        ("p99", times.all.p99, times.corrected.p99),
    )
    told = [
        f"{name} {fixed:.0f} ms, measured {seen:.0f} ms"
        for name, seen, fixed in pairs
        if seen and fixed and max(seen / fixed, fixed / seen) > DIFFERS
    ]
    if not told:
        return ""
    whose = "" if view.requests >= requests else f" (of the {view.requests} requests of users with a pace)"
    return (
        f"corrected {'; '.join(told)}{whose}: while answers were late, {view.filled} requests that the pace "
        "asked for were never sent; the corrected times have them, as clients that do not wait would have "
        "met them (coordinated omission)"
    )
