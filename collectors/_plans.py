"""The plan of a statement that somebody else wrote.

Its text is hostile: it never stands in a command that runs. It is the body of
a ``PREPARE``, whose grammar takes one SELECT, INSERT, UPDATE, DELETE, MERGE or
VALUES and nothing else; it is sent by the extended protocol, which refuses a
second statement; and what explains it is ``EXPLAIN EXECUTE`` with a name of
ours. All that in a transaction that reads only, waits briefly and is rolled
back. Functions of the statement may still be called while it is planned (those
not declared volatile), as in anybody's EXPLAIN, with the rights of our role.

A normalised text has ``$1`` where the values were. Its plan is the generic one,
which holds for any values (``plan_cache_mode``, since PostgreSQL 12).
"""

from __future__ import annotations

import re

import psycopg
from psycopg import errors

from rampdeck.errors import SourceError
from rampdeck.text import clean

from ._postgres_session import STATEMENT_TIMEOUT_MS, Connection, read
from ._sessions import text_of, without_passwords

ANALYZE_TIMEOUT_MS = 5_000
LOCK_TIMEOUT_MS = 500
MOST_LINES = 500

BEGIN = "BEGIN /* rampdeck */ READ ONLY"
LIMITS = (
    "SET /* rampdeck */ LOCAL statement_timeout = {limit}",
    f"SET /* rampdeck */ LOCAL lock_timeout = {LOCK_TIMEOUT_MS}",
)
GENERIC = "SET /* rampdeck */ LOCAL plan_cache_mode = force_generic_plan"
SEARCH = "SELECT /* rampdeck */ pg_catalog.set_config('search_path', $1, true)"
PREPARE = "PREPARE /* rampdeck */ rampdeck_plan AS "
PARAMETERS = (
    "SELECT /* rampdeck */ pg_catalog.cardinality(parameter_types) AS number "
    "FROM pg_catalog.pg_prepared_statements WHERE name = 'rampdeck_plan'"
)
PLAN = "EXPLAIN /* rampdeck */ (SETTINGS) EXECUTE rampdeck_plan"
ANALYZE = "EXPLAIN /* rampdeck */ (ANALYZE, BUFFERS, SETTINGS) EXECUTE rampdeck_plan"
TIDY = "ROLLBACK", "DEALLOCATE ALL", "SELECT /* rampdeck */ pg_catalog.pg_advisory_unlock_all()"
"""A prepared statement and the locks that pg_advisory_lock() takes outlast the transaction."""

_LEADING = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z)|/\*(?:[^*]|\*(?!/))*\*/)*")
_CURSOR = re.compile(r'DECLARE\s+(?:"[^"]*"|\w+)\s+[A-Z\s]*?CURSOR\s+[A-Z\s]*?FOR\s+', re.IGNORECASE)
_EXPLAINED = ("select", "insert", "update", "delete", "with", "values", "merge", "table", "(")


def commands() -> tuple[str, ...]:
    """Return every command that may be sent for a plan."""
    limits = [text.format(limit=f"{STATEMENT_TIMEOUT_MS} or {ANALYZE_TIMEOUT_MS}") for text in LIMITS]
    search = SEARCH.replace("$1", "SEARCH_PATH")
    nulls = " (NULL, ...)"
    return (BEGIN, *limits, GENERIC, search, PREPARE + "STATEMENT", PARAMETERS, PLAN + nulls, ANALYZE, *TIDY)


def explicable(text: str) -> str:
    """Return the statement that has a plan, of a cursor its query; raises :class:`SourceError` for others."""
    statement = text[_leading(text) :]
    if cursor := _CURSOR.match(statement):
        statement = statement[cursor.end() :]
    if not statement.lower().startswith(_EXPLAINED):
        first = clean(statement.split(maxsplit=1)[0], 30) if statement.split() else "nothing"
        raise SourceError(
            "No plan", f"only SELECT, INSERT, UPDATE, DELETE and MERGE have one, this is {first}"
        )
    return statement


def _leading(text: str) -> int:
    found = _LEADING.match(text)
    return found.end() if found else 0


async def explain(connection: Connection, text: str, search_path: str, *, analyze: bool) -> str:
    """Return the plan of a statement, as the server prints it; with ``analyze`` it is run for it.

    ``text`` holds bytes that are no UTF-8 as surrogates. Raises
    :class:`SourceError` with the reason where there is no plan, and
    ``TimeoutError`` or :class:`psycopg.Error` where the session is lost.
    """
    statement = explicable(text)
    try:
        return await _explained(connection, statement, search_path, analyze)
    except psycopg.Error as error:
        if connection.closed:
            raise
        raise _reason(error, analyze) from None
    finally:
        if not connection.closed:
            await _tidy(connection)


async def _explained(connection: Connection, statement: str, search_path: str, analyze: bool) -> str:
    limit = ANALYZE_TIMEOUT_MS if analyze else STATEMENT_TIMEOUT_MS
    for command in (BEGIN, *LIMITS):
        await read(connection, command.format(limit=limit).encode())
    await read(connection, SEARCH.encode(), search_path)
    await read(connection, PREPARE.encode() + statement.encode(errors="surrogateescape"), single=True)
    (parameters,) = await read(connection, PARAMETERS.encode())
    number = parameters["number"] or 0
    if number and analyze:
        raise SourceError(
            "It cannot be run", "the values that stood for $1 are not known", "Ask for its plan only"
        )
    values = ""
    if number:
        await read(connection, GENERIC.encode())
        values = f" ({', '.join(['NULL'] * number)})"
    command = (ANALYZE if analyze else PLAN) + values
    rows = await read(connection, command.encode(), timeout=limit / 1000 + 1.5)
    lines = [without_passwords(text_of(row["QUERY PLAN"])) for row in rows]
    left = [f"and {len(lines) - MOST_LINES} lines more"] if len(lines) > MOST_LINES else []
    note = ["The generic plan: it holds for any values, the server may choose another for some.", ""]
    return "\n".join([*(note if number else []), *lines[:MOST_LINES], *left])


async def _tidy(connection: Connection) -> None:
    for command in TIDY:
        await read(connection, command.encode())


def _reason(error: psycopg.Error, analyze: bool) -> SourceError:
    said = without_passwords(clean(error.diag.message_primary or str(error), 300))
    match error:
        case errors.ReadOnlySqlTransaction():
            return SourceError("It was not run", f"it writes, and nothing is written here: {said}")
        case errors.InsufficientPrivilege():
            fix = (
                "GRANT pg_read_all_data (PostgreSQL 14), or SELECT on the tables; the plan of one that "
                "writes needs the right to write"
            )
            return SourceError("No plan", said, fix)
        case errors.QueryCanceled():
            limit = ANALYZE_TIMEOUT_MS if analyze else STATEMENT_TIMEOUT_MS
            return SourceError("No plan", f"it took over {limit / 1000:g} s and was ended")
        case errors.LockNotAvailable():
            return SourceError("No plan", "a table is locked", "Look at who blocks whom, and try again")
        case errors.SyntaxError() if "multiple commands" in said:
            return SourceError("No plan", "it is more than one statement")
        case errors.SyntaxError():
            return SourceError("No plan", f"the text without its values cannot be read ({said})")
        case errors.UndefinedTable() | errors.UndefinedFunction() | errors.InvalidSchemaName():
            return SourceError(
                "No plan", f"{said}; where the session looks for it (search_path) is not known"
            )
    return SourceError("No plan", said)
