"""PostgreSQL tells what it is, in the session that is there; what it may not tell says why."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from collectors.postgres import PostgresCollector, PostgresConfig
from rampdeck.demo.servers import PostgresServer
from rampdeck.facts import Fact
from rampdeck.model import Health
from rampdeck.remote.local import LocalRemote

from ..watching import PATIENCE, watching
from .conftest import by_name

Asking = Callable[..., Any]


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[Any]:
    """The application's database with a table of orders and Django's migrations, as their owner."""
    with contextlib.closing(postgres_server.connect(as_owner=True)) as owner:
        owner.execute("CREATE TABLE orders (id int)")
        owner.execute("INSERT INTO orders SELECT generate_series(1, 1234)")
        owner.execute("CREATE TABLE django_migrations (id int, app text, name text)")
        owner.execute(
            "INSERT INTO django_migrations VALUES (1, 'auth', '0001_initial'), (2, 'orders', '0001_initial'),"
            " (3, 'auth', '0002_alter')"
        )
        owner.execute('CREATE SCHEMA "O\'Neil"')
        owner.execute('CREATE TABLE "O\'Neil"."odd ""table" (id int)')
        try:
            yield owner
        finally:
            owner.execute("DROP TABLE orders, django_migrations")
            owner.execute('DROP SCHEMA "O\'Neil" CASCADE')


@pytest.fixture
def asking(postgres_server: PostgresServer, tmp_path: Path) -> Asking:
    async def ask(change: Callable[[], object] = lambda: None, **table: Any) -> list[dict[str, Fact]]:
        server, password = postgres_server, tmp_path / "password"
        password.write_text(table.pop("password", server.password))
        access = {"port": server.port, "user": server.user, "database": server.database} | table
        collector = PostgresCollector(PostgresConfig(kind="postgres", password_file=password, **access))
        async with watching(collector) as watch:
            await watch.sample()
            before = by_name(await collector.facts(LocalRemote()))
            change()
            after = by_name(await collector.facts(LocalRemote()))
            assert watch.sink.health in (Health.LIVE, Health.WARNING)
        return [before, after]

    return ask


async def test_version_settings_size_rows_and_migrations_are_told(
    asking: Asking, database: Any, postgres_server: PostgresServer
) -> None:
    rows = ("orders", "public.orders", "O'Neil.odd \"table", "missing")
    found, _ = await asking(row_counts=rows)
    version = database.execute("SHOW server_version").fetchone()[0]
    assert found["postgres.version"].value == version
    assert found["postgres.max_connections"].value == "100"
    assert found["postgres.shared_buffers"].value == "64MB"
    assert found["postgres.shared_buffers"].provenance == "pg_settings (configuration file)"
    assert found["postgres.work_mem"].provenance == "pg_settings (its default)"
    assert found["postgres.database_size"].value.split()[1] in ("kB", "MB")
    assert found["postgres.rows.orders"].value == "1234"
    assert found["postgres.rows.public.orders"].value == "1234"
    assert found["postgres.rows.O'Neil.odd \"table"].value == "0"
    assert (
        found["postgres.rows.missing"].why == f"there is no such table in database {postgres_server.database}"
    )
    assert found["postgres.superuser_reserved_connections"].value == "3"
    assert found["postgres.started"].value.endswith(" UTC")
    migrations = found["django.migrations"]
    assert migrations.value == "3: auth 2 to 0002_alter, orders 1 to 0001_initial"
    assert migrations.provenance == "public.django_migrations"


async def test_our_own_sessions_settings_are_not_taken_for_the_applications(asking: Asking) -> None:
    found, _ = await asking()
    assert found["postgres.statement_timeout"].value == ""
    assert "Rampdeck's session sets its own" in found["postgres.jit"].why


async def test_where_the_role_may_it_reads_them_from_the_files(
    asking: Asking, postgres_server: PostgresServer
) -> None:
    found, _ = await asking(user=postgres_server.admin, password=postgres_server.admin_password)
    assert found["postgres.jit"].value == "off"
    assert found["postgres.jit"].provenance == "pg_file_settings"
    assert found["postgres.statement_timeout"].why == "no configuration file sets it"


async def test_a_setting_that_is_altered_in_mid_run_is_seen(
    asking: Asking, postgres_server: PostgresServer
) -> None:
    """Also one that waits for a restart, and one of a single role."""
    with contextlib.closing(postgres_server.connect(as_admin=True)) as admin:

        def alter() -> None:
            admin.execute("ALTER SYSTEM SET work_mem = '9MB'")
            admin.execute("ALTER SYSTEM SET max_connections = 50")
            admin.execute("ALTER ROLE shop SET statement_timeout = '5s'")
            admin.execute("SELECT pg_reload_conf()")
            changed = "SELECT 1 FROM pg_settings WHERE name = 'max_connections' AND pending_restart"
            read, deadline = False, time.monotonic() + PATIENCE
            while not read:  # by the server, which does so a little later
                assert time.monotonic() < deadline
                with contextlib.closing(postgres_server.connect(as_admin=True)) as fresh:
                    read = fresh.execute(changed).fetchone() is not None

        try:
            before, after = await asking(alter)
        finally:
            admin.execute("ALTER SYSTEM RESET work_mem")
            admin.execute("ALTER SYSTEM RESET max_connections")
            admin.execute("ALTER ROLE shop RESET statement_timeout")
            admin.execute("SELECT pg_reload_conf()")
    assert (before["postgres.work_mem"].value, after["postgres.work_mem"].value) == ("4MB", "9MB")
    assert after["postgres.max_connections"].value == "100, another value waits for a restart"
    assert after["postgres.overrides"].value == "shop in all databases: statement_timeout=5s"


async def test_a_role_without_rights_is_told_what_to_grant_and_leaves_no_error_in_the_servers_log(
    asking: Asking, database: Any, postgres_server: PostgresServer
) -> None:
    server = postgres_server
    with contextlib.closing(server.connect(as_admin=True)) as admin:
        admin.execute("CREATE ROLE poor LOGIN PASSWORD 'poor'")
        size = server.process.log.stat().st_size
        try:
            found, _ = await asking(user="poor", password="poor", row_counts=("orders",))
        finally:
            admin.execute("DROP ROLE poor")
    migrations = found["django.migrations"]
    assert migrations.why == ("poor may not read it. GRANT SELECT ON public.django_migrations TO poor")
    database.execute("ANALYZE orders")
    rows = found["postgres.rows.orders"]
    assert "poor may not read it" in (rows.why or rows.provenance)
    assert b"permission denied" not in server.process.log.read_bytes()[size:]


async def test_a_table_that_takes_too_long_to_count_is_estimated_and_the_readings_go_on(
    asking: Asking, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors._postgres_session.STATEMENT_TIMEOUT_MS", 400)
    database.execute("ANALYZE orders")
    database.execute("BEGIN")
    database.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
    try:
        found, _ = await asking(row_counts=("orders",))
    finally:
        database.execute("ROLLBACK")
    rows = found["postgres.rows.orders"]
    assert rows.value == "about 1234"
    assert "counting took over" in rows.provenance


async def test_connections_are_told_without_ours_and_those_to_other_databases_apart(
    asking: Asking, postgres_server: PostgresServer
) -> None:
    """One more to this database and two to another one are seen, whoever else is there."""
    before, _ = await asking()
    with contextlib.ExitStack() as open_now:
        for as_admin in (False, True, True):
            own = postgres_server.connect(as_owner=not as_admin, as_admin=as_admin)
            open_now.enter_context(contextlib.closing(own))
        after, _ = await asking()
    for name, more in (("postgres.connections", 3), ("postgres.connections_elsewhere", 2)):
        assert int(after[name].value) - int(before[name].value) == more
