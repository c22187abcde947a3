"""What stands in a session file.

Every item takes the next number of one sequence, whatever its table, so that
reading all tables side by side by ``seq`` gives the session as it happened.
``PRAGMA application_id`` marks the file as ours, ``PRAGMA user_version`` is
:data:`VERSION`: a new table or column is a new version, and a reader refuses
versions above its own.

- ``meta``: a JSON value by key.
- ``sources`` and ``request_names``: what the other tables point to by id. A
  source that only wrote events (``operator``) has no ``seq`` and no kind.
- ``samples``, ``events``: as in :mod:`rampdeck.model`; ``metrics``, ``rows``
  and ``fields`` are JSON, NULL for none. NaN and infinities are ``null``.
- ``batches`` with ``request_stats`` and ``errors``: one second of requests. A
  name has a row for each ``series`` that counted something (:data:`SERIES`);
  what is only counted (:data:`COUNTS`) has no buckets. ``bytes`` stands in the
  first row of a name.
- ``paces``: what users with a known pace did in a batch (:data:`PACE`), and how
  late their iterations began; no row where there are none.
- ``totals``: the same of all names of a batch together, so that a report need not read those
  that nobody asks for one by one.
- ``tallies``, ``tallied_errors`` and ``log_groups``: what it all added up to at the end of the
  session (:mod:`rampdeck.store.sums`); a session that was killed has none.
- ``ticks``: when the session was looked at (:class:`~rampdeck.model.Tick`), by which a
  report judges again as it was judged then.
- ``steps``: one row for each change of a step; the last one of a number is
  what became of it.

Text is TEXT; text that no UTF-8 can carry (lone surrogates, which stand for
bytes that were no UTF-8) is a BLOB of the same with those encoded anyway.

``buckets`` of a histogram: LEB128 numbers, in pairs, buckets ascending: the
distance to the bucket before (the first one to :data:`FIRST_BUCKET`) and its
count. A second of one name takes 20 to 200 bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import accumulate
from types import MappingProxyType
from typing import Any

from rampdeck.model import Event, RequestBatch, Sample, SourceInfo, Step, Tick

Item = Sample | Event | RequestBatch | Step | SourceInfo | Tick
"""What a session file holds in order."""

APPLICATION_ID = 0x52_44_45_4B
"""``RDEK``, in the header of the file."""
VERSION = 3
"""1 had no ``paces``, 2 no ``ticks``, no sums and no ``warmup`` steps."""
FIRST_BUCKET = -256
"""Below every bucket of :mod:`rampdeck.histogram`."""

SERIES = {
    "ok": "successes",
    "failed": "failures",
    "locust": "locust",
    "delay": "delay",
    "corrected": "corrected",
}
"""The histograms of :class:`~rampdeck.model.RequestStats` by the word they have in the file."""
COUNTS = ("redirects", "killed", "unsent", "unreported")
"""What is only counted there."""
PACE = ("user_seconds", "due", "begun", "lost", "ended", "busy", "requests", "filled", "unknown")
"""The numbers of :class:`~rampdeck.model.Pace`, in the order of their columns."""

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sources (id INTEGER PRIMARY KEY, seq INTEGER, name NOT NULL, kind, host);
CREATE TABLE request_names (id INTEGER PRIMARY KEY, method NOT NULL, name NOT NULL);
CREATE TABLE samples (
    seq INTEGER PRIMARY KEY, utc REAL, mono REAL, source INTEGER NOT NULL REFERENCES sources,
    metrics TEXT, rows TEXT);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, utc REAL, mono REAL, source INTEGER NOT NULL REFERENCES sources,
    kind TEXT NOT NULL, severity INTEGER NOT NULL, text NOT NULL, sent REAL, fields TEXT);
CREATE TABLE batches (seq INTEGER PRIMARY KEY, utc REAL, mono REAL, seconds REAL, users INTEGER);
CREATE TABLE request_stats (
    batch INTEGER NOT NULL REFERENCES batches, name INTEGER NOT NULL REFERENCES request_names,
    series TEXT NOT NULL, count INTEGER NOT NULL, total REAL, lowest REAL, highest REAL,
    buckets BLOB, bytes INTEGER);
CREATE TABLE errors (
    batch INTEGER NOT NULL REFERENCES batches, name INTEGER NOT NULL REFERENCES request_names,
    text NOT NULL, count INTEGER NOT NULL);
CREATE TABLE paces (
    batch INTEGER PRIMARY KEY REFERENCES batches, user_seconds REAL, due REAL, begun INTEGER, lost REAL,
    ended INTEGER, busy REAL, requests INTEGER, filled INTEGER, unknown INTEGER,
    count INTEGER, total REAL, lowest REAL, highest REAL, buckets BLOB);
CREATE TABLE totals (
    batch INTEGER NOT NULL REFERENCES batches, series TEXT NOT NULL, count INTEGER NOT NULL,
    total REAL, lowest REAL, highest REAL, buckets BLOB, bytes INTEGER);
CREATE TABLE tallies (
    step INTEGER NOT NULL, name INTEGER NOT NULL REFERENCES request_names, series TEXT NOT NULL,
    count INTEGER NOT NULL, total REAL, lowest REAL, highest REAL, buckets BLOB, bytes INTEGER);
CREATE TABLE tallied_errors (
    name INTEGER NOT NULL REFERENCES request_names, text NOT NULL, count INTEGER NOT NULL,
    first REAL, last REAL);
CREATE TABLE log_groups (
    source INTEGER NOT NULL REFERENCES sources, template NOT NULL, severity INTEGER NOT NULL,
    signal NOT NULL, count INTEGER NOT NULL, first REAL, last REAL, example NOT NULL);
CREATE TABLE ticks (seq INTEGER PRIMARY KEY, utc REAL, mono REAL, users INTEGER, beat INTEGER);
CREATE TABLE steps (
    seq INTEGER PRIMARY KEY, number INTEGER NOT NULL, users INTEGER, spawn_rate REAL, cause TEXT, stage,
    began_utc REAL, began_mono REAL, reached_utc REAL, reached_mono REAL,
    measured_utc REAL, measured_mono REAL, ended_utc REAL, ended_mono REAL, warmup INTEGER);
"""
WIDTHS = {
    "sources": 5,
    "request_names": 3,
    "samples": 6,
    "events": 9,
    "batches": 5,
    "request_stats": 9,
    "errors": 4,
    "paces": 15,
    "totals": 8,
    "tallies": 9,
    "tallied_errors": 5,
    "log_groups": 8,
    "ticks": 5,
    "steps": 15,
}
"""The number of columns of each table that rows are put into."""

