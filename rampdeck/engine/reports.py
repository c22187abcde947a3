"""What a worker counted, on its way to the cockpit.

Locust's workers report in Locust's own rounded figures. Ours add the exact
ones to the same message, under :data:`KEY`: every histogram of
:class:`~rampdeck.model.RequestStats`, in the few bytes of the session file.
From a plain worker's report histograms are made as well as it allows.
"""

from __future__ import annotations

import math
import uuid
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from rampdeck.engine.recorder import MOST_ERRORS, MOST_NAMES, MOST_TEXT, OTHER_ERRORS, count_text
from rampdeck.engine.stall import Origin, Place, Stall
from rampdeck.histogram import Histogram
from rampdeck.model import OTHER_NAMES, Pace, RequestStats
from rampdeck.store.schema import COUNTS, SERIES, pack_buckets, unpack_buckets

KEY = "rampdeck"
"""The name of our part of a report."""
ASK = "rampdeck_report"
"""The message that asks one of our workers to report now."""
ABORT = "rampdeck_abort"
"""The message that has one of our workers cut its requests off, also while it is stopping."""
GUARD_HOSTS = "rampdeck_hosts"
"""The option by which workers are told which hosts users may contact, and where these are."""
_OURS = "_rampdeck:"
_HISTOGRAMS = tuple(SERIES.values())
_PACED = tuple(each.name for each in fields(Pace) if each.name != "lateness")

Packed = list[Any]
"""A :class:`~rampdeck.model.RequestStats` as the message carries it."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one of our workers tells: its figures since its last report, and how it is.

    ``number`` counts a worker's reports: one that comes twice is known by it.
    ``seconds`` is the time that the figures are of, ``cpu`` percent of one
    core, ``lag`` how late its loop runs what is due, the 99th percentile of ten
    seconds in ms, ``lag_max`` the most of the last second. ``rss`` is its memory
    in bytes; ``stalls`` are what held its loop up, ``aside`` why that is not known.
    ``exceptions`` are all that its scenario ever raised, ``spelled`` how
    Locust writes the errors that are new in this report. ``wire`` says why
    there are no wire times, if there are none; ``trouble`` what keeps the
    worker from going on as wanted. ``held`` requests had to wait for the ceiling.
    ``idle`` are the seconds for which it has had no users because the cockpit was
    not there, and ``why_idle`` how it knew; told once.
    worker from going on as wanted. ``refused`` is what its guard has refused
    since the last report, ``blind`` all that it cannot see.
    """

    number: int
    name: str
    pid: int
    host: str
    version: str
    seconds: float
    cpu: float
    lag: float
    lag_max: float
    rss: float
    open_files: float
    open_files_limit: float
    entries: list[Packed]
    pace: list[Any] | None = None
    overflowed: bool = False
    exceptions: Mapping[str, int] = field(default_factory=dict)
    spelled: Mapping[str, str] = field(default_factory=dict)
    wire: str = ""
    trouble: str = ""
    stalls: list[list[Any]] = field(default_factory=list)
    aside: str = ""
    held: int = 0
    idle: float = 0.0
    why_idle: str = ""
    refused: list[dict[str, Any]] = field(default_factory=list)
    blind: list[str] = field(default_factory=list)

    def packed(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"format": FORMAT, **{name: getattr(self, name) for name in self.__slots__}}

    @classmethod
    def unpacked(cls, data: Mapping[str, Any]) -> Report:
        """Return what :meth:`packed` made, in the same :data:`FORMAT`."""
        return cls(**{name: data[name] for name in cls.__slots__})


FORMAT = zlib.crc32(repr((1, Report.__slots__, SERIES, COUNTS, _PACED)).encode())
"""The number of what a report tells, and in which order; another version's may be another.

Worked out, so that nobody can forget to change it.
"""


def identity(host: str, name: str) -> str:
    """Return a new id for one of our workers; as in Locust's own, the host comes first."""
    return f"{host}{_OURS}{name}:{uuid.uuid4().hex}"


