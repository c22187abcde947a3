"""Requests of one interval, counted and timed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import sub
from typing import NamedTuple, TypeVar

from ._lines import text_of
from ._times import utc_seconds

T = TypeVar("T")

_NUMBER = re.compile(rb"(?<![\d.-])\d+(?:\.\d+)?(?![\d.])")
_STATIC = re.compile(
    rb"\.(?:css|js|mjs|map|png|jpe?g|gif|svg|ico|webp|avif|woff2?|ttf)(?=[?#\s]|$)", re.MULTILINE
)
_CACHED = (b"HIT", b"STALE", b"UPDATING", b"REVALIDATED")
REMEMBERED = 20_000
"""Spellings of numbers that are kept converted; times in milliseconds repeat all the time."""


class Columns(NamedTuple):
    """Requests as the log wrote them, one sequence a field; empty where the format lacks it.

    Times are seconds. A request that went to several upstreams has several
    values: ``0.001, 0.250`` or ``0.001 : 0.250``; ``-`` stands for none.
    ``header_time`` is when the upstream's answer began, ``request`` its line or
    only its path, ``time`` is when it ended.
    """

    status: Sequence[bytes] = ()
    size: Sequence[bytes] = ()
    request_time: Sequence[bytes] = ()
    connect_time: Sequence[bytes] = ()
    header_time: Sequence[bytes] = ()
    upstream_time: Sequence[bytes] = ()
    upstream_status: Sequence[bytes] = ()
    cache: Sequence[bytes] = ()
    request: Sequence[bytes] = ()
    time: Sequence[bytes] = ()

    def at(self, place: int) -> Columns:
        """Return one request of them."""
        return Columns(*(column[place : place + 1] for column in self))


class Request(NamedTuple):
    """One request's fields, as in :class:`Columns`; None where its line lacks it."""

    status: bytes | None = None
    size: bytes | None = None
    request_time: bytes | None = None
    connect_time: bytes | None = None
    header_time: bytes | None = None
    upstream_time: bytes | None = None
    upstream_status: bytes | None = None
    cache: bytes | None = None
    request: bytes | None = None
    time: bytes | None = None


def columns_of(requests: Sequence[Request]) -> Columns:
    """Return requests as columns; a column that none of them has is empty."""
    return Columns(
        *(
            () if all(value is None for value in column) else tuple(value or b"" for value in column)
            for column in zip(*requests, strict=True)
        )
    )


