"""What sources say, as values of a threshold: which sources it looks at, and what a sample is worth."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from statistics import median_low
from typing import TYPE_CHECKING

from rampdeck.gate.threshold import Threshold, label_of
from rampdeck.model import STALE, Health, Instant, Sample, SourceInfo
from rampdeck.view import Unit

if TYPE_CHECKING:
    from rampdeck.session import Session, Source

RATES = (Unit.PER_SECOND, Unit.BYTES_PER_SECOND)
HALF = 0.5
"""Seconds by which a window may be shorter than asked for."""


def kind_of(threshold: Threshold) -> str:
    """Return the kind of source that a threshold looks at."""
    return threshold.metric.partition(".")[0]


def selects(threshold: Threshold, info: SourceInfo) -> bool:
    """Return whether a threshold looks at a source: its kind, and the labels ``host`` and ``label``."""
    if info.kind != kind_of(threshold):
        return False
    return all(label_of(info, key) == wanted for key, wanted in threshold.labels)


def selected(threshold: Threshold, session: Session) -> list[Source]:
    """Return the sources that a threshold looks at; those left out on purpose only if there is no other."""
    found = [source for source in session.sources.values() if selects(threshold, source.info)]
    return [source for source in found if source.health is not Health.ABSENT] or found


def value_in(threshold: Threshold, values: Mapping[str, float]) -> float | None:
    """Return what a sample says of a threshold, in its unit; ``None`` where it does not have the metric.

    A limit in per cent of another metric (``of``) needs both, and that one above 0.
    What is not a number, or infinite, is no value: a session file does not tell the two apart.
    """
    value = values.get(threshold.metric.partition(".")[2])
    if value is None or not math.isfinite(value):
        return None
    if not threshold.of:
        return value
    most = values.get(threshold.of)
    return 100 * value / most if most is not None and math.isfinite(most) and most > 0 else None


class Readings:
    """What one source has said of one threshold: now, or over a window.

    The value of a window is the mean of its samples. Of a rate each sample
    counts for the seconds since the one before it, so that the mean is what
    came in all divided by the seconds it took, also where samples come unevenly.
    """

    __slots__ = ("_apart", "_kept", "_last", "_over", "_rate", "samples")

    def __init__(self, threshold: Threshold) -> None:
        self._over = threshold.over
        self._rate = threshold.unit in RATES
        self._kept: deque[tuple[float, float, float]] = deque()  # when, for how long, what
        self._last: float | None = None
        self._apart: deque[float] = deque(maxlen=3)
        self.samples = 0

    @property
    def interval(self) -> float:
        """Return the seconds between two samples, as they usually are: one gap does not make it slow."""
        return median_low(self._apart) if self._apart else 1.0

    def clear(self) -> None:
        """Forget what was said: it is not of this load, or there is a gap behind it."""
        self._kept.clear()
        self._last = None

    def is_stale(self, at: Instant) -> bool:
        """Return whether the last sample is so old that it says nothing of this moment."""
        return self._last is None or at.mono - self._last > STALE + self.interval

    def add(self, sample: Sample, value: float) -> float | None:
        """Take in a sample; return the value to judge, ``None`` while the window is not full.

        A window begins anew behind a gap: what was not seen is in no mean.
        """
        at, lasted = sample.at.mono, self.interval
        if self._last is not None:
            apart = at - self._last
            if apart > STALE + lasted:
                self._kept.clear()
            else:
                lasted = apart
            self._apart.append(apart)
        self._last = at
        self.samples += 1
        if self._over is None:
            return value
        kept = self._kept
        kept.append((at, lasted, value))
        while len(kept) > 1 and at - kept[0][0] >= self._over - HALF:
            kept.popleft()
        if at - kept[0][0] + kept[0][1] < self._over - HALF:
            return None
        if not self._rate:
            return sum(one for _, _, one in kept) / len(kept)
        seconds = sum(lasted for _, lasted, _ in kept)
        return sum(lasted * one for _, lasted, one in kept) / seconds if seconds > 0 else value
