"""Requests over time: the last seconds, each step, the whole run, per name and in total.

Fed with request batches in their order, live or from a session file. Nothing
in it grows with the length of a run, only with names and (a sum each) with steps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from rampdeck.histogram import Histogram
from rampdeck.levels.arrivals import PaceTally
from rampdeck.model import RequestBatch, RequestStats
from rampdeck.snapshot import HISTORY, Figures, Series, Spread, Spreads

WINDOW = 10
"""Batches (seconds) that the live figures look back."""
MOST_ERRORS = 500
"""Distinct error texts that are kept for the record."""
MOST_TALLIES = 2_000
"""Names of levels (10 names in 200 levels, 500 in 4) that are kept apart; of levels before only the sums."""
Key = tuple[str, str]
"""Method and name."""


class Tally:
    """Requests of some span, with the fields of :class:`~rampdeck.model.RequestStats`."""

    __slots__ = ("bytes", "corrected", "delay", "failures", "killed", "locust", "redirects", "successes")

    def __init__(self) -> None:
        self.successes = Histogram()
        self.failures = Histogram()
        self.locust = Histogram()
        self.delay = Histogram()
        self.corrected = Histogram()
        self.bytes = 0
        self.redirects = 0
        self.killed = 0

    def add(self, stats: RequestStats | Tally) -> None:
        """Take in more requests."""
        if stats.successes.count:
            self.successes.add(stats.successes)
        if stats.failures.count:
            self.failures.add(stats.failures)
        if stats.locust.count:
            self.locust.add(stats.locust)
        if stats.delay.count:
            self.delay.add(stats.delay)
        if stats.corrected.count:
            self.corrected.add(stats.corrected)
        self.bytes += stats.bytes
        self.redirects += stats.redirects
        self.killed += stats.killed

    def subtract(self, stats: RequestStats | Tally) -> None:
        """Take out requests that have left a sliding window."""
        if stats.successes.count:
            self.successes.subtract(stats.successes)
        if stats.failures.count:
            self.failures.subtract(stats.failures)
        if stats.locust.count:
            self.locust.subtract(stats.locust)
        if stats.delay.count:
            self.delay.subtract(stats.delay)
        if stats.corrected.count:
            self.corrected.subtract(stats.corrected)
        self.bytes -= stats.bytes
        self.redirects -= stats.redirects
        self.killed -= stats.killed

    def copy(self) -> Tally:
        """Return a copy that is not touched by what comes later."""
        copied = Tally()
        copied.add(self)
        return copied

    def all(self) -> Histogram:
        """Return successes and failures together; not to be filled further."""
        if not self.failures.count:
            return self.successes
        together = Histogram()
        together.add(self.successes)
        together.add(self.failures)
        return together

    def figures(self, seconds: float) -> Figures:
        """Return the figures of this span, which lasted ``seconds``."""
        count = self.successes.count + self.failures.count
        if not count:
            return self.counts(seconds)
        everything = self.all()
        p50, p95, p99, p999 = everything.percentiles((50, 95, 99, 99.9))
        return Figures(
            seconds=seconds,
            requests=count,
            failures=self.failures.count,
            rps=count / seconds if seconds > 0 else None,
            error_rate=self.failures.count / count,
            mean=everything.mean,
            p50=p50,
            p95=p95,
            p99=p99,
            p999=p999,
            highest=everything.highest,
            ok_p95=p95 if not self.failures.count else self.successes.percentile(95),
            locust_p95=self.locust.percentile(95) if self.locust.count else p95,
            delay_p95=self.delay.percentile(95),
            stamped=self.delay.count,
            redirects=self.redirects,
            killed=self.killed,
        )

    def glance(self, seconds: float) -> Figures:
        """Return what a row of the table shows, worked out each second for each name."""
        count = self.successes.count + self.failures.count
        if not count:
            return self.counts(seconds)
        everything = self.all()
        p50, p95, p99 = everything.percentiles((50, 95, 99))
        return Figures(
            seconds=seconds,
            requests=count,
            failures=self.failures.count,
            rps=count / seconds if seconds > 0 else None,
            error_rate=self.failures.count / count,
            mean=everything.total / count,
            p50=p50,
            p95=p95,
            p99=p99,
            highest=everything.highest,
            killed=self.killed,
        )

    def counts(self, seconds: float) -> Figures:
        """Return the counts and rates alone."""
        count = self.successes.count + self.failures.count
        return Figures(
            seconds=seconds,
            requests=count,
            failures=self.failures.count,
            rps=count / seconds if seconds > 0 else None,
            error_rate=self.failures.count / count if count else None,
            killed=self.killed,
        )

    def spreads(self) -> Spreads:
        """Return the response times by every clock; dearer than :meth:`figures`."""
        everything = _spread(self.all())
        return Spreads(
            all=everything,
            ok=_spread(self.successes) if self.failures.count else everything,
            failed=_spread(self.failures),
            locust=_spread(self.locust) if self.locust.count else everything,
            delay=_spread(self.delay),
            corrected=_spread(self.corrected),
        )


def _spread(times: Histogram) -> Spread:
    if not times.count:
        return Spread()
    p50, p90, p95, p99, p999, p9999 = times.percentiles((50, 90, 95, 99, 99.9, 99.99))
    return Spread(times.count, times.mean, p50, p90, p95, p99, p999, p9999, times.highest)


class Span:
    """The requests of one span of time, by name and in total.

    ``forgotten`` counts the names that are no longer kept apart.
    """

    def __init__(self) -> None:
        self.forgotten = 0
        self.seconds = 0.0
        self.total = Tally()
        self.pace = PaceTally()
        self.names: dict[Key, Tally] = {}

    def add(self, batch: RequestBatch, total: Tally | None = None) -> None:
        """Take in a batch; ``total`` is the sum of it, where it is known already."""
        self.seconds += batch.seconds
        self.pace.add(batch.pace)
        self.total.add(total or sum_of(batch))
        for stats in batch.entries:
            key = (stats.method, stats.name)
            tally = self.names.get(key)
            if tally is None:
                tally = self.names[key] = Tally()
            tally.add(stats)

    def forget_names(self) -> None:
        """Keep the sum of all names only."""
        self.forgotten += len(self.names)
        self.names = {}

    def subtract(self, batch: RequestBatch, total: Tally | None = None) -> None:
        """Take out a batch that was added once."""
        self.seconds = max(0.0, self.seconds - batch.seconds)
        self.pace.subtract(batch.pace)
        self.total.subtract(total or sum_of(batch))
        for stats in batch.entries:
            self.names[stats.method, stats.name].subtract(stats)

    def figures(self) -> Figures:
        """Return the figures of all names together."""
        return self.total.figures(self.seconds)


def sum_of(batch: RequestBatch) -> Tally:
    """Return all requests of a batch together."""
    total = Tally()
    for stats in batch.sums:
        total.add(stats)
    return total


class History:
    """The last :data:`~rampdeck.snapshot.HISTORY` values of something, one a second."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: deque[float | None] = deque(maxlen=HISTORY)

    def add(self, value: float | None) -> None:
        """Append this second's value."""
        self._values.append(value)

    def series(self) -> Series:
        """Return the values, oldest first."""
        return tuple(self._values)


