"""Gunicorn's pane shows what workers and application say, each thing once, whatever is in it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from collectors.gunicorn import GunicornCollector, GunicornConfig
from rampdeck.demo.journal import JournalWriter
from rampdeck.demo.sshd import SshdServer
from rampdeck.model import EventKind, Health, Severity

from . import recording
from .following import AsNobody, Followed, again, cut_connections, following
from .watching import over_ssh

TRACEBACK = """\
Traceback (most recent call last):
  File "/srv/app/django/db/backends/base/base.py", line 279, in ensure_connection
    self.connect()
psycopg.OperationalError: connection failed: FATAL:  sorry, too many clients already

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/app/shop/views.py", line 12, in orders
    return render(request, "orders.html")
django.db.utils.OperationalError: connection failed: FATAL:  sorry, too many clients already
DETAIL:  somebody else has them all"""


def say(level: str, message: str, pid: int = 4242) -> bytes:
    return f"[2026-09-20 10:01:02 +0000] [{pid}] [{level}] {message}".encode()


async def live(gunicorn: Followed) -> None:
    await gunicorn.until(lambda: gunicorn.sink.health in (Health.LIVE, Health.WARNING))


async def test_a_worker_timeout_is_told_with_its_worker(journal_writer: JournalWriter) -> None:
    began = time.time() - 0.001  # journald keeps microseconds
    journal_writer.write(say("INFO", "Starting gunicorn 23.0.0", 100), pid=100)
    journal_writer.write(say("INFO", "Booting worker with pid: 101", 101), pid=101)
    journal_writer.write(say("CRITICAL", "WORKER TIMEOUT (pid:77)", 100), pid=100)
    async with following(GunicornCollector, {"journal_file": str(journal_writer.path)}) as gunicorn:
        await live(gunicorn)
        journal_writer.write(say("INFO", "Booting worker with pid: 102", 102), pid=102)
        journal_writer.write(say("CRITICAL", "WORKER TIMEOUT (pid:101)", 100), pid=100)
        journal_writer.write(
            say("ERROR", "Worker (pid:101) was sent SIGKILL! Perhaps out of memory?", 100), pid=100
        )
        journal_writer.write(say("INFO", "Booting worker with pid: 103", 103), pid=103)
        await gunicorn.until(lambda: gunicorn.total("lines_read") == 4)
    timeout = next(event for event in gunicorn.fresh if event.fields.get("signal") == "worker_timeout")
    assert timeout.text == "WORKER TIMEOUT (pid:101)"
    assert timeout.severity is Severity.CRITICAL
    assert timeout.fields == {"pid": "100", "level": "CRITICAL", "signal": "worker_timeout", "worker": "101"}
    assert timeout.sent is not None
    assert began <= timeout.sent <= timeout.at.utc, "the journal's time, not the one in the text"
    # Two are restarts: the first one in place of the worker that was lost just before the beginning.
    counted = {
        "worker_timeout": 1,
        "worker_killed": 1,
        "out_of_memory": 0,
        "booting": 0,
        "worker_restarted": 2,
    }
    assert {name: gunicorn.total(name) for name in counted} == counted
    assert (gunicorn.total("errors"), gunicorn.total("warnings")) == (2, 2)
    assert gunicorn.samples[-1].values["workers"] == 2
    killed = next(event for event in gunicorn.fresh if event.fields.get("signal") == "worker_killed")
    assert killed.fields["because"] == "worker_timeout", "not the want of memory that Gunicorn guesses"
    earlier = [event for event in gunicorn.events() if event.fields.get("before") == "start"]
    assert [event.text for event in earlier] == [
        "Starting gunicorn 23.0.0",
        "Booting worker with pid: 101",
        "WORKER TIMEOUT (pid:77)",
    ]


async def test_a_traceback_and_its_error_are_one_event(
    journal_writer: JournalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors._tracebacks.QUIET", 5.0)  # its lines may come slowly on a busy machine
    async with following(GunicornCollector, {"journal_file": str(journal_writer.path)}) as gunicorn:
        await live(gunicorn)
        journal_writer.write(say("ERROR", "Internal Server Error: /orders/", 7), pid=7)
        for line in TRACEBACK.splitlines():
            journal_writer.write(line.encode(), pid=7)
            journal_writer.write(say("INFO", "another worker talks at the same time", 8), pid=8)
        await gunicorn.until(lambda: gunicorn.total("errors") == 1)
        await gunicorn.until(lambda: gunicorn.total("lines_read") == 2 * len(TRACEBACK.splitlines()) + 1)
    error = gunicorn.event("Internal Server Error")
    assert error.text == f"Internal Server Error: /orders/\n{TRACEBACK}"
    assert error.severity is Severity.ERROR
    assert error.fields["signal"] == "database_full"
    lines = len(TRACEBACK.splitlines())
    assert gunicorn.total("lines_read") == gunicorn.total("lines_stored") == 2 * lines + 1
    assert (error.fields["path"], error.fields["exception"]) == (
        "/orders/",
        "django.db.utils.OperationalError",
    )
    assert len(gunicorn.events()) == lines + 1


async def test_reading_goes_on_where_a_lost_connection_left_it(
    journal_writer: JournalWriter, sshd_server: SshdServer
) -> None:
    table = {"journal_file": str(journal_writer.path)}
    async with over_ssh(sshd_server) as remote, following(GunicornCollector, table, remote) as gunicorn:
        await live(gunicorn)
        assert gunicorn.sink.health is Health.WARNING
        assert "no line of gunicorn.service yet" in gunicorn.sink.reason
        for number in range(3):
            journal_writer.write(f"line {number}".encode())
        await gunicorn.until(lambda: len(gunicorn.events()) == 3)
        cut_connections(sshd_server)
        for number in range(3, 6):
            journal_writer.write(f"line {number}".encode())
        await gunicorn.until(lambda: len(gunicorn.events()) == 6)
        journal_writer.write(b"line 6")
        await gunicorn.until(lambda: gunicorn.total("lines_read") == 7)
    assert [event.text for event in gunicorn.fresh] == [f"line {number}" for number in range(7)]


async def test_a_journal_that_was_replaced_gives_nothing_twice(
    journal_writer: JournalWriter, tmp_path: Path
) -> None:
    async with following(GunicornCollector, {"journal_file": str(journal_writer.path)}) as gunicorn:
        await live(gunicorn)
        journal_writer.write(b"one")
        journal_writer.write(b"two")
        await gunicorn.until(lambda: len(gunicorn.events()) == 2)
    journal_writer.stop()
    journal_writer.path.unlink()
    with JournalWriter.create(tmp_path) as replaced:
        replaced.write(b"three")
        async with again(gunicorn):
            await gunicorn.until(lambda: len(gunicorn.events()) == 3)
            replaced.write(b"four")
            await gunicorn.until(lambda: len(gunicorn.events()) == 4)
    assert [event.text for event in gunicorn.events()] == ["one", "two", "three", "four"]


async def test_hostile_lines_are_kept_as_they_are(journal_writer: JournalWriter) -> None:
    long = "é" * 500_000
    hostile = [b"\x1b[2Jgone\x00 \x07", b"broken \xff\xfe utf-8", "漢字 🛫 [/orders/] [id]".encode()]
    async with following(GunicornCollector, {"journal_file": str(journal_writer.path)}) as gunicorn:
        await live(gunicorn)
        for line in hostile:
            journal_writer.write(line)
        journal_writer.write_line(long.encode())
        journal_writer.write(b"", priority=2)
        journal_writer.write(b"the end")
        await gunicorn.until(lambda: gunicorn.events() and gunicorn.events()[-1].text == "the end")
    texts = [event.text for event in gunicorn.events()]
    assert texts[:3] == [line.decode(errors="replace") for line in hostile]
    assert len(texts[3]) > 400_000
    assert set(texts[3]) <= {"é", "\N{REPLACEMENT CHARACTER}"}


async def test_a_quiet_journal_is_live(journal_writer: JournalWriter) -> None:
    journal_writer.write(b"an old line")
    async with following(GunicornCollector, {"journal_file": str(journal_writer.path)}) as gunicorn:
        await gunicorn.until(lambda: len(gunicorn.samples) >= 2)
        assert gunicorn.sink.health is Health.LIVE
    assert {sample.values["worker_timeout"] for sample in gunicorn.samples} == {0}


async def test_another_unit_is_left_out(journal_writer: JournalWriter) -> None:
    table = {"journal_file": str(journal_writer.path), "unit": "shop.service"}
    async with following(GunicornCollector, table) as gunicorn:
        await live(gunicorn)
        journal_writer.write(b"not this", unit="cron.service")
        journal_writer.write(b"this", unit="shop.service")
        await gunicorn.until(lambda: gunicorn.events())
    assert [event.text for event in gunicorn.events()] == ["this"]


async def test_a_journal_that_is_not_there_is_said(tmp_path: Path) -> None:
    async with following(GunicornCollector, {"journal_file": str(tmp_path / "no.journal")}) as gunicorn:
        await gunicorn.until(lambda: gunicorn.sink.health is Health.BLIND)
    assert "cannot read the journal of gunicorn.service on this machine" in gunicorn.sink.reason
    assert "No such file" in gunicorn.sink.reason


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask as somebody else")
async def test_a_user_without_the_right_is_told_how_to_get_it(journal_writer: JournalWriter) -> None:
    journal_writer.path.chmod(0o600)
    table = {"journal_file": str(journal_writer.path)}
    async with following(GunicornCollector, table, AsNobody()) as gunicorn:
        await gunicorn.until(lambda: gunicorn.sink.health is Health.BLIND)
    assert "user nobody has no right to" in gunicorn.sink.reason
    assert "sudo usermod -aG systemd-journal nobody" in gunicorn.sink.reason


async def test_a_log_file_is_read_like_a_journal(tmp_path: Path) -> None:
    log = tmp_path / "gunicorn.log"
    log.write_bytes(say("ERROR", "Worker failed to boot.") + b"\n")
    async with following(GunicornCollector, {"file": str(log)}) as gunicorn:
        await live(gunicorn)
        with log.open("ab") as file:
            file.write(say("ERROR", "Error handling request /orders/") + b"\n" + TRACEBACK.encode() + b"\n")
            file.write(b"INFO:     Application startup complete.\n")
        await gunicorn.until(lambda: gunicorn.total("errors") == 1 and len(gunicorn.fresh) == 2)
    error, started = gunicorn.fresh
    assert error.text == f"Error handling request /orders/\n{TRACEBACK}"
    assert error.sent == 1789898462
    assert started.text == "Application startup complete."
    assert gunicorn.event("failed to boot").fields["before"] == "start"


async def test_the_gunicorn_that_is_installed_is_understood_as_it_runs() -> None:
    # A worker that has only just begun must not be taken for a stuck one on a busy machine.
    command = recording.gunicorn("sync", "-w", "1", "--timeout", "5")
    with recording.served(recording.WSGI, *command) as server:
        server.wait_for("Booting worker")
        async with following(GunicornCollector, {"file": str(server.output)}) as gunicorn:
            await live(gunicorn)
            server.ask("/boom/", wait=60.0)
            await gunicorn.until(lambda: gunicorn.total("app_error"))
            for restarts, path in enumerate(("/slow/", "/killed/"), 1):
                server.ask(path, wait=60.0)
                await gunicorn.until(lambda most=restarts: gunicorn.total("worker_restarted") >= most)  # type: ignore[misc]
            server.signal(signal.SIGHUP, 0)
            await gunicorn.until(lambda: gunicorn.total("reloading"))
            await gunicorn.until(lambda: gunicorn.total("booting"))
            await gunicorn.until(lambda: gunicorn.total("request_timed_out"))
    counted = {
        "app_error": 1,
        "worker_timeout": 1,
        "request_timed_out": 1,
        "out_of_memory": 1,
        "config_changed": 1,
    }
    assert {name: gunicorn.total(name) for name in counted} == counted
    assert gunicorn.total("worker_restarted") == 2
    (timed_out,) = (event for event in gunicorn.fresh if event.fields.get("signal") == "request_timed_out")
    assert timed_out.fields["path"] == "/slow/"


async def test_docker_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    table = {"compose_service": "web", "compose_file": str(tmp_path / "compose.yaml")}
    async with following(GunicornCollector, table) as gunicorn:
        await gunicorn.until(lambda: gunicorn.sink.health is Health.BLIND)
    assert gunicorn.sink.reason.startswith("cannot read the log of web on this machine: ")
    assert gunicorn.events(EventKind.LOG) == []


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"unit": "shop.service", "file": "/var/log/g.log"}, "give one of unit and file"),
        ({"file": "g.log"}, "must be a whole path"),
        ({"compose_file": "/srv/compose.yaml"}, "need a compose_service"),
        ({"namespace": "shop", "compose_service": "web"}, "belong to a unit's journal"),
        ({"namespace": "shop", "container": "shop_web_1"}, "belong to a unit's journal"),
        ({"compose_service": "web", "container": "shop_web_1"}, "give one of compose_service and container"),
        ({"compose_file": "/srv/compose.yaml", "container": "shop_web_1"}, "need a compose_service"),
    ],
)
def test_a_table_with_two_places_is_refused(table: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        GunicornConfig(kind="gunicorn", **table)
