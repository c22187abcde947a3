"""The shape of an access log's lines: a pattern made from one of them that takes all the others at once."""

from __future__ import annotations

import re
from typing import NamedTuple

from ._counts import Columns

NAMES = {
    "status": "status",
    "body_bytes_sent": "size",
    "bytes_sent": "size",
    "bytes": "size",
    "size": "size",
    "rt": "request_time",
    "request_time": "request_time",
    "uct": "connect_time",
    "upstream_connect_time": "connect_time",
    "uht": "header_time",
    "upstream_header_time": "header_time",
    "urt": "upstream_time",
    "upstream_response_time": "upstream_time",
    "upstream_time": "upstream_time",
    "us": "upstream_status",
    "upstream_status": "upstream_status",
    "cache": "cache",
    "ucs": "cache",
    "upstream_cache_status": "cache",
}
"""How formats spell the fields."""
REQUEST_NAMES = ("request", "request_uri", "uri")
"""How JSON spells what was asked for, the best first."""
TIME_NAMES = ("msec", "time_iso8601", "time_local", "time", "timestamp", "@timestamp")
"""How JSON spells when a request ended, the best first."""

# Every repetition below is bounded by a character that it cannot hold, or by a
# number: a hostile line of any length costs time in proportion to its length.
_VALUES = rb"[\d.-]{1,16}(?:(?:,| :) [\d.-]{1,16})*"
_WORD = rb"[A-Z-]{0,16}"
_HEAD = rb'(?P<prefix>[^"\n]*)"(?P<request>[^"\n]*)" (?P<status>\d{3}) (?P<size>\d{1,18}|-)'
LINE = re.compile(_HEAD + rb'(?P<quoted>(?: "[^"\n]*")*)(?P<rest>[^\n]*)')
PAIR = re.compile(rb'(?<![^\s,])([A-Za-z_]\w{0,60})="?(' + _VALUES + rb'|[^\s",]*)')
STATUS = re.compile(rb"\d{3}")
STAMPED = re.compile(rb'[^"\n\[]*\[([^\]"\n]*)\] ')
_FIELDS = {
    "status": rb"\d{3}",
    "size": rb"\d{1,18}|-",
    "cache": _WORD,
    **dict.fromkeys(
        ("request_time", "connect_time", "header_time", "upstream_time", "upstream_status"), _VALUES
    ),
}
KNOWN = {field: re.compile(pattern) for field, pattern in _FIELDS.items()}
"""What a field may be; anything else counts as not told."""
_ONLY_PAIRS = re.compile(rb'(?: [A-Za-z_]\w{0,60}=(?:"[^"\n]*"|' + _VALUES + rb'|[^\s",]*))*')
_ONE_PAIR = re.compile(rb' ([A-Za-z_]\w{0,60})=("?)(?:(?<=")[^"\n]*"|' + _VALUES + rb'|[^\s",]*)')
_STRING = rb'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+'
_MEMBER = re.compile(rb'(\s*"([^"\\\n]{1,60})"\s*:\s*)("' + _STRING + rb'"|-?\d+(?:\.\d+)?)(\s*[,}])')


class Shape(NamedTuple):
    """The pattern for all lines of one format, and which of its groups holds which field of a request."""

    pattern: re.Pattern[bytes]
    groups: tuple[int | None, ...]

    def request(self, line: bytes) -> tuple[bytes | None, ...] | None:
        """Return the fields of one line, in the order of :class:`Columns`; None if it has another shape."""
        found = self.pattern.fullmatch(line)
        if found is None:
            return None
        return tuple(None if group is None else found[group + 1] for group in self.groups)


def shape_of(line: bytes) -> Shape | None:
    """Return the shape of a line, or None if it has to be read each time."""
    return _json_shape(line) if line.startswith(b"{") else _combined_shape(line)


def _shape(pattern: bytes, order: list[str]) -> Shape:
    groups = tuple(order.index(field) if field in order else None for field in Columns._fields)
    if len(order) == 1:
        pattern += b"()"  # findall() gives rows only where there are several groups
    return Shape(re.compile(b"^" + pattern + b"$", re.MULTILINE), groups)


def _combined_shape(line: bytes) -> Shape | None:
    """Return the shape of a line of the combined format with strings and pairs after it."""
    found = LINE.fullmatch(line)
    if not found or not _ONLY_PAIRS.fullmatch(found["rest"]):
        return None
    stamped = STAMPED.fullmatch(found["prefix"])
    pattern, order = (rb'[^"\n\[]*\[([^\]"\n]*)\] ', ["time"]) if stamped else (rb'[^"\n]*', [])
    pattern += rb'"([^"\n]*)" (\d{3}) (\d{1,18}|-)' + rb' "[^"\n]*"' * found["quoted"].count(b' "')
    order += ["request", "status", "size"]
    for name, quote in _ONE_PAIR.findall(found["rest"]):
        field = NAMES.get(name.decode())
        if field is None or field in order:
            value = rb'"[^"\n]*"' if quote else b"(?:" + _VALUES + rb'|[^\s",]*)'
        else:
            value = quote + b"(" + _FIELDS[field] + b")" + quote
            order.append(field)
        pattern += b" " + name + b"=" + value
    return _shape(pattern, order)


def _json_shape(line: bytes) -> Shape | None:
    """Return the shape of a flat JSON object, as a log format with ``escape=json`` writes it."""
    members = []
    place = 1
    while place < len(line) and (found := _MEMBER.match(line, place)):
        members.append(found)
        place = found.end()
    if not members or place != len(line) or not line.endswith(b"}"):
        return None
    names = [found[2].decode("latin-1") for found in members]
    time = next((name for name in TIME_NAMES if name in names), None)
    asked = next((name for name in REQUEST_NAMES if name in names), None)
    pattern, order = rb"\{", list[str]()
    for name, found in zip(names, members, strict=True):
        field = "time" if name == time else "request" if name == asked else NAMES.get(name)
        string = found[3].startswith(b'"')
        if field is None or field in order:
            value = b'"' + _STRING + b'"' if string else rb"[^\s,}\"]*"
        else:
            order.append(field)
            inner = _FIELDS.get(field, _STRING if string else rb"[\d.]{1,24}")
            inner = b"(" + inner + (b"|)" if string and field != "status" else b")")
            value = b'"' + inner + b'"' if string else inner
        pattern += re.escape(found[1]) + value + re.escape(found[4])
    return _shape(pattern, order) if "status" in order else None
