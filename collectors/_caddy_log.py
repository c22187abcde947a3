"""Caddy's log lines: requests counted, everything else as messages.

Caddy writes its access log and its errors in one format, mostly to one place:
JSON, one object a line, or with ``format console`` tab-separated columns with
the rest as JSON. What is an access line is told by its logger's name,
``http.log.access...``. (``modules/caddyhttp/server.go``, ``marshalers.go``,
``logging.go`` of Caddy 2.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ._counts import Columns, Request, columns_of
from ._failures import Failure, answered_by
from ._lines import json_of, plain, text_of
from ._requests import RequestLog
from ._times import utc_seconds, utc_seconds_of_local

LONGEST = 256 * 1024
"""Bytes from which a line is not looked into."""
GONE = b"499"
"""What a request without a status counts as: Caddy 2.6 writes 0 where the client went away."""

# What has matched once is not tried in another way (*+), for speed.
_STRING = r'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+'
_OBJECT = r'\{[^{}"\n]*+(?:"' + _STRING + r'"[^{}"\n]*+)*+\}'


def _pattern(pattern: str, space: str = "") -> str:
    """Write out a pattern: S is the inside of a JSON string, P of one without escapes, O an object.

    ``space`` stands after commas and colons: the console format has one there.
    """
    spaced = re.sub(r'":|,(?=\)?\??(?:\(\?:)?")', lambda found: found[0] + space, pattern)
    return spaced.replace("S", _STRING).replace("P", r'[^"\\\n]*+').replace("O", _OBJECT)


_HEADERS = r'"headers":O(?:,"transfer_encoding":\[[^\[\]{}\n]*\])?(?:,"tls":O)?\}'
_HANDLED = (
    r'"request":\{"remote_ip":"S","remote_port":"S",(?:"client_ip":"S",)?"proto":"S","method":"S","host":"S",'
    r'"uri":"(S)",'
    + _HEADERS
    + r'(?:,"bytes_read":\d+)?,"user_id":"S","duration":([\d.]{1,16}),"size":(\d{1,18}),'
    r'"status":(\d{1,3}),"resp_headers":(O)(?:,[^\n]*)?\}$'
)
_HANDLED_JSON = re.compile(
    (
        r'^\{"level":"[a-z]{1,9}","ts":(\d{9,11})(?:\.\d+)?,"logger":"http\.log\.access[^"\\\n]*",'
        r'"msg":"handled request",' + _pattern(_HANDLED)
    ).encode(),
    re.MULTILINE,
)
_HANDLED_CONSOLE = re.compile(
    (
        r"^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)(?:\.\d+)?\t(?:\x1b\[\d+m)?[A-Z]{4,6}(?:\x1b\[0m)?\t"
        r"http\.log\.access[^\t\n]*\thandled request\t\{" + _pattern(_HANDLED, " ")
    ).encode(),
    re.MULTILINE,
)
_FAILED = re.compile(
    _pattern(
        r'\{"level":"([a-z]{1,9})","ts":(\d{9,11}(?:\.\d{1,9})?),"logger":"(http\.log\.error[^"\\\n]*)",'
        r'"msg":"(P)","request":\{"remote_ip":"(P)","remote_port":"P",(?:"client_ip":"(P)",)?'
        r'"proto":"(P)","method":"(P)","host":"(P)","uri":"(P)",'
        + _HEADERS
        + r',"duration":[\d.]{1,24},"status":(\d{3}),"err_id":"(\w*)","err_trace":"(P)"\}'
    ),
    re.ASCII,
)
"""What ``http.log.error`` says of a request; in a flood of failures that is every second line."""
_CONSOLE = re.compile(r"(\S+ \S+|\S+)\t(?:\x1b\[\d+m)?([A-Za-z]{4,6})(?:\x1b\[0m)?\t")
_WALL = re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)(\.\d+)?")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_LOGGER = re.compile(r"[a-z][a-z0-9_]*(?:\.[A-Za-z0-9_]+)*")
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Message:
    """A line that is no request: what Caddy says of itself and of what is behind; ``sent`` is UTC seconds."""

    text: str
    level: str = ""
    sent: float | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


class CaddyLog(RequestLog):
    """Tells requests from messages and counts the requests."""

    def take(self, lines: Sequence[bytes], block: bytes) -> tuple[list[Failure], list[tuple[int, Message]]]:
        """Take whole lines, given as a block too; return failed requests, and messages with their place.

        Every line is a request, which is counted, or a message, whatever it holds.
        """
        handled = _HANDLED_JSON if block.startswith(b"{") else _HANDLED_CONSOLE
        rows = handled.findall(block)
        if len(rows) == len(lines):
            return self._count_rows(lines, rows), []
        known: list[bytes] = []
        rows = []
        requests: list[Request] = []
        others: list[bytes] = []
        messages: list[tuple[int, Message]] = []
        for place, line in enumerate(lines):
            if found := handled.fullmatch(line):
                known.append(line)
                rows.append(found.groups())
                continue
            message, request = _read(line)
            if request is None:
                messages.append((place, message))
            else:
                others.append(line)
                requests.append(request)
        failures = self._count_rows(known, rows) if rows else []
        if requests:
            columns = columns_of(requests)
            failures += self._count(columns, lambda place: _failure(others[place], columns.at(place)))
        return failures, messages

    def _count_rows(self, lines: Sequence[bytes], rows: list[tuple[bytes, ...]]) -> list[Failure]:
        time, asked, taken, size, written, headers = zip(*rows, strict=True)
        status = [one if len(one) == 3 else GONE for one in written]
        columns = Columns(
            status=status,
            size=size,
            request_time=taken,
            header_time=(b"0",) * len(rows),
            upstream_status=[
                one if _answered(header) else b"-" for one, header in zip(status, headers, strict=True)
            ],
            request=asked,
            time=[_whole_second(one) for one in time],
        )
        return self._count(columns, lambda place: _failure(lines[place], columns.at(place)))


def _whole_second(written: bytes) -> bytes:
    """Return a time as seconds; without a zone it is UTC."""
    if b"/" not in written:
        return written
    seconds = utc_seconds_of_local(text_of(written), 0)
    return b"" if seconds is None else b"%d" % seconds


def described(line: bytes) -> Message:
    """Read a line that is not to be counted; a request is told by what was asked and answered."""
    message, request = _read(line)
    if request is None or request.status is None:
        return message
    asked = message.fields.get("request", "")
    return replace(message, text=f'"{asked}" {text_of(request.status)} {text_of(request.size or b"")}')


def _answered(headers: bytes) -> bool:
    """Say whether an answer came from behind: it has a Date, which Go adds to Caddy's own only afterwards."""
    return b'"Date":[' in headers or b'"Date": [' in headers


