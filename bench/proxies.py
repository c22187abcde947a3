"""What it costs to read a line of a proxy's log: Nginx's and Caddy's, on one core, without a host.

Access logs come in blocks, as a connection hands them over. Time is this
process's own; the best of some rounds counts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.report import Aim
from collectors._access import AccessLog
from collectors._caddy_log import CaddyLog
from collectors._lines import lines_of, text_of
from collectors.nginx import read_error

LINES = 60_000
ROUNDS = 4
BLOCK = 64 * 1024
"""Bytes handed over at once."""
ACCESS_LIMIT, OTHER_LIMIT = 200_000, 100_000


@dataclass(frozen=True)
class Rate:
    """A log, and how many of its lines are read in a second."""

    name: str
    rate: float
    limit: int


Take = Callable[[bytes], object]
"""Takes a block of whole lines."""


def measured() -> list[Rate]:
    """Measure every log."""
    logs: tuple[tuple[str, Callable[[int], str], Callable[[], Take], int], ...] = (
        ("Nginx access log, with times", _timed(200), _access, ACCESS_LIMIT),
        ("Nginx access log, JSON", _json(200), _access, ACCESS_LIMIT),
        ("Nginx access log, nothing but 502", _timed(502), _access, ACCESS_LIMIT),
        ("Nginx access log, JSON, nothing but 502", _json(502), _access, ACCESS_LIMIT),
        ("Caddy access log", _caddy, _of_caddy, ACCESS_LIMIT),
        ("Nginx error log", _error, _errors, OTHER_LIMIT),
    )
    return [Rate(name, _rate(line, made), limit) for name, line, made, limit in logs]


def table(found: Sequence[Rate]) -> Iterator[str]:
    """Yield a line for each log."""
    yield "| a line | µs | lines/s |"
    yield "| --- | ---: | ---: |"
    for one in found:
        yield f"| {one.name} | {1e6 / one.rate:.1f} | {_thousands(one.rate)} |"


def aims(found: Sequence[Rate]) -> list[Aim]:
    """Return the aim of each log."""
    return [
        Aim(one.name, f">= {_thousands(one.limit)}/s", f"{_thousands(one.rate)}/s", one.rate >= one.limit)
        for one in found
    ]


def _thousands(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ")


def _access() -> Take:
    return AccessLog().take


def _of_caddy() -> Take:
    log = CaddyLog()
    return lambda block: log.take(lines_of(block), block)


def _errors() -> Take:
    return lambda block: [read_error(text_of(line), 0) for line in lines_of(block)]


def _rate(line: Callable[[int], str], made: Callable[[], Take]) -> float:
    blocks = list(_blocks(line))
    best = float("inf")
    for _ in range(ROUNDS):
        take = made()
        began = time.process_time()
        for block in blocks:
            take(block)
        best = min(best, time.process_time() - began)
    return LINES / best


def _blocks(line: Callable[[int], str]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for number in range(LINES):
        held.append(f"{line(number)}\n".encode())
        size += len(held[-1])
        if size >= BLOCK or number == LINES - 1:
            yield b"".join(held)
            held, size = [], 0


def _clock(number: int) -> str:
    """Return a time of day at which a thousand lines a second were written."""
    return f"10:{number // 60_000:02}:{number // 1_000 % 60:02}"


def _took(number: int) -> str:
    return f"0.0{number % 90:02}"


def _timed(status: int) -> Callable[[int], str]:
    return lambda number: (
        f'127.0.0.1 - - [22/Nov/2026:{_clock(number)} +0000] "GET /orders/{number % 5_000}/ HTTP/1.1" '
        f'{status} {200 + number % 900} "-" "Mozilla/5.0 (bench)" '
        f"rt={_took(number)} uct=0.000 uht={_took(number)} urt={_took(number)} us={status}"
    )


def _json(status: int) -> Callable[[int], str]:
    return lambda number: json.dumps(
        {
            "time_local": f"22/Nov/2026:{_clock(number)} +0000",
            "remote_addr": "127.0.0.1",
            "request": f"GET /orders/{number % 5_000}/ HTTP/1.1",
            "status": str(status),
            "body_bytes_sent": str(200 + number % 900),
            "request_time": _took(number),
            "upstream_response_time": _took(number),
            "upstream_status": str(status),
            "http_user_agent": "Mozilla/5.0 (bench)",
        }
    )


def _caddy(number: int) -> str:
    request = {
        "remote_ip": "127.0.0.1",
        "remote_port": str(20_000 + number % 9_000),
        "proto": "HTTP/1.1",
        "method": "GET",
        "host": "localhost",
        "uri": f"/orders/{number % 5_000}/",
        "headers": {"User-Agent": ["bench"], "Accept": ["*/*"]},
    }
    entry = {
        "level": "info",
        "ts": round(1_795_341_600 + number / 1_000, 3),
        "logger": "http.log.access.log0",
        "msg": "handled request",
        "request": request,
        "user_id": "",
        "duration": round(0.001 + number % 90 / 1_000, 6),
        "size": 512,
        "status": 200,
        "resp_headers": {"Server": ["Caddy"], "Date": ["Sun, 22 Nov 2026 10:00:00 GMT"]},
    }
    return json.dumps(entry, separators=(",", ":"))


def _error(number: int) -> str:
    return (
        f"2026/11/22 {_clock(number)} [error] 4711#4711: *{number} upstream timed out (110: Connection timed "
        "out) while reading response header from upstream, client: 127.0.0.1, server: localhost, request: "
        f'"GET /report/{number % 5_000}/ HTTP/1.1", upstream: "http://127.0.0.1:8000/report/", '
        'host: "localhost"'
    )
