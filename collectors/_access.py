"""Nginx's access log, counted: requests by status, by what the upstream answered, and their times.

At a thousand requests a second nobody reads these lines, so they become one
reading a second. A block of lines is taken at once by a pattern that is made
from the log's own lines; a line of another shape goes the slow way, so every
line is counted exactly once, whatever it holds.

Understood are Nginx's ``combined`` format, with any ``name=value`` pairs after
it, and one JSON object a line with the names of Nginx's variables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rampdeck.model import Value

from ._counts import RequestCounts
from ._lines import lines_of, storable, text_of

LONGEST = 64 * 1024
"""Bytes from which a line is not looked into: Nginx's own limits make every real one shorter."""


class Request(NamedTuple):
    """The fields that count, as the log wrote them; empty where the format lacks them.

    Times are seconds. A request that went to several upstreams has several
    values: ``0.001, 0.250`` or ``0.001 : 0.250``; ``-`` stands for none.
    ``time`` is when it ended, as the log wrote it.
    """

    status: bytes
    size: bytes
    request_time: bytes
    connect_time: bytes
    upstream_time: bytes
    upstream_status: bytes
    time: bytes


class Line(NamedTuple):
    """A line that is worth an event; ``request`` is None where it could not be read."""

    text: str
    request: Request | None
    fields: Mapping[str, str]


class Shape(NamedTuple):
    """The pattern for all lines of one format, and which of its groups holds which field of a request."""

    pattern: re.Pattern[bytes]
    groups: tuple[int | None, ...]


_NAMES = {
    "status": "status",
    "body_bytes_sent": "size",
    "bytes_sent": "size",
    "bytes": "size",
    "rt": "request_time",
    "request_time": "request_time",
    "uct": "connect_time",
    "upstream_connect_time": "connect_time",
    "urt": "upstream_time",
    "upstream_response_time": "upstream_time",
    "upstream_time": "upstream_time",
    "us": "upstream_status",
    "upstream_status": "upstream_status",
}
"""How formats spell the fields."""

# Every repetition below is bounded by a character that it cannot hold, or by a
# number: a hostile line of any length costs time in proportion to its length.
_VALUES = rb"[\d.-]{1,16}(?:(?:,| :) [\d.-]{1,16})*"
_HEAD = rb'(?P<prefix>[^"\n]*)"(?P<request>[^"\n]*)" (?P<status>\d{3}) (?P<size>\d{1,18}|-)'
_LINE = re.compile(_HEAD + rb'(?P<quoted>(?: "[^"\n]*")*)(?P<rest>[^\n]*)')
_PAIR = re.compile(rb'(?<![^\s,])([A-Za-z_]\w{0,60})="?(' + _VALUES + rb'|[^\s",]*)')
_ONLY_PAIRS = re.compile(rb"(?: [A-Za-z_]\w{0,60}=(?:" + _VALUES + rb'|[^\s",]*))*')
_KNOWN = re.compile(_VALUES)
_STATUS = re.compile(rb"\d{3}")
_STAMPED = re.compile(rb'[^"\n\[]*\[([^\]"\n]*)\] ')
_TIME_NAMES = ("msec", "time_iso8601", "time_local")


class AccessLog:
    """Counts an access log's lines; :meth:`take` also returns those that are worth an event."""

    def __init__(self) -> None:
        self._shape: Shape | None = None
        self._counts = RequestCounts()

    def take(self, block: bytes) -> list[Line]:
        """Count whole lines; return those that failed (status 400 and above) or could not be read."""
        rows = self._shape.pattern.findall(block) if self._shape else []
        if self._shape is None or len(rows) != block.count(b"\n"):
            return self._one_by_one(lines_of(block))
        groups = list(zip(*rows, strict=True))
        columns = [() if group is None else groups[group] for group in self._shape.groups]
        if not self._counts.add(*columns):
            return []
        lines = lines_of(block)
        return [
            _line(lines[number], Request(*(column[number] if column else b"" for column in columns)))
            for number, status in enumerate(columns[0])
            if status >= b"400"
        ]

    def seconds(self) -> tuple[dict[str, Value], ...]:
        """Return how many requests ended in which second (UTC, by the log) since :meth:`readings`."""
        return tuple(
            {"second": second, "requests": count} for second, count in sorted(self._counts.seconds().items())
        )

    def readings(self) -> dict[str, float]:
        """Return what was counted since the last call, by metric."""
        counts, self._counts = self._counts, RequestCounts()
        return counts.readings()

    def _one_by_one(self, lines: Sequence[bytes]) -> list[Line]:
        requests = [_request(line) for line in lines]
        known = [request for request in requests if request]
        self._counts.unread += len(requests) - len(known)
        if known:
            self._counts.add(*zip(*known, strict=True))
        self._shape = next(filter(None, map(_shape_of, reversed(lines[-20:]))), None)
        return [
            _line(line, request)
            for line, request in zip(lines, requests, strict=True)
            if request is None or request.status >= b"400"
        ]