def _read(line: bytes) -> tuple[Message, Request | None]:
    """Read a line of either format; what it tells of a request if it is one; else it may be its own text."""
    text = text_of(line)
    if failed := _FAILED.fullmatch(text):
        return _failed(*failed.groups("")), None
    if len(line) < LONGEST:
        said: dict[str, Any] = {}
        if text.startswith("{"):
            said = json_of(text)
        elif found := _CONSOLE.match(text):
            said = _console(text, found)
        if "msg" in said or "level" in said:
            message, error = plain(said.get("msg")), plain(said.get("error"))
            words = f"{message}: {error}" if error else message
            sent = sent_of(said)
            told = Message(words or text, plain(said.get("level")), sent, _fields(said))
            return told, _request(said, sent)
    return Message(text), None


def _failed(
    level: str,
    time: str,
    logger: str,
    message: str,
    remote: str,
    client: str,
    protocol: str,
    method: str,
    host: str,
    uri: str,
    status: str,
    number: str,
    trace: str,
) -> Message:
    """Tell what :data:`_FAILED` has found, as :func:`_fields` would."""
    fields = {
        "logger": logger,
        "level": level,
        "status": status,
        "err_id": number,
        "err_trace": trace,
        "request": f"{method} {uri} {protocol}",
        "client": client or remote,
        "host": host,
    }
    return Message(message, level, float(time), fields)


