"""Requests of one interval, counted and timed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ._lines import text_of
from ._times import utc_seconds

_NUMBER = re.compile(rb"(?<![\d.-])\d+(?:\.\d+)?(?![\d.])")


@dataclass(slots=True)
class _Times:
    count: int = 0
    total: float = 0.0
    most: float = 0.0

    def add(self, times: Sequence[float]) -> None:
        if times:
            self.count += len(times)
            self.total += sum(times)
            self.most = max(self.most, max(times))


class RequestCounts:
    """Counts requests by status class and sums their times; made anew for every interval."""

    def __init__(self) -> None:
        self.unread = 0
        """Lines that could not be read; they count as requests all the same."""
        self._statuses: Counter[bytes] = Counter()
        self._upstream_statuses: Counter[bytes] = Counter()
        self._moments: Counter[bytes] = Counter()
        self._bytes = 0
        self._times = {name: _Times() for name in ("request", "upstream", "connect", "queue")}

    def add(
        self,
        status: Sequence[bytes],
        size: Sequence[bytes],
        request_time: Sequence[bytes],
        connect_time: Sequence[bytes],
        upstream_time: Sequence[bytes],
        upstream_status: Sequence[bytes],
        time: Sequence[bytes],
    ) -> bool:
        """Count requests, given as columns; say whether one of them failed (400 and above).

        A column may be empty, and a value of it too, or ``-``: the log does
        not tell.
        """
        statuses = Counter(status)
        self._statuses.update(statuses)
        self._upstream_statuses.update(upstream_status)
        self._moments.update(time)
        self._bytes += sum([int(number) for number in size if number.isdigit()])
        request, upstream = _seconds(request_time), _seconds(upstream_time)
        self._times["request"].add([taken for taken in request if taken is not None])
        self._times["upstream"].add([taken for taken in upstream if taken is not None])
        self._times["connect"].add([taken for taken in _seconds(connect_time) if taken is not None])
        # Nginx rounds both to milliseconds, so the difference can be a little below zero.
        both = zip(request, upstream, strict=False)
        self._times["queue"].add([max(r - u, 0.0) for r, u in both if r is not None and u is not None])
        return max(statuses) >= b"400"

    def seconds(self) -> Counter[int]:
        """Return how many requests ended in which second (UTC), as far as the log told."""
        counted: Counter[int] = Counter()
        for moment, count in self._moments.items():
            second = utc_seconds(text_of(moment))
            if second is not None:
                counted[int(second)] += count
        return counted

    def readings(self) -> dict[str, float]:
        """Return counts, and mean and greatest times in milliseconds, by metric name.

        Every line is in exactly one of the status classes. A time that no line
        told is left out, for it is not zero.
        """
        classes = _by_class(self._statuses)
        closed = self._statuses[b"499"]
        values: dict[str, float] = {
            "requests": self._statuses.total() + self.unread,
            "2xx": classes["2"],
            "3xx": classes["3"],
            "4xx": classes["4"] - closed,
            "499": closed,
            "5xx": classes["5"],
            "bytes": self._bytes,
        }
        values["other"] = values["requests"] - sum(classes[digit] for digit in "2345")
        upstream = _by_class(self._upstream_statuses)
        values.update({f"upstream_{digit}xx": upstream[digit] for digit in "2345"})
        for name, times in self._times.items():
            if times.count:
                values[f"{name}_time"] = 1000 * times.total / times.count
                values[f"{name}_time_max"] = 1000 * times.most
        return values


def _seconds(column: Sequence[bytes]) -> list[float | None]:
    try:
        return [float(value) if value and value != b"-" else None for value in column]
    except ValueError:
        return [_sum(value) for value in column]


def _sum(value: bytes) -> float | None:
    """Add up the times of several upstreams, as in ``0.001, - : 0.250``."""
    parts = [float(part) for part in _NUMBER.findall(value)]
    return sum(parts) if parts else None


def _by_class(statuses: Counter[bytes]) -> Counter[str]:
    """Count by first digit; of several upstreams the last one answered."""
    classes: Counter[str] = Counter()
    for status, count in statuses.items():
        last = re.split(rb"[, :]+", status)[-1]
        if len(last) == 3 and last.isdigit():
            classes[chr(last[0])] += count
    return classes
