"""PostgreSQL: who is connected, who waits for whom, and how long already.

One session is opened before the load and kept. A monitor that connects for
every reading is locked out together with the application, just when it is
needed: "remaining connection slots are reserved ...".

The session reads only, takes at most 1.5 s for a statement, calls itself
``rampdeck`` and leaves itself out of every count. Its settings travel in the
start-up packet and not as ``SET``: behind a pool that hands one server session
to several clients they would stick to the application's.

What is not configured is filled in by libpq as for ``psql`` (``PGUSER``,
``PGPASSWORD``, ``~/.pgpass``, ``PGSSLMODE``).
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row
from pydantic import Field, model_validator

from rampdeck.collector import CollectorConfig, Sink
from rampdeck.config import secret
from rampdeck.errors import SourceError
from rampdeck.model import Severity
from rampdeck.pace import Change, Counters, Ticks
from rampdeck.remote import Remote
from rampdeck.text import clean
from rampdeck.view import Column, Figure, Metric, Unit, View

from ._sessions import Session, table

CONNECT_TIMEOUT = 5
STATEMENT_TIMEOUT_MS = 1_500
READ_TIMEOUT = 3.0
"""Seconds after which a server that says nothing is given up; its own timeout should have come before."""
READING_STATEMENTS = 2
"""Transactions that one reading makes; they are not the application's."""

Connection = psycopg.AsyncConnection[dict[str, Any]]


class PostgresConfig(CollectorConfig):
    """``[[collectors]]`` with ``kind = "postgres"``.

    ``address`` and ``port`` as seen from ``host``; an address that begins with
    ``/`` is the folder of a Unix socket. ``dsn_env`` or ``dsn_file`` name a
    whole connection string instead (``postgresql://...``).
    """

    address: str = "127.0.0.1"
    port: int = Field(5432, ge=1, le=65535)
    user: str = ""
    database: str = ""
    password_env: str = ""
    password_file: Path | None = None
    dsn_env: str = ""
    dsn_file: Path | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        parts = {"address", "port", "user", "database", "password_env", "password_file"}
        if (self.dsn_env or self.dsn_file) and (doubled := parts & self.model_fields_set):
            raise ValueError(f"{min(doubled)} is in the DSN already: leave it out, or leave the DSN out")
        return self

    def parameters(self) -> dict[str, str]:
        """Return libpq's parameters, host and port among them.

        Raises :class:`UsageError` for a secret that cannot be had and
        :class:`SourceError` for a DSN that cannot be used.
        """
        dsn = secret(self.dsn_env, self.dsn_file, "the DSN of PostgreSQL")
        if dsn is None:
            password = secret(self.password_env, self.password_file, "the password of PostgreSQL")
            given = {"user": self.user, "dbname": self.database, "password": password or ""}
            return {"host": self.address, "port": str(self.port), **{k: v for k, v in given.items() if v}}
        try:
            found = conninfo_to_dict(dsn)
        except psycopg.ProgrammingError:
            # libpq's own words would quote the secret.
            raise SourceError(
                "the DSN of PostgreSQL cannot be read",
                f"what {self.dsn_env or self.dsn_file} holds is no connection string",
                "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
            ) from None
        parameters = {"host": self.address, "port": str(self.port)}
        parameters |= {key: str(value) for key, value in found.items() if value is not None}
        if "," in parameters["host"]:
            raise SourceError("the DSN of PostgreSQL names several hosts", "", "Name the one to watch")
        return parameters


