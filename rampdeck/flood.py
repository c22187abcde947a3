"""A flood of log lines: how many of them are stored, and what is said of the others.

A source that writes a hundred thousand lines a second would fill the disk and
take the load generator's time. Beyond a limit its lines are only counted; what
is worth most (a known signal, an error) has a reserve of its own, so that it is
kept longest.
"""

from __future__ import annotations

from dataclasses import dataclass

from rampdeck.model import Instant

LIMIT = 5_000
"""Lines of one source that are stored a second, on average."""
BURST = 10.0
"""Seconds' worth of lines that may come at once."""
RESERVE = 0.1
"""Share of the limit that is kept for errors and signals beside it."""
QUIET = 2.0
"""Seconds without a dropped line after which a stretch of dropping is over."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """From when to when lines were dropped, and how many."""

    since: Instant
    until: Instant
    lines: int


class Flood:
    """Decides for one source which lines are stored: two token buckets, of ``limit`` lines a second."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._all = _Bucket(limit)
        self._reserve = _Bucket(limit * RESERVE)
        self._dropping: Stretch | None = None

    def takes(self, lines: int, at: Instant, *, grave: bool) -> bool:
        """Say whether an event of so many lines is to be stored; if not, it is remembered as dropped."""
        if self._all.takes(lines, at.mono) or (grave and self._reserve.takes(lines, at.mono)):
            return True
        so_far = self._dropping or Stretch(at, at, 0)
        self._dropping = Stretch(so_far.since, at, so_far.lines + lines)
        return False

    def over(self, at: Instant | None = None) -> Stretch | None:
        """Return the stretch that is over by now, once; without a moment, the one that goes on as well."""
        stretch = self._dropping
        if stretch is None or (at is not None and at.mono - stretch.until.mono < QUIET):
            return None
        self._dropping = None
        return stretch


class _Bucket:
    """So many lines a second, and :data:`BURST` seconds of them at once."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._left = rate * BURST
        self._at = 0.0

    def takes(self, lines: int, at: float) -> bool:
        """Take lines if there is any room: a long traceback is not cut, what follows waits longer."""
        self._left = min(self._left + (at - self._at) * self._rate, self._rate * BURST)
        self._at = at
        if self._left < 1:
            return False
        self._left -= lines
        return True
