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
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from rampdeck.collector import CollectorConfig, Sink
from rampdeck.errors import SourceError
from rampdeck.model import Severity
from rampdeck.pace import Change, Counters, Ticks
from rampdeck.remote import Remote
from rampdeck.view import Column, Figure, Metric, Table, Unit, View

from ._sessions import Session, table

READING_STATEMENTS = 2
"""Transactions that one reading makes; they are not the application's."""


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
        tables=(
            Table(
                "sessions",
                "Sessions",
                (
                    Column("pid", "PID", width=7),
                    Column("state", "STATE", width=8),
                    Column("wait", "WAIT", width=18),
                    Column("age", "AGE", Unit.SECONDS, 6),
                    Column("query", "QUERY"),
                ),
            ),
        ),
    )

    def __init__(self, config: PostgresConfig) -> None:
        self.config = config
        self._started: datetime | None = None

    def asks(self) -> tuple[str, ...]:
        """Return every command and statement that it may send."""
        return ()

    async def run(self, remote: Remote, sink: Sink) -> None:
        """Read once a second until the session ends; see :class:`rampdeck.collector.Collector`."""
        # Not at the top: psycopg is slow to import, and the cockpit is to be painted before.
        from . import _postgres_session as session

        async with session.open_session(session.parameters(self.config), remote) as connection:
            version = connection.info.server_version // 10_000
            figures_sql, sessions_sql = statement("figures", version), statement("sessions", version)
            counters, user = Counters(), connection.info.user
            loop = asyncio.get_running_loop()
            async for _ in Ticks():
                try:
                    (figures,) = await session.read(connection, figures_sql)
                    self._recognise(figures["started"], sink)
                    change = counters.read(loop.time(), _totals(figures))
                    rows = table(Session.of(row) for row in await session.read(connection, sessions_sql))
                except session.QueryCanceled:
                    sink.warn(f"the server took over {session.STATEMENT_TIMEOUT_MS / 1000:g} s for a reading")
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
