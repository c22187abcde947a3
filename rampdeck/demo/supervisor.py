"""The process that owns a demo stack: starts every server, tells where they are, takes everything away again.

It lives as long as its parent holds its standard input open, so that even a parent ended by SIGKILL leaves
nothing behind; SIGTERM, SIGINT and SIGHUP end it too. It is a subreaper (prctl(2)): what a server leaves
orphaned becomes its own child and is ended with the rest.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import select
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING, TypeVar

import psutil

from rampdeck.demo.faults import Breaker, GunicornReload, PostgresUnseen, fill, impossible, let_evict
from rampdeck.demo.info import DemoInfo, GunicornInfo, NginxInfo, PostgresInfo, RedisInfo, SshInfo
from rampdeck.demo.journal import UNIT, JournalWriter, LineReader
from rampdeck.demo.nginx import NginxServer
from rampdeck.demo.process import end_all, find_program, free_port, make_folder, temporary_base
from rampdeck.demo.servers import PostgresServer, RedisServer, Server
from rampdeck.demo.site import GunicornServer, Site, is_healthy, release_facts, require_django
from rampdeck.demo.sshd import AsyncsshServer, SshdServer, SshServer
from rampdeck.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

PREFIX = "rampdeck-demo-"
READY = "The demo stack is up."
_PR_SET_CHILD_SUBREAPER = 36

PARTS = {
    "nginx": (("nginx",), "nginx-light", "Gunicorn answers users itself"),
    "postgres": (("initdb", "postgres", "psql"), "postgresql", "the shop keeps its data in SQLite"),
    "redis": (
        ("redis-server",),
        "redis-server",
        "the shop keeps its cache in memory and sessions in the database",
    ),
    "journal": (
        ("systemd-journal-remote", "journalctl"),
        "systemd-journal-remote",
        "Gunicorn's log is a plain file",
    ),
    "openssh": (("sshd", "ssh-keygen", "ssh"), "openssh-server", "asyncssh's own server stands in"),
}
"""Part of the stack -> the programs it needs, Debian's package, and what happens without it."""


_ServerT = TypeVar("_ServerT", bound=Server)


class StopRequested(BaseException):
    """The stack is to go away: a signal, the end of standard input, or the end of the parent."""


def missing_parts(without: Collection[str]) -> dict[str, str]:
    """Find out which parts cannot be had, each with a sentence: why, how to get it, what happens without."""
    missing = {}
    for name, (programs, package, instead) in PARTS.items():
        absent = [program for program in programs if find_program(program) is None]
        if name in without:
            missing[name] = f"{name} is left out as asked (--without {name}): {instead}"
        elif absent:
            missing[name] = (
                f"{' and '.join(absent)} not installed: apt-get install {package}; until then {instead}"
            )
    return missing