def name_of(client_id: str) -> tuple[str, bool]:
    """Return what a person calls the worker of an id, and whether it is one of ours."""
    host, ours, rest = client_id.partition(_OURS)
    return (rest.rpartition(":")[0], True) if ours else (host.rpartition("_")[0] or host, False)


def pack(stats: RequestStats) -> Packed:
    """Return the figures of one request name as plain data."""
    histograms = [_packed(getattr(stats, name)) for name in _HISTOGRAMS]
    counts = [getattr(stats, name) for name in COUNTS]
    # As bytes: a name may hold what no UTF-8 can carry.
    names = [_bytes(stats.method), _bytes(stats.name)]
    return [*names, stats.bytes, {_bytes(text): n for text, n in stats.errors.items()}, histograms, counts]


def unpack(packed: Packed) -> RequestStats:
    """Return what :func:`pack` was given."""
    method, name, size, errors, histograms, counts = packed
    figures: dict[str, Any] = dict(zip(_HISTOGRAMS, map(_unpacked, histograms), strict=True))
    figures |= zip(COUNTS, counts, strict=True)
    return RequestStats(
        _text(method),
        _text(name),
        bytes=size,
        errors={_text(text): count for text, count in errors.items()},
        **figures,
    )


def pack_pace(pace: Pace | None) -> list[Any] | None:
    """Return what users with a known pace did as plain data."""
    return None if pace is None else [*(getattr(pace, name) for name in _PACED), _packed(pace.lateness)]


def pack_stall(stall: Stall) -> list[Any]:
    """Return what held a worker's loop up as plain data."""
    place = stall.place
    where = [_bytes(text) for text in (place.file, place.function, place.called)]
    return [place.origin.value, *where, place.line, stall.seconds]


def unpack_stall(packed: list[Any]) -> Stall:
    """Return what :func:`pack_stall` was given."""
    origin, file, function, called, line, seconds = packed
    return Stall(Place(Origin(origin), _text(file), line, _text(function), _text(called)), seconds)


class PaceSum:
    """What users with a known pace did in all workers since the last :meth:`take`."""

    def __init__(self) -> None:
        self._counts: list[float] = []
        self._lateness = Histogram()

    def add(self, packed: list[Any] | None) -> None:
        """Add what :func:`pack_pace` made."""
        if packed is not None:
            *counts, lateness = packed
            before = self._counts or [0] * len(counts)
            self._counts = [one + other for one, other in zip(before, counts, strict=True)]
            self._lateness.add(_unpacked(lateness))

    def take(self) -> Pace | None:
        """Return the sum and begin anew; ``None`` where nothing was added."""
        counts, lateness = self._counts, self._lateness
        self._counts, self._lateness = [], Histogram()
        sums: dict[str, Any] = dict(zip(_PACED, counts, strict=False))
        return Pace(**sums, lateness=lateness) if counts else None


def of_locust(report: Mapping[str, Any]) -> Iterable[RequestStats]:
    """Return the figures of a plain worker's report.

    Its response times are rounded by Locust, and it does not say which of them
    were failures: those are taken from all of them evenly.
    """
    errors: dict[tuple[str, str], dict[str, int]] = {}
    for error in report["errors"].values():
        texts = errors.setdefault((error["method"] or "", error["name"]), {})
        count_text(texts, str(error["error"]), MOST_ERRORS, error["occurrences"])
    for entry in report["stats"]:
        method, name = entry["method"] or "", entry["name"]
        succeeded, failed = _apart(entry)
        size = entry["total_content_length"]
        texts = errors.get((method, name), {})
        yield RequestStats(str(method)[:MOST_TEXT], str(name)[:MOST_TEXT], succeeded, failed, size, texts)


