"""When workers did something that they never told, or nothing though they were asked to.

The first is from their last report to when they were given up: what came from
then on to the loss is in no figure, whichever load level it was of. The second
is from when they let go of the load, because the cockpit was not there, until it heard of that.
"""

from __future__ import annotations

from rampdeck.model import Event

SINCE = "untold_since"
"""The field of an event that says since when (UTC seconds) the figures of a worker are missing."""
IDLE_SINCE = "idle_since"
"""The field of an event that says since when (UTC seconds) a worker had no users by itself."""
BEREFT = "a worker was lost, and with it what it had not told yet"
LET_GO = "a worker stopped its users by itself, because the cockpit was not there"


class Untold:
    """The spans of time of which figures or users are missing; overlapping ones are one."""

    def __init__(self) -> None:
        self.spans: list[tuple[float, float]] = []
        self.idle: list[tuple[float, float]] = []

    def take(self, event: Event) -> None:
        """Take in an event, which may be the loss of a worker or of a report, or the return of a worker."""
        for name, spans in ((SINCE, self.spans), (IDLE_SINCE, self.idle)):
            if name in event.fields:
                since, until = float(event.fields[name]), event.at.utc
                while spans and spans[-1][1] >= since:
                    since = min(since, spans.pop()[0])
                spans.append((since, until))

    def during(self, begin: float, end: float) -> bool:
        """Tell whether figures are missing of the time from ``begin`` to ``end``, in UTC seconds."""
        return any(since < end and until > begin for since, until in self.spans)
