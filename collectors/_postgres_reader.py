"""What is read in one session with PostgreSQL, and in what state that is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import errors

from rampdeck.errors import SourceError
from rampdeck.model import Value

from . import _postgres_session
from ._plans import explain
from ._postgres_session import DIRECT, POOL, Connection, read
from ._postgres_sql import statement, version_of_statements
from ._sessions import text_of
from ._statements import Reading, absent, notice

HIDDEN = b"<insufficient privilege>"
NOT_KEPT = b"<command string not enabled>"


class Reader:
    """Reads through one session; readings and plans take turns."""

    def __init__(self, connection: Connection, facts: Mapping[str, Any]) -> None:
        self.transactions = 0
        """Statements sent so far: each is a transaction that is not the application's."""
        self.rollbacks = 0
        """Transactions of ours that were rolled back."""
        self._connection = connection
        self._turn = asyncio.Lock()
        self.version = connection.info.server_version // 10_000
        self.role = text_of(facts["role"])
        self.database = text_of(facts["database"])
        self.query_size = int(facts["query_size"])
        self._learn(facts)

    def _learn(self, facts: Mapping[str, Any]) -> None:
        """See whether pg_stat_statements is there."""
        self._extension = text_of(facts["statements_version"])
        self._schema = text_of(facts["statements_schema"]).encode()
        self._why_not = "" if self._extension else absent(self.database, text_of(facts["preloaded"]) or None)

    @classmethod
    async def begin(cls, connection: Connection) -> Reader:
        """Look what server this is; raises :class:`SourceError` where it is none."""
        told = connection.info.parameter_status("server_version") or ""
        if "bouncer" in told.lower():
            raise SourceError(f"PgBouncer at port {connection.info.port}", POOL, DIRECT)
        version = connection.info.server_version // 10_000
        (facts,) = await read(connection, statement("session", version))
        settings = (text_of(facts["statement_timeout"]), text_of(facts["read_only"]))
        if settings != (str(_postgres_session.STATEMENT_TIMEOUT_MS), "on"):
            raise SourceError(f"PostgreSQL at port {connection.info.port}", POOL, DIRECT)
        return cls(connection, facts)

    async def ask(self, name: str, *given: object) -> list[dict[str, Any]]:
        """Return the rows of a statement of ours."""
        return await self._ask(statement(name, self.version), *given)

    async def ask_of(self, name: str, schema: str, table: str) -> list[dict[str, Any]]:
        """Return the rows of a statement of ours on a table whose name comes from the catalogue."""
        query = statement(name, self.version)
        for word, identifier in ((b"SCHEMA", schema), (b"RELATION", table)):
            query = query.replace(word, _quoted(identifier))
        return await self._ask(query)

    @property
    def closed(self) -> bool:
        """Whether the session is over."""
        return self._connection.closed

    async def statements(self, at: float) -> Reading | None:
        """Read what every statement has cost; ``None`` where that cannot be had."""
        if self._why_not:
            # Somebody may have followed the advice.
            (facts,) = await self.ask("session")
            self._learn(facts)
        rows = await self._if_there("statements")
        return Reading.of(at, rows[0]) if rows else None

    async def texts(self, queries: Sequence[int]) -> Sequence[Mapping[str, Any]]:
        """Return the texts of some statements, and of our own."""
        return await self._if_there("texts", queries)

    async def _if_there(self, name: str, *given: object) -> list[dict[str, Any]]:
        """Ask pg_stat_statements; nothing where it cannot be had."""
        if self._why_not:
            return []
        try:
            return await self._of_statements(name, *given)
        except psycopg.Error as error:
            if self._connection.closed:
                raise
            self._why_not = _why_no_statements(error)
            return []

    @property
    def no_statements(self) -> tuple[Mapping[str, Value], ...]:
        """The table where statements cannot be had: why, and what to do."""
        return (notice(self._why_not),)

    async def plan_of_statement(self, key: str, database: str) -> str:
        """Return the plan of a statement of the table, given by ``user database queryid``."""
        user, in_database, query = (int(part) for part in key.split())
        if database != self.database:
            raise self._elsewhere(database)
        async with self._told():
            if text := await self._text(query, in_database):
                return await self._plan(text, user, analyze=False)
        raise SourceError("No plan", "the server does not have its text any more")

    async def plan_of_session(self, row: Mapping[str, Any], *, analyze: bool) -> str:
        """Return the plan of what a session runs; of a text that was cut, that of its normalised one.

        ``row`` is one of sessions_*.sql.
        """
        query, database = bytes(row["query"] or b""), text_of(row["database"])
        if query in (HIDDEN, NOT_KEPT, b""):
            raise SourceError("No plan", f"the server does not show this query to {self.role}", self.grant)
        if database != self.database:
            raise self._elsewhere(database)
        async with self._told():
            text: bytes | str | None = query
            if cut := len(query) >= self.query_size - 1:
                known = row["query_id"] is not None and not self._why_not and not analyze
                text = await self._text(row["query_id"], row["database_id"]) if known else None
            if text:
                return await self._plan(text, row["user_id"] or 0, analyze=analyze and not cut)
        raise SourceError(
            "No plan",
            f"the server cut the text at {self.query_size} bytes",
            "Raise track_activity_query_size, or look for it among the statements",
        )

    @property
    def grant(self) -> str:
        """What a role that sees too little needs."""
        return f"GRANT pg_monitor TO {self.role}"

    def _elsewhere(self, database: str) -> SourceError:
        return SourceError(
            "No plan",
            f"this session is in database {self.database}, the statement runs in {database or 'none'}",
            "Add a source for that database",
        )

    @asynccontextmanager
    async def _told(self) -> AsyncIterator[None]:
        """Say in a person's words why there is no plan, whatever it was."""
        try:
            yield
        except TimeoutError:
            raise SourceError("No plan", "the server is silent") from None
        except psycopg.Error as error:
            raise _postgres_session.explain("No plan", error) from None

    async def _text(self, query: int, database: int) -> bytes | str | None:
        rows = await self._of_statements("text", query, database)
        text: bytes | str | None = rows[0]["query"] if rows else None
        return text

    async def _plan(self, text: bytes | str, user: int, *, analyze: bool) -> str:
        (path,) = await self.ask("search_path", user)
        query = text if isinstance(text, str) else text.decode(errors="surrogateescape")
        async with self._turn:
            self.rollbacks += 1
            return await explain(self._connection, query, text_of(path["path"]), analyze=analyze)

    async def _of_statements(self, name: str, *given: object) -> list[dict[str, Any]]:
        version = version_of_statements(self._extension, self.version)
        return await self._ask(statement(name, version).replace(b"SCHEMA", self._schema), *given)

    async def _ask(self, query: bytes, *given: object) -> list[dict[str, Any]]:
        async with self._turn:
            self.transactions += 1
            return await read(self._connection, query, *given)


def _quoted(identifier: str) -> bytes:
    return b'"' + identifier.replace('"', '""').encode(errors="surrogateescape") + b'"'


def _why_no_statements(error: psycopg.Error) -> str:
    said = error.diag.message_primary or str(error)
    match error:
        case errors.QueryCanceled():
            limit = _postgres_session.STATEMENT_TIMEOUT_MS / 1000
            return f"no statements: the server took over {limit:g} s to tell; it is asked again"
        case errors.InsufficientPrivilege():
            return f"no statements: {said}. GRANT EXECUTE, or pg_monitor"
        case errors.ObjectNotInPrerequisiteState():
            loaded = "shared_preload_libraries = 'pg_stat_statements' in postgresql.conf and a restart"
            return f"no statements: the extension is there but not loaded: it needs {loaded}"
    return f"no statements: {said}"
