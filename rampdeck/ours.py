"""Which of Nginx's 499s are ours: what a step-down or a stop cuts off shows there as a client that gave up.

A 499 is ours when it comes with or within :data:`WINDOW` seconds after a
request that we cut off, and there is one for it; whatever is more than that is
somebody else's. Samples and batches come once a second each, in any order, so
a 499 can be known before the kill that caused it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping

from rampdeck.model import RequestBatch, Sample

WINDOW = 10.0
"""Seconds after a kill in which its 499 is expected; Nginx may keep its lines for 5 s (``flush=5s``)."""
EARLY = 3.0
"""Seconds for which a 499 waits for the kill that it comes from."""


class Ours:
    """Tells our 499s from theirs; fed with batches and with samples of ``nginx``.

    ``counted`` are ours so far, by source.
    """

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self._kills: deque[list[float]] = deque()  # since, until, how many have no 499 yet
        self._early: deque[tuple[float, str, float]] = deque()  # at, source, how many 499s have no kill yet

    def take(self, batch: RequestBatch) -> None:
        """Note what was cut off in an interval; 499s that have come already are matched with it."""
        killed = sum(stats.killed - stats.unsent for stats in batch.sums)
        if not killed:
            return
        since = batch.at.mono - batch.seconds
        self._kills.append([since, batch.at.mono + WINDOW, killed])
        waiting, self._early = self._early, deque()
        for at, source, count in waiting:
            if rest := count - self._matched(at, source, count):
                self._early.append((at, source, rest))

    def split(self, sample: Sample) -> Mapping[str, float]:
        """Return a sample's values with ``499`` as theirs and ``499_ours`` beside it."""
        count = sample.values.get("499")
        if count is None:
            return sample.values
        at = sample.at.mono
        ours = self._matched(at, sample.source, count)
        while self._early and self._early[0][0] < at - EARLY:
            self._early.popleft()
        if count > ours:
            self._early.append((at, sample.source, count - ours))
        return {**sample.values, "499": count - ours, "499_ours": ours}

    def _matched(self, at: float, source: str, count: float) -> float:
        """Take up to ``count`` kills that can have caused a 499 known at ``at``; return how many."""
        while self._kills and (self._kills[0][1] < at or not self._kills[0][2]):
            self._kills.popleft()
        matched = 0.0
        for kill in self._kills:
            if kill[0] <= at <= kill[1]:
                some = min(kill[2], count - matched)
                kill[2] -= some
                matched += some
        if matched:
            self.counted[source] += int(matched)
        return matched