_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=str).encode


def pack_text(text: str) -> str | bytes:
    """Return text as SQLite can hold it."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def unpack_text(stored: str | bytes) -> str:
    """Return what :func:`pack_text` was given."""
    return stored if isinstance(stored, str) else stored.decode("utf-8", "surrogatepass")


def pack_json(value: object) -> str:
    """Return a value as JSON; NaN and infinities become ``null``."""
    try:
        return _json(value)
    except ValueError:
        return _json(_finite(value))


def unpack_json(stored: str) -> Any:
    """Return the value of a JSON text."""
    return json.loads(stored)


@lru_cache(maxsize=4_096)
def unpack_fields(stored: str) -> Mapping[str, str]:
    """Return the fields of an event; many have the same, and share them."""
    fields: dict[str, str] = json.loads(stored)
    return MappingProxyType(fields)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value


def pack_buckets(buckets: Mapping[int, int]) -> bytes:
    """Return a histogram's buckets in few bytes; the module says how."""
    numbers: list[int] = []
    before = FIRST_BUCKET
    for bucket in sorted(buckets):
        numbers += (bucket - before, buckets[bucket])
        before = bucket
    if numbers and max(numbers) < 0x80:
        return bytes(numbers)
    return b"".join(map(_leb128, numbers))


def unpack_buckets(packed: bytes) -> dict[int, int]:
    """Return the buckets that :func:`pack_buckets` was given."""
    if packed.isascii():
        # All numbers take one byte each.
        buckets_of = accumulate(packed[::2], initial=FIRST_BUCKET)
        next(buckets_of)
        return dict(zip(buckets_of, packed[1::2], strict=True))
    rest = packed[2:]
    if packed[:1] >= b"\x80" > packed[1:2] and rest.isascii():
        # The first distance takes two bytes, as nearly always, and all other numbers one.
        first = FIRST_BUCKET + (packed[0] & 0x7F | packed[1] << 7)
        return dict(zip(accumulate(rest[1::2], initial=first), rest[::2], strict=True))
    numbers = iter(_numbers(packed))
    buckets: dict[int, int] = {}
    bucket = FIRST_BUCKET
    for distance, count in zip(numbers, numbers, strict=True):
        bucket += distance
        buckets[bucket] = count
    return buckets


def _leb128(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _numbers(packed: bytes) -> Iterable[int]:
    number = shift = 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
        else:
            yield number
            number = shift = 0
