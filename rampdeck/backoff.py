"""When to try again what failed: soon at first, then less and less often."""

from __future__ import annotations

import random
import time

FIRST = 1.0
"""Seconds before a new try, at the least; at first it is these."""
LAST = 30.0
"""Seconds before a new try, at the most."""
SHARE = 0.25
"""Of the time since the first failure; so one that lasted 30 s is found over at most 7.5 s after its end."""
STEADY = 5.0
"""Seconds that something must have gone well for, until its next failure is a first one.

Longer, and two short outages in a row would be taken for one long one, whose
end is found late.
"""


class Backoff:
    """Counts the time since something failed for the first time, and says how long to wait.

    The pause is a share of that time, not twice the last one: what takes long
    to come back is asked rarely, and what is back is soon seen to be.
    """

    def __init__(self) -> None:
        self._since: float | None = None

    def failed(self) -> float:
        """Note a failure; returns the seconds to wait, with jitter, so that not all knock at once."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        pause = min(max((now - self._since) * SHARE, FIRST), LAST)
        return pause * random.uniform(0.8, 1.0)

    def went_well(self, seconds: float) -> None:
        """Note for how long it has gone well."""
        if seconds >= STEADY:
            self.forget()

    def forget(self) -> None:
        """Begin anew: the next failure is a first one."""
        self._since = None