def _console(text: str, found: re.Match[str]) -> dict[str, Any]:
    """Read ``time TAB LEVEL TAB logger TAB message TAB JSON``, of which the logger and the JSON may lack."""
    *columns, last = text[found.end() :].split("\t")
    said = json_of(last) if last.startswith("{") else {}
    if not said:
        columns.append(last)
    if len(columns) > 1 and _LOGGER.fullmatch(columns[0]):
        said["logger"] = columns.pop(0)
    return {**said, "ts": found[1], "level": found[2].lower(), "msg": " ".join(columns)}


def sent_of(said: dict[str, Any]) -> float | None:
    """Return when a line was written, in UTC seconds, in whatever ``time_format``."""
    written = plain(said.get("ts"))
    # The format called "wall" names no zone; Caddy writes it in UTC unless it is told otherwise.
    if found := _WALL.fullmatch(written):
        whole = utc_seconds_of_local(found[1], 0)
        return whole + float(found[2] or 0) if whole is not None else None
    return utc_seconds(written)


def _request(said: dict[str, Any], sent: float | None) -> Request | None:
    """Return what an access line tells of its request, or None if it is none."""
    if not plain(said.get("logger")).startswith("http.log.access"):
        return None
    status, request = said.get("status"), said.get("request")
    if not isinstance(status, int) or isinstance(status, bool) or not isinstance(request, dict):
        return None
    code = f"{status:03}".encode()
    if status == 0:
        # A request that no route took is answered 200, and logged as NOP without a status.
        code = b"000" if said.get("msg") == "NOP" else GONE
    if len(code) != 3 or status < 0:
        return None
    headers, size = said.get("resp_headers"), plain(said.get("size"))
    upstream = None
    if isinstance(headers, dict):
        upstream = code if "Date" in headers else b"-"
    return Request(
        status=code,
        size=size.encode() if size.isascii() and size.isdigit() and len(size) < 19 else b"",
        request_time=_duration(said.get("duration")),
        header_time=b"0" if upstream else None,
        upstream_status=upstream,
        request=plain(request.get("uri")).encode(),
        time=f"{int(sent)}".encode() if sent is not None else b"",
    )


def _duration(value: Any) -> bytes | None:
    """Return a duration in seconds, however ``duration_format`` writes it."""
    seconds = -1.0
    if isinstance(value, int | float):
        seconds = float(value) if -1 < value < DAY else -1.0
    elif isinstance(value, str) and len(value) < 40 and _DURATION.sub("", value) == "":
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(value))
    return f"{seconds:.6f}".encode() if 0 <= seconds < DAY else None


def _failure(line: bytes, columns: Columns) -> Failure:
    """Tell of a failed request what a person wants to know of it."""
    message, _ = _read(line)
    status = columns.status[0]
    upstream = b"".join(columns.upstream_status)
    fields = {
        **message.fields,
        "status": text_of(status),
        "by": answered_by(status, upstream, b"0"),
        "request_time": text_of(b"".join(columns.request_time)),
        "time": f"{message.sent:.6f}" if message.sent is not None else "",
    }
    text = f'"{fields.get("request", "")}" {text_of(status)} {text_of(b"".join(columns.size))}'
    return Failure(text, status, {name: value for name, value in fields.items() if value})


def _fields(said: dict[str, Any]) -> dict[str, str]:
    """Return the fields of an event: who asked what, and what else the line names."""
    fields = {name: plain(said.get(name)) for name in ("logger", "level", "status", "err_id", "err_trace")}
    request = said.get("request")
    if isinstance(request, dict):
        asked = " ".join(plain(request.get(name)) for name in ("method", "uri", "proto"))
        client = plain(request.get("client_ip")) or plain(request.get("remote_ip"))
        fields |= {"request": asked.strip(), "client": client, "host": plain(request.get("host"))}
    # Health checks name what is behind as "host", "address" or "dial".
    else:
        fields["upstream"] = next(filter(None, (plain(said.get(n)) for n in ("host", "address", "dial"))), "")
    return {name: value for name, value in fields.items() if value}
