"""Requests out of any proxy's access log: counted, and those that failed picked out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rampdeck.collector import Sink
from rampdeck.model import Value

from ._counts import Columns, RequestCounts
from ._failures import Failure, Failures, severity_of_status
from ._lines import text_of
from ._times import utc_seconds


class RequestLog:
    """Counts requests that a subclass reads from lines."""

    def __init__(self) -> None:
        self._counts = RequestCounts()
        self._failures = Failures()
        self.tells: set[str] = set()
        """The fields that some line told so far."""

    @property
    def counted(self) -> bool:
        """Whether any line was counted since :meth:`readings`."""
        return self._counts.any

    def seconds(self) -> tuple[dict[str, Value], ...]:
        """Return how many requests ended in which second (UTC, by the log) since :meth:`readings`."""
        return tuple(
            {"second": second, "requests": count} for second, count in sorted(self._counts.seconds().items())
        )

    def readings(self) -> tuple[dict[str, float], list[Failure]]:
        """Return what was counted since the last call, by metric, and the failures that were a flood."""
        counts, self._counts = self._counts, RequestCounts()
        told = counts.readings(upstream="upstream_status" in self.tells, cache="cache" in self.tells)
        return told, self._failures.flush()

    def _count(self, columns: Columns, tell: Callable[[int], Failure]) -> list[Failure]:
        """Count requests; return those failures that are events, told by their place in the columns."""
        self.tells.update(name for name, column in columns._asdict().items() if column)
        if not self._counts.add(columns):
            return []
        failed = [place for place, status in enumerate(columns.status) if status >= b"400"]
        admitted = self._failures.admit(failed)
        if len(admitted) < len(failed):
            self._failures.fold(columns, failed[len(admitted) :])
        return [tell(place) for place in admitted]

    def _count_unread(self, lines: Sequence[bytes]) -> list[Failure]:
        """Count lines that cannot be read as a request."""
        self._counts.unread += len(lines)
        admitted = self._failures.admit(range(len(lines)))
        self._failures.fold_unreadable(len(lines) - len(admitted))
        return [Failure(text_of(lines[place]), b"", {}) for place in admitted]


def tell_failure(sink: Sink, failure: Failure) -> None:
    """Hand over a failed request, or a group of them, as an event."""
    severity, signal = severity_of_status(failure.status)
    fields = dict(failure.fields)
    sent = utc_seconds(fields.pop("time", ""))
    if signal:
        fields["signal"] = signal
    sink.log(failure.text, severity, sent=sent, fields=fields, lines=0 if failure.count else 1)
