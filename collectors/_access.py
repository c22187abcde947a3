"""Nginx's access log, counted: requests by status, by what the upstream answered, and their times.

At a thousand requests a second nobody reads these lines, so they become one
reading a second. A block of lines is taken at once by a pattern that is made
from the log's own lines (:mod:`._shapes`); a line of another shape goes the
slow way, so every line is counted exactly once, whatever it holds.

Understood are Nginx's ``combined`` format, with anything before it (a virtual
host) and any quoted strings and ``name=value`` pairs after it, and one JSON
object a line with the names of Nginx's variables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ._counts import Columns, Request, columns_of
from ._failures import Failure, answered_by
from ._lines import json_of, lines_of, plain, text_of
from ._requests import RequestLog
from ._shapes import KNOWN, LINE, NAMES, PAIR, REQUEST_NAMES, STAMPED, STATUS, TIME_NAMES, Shape, shape_of

LONGEST = 64 * 1024
"""Bytes from which a line is not looked into: Nginx's own limits make every real one shorter."""


class AccessLog(RequestLog):
    """Counts an access log's lines; :meth:`take` also returns those that are worth an event."""

    def __init__(self) -> None:
        super().__init__()
        self._shape: Shape | None = None

    def take(self, block: bytes) -> list[Failure]:
        """Count whole lines; return those that failed (status 400 and above) or could not be read.

        Of a flood only the first of each second are returned here; the others
        come counted with the next :meth:`readings`.
        """
        if self._shape is None:
            self._shape = _newest_shape(lines_of(block))
        rows = self._shape.pattern.findall(block) if self._shape else []
        if self._shape is None or len(rows) != block.count(b"\n"):
            return self._one_by_one(lines_of(block))
        groups = list(zip(*rows, strict=True))
        columns = Columns(*(() if group is None else groups[group] for group in self._shape.groups))
        lines: list[bytes] = []

        def tell(place: int) -> Failure:
            if not lines:
                lines.extend(lines_of(block))
            return _failure(lines[place], columns.at(place))

        return self._count(columns, tell)

    def _one_by_one(self, lines: Sequence[bytes]) -> list[Failure]:
        known: list[bytes] = []
        requests: list[Request] = []
        unread: list[bytes] = []
        strange = 0
        for line in lines:
            fields = self._shape.request(line) if self._shape else None
            strange += fields is None
            request = Request(*fields) if fields else _request(line)
            if request is None:
                unread.append(line)
            else:
                known.append(line)
                requests.append(request)
        if strange * 2 > len(lines):
            self._shape = _newest_shape(lines)
        told = self._count_unread(unread)
        if requests:
            columns = columns_of(requests)
            told += self._count(columns, lambda place: _failure(known[place], columns.at(place)))
        return told


def _newest_shape(lines: Sequence[bytes]) -> Shape | None:
    return next(filter(None, (shape_of(line) for line in reversed(lines[-20:]) if len(line) < LONGEST)), None)


def _request(line: bytes) -> Request | None:
    """Read a line of any understood format."""
    said: dict[str, bytes] = {}
    time = asked = None
    if line.startswith(b"{"):
        written = _json(line)
        for name, value in written.items():
            if field := NAMES.get(name):
                said.setdefault(field, plain(value).encode())
        time, asked = _first(written, TIME_NAMES), _first(written, REQUEST_NAMES)
    elif len(line) < LONGEST and (found := LINE.fullmatch(line)):
        said = {"status": found["status"], "size": found["size"]}
        asked = found["request"]
        if stamped := STAMPED.fullmatch(found["prefix"]):
            time = stamped[1]
        for name, value in PAIR.findall(found["rest"]):
            if field := NAMES.get(name.decode()):
                said.setdefault(field, value)
    if not STATUS.fullmatch(said.get("status", b"")):
        return None
    # JSON can carry anything: only what the quick way would take counts.
    known = {field: value if KNOWN[field].fullmatch(value) else b"" for field, value in said.items()}
    return Request(**known, request=asked, time=time)


def _failure(line: bytes, columns: Columns) -> Failure:
    """Tell of a line what a person wants to know of it."""
    if line.startswith(b"{"):
        said = _json(line)
        names = ("request",) if "request" in said else ("request_method", "request_uri")
        asked = " ".join(plain(said.get(name)) for name in names)
        client, text = plain(said.get("remote_addr")), text_of(line)
    else:
        before, _, after = text_of(line).partition('"')
        text, asked = '"' + after, after.partition('"')[0]
        # Before the address may stand a virtual host: "shop:443 10.0.0.9 - ann [...".
        client = before.partition(" - ")[0].rpartition(" ")[2]
    told = {name: text_of(column[0]) for name, column in columns._asdict().items() if column}
    for name in ("size", "cache"):
        told.pop(name, None)
    status, upstream = columns.status[0], b"".join(columns.upstream_status)
    told["by"] = answered_by(status, upstream, b"".join(columns.header_time))
    fields = {"client": client, **told, "request": asked}
    return Failure(text, status, {name: value for name, value in fields.items() if value})


def _first(said: Mapping[str, Any], names: Sequence[str]) -> bytes | None:
    return next((plain(said[name]).encode() for name in names if name in said), None)


def _json(line: bytes) -> dict[str, Any]:
    return json_of(line) if len(line) < LONGEST else {}
