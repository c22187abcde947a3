"""PostgreSQL and Redis on loopback, each with its own configuration in its own folder.

Every server is created with its files written but not running: `launch()` starts it, `wait()` returns when it
answers, `start()` is both; the same server can be stopped and started again on the same port and data.
"""

from __future__ import annotations

import contextlib
import secrets
import shlex
import signal
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from rampdeck.demo.process import (
    HOST,
    Pause,
    ServerProcess,
    free_port,
    hand_over,
    require_program,
    short_sleep,
    tcp_answers,
    unprivileged_user,
    write_secret,
)

if TYPE_CHECKING:
    from typing import Self


class Server:
    """What every server of the demo can do; a subclass says how one knows that it answers.

    As a context manager it runs inside the block and is gone after it.
    """

    process: ServerProcess

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answers(self) -> bool:
        """Whether the server serves."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """The process id of the server itself."""
        return self.process.pid

    def launch(self) -> None:
        """Start and return at once."""
        self.process.launch()

    def wait(self, pause: Pause = short_sleep) -> None:
        """Return when the server answers; DemoError with its last log lines when it does not."""
        self.process.wait_ready(self.answers, pause)

    def start(self) -> None:
        """Start and return when the server answers."""
        self.launch()
        self.wait()

    def stop(self) -> None:
        """End the server and all its processes; harmless when it does not run."""
        self.process.stop()

    def restart(self) -> None:
        """Stop, then start on the same port with the same data."""
        self.stop()
        self.start()


def new_folder(parent: Path, name: str, owner: str | None = None) -> Path:
    """Make a folder for a server below another, which its user may pass through."""
    folder = parent / name
    folder.mkdir(mode=0o711)
    hand_over(folder, owner)
    return folder


# ---------------------------------------------------------------- PostgreSQL

POSTGRES_CONF = """
listen_addresses = '{host}'
port = {port}
unix_socket_directories = ''
max_connections = 100
shared_buffers = 64MB
jit = off
max_parallel_workers_per_gather = 0
track_io_timing = on
shared_preload_libraries = '{preload}'
logging_collector = off
# the data lives as long as the folder: nothing is worth a wait for the disk
fsync = off
synchronous_commit = off
full_page_writes = off
"""


STATEMENTS = "pg_stat_statements"


@dataclass(frozen=True)
class PostgresServer(Server):
    """PostgreSQL with an application database, its owner, and a `monitor` role that may see everything.

    `user` and `password` are the monitor's (pg_monitor, reads only); `owner` owns `database`; `admin` is the
    superuser.
    """

    folder: Path
    port: int
    process: ServerProcess = field(repr=False)
    password: str = field(repr=False)
    owner_password: str = field(repr=False)
    admin_password: str = field(repr=False)
    host: str = HOST
    user: str = "monitor"
    owner: str = "shop"
    admin: str = "postgres"
    database: str = "shop"

    @classmethod
    def create(cls, parent: Path) -> PostgresServer:
        """Prepare a new server below `parent`; the first launch makes the cluster (initdb) as well."""
        initdb = require_program("initdb", "postgresql")
        postgres = require_program("postgres", "postgresql")
        user = unprivileged_user("postgres")
        folder = new_folder(parent, "postgres", user)
        data, port, admin_password = folder / "data", free_port(), secrets.token_urlsafe(16)
        password_file = write_secret(folder / "admin-password", admin_password, user)
        # Some systems have it in a package of its own; a server does not start without what it is to load.
        library = Path(postgres).resolve().parents[1] / "lib" / f"{STATEMENTS}.so"
        preload = STATEMENTS if library.exists() else ""
        text = POSTGRES_CONF.format(host=HOST, port=port, preload=preload)
        conf = write_secret(folder / "postgresql.conf", text, user)
        make = [initdb, "--pgdata", data, "--username", "postgres", "--pwfile", password_file]
        make += ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync"]
        serve = [postgres, "-D", data, "-c", f"config_file={conf}"]
        script = (
            f"test -e {shlex.quote(str(data / 'PG_VERSION'))} || {shlex.join(map(str, make))} || exit 1\n"
            f"exec {shlex.join(map(str, serve))}\n"
        )
        process = ServerProcess(
            "PostgreSQL", ["sh", "-c", script], folder / "postgres.log", stop_signal=signal.SIGINT, user=user
        )
        return cls(
            folder=folder,
            port=port,
            process=process,
            password=secrets.token_urlsafe(16),
            owner_password=secrets.token_urlsafe(16),
            admin_password=admin_password,
        )

    def answers(self) -> bool:
        """Whether a login as superuser works."""
        if not tcp_answers(self.port):
            return False
        try:
            self.connect(as_admin=True).close()
        except psycopg.OperationalError:
            return False
        return True

    def wait(self, pause: Pause = short_sleep) -> None:
        """Return when the server answers and the roles and the database exist."""
        super().wait(pause)
        self._make_roles()

    def connect(
        self, *, as_admin: bool = False, as_owner: bool = False, database: str = ""
    ) -> psycopg.Connection:
        """Connect, in autocommit: as the monitor, or as the owner of the data, or as the superuser."""
        wanted = database
        user, password, database = self.user, self.password, self.database
        if as_owner:
            user, password = self.owner, self.owner_password
        if as_admin:
            user, password, database = self.admin, self.admin_password, "postgres"
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=user,
            password=password,
            dbname=wanted or database,
            autocommit=True,
            connect_timeout=10,
        )

    def _make_roles(self) -> None:
        with contextlib.closing(self.connect(as_admin=True)) as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [self.user]).fetchone():
                return
            create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
            for role, password in ((self.user, self.password), (self.owner, self.owner_password)):
                connection.execute(create.format(sql.Identifier(role), sql.Literal(password)))
            connection.execute(
                sql.SQL("GRANT pg_monitor, pg_read_all_data TO {}").format(sql.Identifier(self.user))
            )
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(self.database), sql.Identifier(self.owner)
                )
            )
            preloaded = connection.execute("SHOW shared_preload_libraries").fetchone()
        if preloaded == (STATEMENTS,):
            with contextlib.closing(self.connect(as_admin=True, database=self.database)) as connection:
                connection.execute(f"CREATE EXTENSION {STATEMENTS}")


# ---------------------------------------------------------------- Redis

REDIS_CONF = """
bind {host}
port {port}
requirepass {password}
dir {folder}
daemonize no
save ""
appendonly no
maxmemory 64mb
maxmemory-policy noeviction
"""


@dataclass(frozen=True)
class RedisServer(Server):
    """Redis with a password and a memory limit, keeping nothing on disk."""

    folder: Path
    port: int
    process: ServerProcess = field(repr=False)
    password: str = field(repr=False)
    host: str = HOST

    @classmethod
    def create(cls, parent: Path) -> RedisServer:
        """Prepare a new server below `parent`."""
        program = require_program("redis-server", "redis-server")
        folder = new_folder(parent, "redis")
        port, password = free_port(), secrets.token_urlsafe(16)
        text = REDIS_CONF.format(host=HOST, port=port, password=password, folder=folder)
        conf = write_secret(folder / "redis.conf", text)
        process = ServerProcess("Redis", [program, str(conf)], folder / "redis.log")
        return cls(folder=folder, port=port, process=process, password=password)

    def answers(self) -> bool:
        """Whether a login with the password is followed by a PONG."""
        with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), 1.0) as link:
            link.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
            answer = b""
            while b"PONG" not in answer and (part := link.recv(256)):
                answer += part
            return b"PONG" in answer
        return False
