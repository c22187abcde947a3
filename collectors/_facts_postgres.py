"""What a PostgreSQL is made of: version, settings, size, rows of named tables, Django's migrations.

Asked through the session that the readings have, in turn with them, so nothing
connects anew under load. What that session has set for itself (its own
statement_timeout, jit off) says nothing of the application's: that is looked up
in the configuration files where the role may, and else is not known.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors

from rampdeck.errors import SourceError
from rampdeck.facts import Fact, known, listed, told, unknown

from ._postgres_session import READ_TIMEOUT, STATEMENT_TIMEOUT_MS, explain
from ._sessions import text_of

if TYPE_CHECKING:
    from ._postgres_reader import Reader

SETTINGS = (
    "max_connections",
    "superuser_reserved_connections",
    "reserved_connections",
    "shared_buffers",
    "work_mem",
    "maintenance_work_mem",
    "effective_cache_size",
    "random_page_cost",
    "effective_io_concurrency",
    "max_parallel_workers_per_gather",
    "max_worker_processes",
    "jit",
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "deadlock_timeout",
    "max_wal_size",
    "checkpoint_timeout",
    "synchronous_commit",
    "fsync",
    "full_page_writes",
    "wal_level",
    "autovacuum",
    "default_transaction_isolation",
    "shared_preload_libraries",
    "track_io_timing",
    "huge_pages",
)
"""Settings that matter for a load."""
OURS = ("jit", "statement_timeout")
"""Those that our own session sets for itself."""
_SOURCES = {"default": "its default", "configuration file": "configuration file"}
_MIGRATIONS = "django_migrations"
_GRANT_FILES = (
    "Rampdeck's session sets its own. GRANT SELECT ON pg_file_settings, "
    "GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO {}"
)


async def facts(reader: Reader, tables: Sequence[str]) -> tuple[Fact, ...]:
    """Ask once; what fails by itself says why, a session that is lost raises."""
    found: list[Fact] = []
    try:
        for part in (_server(reader), _taken(reader), _size(reader), _tables(reader, tables)):
            found += [fact async for fact in part]
    except TimeoutError:
        raise SourceError("PostgreSQL", f"no answer for {READ_TIMEOUT:g} s") from None
    except psycopg.Error as error:
        raise explain("PostgreSQL", error) from None
    return tuple(found)


async def _server(reader: Reader) -> AsyncIterator[Fact]:
    server: Mapping[str, Any] = {}
    try:
        (server,) = await reader.ask("fact_server")
    except psycopg.Error as error:
        yield unknown("postgres.version", "PostgreSQL version", _why(reader, error))
    else:
        yield known(
            "postgres.version", "PostgreSQL version", text_of(server["version"]), "SHOW server_version"
        )
        role = "replica" if server["replica"] else "primary"
        yield known("postgres.role", "role", role, "pg_is_in_recovery()")
        yield known("postgres.database", "database", text_of(server["database"]), "current_database()")
        extensions = text_of(server["extensions"]) or "none"
        yield known("postgres.extensions", "extensions", extensions, "pg_extension")
        overrides = text_of(server["overrides"]) or "none"
        yield known("postgres.overrides", "settings of roles and databases", overrides, "pg_db_role_setting")
    async for fact in _settings(reader, files=bool(server.get("files_readable"))):
        yield fact


async def _settings(reader: Reader, *, files: bool) -> AsyncIterator[Fact]:
    written: Mapping[str, str] = {}
    try:
        rows = {text_of(row["name"]): row for row in await reader.ask("fact_settings", list(SETTINGS))}
        if files:
            lines = await reader.ask("fact_files", list(OURS))
            written = {text_of(row["name"]): text_of(row["value"]) for row in lines}
    except psycopg.Error as error:
        yield unknown("postgres.settings", "settings", _why(reader, error), "pg_settings")
        return
    for name, row in rows.items():
        key = f"postgres.{name}"
        source = text_of(row["source"])
        if name in OURS and source == "client":
            value = written.get(name, "")
            why = "no configuration file sets it" if files else _GRANT_FILES.format(reader.role)
            yield told(key, name, value, "pg_file_settings" if files else "pg_settings", why)
            continue
        waits = ", another value waits for a restart" if row["pending_restart"] else ""
        # An empty value is one as well.
        shown = (text_of(row["value"]) or '""') + waits
        yield known(key, name, shown, f"pg_settings ({_SOURCES.get(source, source)})")


async def _taken(reader: Reader) -> AsyncIterator[Fact]:
    """Tell how many of the connections are taken now, ours aside."""
    name, title, where = "postgres.connections", "connections now", "pg_stat_activity"
    try:
        (row,) = await reader.ask("fact_taken")
    except psycopg.Error as error:
        yield unknown(name, title, _why(reader, error), where)
        return
    yield known(name, title, row["taken"], where, moves=True)
    yield known(f"{name}_elsewhere", "of these to other databases", row["elsewhere"], where, moves=True)
    yield known("postgres.started", "server started", text_of(row["started"]), where, moves=True)


async def _size(reader: Reader) -> AsyncIterator[Fact]:
    name, title, statement = "postgres.database_size", "database size", "pg_database_size()"
    try:
        (row,) = await reader.ask("fact_size")
    except psycopg.Error as error:
        yield unknown(name, title, _why(reader, error), statement)
    else:
        yield known(name, title, _size_of(int(row["bytes"])), statement, moves=True)


async def _tables(reader: Reader, wanted: Sequence[str]) -> AsyncIterator[Fact]:
    """Return the rows of tables, which are named with or without their schema, and the migrations."""
    names = [name.rpartition(".")[2] for name in wanted]
    try:
        there = await reader.ask("fact_tables", [*names, _MIGRATIONS])
    except psycopg.Error as error:
        why = _why(reader, error)
        for name in wanted:
            yield unknown(f"postgres.rows.{name}", f"Rows of {name}", why, "pg_class")
        yield unknown("django.migrations", "applied migrations", why, "pg_class")
        return
    yield await _migrations(reader, _row_of(there, _MIGRATIONS))
    quick = True
    for name in wanted:
        fact, quick = await _rows(reader, name, _row_of(there, name), exact=quick)
        yield fact


def _row_of(rows: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    schema, _, table = name.rpartition(".")
    return next(
        (row for row in rows if text_of(row["name"]) == table and schema in ("", text_of(row["schema"]))),
        None,
    )


async def _rows(
    reader: Reader, name: str, row: Mapping[str, Any] | None, *, exact: bool
) -> tuple[Fact, bool]:
    """Count the rows of a table, or take the server's estimate; and whether counting took its time."""
    key, title = f"postgres.rows.{name}", f"Rows of {name}"
    if row is None:
        return unknown(key, title, f"there is no such table in database {reader.database}", "pg_class"), exact
    where = f"{text_of(row['schema'])}.{text_of(row['name'])}"
    why = f"{reader.role} may not read it" if not row["readable"] else "another table took too long already"
    if exact and row["readable"]:
        try:
            (counted,) = await reader.ask_of("fact_rows", text_of(row["schema"]), text_of(row["name"]))
            return known(key, title, counted["rows"], f"SELECT count(*) FROM {where}", moves=True), True
        except errors.QueryCanceled:
            why = f"counting took over {STATEMENT_TIMEOUT_MS / 1000:g} s"
            exact = False
        except psycopg.Error as error:
            why = _why(reader, error)
    estimate = int(row["rows"])
    if estimate < 0:
        return unknown(key, title, f"{why}, and it was never analyzed", f"pg_class, {where}"), exact
    return known(key, title, f"about {estimate}", f"pg_class.reltuples of {where}: {why}", moves=True), exact


