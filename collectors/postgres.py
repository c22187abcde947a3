"""PostgreSQL: who is connected, who waits for whom, and how long already.

One session is opened before the load and kept. A monitor that connects for
every reading is locked out together with the application, just when it is
needed: "remaining connection slots are reserved ...".

Counts are read each second, who holds the connections every other one, what
statements cost every fifth, and as a load level begins, is measured and ends.
The session reads only, takes at most 1.5 s for a statement, calls itself
``rampdeck`` and leaves itself out of every count. Its settings travel in the
start-up packet and not as ``SET``: behind a pool that hands one server session
to several clients they would stick to the application's.

What is not configured is filled in by libpq as for ``psql`` (``PGUSER``,
``PGPASSWORD``, ``~/.pgpass``, ``PGSSLMODE``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator

from rampdeck.collector import CollectorConfig, Sink
from rampdeck.errors import SourceError
from rampdeck.facts import Fact
from rampdeck.model import Step, Value
from rampdeck.pace import Ticks
from rampdeck.remote import Remote, Shell
from rampdeck.stock import Stock
from rampdeck.view import Metric, View

from ._postgres_sql import all_statements
from ._postgres_view import METRICS, VIEW
from ._statements import Span

if TYPE_CHECKING:
    from ._postgres_reader import Reader
    from ._postgres_readings import Memory


Table = Annotated[str, StringConstraints(pattern=r"^([^.]+\.)?[^.]+$", max_length=130)]


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
    row_counts: tuple[Table, ...] = ()
    """Tables of that database whose rows are counted for the record, such as ``orders_order``."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        parts = {"address", "port", "user", "database", "password_env", "password_file"}
        if (self.dsn_env or self.dsn_file) and (doubled := parts & self.model_fields_set):
            raise ValueError(f"{min(doubled)} is in the DSN already: leave it out, or leave the DSN out")
        return self


class PostgresCollector:
    """Reads pg_stat_activity, pg_stat_database and pg_stat_statements."""

    kind: ClassVar[str] = "postgres"
    Config: ClassVar[type[CollectorConfig]] = PostgresConfig
    metrics: ClassVar[tuple[Metric, ...]] = METRICS
    view: ClassVar[View] = VIEW

    def __init__(self, config: PostgresConfig) -> None:
        self.config = config
        self._reader: Reader | None = None
        self._memory: Memory | None = None
        self._span = Span()
        self._turned = asyncio.Event()
        self._there = asyncio.Event()

    def asks(self) -> tuple[str, ...]:
        """Return every command and statement that it may send."""
        from ._plans import commands

        return (*all_statements(), *commands())

    async def facts(self, shell: Shell) -> tuple[Fact, ...]:  # noqa: ARG002 - the session is there
        """Ask once what the server is made of, as soon as there is a session."""
        await self._there.wait()
        from . import _facts_postgres

        reader = self._reader
        assert reader is not None
        # Whoever asked may give up; the session must not be left in the middle of it.
        asking = asyncio.ensure_future(_facts_postgres.facts(reader, self.config.row_counts))
        asking.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(asking)

    async def stock(self) -> Stock:
        """Look once what lies in the database, as soon as there is a session."""
        await self._there.wait()
        from . import _stock

        reader = self._reader
        assert reader is not None
        # Whoever asked may give up; the session must not be left in the middle of it.
        return await asyncio.shield(_stock.of_postgres(reader))

    def step(self, step: Step) -> None:
        """Learn that the load level is another one, or in another phase."""
        if (span := Span.of(step)) != self._span:
            self._span = span
            self._turned.set()

    async def act(self, action: str, row: Mapping[str, Value]) -> str:
        """Return the plan of the statement in a row."""
        if self._reader is None:
            raise SourceError("No plan", "there is no session with PostgreSQL now", "It is tried again")
        # Whoever asked may go away; the session must not be left in the middle of it.
        return await asyncio.shield(self._plan(self._reader, row, analyze=action == "analyze"))

    async def _plan(self, reader: Reader, row: Mapping[str, Value], *, analyze: bool) -> str:
        if key := row.get("_statement"):
            return await reader.plan_of_statement(str(key), str(row["database"]))
        pid, started = str(row.get("pid", "")).strip(" └"), float(row.get("_started") or 0.0)
        found = self._memory.queries.get((pid, started)) if self._memory else None
        if found is None:
            raise SourceError("No plan", "this is no statement, or its text is not known any more")
        return await reader.plan_of_session(found, analyze=analyze)

    async def run(self, remote: Remote, sink: Sink) -> None:
        """Read until the session ends; see :class:`rampdeck.collector.Collector`."""
        # Not at the top: psycopg is slow to import, and the cockpit is to be painted before.
        from . import _postgres_session as session
        from ._postgres_reader import Reader
        from ._postgres_readings import Memory, Readings

        self._memory = self._memory or Memory()
        async with session.open_session(session.parameters(self.config), remote) as connection:
            self._reader = await Reader.begin(connection)
            self._there.set()
            readings = Readings(self._reader, self._memory, sink)
            try:
                async with aclosing(self._beats()) as beats:
                    async for turned in beats:
                        try:
                            reading = readings.statements if turned else readings.second
                            await reading(self._span)
                        except session.QueryCanceled:
                            limit = session.STATEMENT_TIMEOUT_MS / 1000
                            sink.warn(f"the server took over {limit:g} s for a reading")
            finally:
                self._reader = None
                self._there.clear()

    async def _beats(self) -> AsyncGenerator[bool, None]:
        """Yield False each second, and True at once when the load level has turned."""
        ticks = Ticks()
        beat = asyncio.ensure_future(ticks.__anext__())
        turned = asyncio.ensure_future(self._turned.wait())
        try:
            while True:
                await asyncio.wait({beat, turned}, return_when=asyncio.FIRST_COMPLETED)
                if turned.done():
                    self._turned.clear()
                    turned = asyncio.ensure_future(self._turned.wait())
                    yield True
                if beat.done():
                    beat = asyncio.ensure_future(ticks.__anext__())
                    yield False
        finally:
            beat.cancel()
            turned.cancel()