class PostgresCollector:
    """Reads pg_stat_activity and pg_stat_database once a second."""

    kind: ClassVar[str] = "postgres"
    Config: ClassVar[type[CollectorConfig]] = PostgresConfig
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("connections", Unit.COUNT, "client sessions on the whole server, without this one"),
        Metric("usable", Unit.COUNT, "sessions that ordinary roles can have beside this one"),
        Metric("active", Unit.COUNT, "sessions that run a query"),
        Metric("idle", Unit.COUNT, "sessions that do nothing; often workers that keep their connection"),
        Metric("idle_in_transaction", Unit.COUNT, "sessions that hold a transaction and do nothing in it"),
        Metric("waiting", Unit.COUNT, "active sessions that wait for a lock, the disk or another session"),
        Metric("lock_waiting", Unit.COUNT, "sessions that wait for a lock another one holds"),
        Metric("longest_transaction", Unit.SECONDS, "age of the oldest transaction"),
        Metric("longest_query", Unit.SECONDS, "age of the oldest query that still runs"),
        Metric("commits", Unit.PER_SECOND, "transactions committed in all databases, this session's aside"),
        Metric("rollbacks", Unit.PER_SECOND, "transactions rolled back in all databases"),
        Metric("deadlocks", Unit.COUNT, "deadlocks in all databases since the last reading"),
        Metric("temp_bytes", Unit.BYTES_PER_SECOND, "written to temporary files: sorts larger than work_mem"),
        Metric("cache_hit", Unit.PERCENT, "blocks found in shared buffers; missing while none was asked for"),
    )
    view: ClassVar[View] = View(
        title="pg_stat_activity",
        figures=(
            (
                Figure("connections", "backends", limit="usable", warn=0.8, bad=0.95),
                Figure("active", "active"),
                Figure("idle_in_transaction", "idle-tx"),
                Figure("waiting", "waiting"),
            ),
            (Figure("active", "active", spark=True),),
        ),
        columns=(
            Column("pid", "PID", width=7),
            Column("state", "STATE", width=8),
            Column("wait", "WAIT", width=18),
            Column("age", "AGE", Unit.SECONDS, 6),
            Column("query", "QUERY"),
        ),
    )

    def __init__(self, config: PostgresConfig) -> None:
        self.config = config
        self._started: datetime | None = None

    async def run(self, remote: Remote, sink: Sink) -> None:
        """Read once a second until the session ends; see :class:`rampdeck.collector.Collector`."""
        async with open_session(self.config.parameters(), remote) as connection:
            version = connection.info.server_version // 10_000
            figures_sql, sessions_sql = statement("figures", version), statement("sessions", version)
            counters, user = Counters(), connection.info.user
            loop = asyncio.get_running_loop()
            async for _ in Ticks():
                try:
                    (figures,) = await _read(connection, figures_sql)
                    self._recognise(figures["started"], sink)
                    change = counters.read(loop.time(), _totals(figures))
                    rows = table(Session.of(row) for row in await _read(connection, sessions_sql))
                except psycopg.errors.QueryCanceled:
                    sink.warn(f"the server took over {STATEMENT_TIMEOUT_MS / 1000:g} s for a reading")
                    continue
                if figures["hidden"]:
                    sink.warn(f"other roles' sessions are hidden. GRANT pg_monitor TO {user}")
                else:
                    sink.live()
                sink.sample(_values(figures, change), rows)

    def _recognise(self, started: datetime, sink: Sink) -> None:
        """Say when the server was restarted since the last reading."""
        if self._started and started != self._started:
            sink.log("PostgreSQL was restarted: every session was ended", Severity.WARNING)
        self._started = started


# ------------------------------------------------------------------ the session


@asynccontextmanager
async def open_session(parameters: dict[str, str], remote: Remote) -> AsyncIterator[Connection]:
    """Open the one session, through a tunnel where the host is far; whatever breaks it is a SourceError."""
    host, port = parameters["host"], int(parameters["port"])
    where = f"PostgreSQL at {host}:{port}"
    fixed = {
        "application_name": "rampdeck",
        "connect_timeout": str(CONNECT_TIMEOUT),
        # Bytes as they are: other databases' queries may be in any encoding.
        "client_encoding": "SQL_ASCII",
        "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c default_transaction_read_only=on",
    }
    parameters = {"gssencmode": "disable", **parameters, **fixed}
    try:
        async with _reach(host, port, remote) as reached:
            conninfo = make_conninfo(**{**parameters, **reached})
            connection = await psycopg.AsyncConnection.connect(
                conninfo, autocommit=True, row_factory=dict_row
            )
            try:
                yield connection
            finally:
                await connection.close()
    except TimeoutError:
        raise SourceError(where, f"no answer for {READ_TIMEOUT:g} s", "It is tried again") from None
    except psycopg.Error as error:
        raise explain(where, error) from None


@asynccontextmanager
async def _reach(host: str, port: int, remote: Remote) -> AsyncIterator[dict[str, str]]:
    """Yield the parameters that lead libpq to the server: the tunnel's end, or nothing."""
    if host.startswith("/"):
        if not remote.local:
            raise SourceError(
                f"the socket {host} is on {remote.host}",
                "only a port can be tunnelled",
                "Set address and port",
            )
        yield {}
        return
    async with remote.tunnel(host, port) as (near, near_port):
        if (near, near_port) == (host, port):
            yield {}
        else:
            # The name stays: a certificate and ~/.pgpass are about it, not about the tunnel.
            yield {"hostaddr": str(ipaddress.ip_address(near)), "port": str(near_port)}


