"""Caddy's pane counts every request exactly once, shows every failure and names what is behind it."""

from __future__ import annotations

import contextlib
import http.client
import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from collectors._caddy_log import CaddyLog
from collectors._caddy_signals import CADDY
from collectors._failures import ROOM
from collectors._lines import lines_of
from collectors.caddy import CaddyCollector, CaddyConfig
from rampdeck.demo.journal import JournalWriter
from rampdeck.model import Health, Severity
from rampdeck.text import clean
from tests.servers import CaddyServer

from .following import following
from .fuzzing import fuzz
from .watching import until


def ask(server: CaddyServer, path: str, body: bytes | None = None) -> None:
    with contextlib.suppress(urllib.error.URLError, OSError, http.client.HTTPException):
        urllib.request.urlopen(server.url + path, data=body, timeout=60).close()


def lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


def access(status: int, *, uri: str = "/orders/?a=1", answered: bool = True, **more: object) -> str:
    """A line as Caddy 2.8 writes it, with an address of the client and bytes read."""
    headers = {"Server": ["Caddy"], **({"Date": ["Sun, 20 Sep 2026 10:01:02 GMT"]} if answered else {})}
    line = {
        "level": "error" if status >= 400 else "info",
        "ts": 1789898462.1234567,
        "logger": "http.log.access.log0",
        "msg": "handled request",
        "request": {
            "remote_ip": "10.0.0.1",
            "remote_port": "34870",
            "client_ip": "10.0.0.9",
            "proto": "HTTP/2.0",
            "method": "GET",
            "host": "shop.example",
            "uri": uri,
            "headers": {"User-Agent": ['x","status":200,"\\ {}'], "Accept": ["*/*"]},
            "tls": {
                "resumed": False,
                "version": 772,
                "cipher_suite": 4865,
                "proto": "h2",
                "server_name": "shop",
            },
        },
        "bytes_read": 0,
        "user_id": "",
        "duration": 0.25,
        "size": 512,
        "status": status,
        "resp_headers": headers,
        **more,
    }
    return json.dumps(line, separators=(",", ":")) + "\n"


def console(line: str) -> str:
    """The same line with ``format console``."""
    said = json.loads(line)
    level, _, logger, message = (said.pop(name) for name in ("level", "ts", "logger", "msg"))
    return (
        f"2026/09/20 10:01:02.123\t\x1b[31m{level.upper()}\x1b[0m\t{logger}\t{message}\t{json.dumps(said)}\n"
    )


def read(*lines: str) -> dict[str, float]:
    log = CaddyLog()
    block = "".join(lines).encode()
    log.take(lines_of(block), block)
    return log.readings()[0]


SIGNALS = {
    "/refused/": "upstream_refused",
    "/dead/": "no_live_upstreams",
    "/missing/": "upstream_missing",
    "/tls/": "upstream_ssl_failed",
    "/slow/2": "upstream_timed_out",
    "/close": "upstream_prematurely_closed",
    "/reset": "upstream_reset",
    "/junk": "upstream_invalid",
    "/short/slow/0.3": "body_too_large",
}


async def test_each_way_in_which_the_application_can_fail_has_its_name(caddy_server: CaddyServer) -> None:
    logs = {"file": str(caddy_server.log), "access_log": str(caddy_server.access_log)}
    ask(caddy_server, "/")  # so that there is an access log; its line comes after the answer
    before = await until(lambda: lines(caddy_server.access_log) or None)
    async with following(CaddyCollector, logs) as caddy:
        await caddy.until(lambda: caddy.sink.health is Health.LIVE)
        for path in SIGNALS:
            for _ in range(2 if path == "/dead/" else 1):
                ask(caddy_server, path, b"x" * 100 if path.startswith("/short/") else None)
        ask(caddy_server, "/half")
        for path in ("/", "/static/app.css", "/status/404", "/status/500", "/own/"):
            ask(caddy_server, path)
        await caddy.until(lambda: caddy.total("requests") == 16)
        await caddy.until(lambda: all(caddy.total(name) for name in (*SIGNALS.values(), "answer_cut_short")))
        caddy_server.config.write_text(caddy_server.config.read_text() + "\n# changed\n")
        caddy_server.reload()
        await caddy.until(lambda: caddy.total("config_changed") == 1)
    assert lines(caddy_server.access_log) - before == 16
    told = {
        event.fields["request"].split()[1]: event.fields["signal"]
        for event in caddy.fresh
        if event.fields.get("logger") == "http.log.error"
        or "http.log.error." in event.fields.get("logger", "")
    }
    assert told == SIGNALS
    refused = next(event for event in caddy.fresh if event.fields.get("signal") == "upstream_refused")
    assert refused.text.endswith("connect: connection refused")
    assert refused.fields["upstream"].startswith("127.0.0.1:")
    assert refused.fields["client"] == "127.0.0.1"
    assert refused.fields["status"] == "502"
    assert refused.severity is Severity.ERROR
    # 200 are "/", the static file, and the one whose answer broke off.
    assert (caddy.total("2xx"), caddy.total("4xx"), caddy.total("upstream_5xx")) == (3, 1, 1)
    assert caddy.total("own_5xx") == caddy.total("5xx") - 1 == 11
    assert caddy.total("static_upstream") == 1
    assert max(sample.values.get("request_time_max", 0) for sample in caddy.samples) >= 300
    assert caddy.total("lines_read") == caddy.total("lines_stored") + caddy.total("lines_counted")
    failed = {event.fields["request"]: event.fields for event in caddy.fresh if "by" in event.fields}
    assert failed["GET /status/500 HTTP/1.1"]["by"] == "application"
    assert failed["GET /own/ HTTP/1.1"]["by"] == "proxy"


