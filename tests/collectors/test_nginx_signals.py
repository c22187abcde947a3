"""Whatever goes wrong between Nginx and the application is named, as a real Nginx says it."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.nginx import NginxCollector, read_error
from rampdeck.demo.nginx import NginxServer
from rampdeck.demo.process import free_port, make_folder
from rampdeck.model import Event, Health, Severity
from rampdeck.text import clean
from tests.servers import UpstreamServer

from .following import Followed, following
from .fuzzing import fuzz

HTTP = """
    limit_req_zone $binary_remote_addr zone=requests:1m rate=1r/m;
    limit_conn_zone $binary_remote_addr zone=connections:1m;
    upstream dead { server 127.0.0.1:%(closed)d max_fails=1; server 127.0.0.1:%(closed)d max_fails=1; }
"""
SERVER = """
        location = /refused/ { proxy_pass http://127.0.0.1:%(closed)d; }
        location = /missing/ { proxy_pass http://unix:%(folder)s/none.sock; }
        location = /forbidden/ { proxy_pass http://unix:%(folder)s/shut.sock; }
        location = /queue/ { proxy_pass http://unix:%(folder)s/full.sock; }
        location = /unanswered/ { proxy_pass http://127.0.0.1:%(full)d; proxy_connect_timeout 200ms; }
        location = /dead/ { proxy_pass http://dead; }
        location = /tls/ { proxy_pass https://%(upstream)s; }
        location /slow/ { proxy_pass http://%(upstream)s; proxy_read_timeout 200ms; }
        location /header/ { proxy_pass http://%(upstream)s; proxy_buffer_size 4k; }
        location = /limited/ { limit_req zone=requests; proxy_pass http://%(upstream)s/; }
        location = /short/ { client_max_body_size 10; proxy_pass http://%(upstream)s/; }
        location = /spool/ { client_body_buffer_size 1k; proxy_pass http://%(upstream)s/; }
        location = /shut/ { deny all; }
"""


def ask(server: NginxServer, path: str, body: bytes | None = None) -> None:
    with contextlib.suppress(urllib.error.URLError, OSError, http.client.HTTPException):
        urllib.request.urlopen(server.url + path, data=body, timeout=60).close()


@contextmanager
def nginx(upstream: str, change: Callable[[str], str]) -> Iterator[NginxServer]:
    """An Nginx of its own, with a configuration of its own."""
    folder = make_folder("rampdeck-tests-nginx-")
    server = NginxServer.create(folder, upstream)
    text = server.config.read_text().replace("worker_processes 2", "worker_processes 1")
    server.config.write_text(change(text.replace("error.log warn", "error.log notice")))
    try:
        with server:
            yield server
    finally:
        shutil.rmtree(folder)


@contextmanager
def full_queues(folder: Path) -> Iterator[int]:
    """Sockets whose queue is full: `full.sock`, and a port, which is yielded; `shut.sock` lets nobody in."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(family)) for family in (socket.AF_UNIX, socket.AF_INET)]
        shut = stack.enter_context(socket.socket(socket.AF_UNIX))
        sockets[0].bind(str(folder / "full.sock"))
        (folder / "full.sock").chmod(0o777)
        sockets[1].bind(("127.0.0.1", 0))
        shut.bind(str(folder / "shut.sock"))
        shut.listen()
        (folder / "shut.sock").chmod(0)
        for listening in sockets:
            listening.listen(0)
            for _ in range(3):
                client = stack.enter_context(socket.socket(listening.family))
                client.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    client.connect(listening.getsockname())
        yield sockets[1].getsockname()[1]


def by_path(seen: Followed) -> dict[str, Event]:
    """The last line of the error log about each path."""
    errors = [event for event in seen.fresh if "level" in event.fields]
    return {event.fields["request"].split()[1]: event for event in errors if "request" in event.fields}


PATHS = {
    "/refused/": "upstream_refused",
    "/missing/": "upstream_missing",
    "/forbidden/": "upstream_forbidden",
    "/queue/": "upstream_queue_full",
    "/unanswered/": "upstream_connect_timed_out",
    "/dead/": "no_live_upstreams",
    "/tls/": "upstream_ssl_failed",
    "/slow/2": "upstream_timed_out",
    "/close": "upstream_prematurely_closed",
    "/half": "upstream_prematurely_closed",
    "/reset": "upstream_reset",
    "/junk": "upstream_invalid",
    "/header/9000": "header_too_big",
    "/limited/": "limiting",
    "/short/": "body_too_large",
    "/spool/": "buffered",
    "/static/none.css": "file_missing",
    "/shut/": "access_forbidden",
}


async def test_each_way_in_which_the_application_can_fail_has_its_name(
    upstream_server: UpstreamServer,
) -> None:
    closed = free_port()
    with contextlib.ExitStack() as stack:
        folder = make_folder("rampdeck-tests-sockets-")
        stack.callback(shutil.rmtree, folder)
        places = {
            "folder": folder,
            "full": stack.enter_context(full_queues(folder)),
            "closed": closed,
            "upstream": f"127.0.0.1:{upstream_server.port}",
        }

        def change(text: str) -> str:
            text = text.replace("    server {\n", HTTP % places + "    server {\n", 1)
            return text.replace("        location /static/", SERVER % places + "        location /static/", 1)

        server = stack.enter_context(nginx(upstream_server.url, change))
        table = {"access_log": str(server.access_log), "error_log": str(server.error_log)}
        async with following(NginxCollector, table) as seen:
            await seen.until(lambda: seen.sink.health is Health.LIVE)
            for path in PATHS:
                body = b"x" * 20_000 if path in ("/short/", "/spool/") else None
                for _ in range(2 if path in ("/dead/", "/limited/") else 1):
                    ask(server, path, body)
            await seen.until(lambda: set(by_path(seen)) >= set(PATHS) and seen.total("requests") >= 20)
            await seen.until(lambda: all(seen.total(name) for name in PATHS.values()))
        told = {path: event.fields.get("signal") for path, event in by_path(seen).items()}
        assert told == PATHS
        assert seen.total("upstream_prematurely_closed") == 2
        assert seen.total("upstream_disabled") >= 1
        refused = by_path(seen)["/refused/"]
        assert refused.fields["errno"] == "111"
        assert refused.fields["action"] == "connecting to upstream"
        assert refused.fields["upstream"] == f"http://127.0.0.1:{closed}/refused/"
        assert refused.fields["host"] == f"127.0.0.1:{server.port}"
        assert refused.fields["server"] == "localhost"
        assert refused.fields["conn"].isdigit()
        assert by_path(seen)["/limited/"].fields["zone"] == "requests"
        assert by_path(seen)["/slow/2"].fields["action"] == "reading response header from upstream"
        # All of these 5xx are Nginx's own: none came from the application.
        assert seen.total("5xx") == seen.total("own_5xx") > 10
        assert seen.total("upstream_5xx") == 0
        assert seen.total("lines_read") == seen.total("lines_stored") + seen.total("lines_counted")


async def test_the_limit_of_connections_is_named_before_it_is_reached_and_when_it_is(
    upstream_server: UpstreamServer,
) -> None:
    def change(text: str) -> str:
        return text.replace("worker_connections 1024", "worker_connections 24")

    with nginx(upstream_server.url, change) as server, contextlib.ExitStack() as stack:
        async with following(NginxCollector, {"error_log": str(server.error_log)}) as seen:
            await seen.until(lambda: seen.sink.health is Health.LIVE)
            for _ in range(24):
                client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                client.sendall(b"GET /static/ HTTP/1.1\r\nHost: x\r\n\r\n")
            await seen.until(lambda: seen.total("worker_connections_low"))

            def upload() -> float:
                """Begin one more upload, which keeps its connection, unlike what is idle."""
                client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\nx")
                return seen.total("worker_connections")

            await seen.until(upload)
    low = next(e for e in seen.fresh if e.fields.get("signal") == "worker_connections_low")
    reached = next(e for e in seen.fresh if e.fields.get("signal") == "worker_connections")
    assert (low.severity, reached.severity) == (Severity.WARNING, Severity.ALERT)


async def test_a_want_of_file_descriptors_is_named(upstream_server: UpstreamServer) -> None:
    def change(text: str) -> str:
        return "worker_rlimit_nofile 20;\n" + text

    with nginx(upstream_server.url, change) as server, contextlib.ExitStack() as stack:
        async with following(NginxCollector, {"error_log": str(server.error_log)}) as seen:
            await seen.until(lambda: seen.sink.health is Health.LIVE)
            for _ in range(30):
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            await seen.until(lambda: seen.total("too_many_files"))
    assert min(event.severity for event in seen.fresh) <= Severity.CRITICAL


async def test_a_reload_and_a_worker_that_dies_are_named() -> None:
    with nginx("http://127.0.0.1:9", lambda text: text) as server:
        async with following(NginxCollector, {"error_log": str(server.error_log)}) as seen:
            await seen.until(lambda: seen.sink.health is Health.LIVE)
            master = psutil.Process(server.pid)
            old = set(master.children())
            os.kill(server.pid, signal.SIGHUP)
            await seen.until(lambda: seen.total("config_changed") == 1)
            await seen.until(lambda: seen.total("starting") == 1)
            await seen.until(lambda: master.children() and not old & set(master.children()))
            master.children()[0].kill()
            await seen.until(lambda: seen.total("worker_died") == 1)
    died = next(event for event in seen.fresh if event.fields.get("signal") == "worker_died")
    assert died.severity is Severity.ALERT


BEHIND = "while connecting to upstream"
UNCAUSED = {
    f"[crit] connect() to 127.0.0.1:8000 failed (99: Cannot assign requested address) {BEHIND}": (
        "upstream_ports_exhausted"
    ),
    f"[error] connect() failed (113: No route to host) {BEHIND}": "upstream_unreachable",
    f"[error] connect() failed (110: Connection timed out) {BEHIND}": "upstream_connect_timed_out",
    "[error] writev() failed (32: Broken pipe) while sending request to upstream": "upstream_reset",
    "[error] shop could not be resolved (3: Host not found)": "upstream_unresolved",
    '[error] limiting connections by zone "one"': "limiting",
    '[notice] limiting requests, dry run, excess: 5.1 by zone "one"': None,
    '[notice] limiting connections, dry run, by zone "one"': None,
    '[warn] delaying request, excess: 0.5, by zone "one"': "delaying",
    '[alert] could not allocate node in limit_req zone "one"': "zone_full",
    '[crit] pwrite() "/var/lib/nginx/body/1" failed (28: No space left on device)': "disk_full",
    f"[alert] socket() failed (24: Too many open files) {BEHIND}": "too_many_files",
    "[alert] the new socket has number 1024, but only 1024 files are available": "too_many_files",
    "[crit] SSL_do_handshake() failed (SSL: error:0A00006C) while SSL handshaking": "ssl_failed",
    "[info] peer closed connection in SSL handshake (104: Connection reset by peer) while SSL handshaking"
    " to upstream": "upstream_ssl_failed",
    "[emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)": "bind_failed",
    "[notice] signal process started": "signalled",
    "[notice] signal 1 (SIGHUP) received from 7, reconfiguring": "config_changed",
    "[notice] signal 15 (SIGTERM) received from 7, exiting": "stopping",
    # What a client asked for is no signal, nor what another module says.
    '[error] open() "/srv/no live upstreams" failed (2: No such file or directory)': "file_missing",
    '[error] user "upstream timed out" was not found in "/etc/users"': None,
    "[error] recv() failed (104: Connection reset by peer) while sending to client": None,
}
"""As Nginx 1.29 writes them: ngx_http_upstream.c, ngx_event_connect.c, ngx_http_limit_*_module.c."""


@pytest.mark.parametrize(("message", "named"), UNCAUSED.items())
def test_what_is_hard_to_cause_is_named_too(message: str, named: str | None) -> None:
    level, _, text = message.partition(" ")
    *_, fields = read_error(f"2026/09/20 10:01:02 {level} 1#1: *2 {text}", 0)
    assert fields.get("signal") == named


def test_a_client_who_sends_quotation_marks_cannot_hide_what_was_asked() -> None:
    line = (
        "2026/09/20 10:01:02 [error] 1#1: *2 upstream timed out (110: Connection timed out) while reading "
        'response header from upstream, client: ::1, server: shop, request: "GET /"x", y HTTP/1.1", '
        'upstream: "http://127.0.0.1:8000/"x", y", host: "shop", referrer: "http://a, b"'
    )
    *_, fields = read_error(line, 0)
    assert (fields["signal"], fields["client"], fields["server"]) == ("upstream_timed_out", "::1", "shop")
    assert fields["request"] == "GET /"
    assert fields["host"] == "shop"


lines = st.text(max_size=40) | st.sampled_from(
    [
        "2026/09/20 10:01:02 [error] 1#1: ",
        "2026/99/99 10:01:02 [crit] 1#1: *2 connect() failed (111: Connection refused) while connecting",
        ', client: 10.0.0.9, server: , request: "GET / HTTP/1.1", upstream: "',
        "limiting requests, excess: 1 by zone ",
        "\x1b[31m\u202e",
    ]
)


@fuzz
@given(st.lists(lines, max_size=5).map("".join))
def test_any_line_is_read_without_a_word_of_complaint_and_can_be_shown(line: str) -> None:
    text, severity, sent, fields = read_error(line, 3600)
    assert text in line
    assert severity in Severity
    assert sent is None or sent > 0
    assert all(clean(value).isprintable() for value in (text, *fields.values()))