async def _read(connection: Connection, query: bytes) -> list[dict[str, Any]]:
    """Read; raises TimeoutError when the server is silent.

    It is hung up on, not cancelled: psycopg would first ask the silent server to
    cancel the query and wait ten seconds for that, while nobody is told.
    """
    reading = asyncio.ensure_future(_fetch(connection, query))
    try:
        done, _ = await asyncio.wait({reading}, timeout=READ_TIMEOUT)
    finally:
        if not reading.done():
            _hang_up(connection)
            await asyncio.gather(reading, return_exceptions=True)
    if not done:
        raise TimeoutError
    return reading.result()


async def _fetch(connection: Connection, query: bytes) -> list[dict[str, Any]]:
    return await (await connection.execute(query)).fetchall()


def _hang_up(connection: Connection) -> None:
    """End the connection under libpq: what waits for it fails at once."""
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as link:
        link.shutdown(socket.SHUT_RDWR)


def statement(name: str, version: int) -> bytes:
    """Return the SQL of that name for a server of that major version.

    The files end in the first version that understands them.
    """
    found = {int(path.stem.rpartition("_")[2]): path for path in _SQL.glob(f"{name}_*.sql")}
    fitting = [first for first in found if first <= version]
    if not fitting:
        raise SourceError(
            f"PostgreSQL {version} cannot be watched", f"it is older than {min(found)}", "Upgrade the server"
        )
    return found[max(fitting)].read_bytes()


_SQL = Path(__file__).parent / "sql"

_CAUSES = (
    ("password authentication failed", "the server refuses the password", "Check user and password"),
    ("no password supplied", "the server wants a password", "Set password_env or password_file"),
    ("too many clients", "every connection is taken", "Start Rampdeck before the load"),
    ("connection slots are reserved", "every connection is taken", "Start Rampdeck before the load"),
    ("starting up", "the server is starting", "It is tried again"),
    ("shutting down", "the server is shutting down", "It is tried again"),
    ("recovery mode", "the server is recovering from a crash", "It is tried again"),
    ("no pg_hba.conf entry", "", "Allow user, database and address in pg_hba.conf"),
    ("unsupported startup parameter", "this is a pool, not the server", "Set the port of PostgreSQL itself"),
    ("refused", "nothing listens there", "Check address and port, and that the server runs"),
    ("timeout expired", f"no answer within {CONNECT_TIMEOUT} s", "Check address, port and firewall"),
    ("closed the connection unexpectedly", "the connection was closed", "Check that the server runs"),
    ("resolve host", "", "Check the address"),
)
"""Parts of libpq's messages: why and fix. Without a why, the server's own words stand there."""


def explain(where: str, error: psycopg.Error) -> SourceError:
    """Return psycopg's error in a person's words."""
    if error.diag.message_primary:
        said = error.diag.message_primary
    else:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        said = next((line for line in lines if "FATAL:" in line), lines[0] if lines else type(error).__name__)
        said = said.rpartition("FATAL:")[2].strip()
    said = clean(said, 300)
    for part, why, fix in _CAUSES:
        if part in str(error):
            return SourceError(where, why or said, fix)
    if isinstance(error, psycopg.errors.AdminShutdown | psycopg.errors.CrashShutdown):
        return SourceError(where, f"the server ended the session ({said})", "It is tried again")
    return SourceError(where, said)


# ------------------------------------------------------------------ the figures


def _totals(figures: Mapping[str, Any]) -> dict[str, float]:
    names = ("commits", "rollbacks", "deadlocks", "temp_bytes", "blocks_hit", "blocks_read")
    return {name: float(figures[name] or 0) for name in names}


def _values(figures: Mapping[str, Any], change: Change | None) -> dict[str, float]:
    """Return the metrics of one reading; rates need a reading before it."""
    names = ("connections", "usable", "active", "idle", "idle_in_transaction", "waiting", "lock_waiting")
    values = {name: float(figures[name]) for name in names}
    for name in ("longest_transaction", "longest_query"):
        values[name] = max(float(figures[name] or 0), 0.0)
    if change is None:
        return values
    own = READING_STATEMENTS / change.seconds
    values["commits"] = max(change.rate("commits") - own, 0.0)
    values["rollbacks"] = change.rate("rollbacks")
    values["deadlocks"] = change.count("deadlocks")
    values["temp_bytes"] = change.rate("temp_bytes")
    if (hit := change.share("blocks_hit", "blocks_read")) is not None:
        values["cache_hit"] = hit
    return values
