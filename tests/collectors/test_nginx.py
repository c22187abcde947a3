"""Nginx's pane counts every request exactly once and shows every failure."""

from __future__ import annotations

import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError

from collectors.nginx import NginxCollector, NginxConfig, read_error
from rampdeck.demo.nginx import NginxServer
from rampdeck.demo.sshd import SshdServer
from rampdeck.errors import CommandFailed
from rampdeck.model import EventKind, Health, Severity
from rampdeck.remote import Stream
from rampdeck.remote.local import LocalRemote
from tests.servers import UpstreamServer

from .following import AsNobody, Followed, again, cut_connections, following
from .watching import over_ssh


def logs(server: NginxServer) -> dict[str, str]:
    return {"access_log": str(server.access_log), "error_log": str(server.error_log)}


def get(server: NginxServer, path: str, times: int = 1) -> None:
    for _ in range(times):
        try:
            urllib.request.urlopen(server.url + path, timeout=60).close()
        except urllib.error.HTTPError as error:
            error.close()


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def asked(nginx: Followed) -> list[int]:
    """The numbers that were asked for, of requests that failed."""
    return [int(event.fields["request"].split()[1][1:]) for event in nginx.fresh if "request" in event.fields]


async def test_requests_are_counted_by_status_and_timed(nginx_server: NginxServer) -> None:
    before, began = lines(nginx_server.access_log), time.time()
    async with following(NginxCollector, logs(nginx_server)) as nginx:
        await nginx.until(lambda: nginx.sink.health is Health.LIVE)
        get(nginx_server, "/", 7)
        get(nginx_server, "/slow/0.05", 2)
        get(nginx_server, "/status/302")
        get(nginx_server, "/status/404", 2)
        get(nginx_server, "/status/503", 3)
        await nginx.until(lambda: nginx.total("requests") == 15)
    assert lines(nginx_server.access_log) - before == 15
    totals = {
        name: nginx.total(name) for name in ("2xx", "3xx", "4xx", "499", "5xx", "other", "upstream_5xx")
    }
    assert totals == {"2xx": 9, "3xx": 1, "4xx": 2, "499": 0, "5xx": 3, "other": 0, "upstream_5xx": 3}
    assert max(sample.values.get("request_time_max", 0) for sample in nginx.samples) >= 50
    assert max(sample.values.get("upstream_time_max", 0) for sample in nginx.samples) >= 50
    failed = [event for event in nginx.fresh if event.fields.get("status") == "503"]
    assert len(failed) == 3
    assert failed[0].severity is Severity.ERROR
    assert failed[0].fields["request"] == "GET /status/503 HTTP/1.1"
    assert failed[0].fields["upstream_status"] == "503"
    assert failed[0].text.startswith('"GET /status/503 HTTP/1.1" 503 ')
    assert failed[0].sent is not None
    assert int(began) <= failed[0].sent <= failed[0].at.utc, "to the second"
    assert not [event for event in nginx.fresh if event.fields.get("status") == "200"]


async def test_an_application_that_is_down_is_named_in_the_error_log(
    nginx_server: NginxServer, upstream_server: UpstreamServer
) -> None:
    began = time.time()
    async with following(NginxCollector, logs(nginx_server)) as nginx:
        await nginx.until(lambda: nginx.sink.health is Health.LIVE)
        upstream_server.stop()
        try:
            get(nginx_server, "/orders/", 2)
        finally:
            upstream_server.start()
        await nginx.until(lambda: nginx.total("error_lines") == 2 and nginx.total("5xx") == 2)
    refused = [event for event in nginx.fresh if event.fields.get("signal") == "upstream_refused"]
    assert len(refused) == 2
    event = refused[0]
    assert event.text == "connect() failed (111: Connection refused) while connecting to upstream"
    assert event.severity is Severity.ERROR
    assert event.fields["request"] == "GET /orders/ HTTP/1.1"
    assert event.fields["upstream"] == upstream_server.url + "/orders/"
    assert event.fields["client"] == "127.0.0.1"
    assert event.sent is not None
    assert int(began) <= event.sent <= event.at.utc, "to the second"
    async with following(NginxCollector, logs(nginx_server)) as later:
        await later.until(
            lambda: later.samples and any("Connection refused" in event.text for event in later.events())
        )
    assert later.event("Connection refused").fields["before"] == "start"
    assert later.total("error_lines") == 0, "what came before the beginning does not count"