async def _migrations(reader: Reader, row: Mapping[str, Any] | None) -> Fact:
    name, title = "django.migrations", "applied migrations"
    if row is None:
        why = f"there is no table {_MIGRATIONS} in database {reader.database}"
        return unknown(name, title, why, "pg_class")
    where = f"{text_of(row['schema'])}.{_MIGRATIONS}"
    if not row["readable"]:
        why = f"{reader.role} may not read it. GRANT SELECT ON {where} TO {reader.role}"
        return unknown(name, title, why, where)
    try:
        apps = await reader.ask_of("fact_migrations", text_of(row["schema"]), _MIGRATIONS)
    except psycopg.Error as error:
        return unknown(name, title, _why(reader, error), where)
    each = [f"{text_of(app['app'])} {app['applied']} to {text_of(app['last'])}" for app in apps]
    return known(name, title, f"{sum(app['applied'] for app in apps)}: {listed(each)}", where)


def _why(reader: Reader, error: psycopg.Error) -> str:
    """Return why a statement failed; raises where the whole session is lost."""
    if reader.closed:
        raise error
    if isinstance(error, errors.QueryCanceled):
        return f"the server took over {STATEMENT_TIMEOUT_MS / 1000:g} s to tell"
    return explain("PostgreSQL", error).why


def _size_of(size: int) -> str:
    """Return bytes as PostgreSQL's own pg_size_pretty() writes them."""
    amount, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 10_240:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}"
