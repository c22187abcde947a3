"""What `rampdeck preflight --commands` prints is all that is sent: the servers themselves say what came.

The host notes each command line that sshd was asked to run, PostgreSQL logs each statement, Redis
shows each command to a MONITOR. Whatever came must be one of those that were told before.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio as aioredis

from collectors import COLLECTORS
from rampdeck.cli import TEMPLATE
from rampdeck.collector import Teller
from rampdeck.config import Config
from rampdeck.demo.journal import JournalWriter
from rampdeck.demo.nginx import NginxServer
from rampdeck.demo.servers import PostgresServer, RedisServer
from rampdeck.demo.sshd import SshdServer
from rampdeck.model import Health
from rampdeck.preflight.commands import everything, example
from rampdeck.remote.hosts import Hosts
from rampdeck.sources import sources_of

from .watching import Watch, until, watching

UNKNOWN = dict.fromkeys(("STATEMENT", "SEARCH_PATH", "FOLDERS", "FILES", "ARGUMENTS"), ".+")
"""What stands for more than one word of a shell."""
WORDS = (
    *("OFFSET", "CURSOR", "SECONDS", "TIME", "ROTATED_LOG", "IDS", "SCHEMA", "RELATION"),
    *("PID", "FILE", "PROGRAM", *UNKNOWN),
)
"""Every word in capitals that stands for what is not known before."""
WORD = r"""(?:'[^']*'|"[^"]*"|\$\d|[\w./:@%+=,;-]+)"""
"""A word of a shell, or a parameter of a statement, which does not stand in its text."""


def pattern_of(ask: str) -> re.Pattern[str]:
    """Return what an ask looks like once it is sent; how it is broken into lines does not matter."""
    parts = re.split(rf"\b({'|'.join(WORDS)})\b", " ".join(ask.split()))
    known = (UNKNOWN.get(part, WORD) if place % 2 else re.escape(part) for place, part in enumerate(parts))
    return re.compile("".join(known), re.DOTALL)


def untold(sent: list[str], asks: tuple[str, ...]) -> list[str]:
    """Return what was sent and is none of what was told."""
    patterns = [pattern_of(ask) for ask in asks]
    return [it for it in sent if not any(known.fullmatch(" ".join(it.split())) for known in patterns)]


@dataclass
class Host:
    """A host that keeps a list of what it is asked to run."""

    folder: Path
    table: dict[str, Any]

    @property
    def heard(self) -> list[str]:
        """The commands, taken out of the guard around them."""
        lines = (self.folder / "heard").read_text().split("\0")[:-1]
        return [shlex.split(line)[-1] for line in lines]


DOCKER = """#!/bin/sh
case "$*" in
    *logs*" -f "*) while :; do echo "web-1  | $(date -u +%Y-%m-%dT%H:%M:%S.%NZ) a line"; sleep 0.1; done ;;
    *logs*) ;;
    *) echo 4f66ad9c2b31 ;;
esac
"""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    server = SshdServer.create(tmp_path)
    (server.folder / "heard").touch()
    _program(server.folder / "docker", DOCKER)
    _program(
        server.folder / "note",
        f"#!/bin/sh\nprintf '%s\\0' \"$SSH_ORIGINAL_COMMAND\" >> {server.folder}/heard\n"
        f'PATH="{server.folder}:$PATH" exec sh -c "$SSH_ORIGINAL_COMMAND"\n',
    )
    conf = server.folder / "sshd_config"
    conf.write_text(f"ForceCommand {server.folder}/note\n{conf.read_text()}")
    table = {
        "address": server.host,
        "port": server.port,
        "user": server.user,
        "identity_file": str(server.client_key),
        "known_hosts": str(server.known_hosts),
    }
    with server:
        yield Host(server.folder, table)


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rampdeck.backoff.FIRST", 0.2)
    monkeypatch.setattr("collectors.clock.EARLY", (0.3, 0.3))
    monkeypatch.setattr("collectors.clock.PERIOD", 0.3)