async def test_requests_and_errors_that_share_the_journal_are_told_apart(
    journal_writer: JournalWriter,
) -> None:
    error = '{"level":"error","ts":1789898462.1,"logger":"http.log.error","msg":"EOF","status":502}'
    journal_writer.write(error.encode(), unit="caddy.service")
    table = {"journal_file": str(journal_writer.path)}
    async with following(CaddyCollector, table) as caddy:
        await caddy.until(lambda: caddy.sink.health is Health.LIVE)
        for line in (access(200), error, access(502, answered=False), "Started caddy.service - Caddy."):
            journal_writer.write(line.strip().encode(), unit="caddy.service", priority=6)
        await caddy.until(lambda: caddy.total("requests") == 2 and caddy.total("lines_read") == 4)
    assert caddy.events()[0].fields["before"] == "start"
    assert caddy.total("upstream_prematurely_closed") == 1, "what came before the beginning does not count"
    assert {event.text for event in caddy.fresh} == {
        "EOF",
        '"GET /orders/?a=1 HTTP/2.0" 502 512',
        "Started caddy.service - Caddy.",
    }
    assert caddy.total("own_5xx") == 1
    assert caddy.total("lines_stored") + caddy.total("lines_counted") == 4
    assert caddy.event("EOF").sent == pytest.approx(1789898462.1)


async def test_where_the_access_log_cannot_be_read_no_figure_says_that_there_were_no_requests(
    journal_writer: JournalWriter, tmp_path: Path
) -> None:
    journal_writer.write(b"Started caddy.service - Caddy.", unit="caddy.service")
    table = {"journal_file": str(journal_writer.path), "access_log": str(tmp_path / "access.log")}
    async with following(CaddyCollector, table) as caddy:
        await caddy.until(lambda: caddy.sink.health is Health.WARNING and len(caddy.samples) > 2)
        assert "there is no such file" in caddy.sink.reason
        values = caddy.samples[-1].values
    assert "error_lines" in values
    assert not {"requests", "5xx"} & set(values)


async def test_lines_that_journald_left_out_are_counted_by_its_own_word_only(
    journal_writer: JournalWriter,
) -> None:
    async with following(CaddyCollector, {"journal_file": str(journal_writer.path)}) as caddy:
        await caddy.until(lambda: "no line of caddy.service yet" in caddy.sink.reason)
        said = b"Suppressed 4711 messages from caddy.service"
        journal_writer.write(
            said,
            unit="systemd-journald.service",
            N_DROPPED="4711",
            OBJECT_SYSTEMD_UNIT="caddy.service",
            _UID="0",
        )
        journal_writer.write(b"Suppressed 5 messages from somebody", unit="caddy.service")
        await caddy.until(lambda: caddy.total("lines_read") == 2 and caddy.sink.health is Health.LIVE)
    assert caddy.total("lines_suppressed") == 4711
    assert caddy.event(said.decode()).fields["signal"] == "lines_lost"


@pytest.mark.parametrize("form", [str, console])
def test_json_and_console_tell_the_same(form: type[str]) -> None:
    lines = [access(200, uri="/a.css"), access(502, answered=False), access(500), access(0, answered=False)]
    values = read(*map(form, lines))
    assert (values["requests"], values["2xx"], values["5xx"], values["499"]) == (4, 1, 2, 1)
    assert (values["own_5xx"], values["upstream_5xx"], values["static_upstream"]) == (1, 1, 1)
    assert values["request_time"] == pytest.approx(250)
    assert values["bytes"] == 4 * 512


@pytest.mark.parametrize("duration", [0.25, "250ms", "0.25s", "250000µs"])
@pytest.mark.parametrize("time", [1789898462.5, "2026-09-20T10:01:02.500Z", "2026/09/20 10:01:02"])
def test_times_are_understood_in_whatever_format(duration: object, time: object) -> None:
    log = CaddyLog()
    line = access(404, duration=duration, ts=time).encode()
    [failure], [] = log.take(lines_of(line), line)
    assert float(failure.fields["time"]) == pytest.approx(1789898462, abs=1)
    assert log.readings()[0]["request_time"] == pytest.approx(250)


