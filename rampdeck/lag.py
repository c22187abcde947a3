"""How late a loop runs what is due: one measure, for the cockpit's loop and for each worker's.

It knows no clock and no loop of its own: whoever looks brings the time.
"""

from __future__ import annotations

from collections import deque

INTERVAL = 0.02
"""Seconds between two looks at the loop."""
WINDOW = 10
"""Seconds that the 99th percentile of the lag is taken over: 500 looks."""


class LagMeter:
    """How late the loop runs what is due, in milliseconds.

    The looks stand on a fixed grid. Those that a block of the loop held up are
    made up for, each with its own lateness: so a block weighs as it would for
    whatever else was due in it.
    """

    def __init__(self) -> None:
        self._due: float | None = None
        self._second: list[float] = []
        self._window: deque[float] = deque(maxlen=round(WINDOW / INTERVAL))

    def look(self, now: float) -> float:
        """Look at ``now`` (s); returns the seconds to sleep until the next; the first look only begins."""
        if self._due is None:
            self._due = now
        else:
            self.note((now - self._due) * 1000)
            # One by one they would never catch up with a loop whose turns take longer than a look.
            while self._due + INTERVAL <= now:
                self._due += INTERVAL
                self.note((now - self._due) * 1000)
        self._due += INTERVAL
        return self._due - now

    def note(self, late: float) -> None:
        """Take one look's lateness in milliseconds; a timer may also be a trifle early."""
        self._second.append(max(late, 0.0))

    def take(self) -> tuple[float, float] | None:
        """Return the 99th percentile of the last ten seconds and the most since the last call, if any."""
        self._window.extend(self._second)
        most, self._second = max(self._second, default=0.0), []
        if not self._window:
            return None
        ordered = sorted(self._window)
        return ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)], most