@dataclass
class Reading:
    """Sources of a configuration at work, and what may be sent for them."""

    watch: Watch
    hosts: Hosts
    asks: tuple[str, ...]
    tellers: tuple[Teller, ...]

    async def live(self) -> None:
        """Wait until the source is seen, its next readings are there, and it has told its facts."""
        await self.watch.health(Health.LIVE)
        for collector in self.tellers:
            assert await collector.facts(self.hosts.remote("web"))
        await self.watch.sample()
        await self.watch.sample()

    async def interrupted(self) -> None:
        """Lose the connection, and wait until everything goes on."""
        lost = asyncio.create_task(self.watch.health(Health.BLIND))
        await asyncio.sleep(0)
        await self.hosts.remote("web").close()
        # The clock has a session for some moments only, and none to lose in between.
        if self.watch.sink.info.kind != "clock":
            await lost
        await self.live()
        lost.cancel()


@asynccontextmanager
async def reading(host: Host, **table: Any) -> AsyncIterator[Reading]:
    """Read a source of the host, and what comes with it unasked, after they said what they ask."""
    given = {"hosts": {"web": host.table}, "collectors": [{"host": "web"} | table]}
    config = Config.model_validate(given)
    hosts = Hosts(config.hosts)
    (told,) = (told for told in everything(config, COLLECTORS) if told.name == "web")
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(hosts.close)
        sources = [one for one in sources_of(config, COLLECTORS, hosts.check) if one.host == "web"]
        watches = [
            await stack.enter_async_context(watching(source.collector, hosts.remote("web")))
            for source in sources
        ]
        asks = tuple(ask for asker in told.askers for ask in asker.asks)
        tellers = tuple(source.collector for source in sources if isinstance(source.collector, Teller))
        yield Reading(watches[0], hosts, asks, tellers)


# ---------------------------------------------------------------- the hosts


def test_every_kind_says_what_it_asks_and_is_held_to_it() -> None:
    told = everything(example(TEMPLATE), COLLECTORS)
    silent = {asker.name.partition("@")[0] for host in told for asker in host.askers if not asker.asks}
    assert silent == {"generator"}
    assert {kind for kind, *_ in SCENES} | {"generator", "postgres", "redis"} == set(COLLECTORS)


@dataclass
class Scene:
    """What is there to be read, and what is done to it."""

    nginx: NginxServer
    journal: JournalWriter
    folder: Path

    def rotate(self) -> None:
        """Rename Nginx's error log, as logrotate does."""
        self.nginx.error_log.rename(self.nginx.error_log.with_name("error.log.1"))
        os.kill(self.nginx.pid, signal.SIGUSR1)


@pytest.fixture
def scene(nginx_server: NginxServer, journal_writer: JournalWriter, tmp_path: Path) -> Iterator[Scene]:
    yield Scene(nginx_server, journal_writer, tmp_path)
    nginx_server.error_log.with_name("error.log.1").unlink(missing_ok=True)


def _file(scene: Scene) -> dict[str, str]:
    log = scene.folder / "gunicorn's.log"
    log.write_text("a line\n")
    return {"file": str(log)}


def _journal(scene: Scene) -> dict[str, str]:
    scene.journal.write(b"Booting worker with pid: 7")
    return {"unit": "gunicorn.service", "journal_file": str(scene.journal.path)}


def _compose(scene: Scene) -> dict[str, str]:
    return {"compose_service": "web", "compose_file": "/srv/it's/compose.yaml"}


def _nginx(scene: Scene) -> dict[str, str]:
    return {"error_log": str(scene.nginx.error_log), "access_log": str(scene.nginx.access_log)}


def _caddy(scene: Scene) -> dict[str, str]:
    return {"access_log": str(scene.nginx.access_log), **_file(scene)}


def _nothing(scene: Scene) -> dict[str, str]:
    return {}


SCENES = [
    ("clock", _nothing, "date"),
    ("host", _nothing, "/proc"),
    ("nginx", _nginx, "tail"),
    ("gunicorn", _file, "tail"),
    ("gunicorn", _journal, "cursor"),
    ("gunicorn", _compose, "logs"),
    ("uvicorn", _journal, "cursor"),
    ("caddy", _caddy, "tail"),
]