def _shape_of(line: bytes) -> Shape | None:
    """Return the shape of a line of the combined format with pairs after it."""
    found = _LINE.fullmatch(line) if len(line) < LONGEST else None
    if not found or not _ONLY_PAIRS.fullmatch(found["rest"]):
        return None
    stamped = _STAMPED.fullmatch(found["prefix"])
    head, order = (rb'^[^"\n\[]*\[([^\]"\n]*)\] ', ["time"]) if stamped else (rb'^[^"\n]*', [])
    pattern = head + rb'"[^"\n]*" (\d{3}) (\d{1,18}|-)' + rb' "[^"\n]*"' * found["quoted"].count(b' "')
    order += ["status", "size"]
    for name, _ in _PAIR.findall(found["rest"]):
        field = _NAMES.get(name.decode())
        if field is None or field in order:
            pattern += b" " + name + b"=(?:" + _VALUES + rb'|[^\s",]*)'
        else:
            pattern += b" " + name + b"=(" + _VALUES + b")"
            order.append(field)
    groups = tuple(order.index(field) if field in order else None for field in Request._fields)
    return Shape(re.compile(pattern + b"$", re.MULTILINE), groups)


def _request(line: bytes) -> Request | None:
    """Read a line of any understood format."""
    said: dict[str, bytes] = {}
    time = b""
    if line.startswith(b"{"):
        written = _json(line)
        for name, value in written.items():
            if field := _NAMES.get(name):
                said.setdefault(field, _plain(value).encode())
        time = _time_of(written).encode()
    elif len(line) < LONGEST and (found := _LINE.fullmatch(line)):
        said = {"status": found["status"], "size": found["size"]}
        if stamped := _STAMPED.fullmatch(found["prefix"]):
            time = stamped[1]
        for name, value in _PAIR.findall(found["rest"]):
            if field := _NAMES.get(name.decode()):
                said.setdefault(field, value)
    if not _STATUS.fullmatch(said.get("status", b"")):
        return None
    # JSON can carry anything: only what the quick way would take counts.
    known = {field: value for field, value in said.items() if _KNOWN.fullmatch(value)}
    return Request(**{field: known.get(field, b"") for field in Request._fields[:-1]}, time=time)


def _line(line: bytes, request: Request | None) -> Line:
    """Tell of a line what a person wants to know of it."""
    if request is None:
        return Line(text_of(line), None, {})
    if line.startswith(b"{"):
        said = _json(line)
        names = ("request",) if "request" in said else ("request_method", "request_uri")
        asked = " ".join(_plain(said.get(name)) for name in names)
        time = _time_of(said)
        client, text = _plain(said.get("remote_addr")), text_of(line)
    else:
        before, _, after = text_of(line).partition('"')
        text, asked, client = '"' + after, after.partition('"')[0], before.partition(" ")[0]
        time = before[before.rfind("[") + 1 :].rstrip("] ")
    fields = {"request": asked, "client": client, "time": time}
    for name, value in zip(Request._fields, request, strict=True):
        if name not in ("size", "time"):
            fields[name] = text_of(value)
    return Line(text, request, {name: value for name, value in fields.items() if value})


def _time_of(said: Mapping[str, Any]) -> str:
    return next((_plain(said[name]) for name in _TIME_NAMES if name in said), "")


def _json(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line) if len(line) < LONGEST else None
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _plain(value: Any) -> str:
    return storable(str(value)) if isinstance(value, str | int | float) else ""