class Supervisor:
    """One demo stack, from `run()` until it is told to stop."""

    def __init__(self, without: Collection[str] = (), faults: Collection[str] = ()) -> None:
        self.missing = missing_parts(without)
        self.faults = tuple(faults)
        self._breakers: list[Breaker] = []
        self.servers: list[Server] = []
        self.journal: JournalWriter | None = None
        self._parent = os.getppid()
        self._stopping = False
        self._gunicorn_lines: LineReader | None = None
        self._gunicorn_read, self._gunicorn_write = os.pipe()

    def run(self) -> None:
        """Start, print one line of JSON, wait for the end, leave nothing.

        Raises DemoError when the stack cannot be started; nothing is left then either.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
        remove_stale_folders()
        folder = make_folder(PREFIX)
        lock = lock_folder(folder)
        try:
            info = self.start(folder)
            print(info.to_json(), flush=True)  # noqa: T201
            say(READY)
            while True:
                self.turn(0.2)
                self.reap_orphans()
                for breaker in self._breakers:
                    breaker.turn()
        except StopRequested:
            say("Stopping the demo stack.")
        finally:
            self.stop()
            shutil.rmtree(folder)
            os.close(lock)

    def _on_signal(self, *_: object) -> None:
        self._stopping = True

    def turn(self, seconds: float = 0.02) -> None:
        """Wait, at most so long, while passing on what Gunicorn says; StopRequested when it is time to go."""
        readable, _, _ = select.select([0, self._gunicorn_read], [], [], seconds)
        if self._gunicorn_read in readable and self._gunicorn_lines is not None:
            self._gunicorn_lines.feed(os.read(self._gunicorn_read, 65536))
        input_ended = 0 in readable and not os.read(0, 4096)
        if self._stopping or input_ended or os.getppid() != self._parent:
            raise StopRequested

    def reap_orphans(self) -> None:
        """Collect what ended as an orphan and became this process's child; servers that ended come first."""
        for server in self.servers:
            server.process.collect()
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
                os.waitpid(ended.si_pid, 0)

    # ---------------------------------------------------------------- starting

    def start(self, folder: Path) -> DemoInfo:
        """Start everything side by side, fill the shop, and return when all of it answers."""
        django = require_django()
        if why := impossible(self.faults, self.missing):
            raise DemoError(why)
        for sentence in self.missing.values():
            say(sentence)
        say("Starting the servers.")
        port = free_port()
        dead = free_port() if "nginx-502" in self.faults else 0
        postgres = self._launch("postgres", lambda: PostgresServer.create(folder))
        redis = self._launch("redis", lambda: RedisServer.create(folder))
        nginx = self._launch(
            "nginx", lambda: NginxServer.create(folder, f"http://127.0.0.1:{port}", dead, self.faults)
        )
        site = Site.create(folder, postgres, redis, nginx, self.faults)
        gunicorn = self._launch_gunicorn(folder, site, port)
        ssh = self._start_ssh(folder)
        if postgres:
            postgres.wait(self.turn)
        self._prepare(site)
        public = nginx or gunicorn
        for server in self.servers:
            self._wait(server)
        gunicorn.process.wait_ready(lambda: is_healthy(public.port), self.turn)
        if postgres and "postgres-unseen" in self.faults:
            self._breakers.append(PostgresUnseen(postgres))
        if redis and "redis-full" in self.faults:
            fill(redis)
        if redis and "evicting-redis" in self.faults:
            let_evict(redis)
        if "gunicorn-reload" in self.faults:
            self._breakers.append(GunicornReload(gunicorn))
        return DemoInfo(
            url=public.url,
            folder=folder,
            supervisor=os.getpid(),
            ssh=_ssh_info(ssh),
            gunicorn=GunicornInfo(
                unit=UNIT,
                journal=self.journal.path if self.journal else None,
                log=None if self.journal else gunicorn.process.log,
                workers=gunicorn.workers,
                pid=gunicorn.pid,
            ),
            nginx=_nginx_info(nginx) if nginx else None,
            postgres=_postgres_info(postgres) if postgres else None,
            redis=self._redis_info(redis) if redis else None,
            django=django,
            users=site.users,
            release=release_facts(site, gunicorn, nginx, postgres),
            missing=self.missing,
        )

    def _redis_info(self, redis: RedisServer) -> RedisInfo:
        """Tell where Redis is, or was: it may be one that is to be down."""
        info = RedisInfo(redis.host, redis.port, redis.pid, redis.password)
        if "redis-stopped" in self.faults:
            redis.stop()
        return info

    def _launch(self, part: str, create: Callable[[], _ServerT]) -> _ServerT | None:
        if part in self.missing:
            return None
        server = create()
        self.servers.append(server)
        server.launch()
        return server

    def _wait(self, server: Server) -> None:
        try:
            server.wait(self.turn)
        except DemoError as error:
            if not isinstance(server, GunicornServer) or self._gunicorn_lines is None:
                raise
            self.turn()
            raise DemoError(str(error) + "\n".join(self._gunicorn_lines.tail)) from error

    def _launch_gunicorn(self, folder: Path, site: Site, port: int) -> GunicornServer:
        output = None
        if "journal" not in self.missing:
            self.journal = JournalWriter.create(folder)
            self.journal.start(self.turn)
            self._gunicorn_lines = LineReader(self.journal)
            output = self._gunicorn_write
        gunicorn = GunicornServer.create(site, port, output)
        self.servers.append(gunicorn)
        gunicorn.launch()
        return gunicorn

    def _start_ssh(self, folder: Path) -> SshServer:
        """Start OpenSSH's server, or asyncssh's where OpenSSH's is missing or refuses this user."""
        if "openssh" not in self.missing:
            server: SshServer = SshdServer.create(folder)
            self.servers.append(server)
            server.launch()
            try:
                server.wait(self.turn)
                server.check_login()
            except DemoError as error:
                self.missing["openssh"] = f"{error} So asyncssh's own server stands in"
                server.stop()
                self.servers.remove(server)
                shutil.rmtree(server.folder)
            else:
                return server
        server = AsyncsshServer.create(folder)
        self.servers.append(server)
        server.launch()
        return server

    def _prepare(self, site: Site) -> None:
        say("Filling the shop: 200 accounts, 5 000 orders.")
        preparation = site.preparation()
        preparation.launch()
        try:
            preparation.wait_end(self.turn)
        finally:
            preparation.stop()

    # ---------------------------------------------------------------- stopping

    def stop(self) -> None:
        """End every server by its process id, then whatever else descends from this process."""
        for breaker in self._breakers:
            breaker.stop()
        try:
            for server in reversed(self.servers):
                server.stop()
            if self.journal is not None:
                self.journal.stop()
        finally:
            while orphans := psutil.Process().children(recursive=True):
                end_all(orphans)


def _ssh_info(server: SshServer) -> SshInfo:
    return SshInfo(
        server.host, server.port, server.user, server.client_key, server.known_hosts, software=server.banner
    )


def _postgres_info(server: PostgresServer) -> PostgresInfo:
    return PostgresInfo(server.host, server.port, server.user, server.database, server.pid, server.password)


def _nginx_info(server: NginxServer) -> NginxInfo:
    return NginxInfo(server.access_log, server.error_log, server.config, server.pid)


def say(sentence: str) -> None:
    """Tell the parent how far it is; a parent that is gone does not hear it."""
    with contextlib.suppress(OSError):
        print(sentence, file=sys.stderr, flush=True)  # noqa: T201


def lock_folder(folder: Path) -> int:
    """Lock a stack's folder for as long as the returned descriptor is open in this process."""
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def remove_stale_folders() -> None:
    """Remove what a supervisor ended by SIGKILL could not: this user's folders that nobody has locked."""
    for folder in temporary_base().glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == os.geteuid() and time.time() - folder.stat().st_mtime > 60:
                descriptor = lock_folder(folder)
                shutil.rmtree(folder, ignore_errors=True)
                os.close(descriptor)
