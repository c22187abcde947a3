"""Coordinated omission, corrected: response times with the requests that late answers kept back.

A user with ``constant_pacing`` or ``constant_throughput`` is to begin an
iteration each period. Locust's schedule does not catch up: an iteration that
outlasts its period moves all later ones, and those that were due meanwhile are
never sent. While the server stands still nobody asks it, so nobody measures
that it stands still: coordinated omission. A client with an open model, whose
arrivals do not wait for answers, would have met the stall once a period.

The correction puts each intended start back, and counts it once:

- A start that was passed over is filled in, as HdrHistogram's
  ``recordSingleValueWithExpectedInterval`` does (Gil Tene, "How NOT to Measure
  Latency"; AbstractHistogram.java): an iteration that was due while a request
  was unanswered would have had its answer with it, so it is given what was
  left of that request: ``value - period``, ``value - 2 * period`` ... down to a
  period. What is left below one period is not filled in there, and not here,
  because that start is not lost: it is the next iteration, which begins late.
- That lateness counts for the first request of the next iteration, as wrk2
  does (response time from the intended start; github.com/giltene/wrk2). wrk2
  catches up, sends every request late and so needs nothing filled in; Locust
  drops all but the last, so both are needed, each for what the other leaves.
  Afterwards the schedule begins anew where Locust's does: charging the shift
  to all later iterations would let one stall count for the whole run.

With several requests in an iteration the period is that of the iteration, and
a due start is given to the request that was unanswered at that moment: the
others saw a server that answers. Only an answer's own lateness counts. A start
that passed while the task slept or computed, or while this process was held
up, is not the server's doing: it stands in the lateness and in the achieved
rate, not in a response time. The wake-up's lateness, too, is the generator's.

The filled-in times suppose a stall that ends for all at once. Where every
iteration outlasts its period, the users are too few for the rate; then asked
and achieved differ, and no correction makes up for the load that was not there.
Before a user's first wait its schedule has not begun: those requests count as
they were.
"""

from __future__ import annotations

import math

from rampdeck.histogram import Histogram


class Schedule:
    """Where one user stands in its pace; moments and ``period`` in seconds, response times in ms.

    Locust's schedule has the present iteration begin at ``start``; it was
    intended at ``due``. Feed it every request and every end of an iteration, in order.
    """

    __slots__ = ("_crossed", "_late", "_left", "due", "period", "start")

    def __init__(self, period: float, start: float) -> None:
        self.period = period
        self.start = self.due = start
        self._late = 0.0  # what the first request of this iteration is charged with
        self._crossed = 0  # the last intended start, counted from this one's, that met an unanswered request
        self._left = 0.0  # and what that request still lacked then

    def request(self, now: float, milliseconds: float, corrected: Histogram) -> int:
        """Record a request that ended ``now``; returns how many were filled in beside it."""
        late, self._late = self._late, 0.0
        corrected.record(milliseconds + late)
        ended, period = (now - self.start) * 1000, self.period * 1000
        if ended < period:
            return 0
        last = int(ended / period)
        first = max(1, math.ceil((ended - milliseconds) / period))
        if first > last:
            return 0
        before = corrected.count
        corrected.record_down(ended - first * period, period)
        self._crossed, self._left = last, ended - last * period
        return corrected.count - before

    def iterated(self, now: float, wait: float) -> tuple[float, float]:
        """End the iteration; the next begins ``wait`` seconds from ``now``.

        Returns how long it took in seconds, and by how many periods the schedule slipped.
        """
        run = now - self.start
        passed = int(run / self.period)
        self._late = self._left if passed and passed == self._crossed else 0.0
        self.due = self.start + self.period if wait <= 0 else now + wait
        self.start = now + wait
        self._crossed, self._left = 0, 0.0
        return run, max(0.0, run - self.period) / self.period
