"""Every statement is understood by the versions it is for, 12 to 18.

The server here is 15. It brings the older versions of pg_stat_statements along; what 17 changed is made
up from its own definitions, so that a column it does not have is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

import collectors
from collectors._postgres_sql import all_statements, statement, version_of_statements
from collectors.postgres import PostgresCollector, PostgresConfig
from rampdeck.demo.servers import PostgresServer
from rampdeck.pace import Ticks

from .postgres_columns import BGWRITER, CHECKPOINTER, EXTENSION, STATEMENTS
from .postgres_crew import collector, rows_of, worker
from .watching import watching

VERSIONS = tuple(EXTENSION)
GIVEN: dict[str, list[object]] = {
    "locks": [[1]],
    "texts": [[1]],
    "text": [1, 1],
    "search_path": [10],
    "fact_files": [["jit"]],
    "fact_settings": [["work_mem"]],
    "fact_tables": [["django_migrations"]],
}
NAMES = sorted({path.stem.rpartition("_")[0] for path in Path(collectors.__file__).parent.glob("sql/*.sql")})
OF_STATEMENTS = ("statements", "texts", "text")


@pytest.fixture(scope="module")
def museum(postgres_server: PostgresServer) -> Iterator[psycopg.Connection[TupleRow]]:
    """A database with a schema for each version, which looks like that version where 15 does not."""
    with closing(postgres_server.connect(as_admin=True)) as admin:
        admin.execute("CREATE DATABASE museum")
        with closing(postgres_server.connect(as_admin=True, database="museum")) as inside:
            for version in (17, 18):
                inside.execute(f"CREATE SCHEMA v{version}")
                for name, columns in (
                    ("pg_stat_checkpointer", CHECKPOINTER[version]),
                    ("pg_stat_bgwriter", BGWRITER),
                    ("pg_stat_statements_info", "dealloc int8, stats_reset timestamptz"),
                    ("statements", STATEMENTS[version]),
                ):
                    inside.execute(f"CREATE TABLE v{version}.{name} ({columns})")
                inside.execute(
                    f"CREATE FUNCTION v{version}.pg_stat_statements(showtext bool) "
                    f"RETURNS SETOF v{version}.statements "
                    f"LANGUAGE sql AS 'SELECT * FROM v{version}.statements'"
                )
            yield inside
        admin.execute("DROP DATABASE museum")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_statement_is_understood(museum: psycopg.Connection[TupleRow], version: int, name: str) -> None:
    made_up = version in (17, 18)
    schema = f"v{version}" if made_up else "contrib"
    if not made_up:
        museum.execute("DROP SCHEMA IF EXISTS contrib CASCADE")
        museum.execute("CREATE SCHEMA contrib")
        museum.execute(f"CREATE EXTENSION pg_stat_statements SCHEMA contrib VERSION '{EXTENSION[version]}'")
    museum.execute(f"SET search_path = {schema}, pg_catalog")
    query = statement(name, version)
    if name in OF_STATEMENTS:
        query = statement(name, version_of_statements(EXTENSION[version], version))
    cursor = psycopg.RawCursor(museum)
    museum.execute("CREATE TABLE IF NOT EXISTS django_migrations (id int, app text, name text)")
    query = query.replace(b"SCHEMA", schema.encode()).replace(b"RELATION", b"django_migrations")
    found = cursor.execute(query, GIVEN.get(name)).fetchall()
    assert cursor.description
    lists = ("locks", "sessions", "text", "texts", "connections", "fact_files", "fact_migrations")
    assert len(found) >= (name not in lists)


def test_no_table_is_asked_for_what_its_version_does_not_have_any_more() -> None:
    assert b"pg_stat_checkpointer" in statement("totals", 17)
    assert b"pg_stat_bgwriter" in statement("totals", 16)
    assert b"sessions_fatal" not in statement("totals", 13)
    assert b"NULL::bigint AS query_id" in statement("sessions", 13)
    assert b"NULL::bigint AS query_id" not in statement("sessions", 14)
    assert b"waitstart" not in statement("locks", 13)
    assert b"total_exec_time" not in statement("statements", 12)


@pytest.mark.parametrize(
    ("extension", "server", "version"),
    [*((EXTENSION[version], version, 15 if version == 16 else version) for version in VERSIONS),
     ("1.6", 15, 12), ("1.8", 17, 13), ("1.13", 19, 18), ("2.0", 18, 18), ("odd", 15, 12)],
)  # fmt: skip
def test_columns_go_by_the_version_of_the_extension(extension: str, server: int, version: int) -> None:
    assert version_of_statements(extension, server) == version


async def test_an_extension_that_stayed_behind_when_the_server_was_upgraded_is_read_all_the_same(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.postgres.Ticks", partial(Ticks, 0.1))
    monkeypatch.setattr("collectors._postgres_readings.STATEMENTS_PAUSE", 0.2)
    with closing(postgres_server.connect(as_admin=True)) as admin:
        admin.execute("CREATE DATABASE upgraded")
        with closing(postgres_server.connect(as_admin=True, database="upgraded")) as inside:
            inside.execute('CREATE SCHEMA "odd \'name"')
            inside.execute("CREATE EXTENSION pg_stat_statements SCHEMA \"odd 'name\" VERSION '1.7'")
        old = collector(postgres_server, monkeypatch, database="upgraded")
        async with watching(old) as watch, worker(postgres_server) as application:
            await watch.sample(lambda sample: bool(rows_of(sample, "statements")))
            await application.execute("SELECT 'old', count(*) FROM pg_opclass")
            sample = await watch.sample(
                lambda sample: any("pg_opclass" in str(row["query"]) for row in rows_of(sample, "statements"))
            )
        admin.execute("DROP DATABASE upgraded WITH (FORCE)")
    row = next(row for row in rows_of(sample, "statements") if "pg_opclass" in str(row["query"]))
    assert row["count"] == 1


def test_whoever_lets_us_in_can_read_every_statement_whole() -> None:
    asked = PostgresCollector(PostgresConfig(kind="postgres")).asks()
    for version in VERSIONS:
        for name in NAMES:
            assert statement(name, version).decode().replace("$1", "IDS").replace("$2", "IDS") in asked
    assert "EXPLAIN /* rampdeck */ (SETTINGS) EXECUTE rampdeck_plan (NULL, ...)" in asked
    assert "PREPARE /* rampdeck */ rampdeck_plan AS STATEMENT" in asked
    assert not [text for text in all_statements() if "pg_stat_statements_reset" in text]
    assert all("/* rampdeck */" in text[:30] for text in all_statements())
