"""When workers did something that they never told: from their last report to when they were given up.

What came from then on to the loss is in no figure, whichever load level it was of.
"""

from __future__ import annotations

from rampdeck.model import Event

SINCE = "untold_since"
"""The field of an event that says since when (UTC seconds) the figures of a worker are missing."""
BEREFT = "a worker was lost, and with it what it had not told yet"


class Untold:
    """The spans of time of which figures are missing; overlapping ones are one."""

    def __init__(self) -> None:
        self.spans: list[tuple[float, float]] = []

    def take(self, event: Event) -> None:
        """Take in an event, which may be the loss of a worker or of a report."""
        if SINCE in event.fields:
            since, until = float(event.fields[SINCE]), event.at.utc
            while self.spans and self.spans[-1][1] >= since:
                since = min(since, self.spans.pop()[0])
            self.spans.append((since, until))

    def during(self, begin: float, end: float) -> bool:
        """Tell whether figures are missing of the time from ``begin`` to ``end``, in UTC seconds."""
        return any(since < end and until > begin for since, until in self.spans)