async def test_no_request_is_lost_when_the_log_is_rotated(nginx_server: NginxServer) -> None:
    async with following(NginxCollector, logs(nginx_server)) as nginx:
        await nginx.until(lambda: nginx.sink.health is Health.LIVE)
        get(nginx_server, "/", 20)
        old = nginx_server.access_log.with_name("access.log.1")
        nginx_server.access_log.rename(old)
        get(nginx_server, "/", 20)  # Nginx goes on in the renamed file
        os.kill(nginx_server.pid, signal.SIGUSR1)
        await nginx.until(nginx_server.access_log.exists)
        get(nginx_server, "/", 20)
        await nginx.until(lambda: nginx.total("requests") >= 60)
        os.truncate(nginx_server.access_log, 0)
        await nginx.until(lambda: nginx.total("requests") >= 60 and len(nginx.samples) > 2)
        get(nginx_server, "/", 5)
        await nginx.until(lambda: nginx.total("requests") == 65)
    assert nginx.total("2xx") == 65
    [gap] = nginx.events(EventKind.GAP)
    assert "may be missing: the file was truncated" in gap.text, "nobody knows what stood there at last"
    old.unlink()


async def test_reading_goes_on_where_a_lost_connection_left_it(
    nginx_server: NginxServer, sshd_server: SshdServer
) -> None:
    before = lines(nginx_server.access_log)
    async with (
        over_ssh(sshd_server) as remote,
        following(NginxCollector, logs(nginx_server), remote) as nginx,
    ):
        await nginx.until(lambda: nginx.sink.health is Health.LIVE)
        get(nginx_server, "/status/500", 10)
        await nginx.until(lambda: nginx.total("requests") == 10)
        cut_connections(sshd_server)
        get(nginx_server, "/status/500", 10)
        await nginx.until(lambda: nginx.total("requests") >= 20)
        get(nginx_server, "/status/500", 10)
        await nginx.until(lambda: nginx.total("requests") == 30)
    assert lines(nginx_server.access_log) - before == 30
    assert len([event for event in nginx.fresh if event.fields.get("status") == "500"]) == 30
    [gap] = nginx.events(EventKind.GAP)
    assert "blind" in gap.text


@pytest.mark.parametrize("rotation", ["renamed", "truncated", "deleted"])
async def test_a_rotation_while_nobody_reads_is_read_or_told(tmp_path: Path, rotation: str) -> None:
    log = tmp_path / "access.log"
    line = '127.0.0.1 - - [20/Sep/2026:10:01:{:02} +0000] "GET /{} HTTP/1.1" 404 12 "-" "curl"\n'
    log.touch()
    async with following(NginxCollector, {"access_log": str(log)}) as nginx:
        await nginx.until(lambda: nginx.sink.health is Health.LIVE)
        log.write_text("".join(line.format(i, i) for i in range(5)))
        await nginx.until(lambda: len(asked(nginx)) == 5)
    with log.open("a") as file:
        file.write("".join(line.format(i, i) for i in range(5, 8)))
    if rotation == "renamed":
        log.rename(tmp_path / "access.log.1")
    elif rotation == "deleted":
        log.unlink()
    log.write_text("".join(line.format(i, i) for i in range(8, 20)))
    async with again(nginx):
        await nginx.until(lambda: asked(nginx)[-1] == 19)
    seen = asked(nginx)
    assert seen == (list(range(20)) if rotation == "renamed" else [*range(5), *range(8, 20)])
    assert nginx.total("requests") == len(seen)
    told = [event for event in nginx.events(EventKind.GAP) if "may be missing" in event.text]
    assert len(told) == (0 if rotation == "renamed" else 1)