class Merged:
    """The figures of all workers since the last :meth:`take`.

    Names are capped as in one process, though each worker may have had other
    ones; ``overflowed`` says so.
    """

    def __init__(self) -> None:
        self._names: set[tuple[str, str]] = set()
        self._sums: dict[tuple[str, str], _Sum] = {}
        self.overflowed = False

    def add(self, stats: RequestStats) -> None:
        """Count in what came for one name; the histograms are ours to keep from here on."""
        key = (stats.method, stats.name)
        if key not in self._names and stats.name != OTHER_NAMES:
            if len(self._names) < MOST_NAMES:
                self._names.add(key)
            else:
                self.overflowed = True
                key = ("", OTHER_NAMES)
        if key in self._sums:
            self._sums[key].add(stats)
        else:
            self._sums[key] = _Sum(stats)

    def take(self) -> tuple[RequestStats, ...]:
        """Return what was counted since the last call, and begin anew."""
        sums, self._sums = self._sums, {}
        return tuple(total.stats(*key) for key, total in sums.items())


class _Sum:
    """The figures of one name, from several workers."""

    def __init__(self, stats: RequestStats) -> None:
        self._histograms = {name: getattr(stats, name) for name in _HISTOGRAMS}
        self._counts = {name: getattr(stats, name) for name in (*COUNTS, "bytes")}
        self._errors = dict(stats.errors)

    def add(self, stats: RequestStats) -> None:
        for name, histogram in self._histograms.items():
            histogram.add(getattr(stats, name))
        for name in self._counts:
            self._counts[name] += getattr(stats, name)
        for text, count in stats.errors.items():
            known = text if text in self._errors or len(self._errors) < MOST_ERRORS else OTHER_ERRORS
            self._errors[known] = self._errors.get(known, 0) + count

    def stats(self, method: str, name: str) -> RequestStats:
        return RequestStats(method, name, errors=self._errors, **self._histograms, **self._counts)


def _packed(histogram: Histogram) -> list[Any]:
    if not histogram.count:
        return []
    return [pack_buckets(histogram.buckets), histogram.total, histogram.lowest, histogram.highest]


def _unpacked(packed: list[Any]) -> Histogram:
    if not packed:
        return Histogram()
    buckets, total, lowest, highest = packed
    return Histogram.restored(unpack_buckets(buckets), total, lowest, highest)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _apart(entry: Mapping[str, Any]) -> tuple[Histogram, Histogram]:
    """Return the successes and the failures of an entry of Locust, by its rounded response times."""
    times = {float(time): int(count) for time, count in entry["response_times"].items()}
    if untimed := entry["num_none_requests"]:
        times[0.0] = times.get(0.0, 0) + untimed
    count, failures = sum(times.values()), entry["num_failures"]
    succeeded, failed = Histogram(), Histogram()
    seen = 0
    for time in sorted(times):
        before, seen = seen, seen + times[time]
        # Evenly: as many of the first n as the share of failures says.
        share = math.floor(seen * failures / count) - math.floor(before * failures / count)
        _record(succeeded, time, times[time] - share)
        _record(failed, time, share)
    _exact_bounds(succeeded, failed, entry)
    return succeeded, failed


def _record(histogram: Histogram, milliseconds: float, times: int) -> None:
    if times > 0:
        one = Histogram.of((milliseconds,))
        ((bucket, _),) = one.buckets.items()
        total = milliseconds * times
        histogram.add(Histogram.restored({bucket: times}, total, milliseconds, milliseconds))


def _exact_bounds(succeeded: Histogram, failed: Histogram, entry: Mapping[str, Any]) -> None:
    """Put in what Locust knows exactly, where it is all of one kind: sum, smallest and largest."""
    whole = succeeded if not failed.count else failed if not succeeded.count else None
    if whole is not None and whole.count:
        whole.total = float(entry["total_response_time"])
        whole.highest = float(entry["max_response_time"])
        if entry["min_response_time"] is not None and not entry["num_none_requests"]:
            whole.lowest = float(entry["min_response_time"])