class _Memo(dict[bytes, T]):
    """Converts each spelling once."""

    def __init__(self, convert: Callable[[bytes], T]) -> None:
        self._convert = convert

    def __missing__(self, written: bytes) -> T:
        if len(self) >= REMEMBERED:
            self.clear()
        return self.setdefault(written, self._convert(written))


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
        self._caches: Counter[bytes] = Counter()
        self._bytes = 0
        self._own_5xx = 0
        self._blamed = 0
        self._static = 0
        self._times = {name: _Times() for name in ("request", "upstream", "connect", "queue")}

    @property
    def any(self) -> bool:
        """Whether there was a line at all."""
        return bool(self._statuses or self.unread)

    def add(self, columns: Columns) -> bool:
        """Count requests; say whether one of them failed (400 and above)."""
        statuses = Counter(columns.status)
        worst = max(statuses)
        self._statuses.update(statuses)
        self._moments.update(columns.time)
        self._caches.update(columns.cache)
        self._bytes += sum(map(_sizes.__getitem__, columns.size))
        if columns.upstream_status:
            self._upstream_statuses.update(columns.upstream_status)
            self._add_static(columns)
            if worst >= b"500":
                self._add_blame(columns)
        self._add_times(columns)
        return worst >= b"400"

    def _add_times(self, columns: Columns) -> None:
        request = list(map(_seconds.__getitem__, columns.request_time))
        upstream = list(map(_seconds.__getitem__, columns.upstream_time))
        connect = list(map(_seconds.__getitem__, columns.connect_time))
        if None in request or None in upstream:
            both = [
                (r, u) for r, u in zip(request, upstream, strict=False) if r is not None and u is not None
            ]
            queue = [r - u for r, u in both]
        else:
            queue = list(map(sub, request, upstream))
        self._times["request"].add(_known(request))
        self._times["upstream"].add(_known(upstream))
        self._times["connect"].add(_known(connect))
        # Nginx rounds both to milliseconds, so the difference can be a little below zero.
        self._times["queue"].add([q if q > 0 else 0.0 for q in queue])

    def _add_static(self, columns: Columns) -> None:
        """Count files that went to the application, which is slow at them; most blocks have none."""
        if columns.request and _STATIC.search(b"\n".join(columns.request)):
            self._static += sum(
                1
                for request, upstream in zip(columns.request, columns.upstream_status, strict=True)
                if upstream and upstream != b"-" and _STATIC.search(request)
            )

    def _add_blame(self, columns: Columns) -> None:
        """Tell errors that the proxy made itself from those that the application answered."""
        # Of a header's time only its end tells, so that like requests are judged together.
        ends = [header[-1:] for header in columns.header_time] or (b"",) * len(columns.status)
        kinds = Counter(zip(columns.status, columns.upstream_status, ends, strict=True))
        for (status, upstream, header), count in kinds.items():
            if status >= b"500" and made_by_proxy(upstream, header):
                self._own_5xx += count
                self._blamed += count * (upstream[-3:-2] == b"5")

    def seconds(self) -> Counter[int]:
        """Return how many requests ended in which second (UTC), as far as the log told."""
        counted: Counter[int] = Counter()
        for moment, count in self._moments.items():
            second = utc_seconds(text_of(moment))
            if second is not None:
                counted[int(second)] += count
        return counted

    def readings(self, *, upstream: bool, cache: bool) -> dict[str, float]:
        """Return counts, and mean and greatest times in milliseconds, by metric name.

        Every line is in exactly one of the status classes. What the log's
        format does not tell (of the ``upstream``, of the ``cache``) and a time
        that no line told are left out, for they are not zero.
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
        values.update({code: self._statuses[code.encode()] for code in ("502", "503", "504")})
        if upstream:
            answered = _by_class(self._upstream_statuses)
            values.update({f"upstream_{digit}xx": answered[digit] for digit in "2345"})
            values["upstream_5xx"] -= self._blamed
            values["own_5xx"] = self._own_5xx
            values["static_upstream"] = self._static
        if cache:
            values["cached"] = sum(self._caches[state] for state in _CACHED)
        for name, times in self._times.items():
            if times.count:
                values[f"{name}_time"] = 1000 * times.total / times.count
                values[f"{name}_time_max"] = 1000 * times.most
        return values


def made_by_proxy(upstream_status: bytes, header_time: bytes) -> bool:
    """Say whether an error is the proxy's own: no upstream answered the request at last.

    Nginx notes its own 502 and 504 as the status of the upstream too. Only the
    time of the answer's header tells, which is ``-`` then; where the format
    lacks it, a 502 or 504 of the upstream counts as Nginx's.
    """
    if not upstream_status or upstream_status[-1:] == b"-":
        return True
    return header_time[-1:] == b"-" if header_time else upstream_status[-3:] in (b"502", b"504")


def _known(times: list[float | None]) -> list[float]:
    return [time for time in times if time is not None] if None in times else times  # type: ignore[return-value]


def _to_seconds(value: bytes) -> float | None:
    """Return a time; those of several upstreams, as in ``0.001, - : 0.250``, are added up."""
    try:
        return float(value) if value and value != b"-" else None
    except ValueError:
        parts = [float(part) for part in _NUMBER.findall(value)]
        return sum(parts) if parts else None


def _to_size(value: bytes) -> int:
    return int(value) if value.isdigit() else 0


_seconds = _Memo(_to_seconds)
_sizes = _Memo(_to_size)


def _by_class(statuses: Counter[bytes]) -> Counter[str]:
    """Count by first digit; of several upstreams the last one answered."""
    classes: Counter[str] = Counter()
    for status, count in statuses.items():
        last = re.split(rb"[, :]+", status)[-1]
        if len(last) == 3 and last.isdigit():
            classes[chr(last[0])] += count
    return classes