@pytest.mark.parametrize(("kind", "table", "word"), SCENES)
async def test_a_host_is_asked_to_run_what_was_told_and_nothing_else(
    host: Host, scene: Scene, kind: str, table: Callable[[Scene], dict[str, str]], word: str
) -> None:
    """Also to go on after a lost connection, and after another one during which a log was rotated."""
    async with reading(host, kind=kind, **table(scene)) as at_work:
        await at_work.live()
        await at_work.interrupted()
        scene.rotate()
        await at_work.interrupted()
    assert untold(host.heard, at_work.asks) == []
    assert any(word in command for command in host.heard)


# ---------------------------------------------------------------- the databases


@pytest.fixture
def statements(postgres_server: PostgresServer) -> Iterator[Callable[[], list[str]]]:
    """Let PostgreSQL log every statement of every session while the test runs."""
    settings = {"log_statement": "all", "log_line_prefix": "%a|"}
    log = postgres_server.process.log
    begin = log.stat().st_size

    def heard() -> list[str]:
        # A statement's further lines begin with a tab.
        text = log.read_bytes()[begin:].decode().replace("\n\t", "\n")
        return re.findall(
            r"^rampdeck\|LOG:  (?:statement|execute [^:]+): (.*?)(?=\n[^|\n]*\|[A-Z]+:  |\Z)",
            text,
            re.MULTILINE | re.DOTALL,
        )

    with contextlib.closing(postgres_server.connect(as_admin=True)) as admin:
        for name, value in settings.items():
            admin.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        admin.execute("SELECT pg_reload_conf()")
        try:
            yield heard
        finally:
            for name in settings:
                admin.execute(f"ALTER SYSTEM RESET {name}")
            admin.execute("SELECT pg_reload_conf()")


async def test_postgresql_logs_what_was_told_and_nothing_else(
    host: Host, postgres_server: PostgresServer, statements: Callable[[], list[str]], tmp_path: Path
) -> None:
    server, password = postgres_server, tmp_path / "password"
    password.write_text(server.password)
    with contextlib.closing(server.connect(as_owner=True)) as owner:
        owner.execute("CREATE TABLE IF NOT EXISTS orders (id int)")
        owner.execute("CREATE TABLE IF NOT EXISTS django_migrations (id int, app text, name text)")
    access: dict[str, Any] = {"port": server.port, "user": server.user, "database": server.database}
    access |= {"row_counts": ["orders", "nothing"]}
    try:
        async with reading(host, kind="postgres", password_file=str(password), **access) as at_work:
            await at_work.live()
            await at_work.interrupted()
    finally:
        with contextlib.closing(server.connect(as_owner=True)) as owner:
            owner.execute("DROP TABLE orders, django_migrations")
    assert statements()
    assert untold(statements(), at_work.asks) == []
    assert untold(host.heard, at_work.asks) == []
    assert server.password not in "".join(at_work.asks)


async def test_redis_is_sent_what_was_told_and_nothing_else(
    host: Host, redis_server: RedisServer, tmp_path: Path
) -> None:
    server, password, heard = redis_server, tmp_path / "password", list[str]()
    password.write_text(server.password)
    looking = aioredis.Redis(host=server.host, port=server.port, password=server.password)

    async def look() -> None:
        async with looking.monitor() as monitor:
            heard.append("")
            async for said in monitor.listen():
                heard.append(said["command"])

    watcher = asyncio.create_task(look())
    try:
        await until(lambda: heard or None)
        async with reading(host, kind="redis", port=server.port, password_file=str(password)) as at_work:
            await at_work.live()
            await at_work.interrupted()
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
        await looking.aclose()
    # MONITOR shows that somebody logged in, but not as whom.
    sent = [command.replace("(redacted)", "USER PASSWORD").upper() for command in heard[1:]]
    assert sent
    assert untold(sent, tuple(ask.upper() for ask in at_work.asks)) == []
    assert untold(host.heard, at_work.asks) == []
    assert server.password not in "".join(at_work.asks)