async def test_a_log_that_is_not_there_yet_is_said_and_read_from_its_first_line(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    async with following(NginxCollector, {"access_log": str(log)}) as nginx:
        await nginx.until(lambda: nginx.sink.health is Health.BLIND)
        assert f"cannot read {log} on this machine: there is no such file" in nginx.sink.reason
        log.write_text('::1 - - [x] "GET / HTTP/1.1" 200 1\n')
        await nginx.until(lambda: nginx.total("requests") == 1)
        assert nginx.sink.health is Health.LIVE


async def test_one_log_that_cannot_be_read_does_not_hide_the_other(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.touch()
    async with following(
        NginxCollector, {"access_log": str(log), "error_log": str(tmp_path / "error.log")}
    ) as nginx:
        await nginx.until(lambda: nginx.sink.health is Health.WARNING)
        assert "error.log" in nginx.sink.reason
        log.write_text('::1 - - [x] "GET / HTTP/1.1" 200 1\n')
        await nginx.until(lambda: nginx.total("requests") == 1)
        assert "error_lines" not in nginx.samples[-1].values, "nothing is known, which is not zero"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask as somebody else")
async def test_a_user_without_the_right_is_told_how_to_get_it_and_then_reads(servers_folder: Path) -> None:
    log = servers_folder / "secret.log"
    log.touch(mode=0o600)
    async with following(NginxCollector, {"access_log": str(log)}, AsNobody()) as nginx:
        await nginx.until(lambda: nginx.sink.health is Health.BLIND)
        assert "user nobody has no right to" in nginx.sink.reason
        assert "sudo usermod -aG adm nobody" in nginx.sink.reason
        log.chmod(0o644)
        await nginx.until(lambda: nginx.sink.health is Health.LIVE)
    log.unlink()


async def test_a_folder_is_no_log(tmp_path: Path) -> None:
    async with following(NginxCollector, {"error_log": str(tmp_path)}) as nginx:
        await nginx.until(lambda: nginx.sink.health is Health.BLIND)
    assert "it is no ordinary file" in nginx.sink.reason


async def test_a_quiet_nginx_is_live(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.touch()
    async with following(NginxCollector, {"access_log": str(log)}) as nginx:
        await nginx.until(lambda: len(nginx.samples) >= 2)
    assert nginx.samples[0].values["requests"] == 0
    assert "request_time" not in nginx.samples[0].values
    assert nginx.sink.health is Health.LIVE


class OneSession(LocalRemote):
    """This machine, as a host shows itself that gives one session and no more."""

    sessions = 0

    @asynccontextmanager
    async def _running(self, command: str, *, stdin: bool, short: bool) -> AsyncIterator[Stream]:
        if self.sessions:
            raise CommandFailed(f"cannot start {command}", "the host gives no further session")
        self.sessions += 1
        try:
            async with super()._running(command, stdin=stdin, short=short) as stream:
                yield stream
        finally:
            self.sessions -= 1


async def test_a_host_with_one_session_gives_it_to_the_error_log_and_says_what_is_missing(
    tmp_path: Path,
) -> None:
    for name in ("access.log", "error.log"):
        (tmp_path / name).touch()
    table = {"access_log": str(tmp_path / "access.log"), "error_log": str(tmp_path / "error.log")}
    async with following(NginxCollector, table, OneSession()) as nginx:
        await nginx.until(lambda: nginx.sink.health is Health.WARNING)
        assert "access.log" in nginx.sink.reason
        assert "no further session" in nginx.sink.reason
        (tmp_path / "error.log").write_text("2026/09/20 10:01:02 [error] 1#1: *1 no live upstreams\n")
        await nginx.until(lambda: nginx.total("no_live_upstreams") == 1)
        assert "requests" not in nginx.samples[-1].values, "nothing is known, which is not zero"


async def test_every_line_is_stored_or_counted_also_in_a_flood_of_failures(tmp_path: Path) -> None:
    access, errors = tmp_path / "access.log", tmp_path / "error.log"
    access.touch()
    errors.write_text("2026/09/20 10:01:02 [warn] 1#1: from before\n" * 3)
    line = 'a - - [20/Sep/2026:10:01:02 +0000] "GET /x/{} HTTP/1.1" {} 1 "-" "-" rt=0.1 uht=- us=502\n'
    async with following(NginxCollector, {"access_log": str(access), "error_log": str(errors)}) as nginx:
        await nginx.until(lambda: nginx.sink.health is Health.LIVE)
        access.write_text("".join(line.format(i, 502 if i % 2 else 200) for i in range(5_000)))
        with errors.open("a") as log:
            log.write("2026/09/20 10:01:02 [error] 1#1: *1 no live upstreams\n" * 50)
        await nginx.until(lambda: nginx.total("requests") == 5_000 and nginx.total("no_live_upstreams") == 50)
    assert nginx.total("lines_read") == 5_050, "what is from before the beginning is only shown"
    assert nginx.total("lines_stored") + nginx.total("lines_counted") == 5_050
    failed = [event for event in nginx.fresh if event.fields.get("status") == "502"]
    shown = sum("count" not in event.fields for event in failed)
    assert nginx.total("lines_stored") == shown + 50
    assert shown + sum(int(event.fields.get("count", 0)) for event in failed) == 2_500


async def test_a_format_without_times_is_said_once_with_the_one_to_use(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.touch()
    async with following(NginxCollector, {"access_log": str(log)}) as nginx:
        await nginx.until(lambda: nginx.sink.health is Health.LIVE)
        for _ in range(2):
            with log.open("a") as file:
                file.write('::1 - - [x] "GET / HTTP/1.1" 200 1 "-" "-"\n')
            await nginx.until(lambda: nginx.total("requests") > 0)
        await nginx.until(lambda: nginx.total("requests") == 2)
    [told] = nginx.fresh
    assert told.severity is Severity.NOTICE
    assert "log_format timed" in told.text
    assert "$upstream_header_time" in told.text
    assert nginx.sink.health is Health.LIVE, "it is no fault of the source"


async def test_a_burst_of_twenty_thousand_lines_is_counted_to_the_last(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.touch()
    line = '127.0.0.1 - - [20/Sep/2026:10:01:02 +0000] "GET / HTTP/1.1" 200 12 "-" "curl" rt=0.010 us=200\n'
    async with following(NginxCollector, {"access_log": str(log)}) as nginx:
        await nginx.until(lambda: nginx.sink.health is Health.LIVE)
        log.write_text(line * 20_000)
        await nginx.until(lambda: nginx.total("requests") == 20_000)
    assert nginx.total("upstream_2xx") == 20_000


def test_an_error_line_is_taken_apart() -> None:
    line = (
        "2026/09/20 10:01:02 [warn] 12#12: *7 an upstream response is buffered to a temporary file "
        "/var/lib/nginx/proxy/1/00/0000000001 while reading upstream, client: 10.0.0.9, server: shop, "
        'request: "GET /report/?a=1, b HTTP/1.1", upstream: "http://127.0.0.1:8000/report/", host: "shop"'
    )
    text, severity, sent, fields = read_error(line, 7200)
    assert text.endswith("while reading upstream")
    assert severity is Severity.WARNING
    assert sent == 1789891262 - 0
    assert fields["signal"] == "buffered"
    assert fields["request"] == "GET /report/?a=1, b HTTP/1.1"


@pytest.mark.parametrize(
    ("message", "signal", "severity"),
    [
        (
            "[error] 1#1: *2 upstream timed out (110: Connection timed out) while reading",
            "upstream_timed_out",
            3,
        ),
        ("[alert] 1#1: *2 64 worker_connections are not enough", "worker_connections", 1),
        ("[crit] 1#1: accept4() failed (24: Too many open files)", "too_many_files", 2),
        ("[error] 1#1: *2 no live upstreams while connecting to upstream", "no_live_upstreams", 3),
        ('[error] 1#1: *2 limiting requests, excess: 5.1 by zone "one"', "limiting", 3),
        ("[notice] 1#1: signal 1 (SIGHUP) received from 7, reconfiguring", "config_changed", 5),
    ],
)
def test_what_an_error_line_means_is_named(message: str, signal: str | None, severity: int) -> None:
    _, found, _, fields = read_error(f"2026/09/20 10:01:02 {message}", 0)
    assert fields.get("signal") == signal
    assert found == severity


def test_a_line_of_another_shape_is_kept_whole() -> None:
    assert read_error("PHP says\x1b[31m hello", 0) == ("PHP says\x1b[31m hello", Severity.NOTICE, None, {})


def test_a_table_without_a_log_or_with_half_a_path_is_refused() -> None:
    with pytest.raises(ValidationError, match="give access_log, error_log or both"):
        NginxConfig(kind="nginx")
    with pytest.raises(ValidationError, match="must be a whole path"):
        NginxConfig(kind="nginx", access_log="access.log")
