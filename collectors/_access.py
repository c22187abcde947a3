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

from ._counts import RequestCounts
from ._lines import lines_of, storable, text_of

LONGEST = 64 * 1024
"""Bytes from which a line is not looked into: Nginx's own limits make every real one shorter."""


class Request(NamedTuple):
    """The fields that count, as the log wrote them; empty where the format lacks them.

    Times are seconds. A request that went to several upstreams has several
    values: ``0.001, 0.250`` or ``0.001 : 0.250``; ``-`` stands for none.
    """

    status: bytes
    size: bytes
    request_time: bytes
    connect_time: bytes
    upstream_time: bytes
    upstream_status: bytes


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
_NUMBER = re.compile(rb"[\d.]{1,16}")


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
        failed = [number for number, status in enumerate(columns[0]) if status >= b"400"]
        lines = lines_of(block)
        return [_described(lines[number]) for number in failed]

    def readings(self) -> dict[str, float]:
        """Return what was counted since the last call, by metric."""
        counts, self._counts = self._counts, RequestCounts()
        return counts.readings()

    def _one_by_one(self, lines: Sequence[bytes]) -> list[Line]:
        found = []
        requests = []
        for line in lines:
            described = _described(line)
            if described.request is None:
                self._counts.unread += 1
            else:
                requests.append(described.request)
            if described.request is None or described.request.status >= b"400":
                found.append(described)
        if requests:
            self._counts.add(*zip(*requests, strict=True))
        self._shape = next(filter(None, map(_shape_of, reversed(lines[-20:]))), None)
        return found


def _shape_of(line: bytes) -> Shape | None:
    """Return the shape of a line of the combined format with pairs after it."""
    found = _LINE.fullmatch(line) if len(line) < LONGEST else None
    if not found or not _ONLY_PAIRS.fullmatch(found["rest"]):
        return None
    pattern = rb'^[^"\n]*"[^"\n]*" (\d{3}) (\d{1,18}|-)' + rb' "[^"\n]*"' * found["quoted"].count(b' "')
    order = ["status", "size"]
    for name, _ in _PAIR.findall(found["rest"]):
        field = _NAMES.get(name.decode())
        if field is None or field in order:
            pattern += b" " + name + b"=(?:" + _VALUES + rb'|[^\s",]*)'
        else:
            pattern += b" " + name + b"=(" + _VALUES + b")"
            order.append(field)
    groups = tuple(order.index(field) if field in order else None for field in Request._fields)
    return Shape(re.compile(pattern + b"$", re.MULTILINE), groups)


def _described(line: bytes) -> Line:
    """Read one line of any understood format."""
    if len(line) < LONGEST:
        if line.startswith(b"{"):
            return _described_json(line)
        if found := _LINE.fullmatch(line):
            return _described_combined(line, found)
    return Line(text_of(line), None, {})


def _described_combined(line: bytes, found: re.Match[bytes]) -> Line:
    pairs: dict[str, bytes] = {"status": found["status"], "size": found["size"]}
    for name, value in _PAIR.findall(found["rest"]):
        if field := _NAMES.get(name.decode()):
            pairs.setdefault(field, value)
    prefix = text_of(found["prefix"])
    fields = {"request": text_of(found["request"]), "client": prefix.partition(" ")[0]}
    if (start := prefix.rfind("[")) >= 0:
        fields["time"] = prefix[start + 1 :].rstrip("] ")
    return _line(text_of(line[found.end("prefix") :]), pairs, fields)


def _described_json(line: bytes) -> Line:
    text = storable(text_of(line))
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return Line(text, None, {})
    if not isinstance(said, dict):
        return Line(text, None, {})
    pairs: dict[str, bytes] = {}
    for name, value in said.items():
        if field := _NAMES.get(name):
            pairs.setdefault(field, _plain(value).encode())
    if not re.fullmatch(rb"\d{3}", pairs.get("status", b"")):
        return Line(text, None, {})
    request = (
        _plain(said.get("request"))
        or f"{_plain(said.get('request_method'))} {_plain(said.get('request_uri'))}"
    )
    time = next((_plain(said[name]) for name in ("msec", "time_iso8601", "time_local") if name in said), "")
    fields = {"request": request.strip(), "client": _plain(said.get("remote_addr")), "time": time}
    return _line(text, pairs, {name: value for name, value in fields.items() if value})


def _plain(value: Any) -> str:
    return storable(str(value)) if isinstance(value, str | int | float) else ""


def _line(text: str, pairs: Mapping[str, bytes], fields: dict[str, str]) -> Line:
    request = Request(*(pairs.get(field, b"") for field in Request._fields))
    for name, value in zip(Request._fields, request, strict=True):
        if value and name != "size":
            fields[name] = text_of(value)
    return Line(text, request, fields)
