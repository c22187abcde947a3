"""Single servers of the demo: each serves, stops by its own process id, and starts again where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Any

import psutil
import redis

from rampdeck.demo.process import find_program, tcp_answers
from tests.demo.traces import log_lines

if TYPE_CHECKING:
    from rampdeck.demo.journal import JournalWriter
    from rampdeck.demo.nginx import NginxServer
    from rampdeck.demo.servers import PostgresServer, RedisServer
    from rampdeck.demo.sshd import SshdServer


def journal(path: object, *options: str) -> list[dict[str, Any]]:
    command = [find_program("journalctl") or "", "--file", str(path), "-o", "json", "-a", *options]
    return [json.loads(line) for line in subprocess.check_output(command).splitlines()]


def test_postgres_keeps_its_data_over_a_restart(postgres_server: PostgresServer) -> None:
    with postgres_server.connect(as_owner=True) as owner:
        owner.execute("CREATE TABLE kept (number int)")
        owner.execute("INSERT INTO kept VALUES (42)")
    before = postgres_server.pid
    postgres_server.restart()
    assert postgres_server.pid != before
    with postgres_server.connect() as monitor:
        assert monitor.execute("SELECT number FROM kept").fetchall() == [(42,)]
        assert monitor.execute("SHOW max_connections").fetchone() == ("100",)


def test_the_monitor_role_sees_what_others_run(postgres_server: PostgresServer) -> None:
    with postgres_server.connect(as_owner=True) as owner, postgres_server.connect() as monitor:
        owner.execute("SELECT 'the owner was here'")
        queries = monitor.execute("SELECT query FROM pg_stat_activity WHERE usename = 'shop'").fetchall()
    assert ("SELECT 'the owner was here'",) in queries


def test_redis_wants_its_password(redis_server: RedisServer) -> None:
    with redis.Redis(redis_server.host, redis_server.port, password=redis_server.password) as client:
        assert client.info("memory")["maxmemory"] == 64 * 1024 * 1024
    assert redis_server.password not in " ".join(psutil.Process(redis_server.pid).cmdline())


def test_ssh_login_works_with_strict_host_key_checking(sshd_server: SshdServer) -> None:
    sshd_server.check_login()
    answer = subprocess.check_output(sshd_server.client_command("echo", "$((6*7))"), stdin=subprocess.DEVNULL)
    assert answer == b"42\n"
    assert sshd_server.banner.startswith("OpenSSH_")


def test_a_stopped_sshd_ends_its_sessions_too(sshd_server: SshdServer) -> None:
    command = sshd_server.client_command("echo $$; exec sleep 600")
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        remote_pid = int(client.stdout.readline())
        assert psutil.pid_exists(remote_pid)
        sshd_server.stop()
        assert client.wait(20) == 255
    assert not psutil.pid_exists(remote_pid)
    assert not tcp_answers(sshd_server.port)
    sshd_server.start()


def test_nginx_serves_static_files_itself_and_times_what_it_passes_on(nginx_server: NginxServer) -> None:
    (nginx_server.static / "a.css").write_text("body {}")
    with urllib.request.urlopen(nginx_server.url + "/static/a.css") as answer:
        assert answer.headers["Content-Type"] == "text/css"
    with urllib.request.urlopen(nginx_server.url + "/size/77"):
        pass
    assert log_lines(nginx_server.access_log, "/static/a.css")[0].endswith("uct=- uht=- urt=- us=-")
    passed = log_lines(nginx_server.access_log, "/size/77")[0]
    assert passed.endswith("us=200")
    assert "urt=0." in passed


def test_a_killed_nginx_is_started_again(nginx_server: NginxServer) -> None:
    os.kill(nginx_server.pid, signal.SIGKILL)
    nginx_server.restart()
    assert tcp_answers(nginx_server.port)


def test_the_journal_holds_any_bytes_under_its_unit(journal_writer: JournalWriter) -> None:
    journal_writer.write(b"plain text", pid=77)
    journal_writer.write(b"\x1b[31mred\xff", priority=3)
    journal_writer.write(b"not ours", unit="nginx.service")
    journal_writer.write_line(b"x" * 50_000)
    journal_writer.stop()
    entries = journal(journal_writer.path, "-u", "gunicorn.service")
    assert entries[0]["_PID"] == "77"
    assert entries[0]["MESSAGE"] == "plain text"
    assert bytes(entries[1]["MESSAGE"]) == b"\x1b[31mred\xff"
    assert entries[1]["PRIORITY"] == "3"
    assert [len(str(entry["MESSAGE"])) for entry in entries[2:]] == [49_152, 848]
    assert entries[2]["_LINE_BREAK"] == "line-max"