def test_a_log_without_the_answers_headers_does_not_pretend_to_know_who_answered() -> None:
    said = json.loads(access(502))
    del said["resp_headers"]
    values = read(json.dumps(said) + "\n")
    assert values["502"] == 1
    assert "own_5xx" not in values


def test_of_a_flood_the_first_are_shown_and_the_others_told_by_status_and_path() -> None:
    log = CaddyLog()
    block = "".join(access(502, uri=f"/orders/{n}/", answered=False) for n in range(1000)).encode()
    failures, messages = log.take(lines_of(block), block)
    assert (len(failures), messages) == (ROOM, [])
    values, [told] = log.readings()
    assert values["own_5xx"] == 1000
    assert told.text == f"502 /orders/N/: {1000 - ROOM} more in this second"


UNCAUSED = {
    "dial tcp 10.0.0.1:80: i/o timeout": "upstream_connect_timed_out",
    "dial tcp 10.0.0.1:80: connect: no route to host": "upstream_unreachable",
    "dial tcp 127.0.0.1:80: connect: cannot assign requested address": "upstream_ports_exhausted",
    "dial unix /run/shop.sock: connect: resource temporarily unavailable": "upstream_queue_full",
    "dial unix /run/shop.sock: connect: permission denied": "upstream_forbidden",
    "dial tcp: lookup shop on 127.0.0.53:53: no such host": "upstream_unresolved",
    "context deadline exceeded": "upstream_timed_out",
    "write tcp 127.0.0.1:1->127.0.0.1:2: write: broken pipe": "upstream_reset",
    "tls: failed to verify certificate: x509: certificate signed by unknown authority": "upstream_ssl_failed",
    "aborting with incomplete response: context canceled": "client_gone",
    "status code out of tolerances": "upstream_unhealthy",
    "host is up": "upstream_healthy",
    "http: Accept error: accept tcp [::]:80: accept4: too many open files; retrying in 5ms": "too_many_files",
    "http: TLS handshake error from 10.0.0.9:1: EOF": "ssl_failed",
    "job failed: shop.example: obtaining certificate: ...": "certificate_failed",
    "server running": None,
    "handled request": None,
}
"""As Caddy 2.11 (reverseproxy.go, healthchecks.go) and Go's net and net/http write them."""


@pytest.mark.parametrize(("message", "named"), UNCAUSED.items())
def test_what_is_hard_to_cause_is_named_too(message: str, named: str | None) -> None:
    signal = CADDY.find(message)
    assert (signal.name if signal else None) == named


shapes = st.sampled_from(
    [
        access(200),
        access(502, answered=False),
        console(access(404)),
        '{"level":"error","msg":',
        "\n",
        "\t",
        "a\tINFO\t",
    ]
).map(str.encode)
odd = st.dictionaries(
    st.sampled_from(
        ["level", "ts", "logger", "msg", "error", "request", "status", "duration", "size", "resp_headers"]
    ),
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.just({})
    | st.just("http.log.access"),
).map(lambda said: json.dumps({"logger": "http.log.access", "request": {}, **said}).encode() + b"\n")


@fuzz
@given(st.lists(st.binary(max_size=60) | shapes | odd))
def test_any_bytes_are_counted_once_or_shown_and_never_raise(parts: list[bytes]) -> None:
    block = b"".join(parts) + b"\n"
    log = CaddyLog()
    lines = lines_of(block)
    failures, messages = log.take(lines, block)
    values, flood = log.readings()
    for _, message in messages:
        assert clean(message.text).isprintable()
        assert message.sent is None or isinstance(message.sent, float)
    for failure in (*failures, *flood):
        assert all(clean(text).isprintable() for text in (failure.text, *failure.fields.values()))
    assert values["requests"] + len(messages) == len(lines)


def test_an_endless_line_is_a_line() -> None:
    for hostile in ('{"a":', '"', "\\", "{", "a\tINFO\t", ',"headers":{"', access(200)[:-40]):
        line = (hostile * (1_000_000 // len(hostile))).encode()
        block = line + b"\n" + access(200).encode()
        log = CaddyLog()
        _, [(place, message)] = log.take(lines_of(block), block)
        assert place == 0
        assert len(message.text) == len(line)
        assert log.readings()[0]["requests"] == 1


def test_a_table_that_names_two_places_or_half_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="a log is read from one place"):
        CaddyConfig(kind="caddy", unit="caddy.service", file="/var/log/caddy.log")
    with pytest.raises(ValidationError, match="must be a whole path"):
        CaddyConfig(kind="caddy", access_log="access.log")