class RequestBook:
    """All requests of a session: the window, the steps, the whole run, the trends, the errors."""

    def __init__(self) -> None:
        self.whole = Span()
        self.window = Span()
        self.steps: dict[int, Span] = {}
        self.errors: dict[tuple[str, str, str], int] = {}
        self.errors_seen: dict[tuple[str, str, str], tuple[float, float]] = {}
        """When each error came first and last, UTC seconds, to the batch."""
        self.errors_left_out = 0
        self.p95: dict[Key, History] = {}
        self.total_p95, self.rps, self.error_rate = History(), History(), History()
        self.glances: dict[Key, Figures] = {}
        """The window's figures of each name, as of the last :meth:`tick`."""
        self.latest = Tally()
        """The sum of the newest batch; not to be changed."""
        self.glanced = True
        """Whether anybody looks at the window; a report does not."""
        self._recent: deque[tuple[RequestBatch, Tally]] = deque()

    def add(self, batch: RequestBatch, step: int | None) -> None:
        """Take in a batch; ``step`` is the step whose measured part it belongs to, if any."""
        self.latest = total = sum_of(batch)
        if batch.users or batch.sums:
            # Seconds without any load would thin the rates of the whole run out.
            self.whole.add(batch, total)
        if step is not None:
            if step not in self.steps:
                self._make_room()
                self.steps[step] = Span()
            self.steps[step].add(batch, total)
        if self.glanced:
            self._move_window(batch, total)
        for stats in batch.entries:
            self._count_errors(stats, batch)

    def _move_window(self, batch: RequestBatch, total: Tally) -> None:
        self.window.add(batch, total)
        self._recent.append((batch, total))
        while self.window.seconds - self._recent[0][0].seconds >= WINDOW - 0.5:
            self.window.subtract(*self._recent.popleft())

    def tick(self) -> None:
        """Note this second's figures in the trends; once a second."""
        figures = self.window.figures()
        self.total_p95.add(figures.p95)
        self.rps.add(figures.rps)
        self.error_rate.add(figures.error_rate)
        seconds = self.window.seconds
        self.glances = {key: tally.glance(seconds) for key, tally in self.window.names.items()}
        for key, glance in self.glances.items():
            history = self.p95.get(key)
            if history is None:
                history = self.p95[key] = History()
            history.add(glance.p95)

    def worst_errors(self, most: int = 20) -> Iterable[tuple[str, str, str, int]]:
        """Return method, name, error text and count of the most frequent errors."""
        ranked = sorted(self.errors.items(), key=lambda item: -item[1])[:most]
        return [(method, name, text, count) for (method, name, text), count in ranked]

    def _make_room(self) -> None:
        """Forget the names of old levels; the level before the new one may still be judged."""
        kept = sum(len(span.names) for span in self.steps.values())
        for span in list(self.steps.values())[:-1]:
            if kept <= MOST_TALLIES:
                break
            kept -= len(span.names)
            span.forget_names()

    def _count_errors(self, stats: RequestStats, batch: RequestBatch) -> None:
        errors: Mapping[str, int] = stats.errors
        for text, count in errors.items():
            key = (stats.method, stats.name, text)
            if key not in self.errors and len(self.errors) >= MOST_ERRORS:
                self.errors_left_out += count
                continue
            self.errors[key] = self.errors.get(key, 0) + count
            first, _ = self.errors_seen.get(key, (batch.at.utc - batch.seconds, 0.0))
            self.errors_seen[key] = (first, batch.at.utc)
