"""One run through every fault: no line lost, none twice, every gap told, every pane back by itself.

In all that time numbered lines are written to a journal, a log file and Nginx's two logs, which are read over
SSH; so is everything else.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from rampdeck.demo.nginx import NginxServer
from rampdeck.demo.servers import PostgresServer, RedisServer
from rampdeck.demo.sshd import SshdServer
from tests.run.conftest import Project, environment
from tests.run.faults import LONG, Deck, gaps_of, numbers_of, stopped, total
from tests.run.numbers import Numbers

JOURNALD, JOURNAL, FILE = "gunicorn:journald@web", "gunicorn:journal@web", "gunicorn:file@web"
NGINX, POSTGRES, REDIS, HOST = "nginx@web", "postgres@web", "redis@web", "host@web"
SLACK = 2.5
"""Seconds by which a gap may begin after its fault: a source that is asked once a second notices then."""


@dataclass(frozen=True)
class Stage:
    """The host, the servers, and the run that watches them."""

    numbers: Numbers
    deck: Deck
    run: subprocess.Popen[bytes]
    sshd: SshdServer
    postgres: PostgresServer
    redis: RedisServer

    @property
    def logins(self) -> list[psutil.Process]:
        """The processes of sshd that serve our connection, without what they run."""
        found = []
        for process in psutil.Process(self.sshd.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # a short command's
                if process.name().startswith("sshd"):
                    found.append(process)
        return found


@pytest.fixture
def host(tmp_path: Path) -> Iterator[SshdServer]:
    """A host of its own: others are not to be cut off with it."""
    with SshdServer.create(tmp_path) as server:
        yield server


@pytest.fixture
def stage(
    project: Project,
    tmp_path: Path,
    host: SshdServer,
    nginx_server: NginxServer,
    postgres_server: PostgresServer,
    redis_server: RedisServer,
) -> Iterator[Stage]:
    logs = tmp_path / "logs"
    logs.mkdir()
    (tmp_path / "postgres-password").write_text(postgres_server.password)
    (tmp_path / "redis-password").write_text(redis_server.password)
    with Numbers(logs, nginx_server) as numbers:
        followed: dict[str, dict[str, object]] = {
            JOURNAL: {"label": "journal", "journal_file": numbers.journal.path},
            FILE: {"label": "file", "file": numbers.log},
            NGINX: {"access_log": nginx_server.access_log, "error_log": nginx_server.error_log},
        }
        if numbers.journald is not None:
            followed[JOURNALD] = {"label": "journald", "namespace": numbers.journald.namespace}
        polled: dict[str, dict[str, object]] = {
            POSTGRES: {
                "port": postgres_server.port,
                "user": postgres_server.user,
                "database": postgres_server.database,
                "password_file": tmp_path / "postgres-password",
            },
            REDIS: {"port": redis_server.port, "password_file": tmp_path / "redis-password"},
            HOST: {},
        }
        project.write("rampdeck.toml", _toml(host, followed | polled))
        with _running(project) as run:
            file = project.session / "session.sqlite"
            deck = Deck(file, tuple(followed), tuple(polled), numbers.written)
            deck.until_well("at the start", LONG)
            numbers.start()
            yield Stage(numbers, deck, run, host, postgres_server, redis_server)


def _toml(host: SshdServer, sources: dict[str, dict[str, object]]) -> str:
    tables = [
        f'[hosts.web]\naddress = "{host.host}"\nport = {host.port}\nuser = "{host.user}"\n'
        f'identity_file = "{host.client_key}"\nknown_hosts = "{host.known_hosts}"'
    ]
    for name, keys in sources.items():
        kind = name.partition("@")[0].partition(":")[0]
        lines = ["[[collectors]]", f'kind = "{kind}"', 'host = "web"']
        lines += [f"{key} = {json.dumps(str(value))}" for key, value in keys.items() if key != "port"]
        lines += [f"port = {keys['port']}"] if "port" in keys else []
        tables.append("\n".join(lines))
    return "\n".join(tables)


@contextlib.contextmanager
def _running(project: Project) -> Iterator[subprocess.Popen[bytes]]:
    """Run without a screen while the block lasts, or until it is told to end."""
    load = ("-H", project.site, "-u", "1", "-t", "1h", "--json-file", "out.json")
    with (
        (project.folder / "said").open("wb") as said,
        subprocess.Popen(
            project.command("run", "--headless", *load),
            cwd=project.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        ) as process,
    ):
        try:
            until = time.monotonic() + 60
            while not list(project.folder.glob("rampdeck-sessions/*/session.sqlite")):
                assert process.poll() is None, (project.folder / "said").read_text()
                assert time.monotonic() < until
                time.sleep(0.1)
            yield process
        finally:
            process.kill()


def test_no_line_is_lost_and_none_comes_twice_through_every_fault(stage: Stage, project: Project) -> None:
    lose_the_connection(stage)
    move_the_logs(stage)
    break_the_servers(stage)
    stage.numbers.stop()
    stage.deck.until_read()
    stage.run.send_signal(signal.SIGINT)
    stage.run.wait(60)
    items = stage.deck.items()
    every_number_is_there_once(stage, items)
    every_gap_is_told_and_no_other(stage, items)
    the_record_says_the_same(stage, project.result)
    assert total(items, REDIS, "rejected") > 0, "that it was full is seen"


def test_lines_beyond_the_limit_are_counted_and_told(project: Project, tmp_path: Path) -> None:
    log = tmp_path / "gunicorn.log"
    log.touch()
    project.write("rampdeck.toml", f'[[collectors]]\nkind = "gunicorn"\nfile = "{log}"\nlimit = 10\n')
    with _running(project) as run:
        deck = Deck(project.session / "session.sqlite", (), ("gunicorn@local",), {})
        deck.until_well("at the start", LONG)
        log.write_text("".join(f"number {number}\n" for number in range(500)))
        deck.until_well("after the flood", LONG)
        run.send_signal(signal.SIGINT)
        run.wait(60)
    (source,) = [one for one in project.result["sources"] if one["name"] == "gunicorn@local"]
    assert source["lines"]["read"] == source["lines"]["stored"] + source["lines"]["dropped"] == 500
    assert 100 <= source["lines"]["stored"] < 150, "ten seconds' worth, and what the time of reading gives"
    (gap,) = source["blind"]
    assert gap["why"] == f"{source['lines']['dropped']} lines were not stored: more than 10 a second"


# -- what happens


def lose_the_connection(stage: Stage) -> None:
    deck = stage.deck
    with deck.fault("connection killed", *deck.sources):
        for process in stage.logins:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    with deck.fault("connection frozen", *deck.sources):
        frozen = stage.logins
        for process in frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        time.sleep(22)  # longer than we wait for a word
        for process in frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
    with deck.fault("sshd down", *deck.sources):
        stage.sshd.stop()
        time.sleep(10)
        stage.sshd.start()


def move_the_logs(stage: Stage) -> None:
    deck, numbers = stage.deck, stage.numbers
    nginx, log = numbers.nginx, numbers.log
    with deck.fault("renamed, USR1"):
        moved = [path.rename(f"{path}.1") for path in (nginx.access_log, nginx.error_log)]
        time.sleep(0.5)  # it goes on in the renamed files
        os.kill(nginx.pid, signal.SIGUSR1)
    with deck.fault("copied and made anew"), numbers.lock:
        shutil.copy(log, f"{log}.2")
        log.unlink()
        numbers.reopen()
    with deck.fault("copied and truncated", FILE), numbers.lock:
        shutil.copy(log, f"{log}.1")
        os.truncate(log, 0)
    if numbers.journald is not None:
        with deck.fault("journal rotated"):
            numbers.journald.rotate()
    with contextlib.ExitStack() as held:
        held.enter_context(numbers.lock)
        deck.until_read()  # what is not read by then is gone with it
        with deck.fault("journal vanished", JOURNAL):
            numbers.replace_journal()
            held.close()
    for path in moved:
        path.unlink()


def break_the_servers(stage: Stage) -> None:
    deck, postgres, cache = stage.deck, stage.postgres, stage.redis
    with deck.fault("PostgreSQL restarted", POSTGRES):
        postgres.restart()
    with deck.fault("Redis restarted", REDIS):
        cache.restart()
    with deck.fault("PostgreSQL frozen", POSTGRES), stopped(postgres.pid):
        time.sleep(5)
    with deck.fault("Redis frozen", REDIS), stopped(cache.pid):
        time.sleep(5)
    with deck.fault("PostgreSQL full"), contextlib.ExitStack() as stack:
        with pytest.raises(psycopg.OperationalError, match="slots"):
            fill(lambda: stack.enter_context(postgres.connect(as_owner=True)))
        time.sleep(3)
    with deck.fault("Redis full"), contextlib.ExitStack() as stack:

        def client() -> redis.Redis:
            retry = Retry(NoBackoff(), 0)
            made = redis.Redis(host=cache.host, port=cache.port, password=cache.password, retry=retry)
            return stack.enter_context(contextlib.closing(made))

        admin = client()
        most = str(admin.config_get("maxclients")["maxclients"])
        admin.config_set("maxclients", 4)
        with pytest.raises(redis.ConnectionError, match="max number of clients"):
            fill(lambda: client().ping())
        time.sleep(3)
        admin.config_set("maxclients", most)


def fill(connect: Callable[[], object]) -> None:
    """Connect until the server takes no more."""
    for _ in range(1_000):
        connect()


# -- what must have come of it


def every_number_is_there_once(stage: Stage, items: list[object]) -> None:
    written = dict.fromkeys(stage.numbers.written, 1)
    for source in stage.deck.logs:
        found = numbers_of(items, source)
        lost = [number for number in written if number not in found]
        assert not lost, f"{source}: {len(lost)} of {len(written)} lost, {lost[:5]} ..."
        assert found == written, f"{source}: {[one for one in found if found[one] != written.get(one)][:5]}"
    # Of the access log every line is counted, and many failures at once have one event.
    assert total(items, NGINX, "requests") == len(written)
    assert max(numbers_of(items, NGINX, with_field="status").values()) == 1
    for source in stage.deck.logs:
        counts = {name: total(items, source, f"lines_{name}") for name in ("read", "dropped", "suppressed")}
        assert counts == {"read": lines_of(stage, source), "dropped": 0, "suppressed": 0}, source
        kept = total(items, source, "lines_stored") + total(items, source, "lines_counted")
        assert kept == counts["read"], source


def lines_of(stage: Stage, source: str) -> int:
    """Return how many lines were written to the logs of a source: Nginx has two."""
    return len(stage.numbers.written) * (2 if source == NGINX else 1)


def every_gap_is_told_and_no_other(stage: Stage, items: list[object]) -> None:
    for source in stage.deck.sources:
        gaps = gaps_of(items, source)
        for began, until, why in gaps:
            assert any(
                fault.began - SLACK <= began and until <= fault.over
                for fault in stage.deck.faults
                if source in fault.blinds
            ), f"{source} has a gap that no fault made: {why}"
        for fault in stage.deck.faults:
            if source not in fault.blinds or (source, fault.name) == (REDIS, "Redis restarted"):
                continue
            told = [gap for gap in gaps if gap[0] <= fault.over and gap[1] >= fault.began]
            assert told, f"{source}: nothing tells of: {fault.name}"
            begin, end = min(told)[0], max(gap[1] for gap in told)
            assert begin <= fault.began + SLACK, f"{source}: the gap begins too late: {fault.name}"
            # A frozen connection is given up and made anew before it thaws.
            least = fault.began + 10.0 if fault.name == "connection frozen" else fault.ended
            assert end >= least - SLACK, f"{source}: the gap ends too early: {fault.name}"


def the_record_says_the_same(stage: Stage, result: dict[str, Any]) -> None:
    lines = {source["name"]: source["lines"] for source in result["sources"]}
    read = {source: lines[source]["read"] for source in stage.deck.logs}
    assert read == {source: lines_of(stage, source) for source in stage.deck.logs}
    assert [lines[source] for source in (POSTGRES, REDIS, HOST)] == [None] * 3
