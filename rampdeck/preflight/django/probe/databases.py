"""What the databases tell: which migrations wait, which accounts are there, where the server really is.

Everything is asked in a transaction that may only read. Nothing is set for longer
than that: behind a pool (PgBouncer) a session is somebody else's the next moment.
"""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path
from typing import Any, Iterator, Mapping
from urllib.parse import quote

CONNECTING = 4
"""Seconds that a database may take to answer a login, and a statement to be answered."""
READ_ONLY = ("postgresql", "mysql", "oracle")
"""Databases that know SET TRANSACTION READ ONLY; SQLite's file is opened for reading instead."""


def django(module: str) -> Any:
    """Import a module of the application's Django."""
    return importlib.import_module("django." + module)


def prepare(alias: str) -> None:
    """Make a connection that is not open yet modest: one, quick to give up, SQLite's without any right."""
    connection = django("db").connections[alias]
    settings = connection.settings_dict
    options = {key: value for key, value in (settings.get("OPTIONS") or {}).items() if key != "pool"}
    if connection.vendor in ("postgresql", "mysql"):
        options["connect_timeout"] = min(int(options.get("connect_timeout") or CONNECTING), CONNECTING)
    name = str(settings.get("NAME") or "")
    if connection.vendor == "sqlite" and not name.startswith("file:") and name != ":memory:":
        settings["NAME"] = f"file:{quote(str(Path(name).resolve()))}?mode=ro"
        # What it would do at first (a journal's mode) is to write; what a transaction takes is a lock.
        options = {
            key: value for key, value in options.items() if key not in ("init_command", "transaction_mode")
        }
        options["timeout"] = CONNECTING
    settings["OPTIONS"] = options


@contextlib.contextmanager
def reading(alias: str) -> Iterator[Any]:
    """Open a transaction that may only read, and yield its connection."""
    connection = django("db").connections[alias]
    with django("db").transaction.atomic(using=alias):
        with connection.cursor() as cursor:
            if connection.vendor in READ_ONLY:
                cursor.execute("SET TRANSACTION READ ONLY")
            if connection.vendor == "postgresql":
                cursor.execute(f"SET LOCAL statement_timeout = {CONNECTING * 1000}")
        yield connection


def server(alias: str) -> dict[str, str]:
    """Return the address of the server, whatever stands before it, and its version (PostgreSQL)."""
    prepare(alias)
    with reading(alias) as connection:
        if connection.vendor != "postgresql":
            return {}
        with connection.cursor() as cursor:
            cursor.execute("SELECT host(inet_server_addr()), current_setting('server_version')")
            address, version = cursor.fetchone()
    return {"address": str(address or ""), "version": str(version)}


def migrations(alias: str) -> dict[str, list[str]]:
    """Return what ``migrate`` would do, what is applied that is not there, and which leaves clash."""
    executors = django("db.migrations.executor")
    with reading(alias) as connection:
        executor = executors.MigrationExecutor(connection)
        loader = executor.loader
        clashes = loader.detect_conflicts()
        if alias != "default" and not loader.applied_migrations:
            return {}  # nobody ever migrates this one
        loader.check_consistent_history(connection)
        plan = [] if clashes else executor.migration_plan(loader.graph.leaf_nodes())
        known = set(loader.disk_migrations)
        for migration in loader.disk_migrations.values():
            known.update(migration.replaces)
        unknown = {
            key for key in loader.applied_migrations if key not in known and key[0] in loader.migrated_apps
        }
    return {
        "pending": [_name((migration.app_label, migration.name)) for migration, _ in plan],
        "unknown": sorted(map(_name, unknown)),
        "clashes": [_name((app, name)) for app in sorted(clashes) for name in sorted(clashes[app])],
    }


def _name(key: tuple[str, str]) -> str:
    return "{}.{}".format(*key)


def accounts(names: list[str]) -> dict[str, Any]:
    """Return of each account that is there whether it is active; by its login name or address."""
    users = django("contrib.auth").get_user_model()
    alias = django("db").router.db_for_read(users)
    fields = [users.USERNAME_FIELD]
    email = getattr(users, "EMAIL_FIELD", "")
    if email and email not in fields:
        fields.append(email)
    found: dict[str, str] = {}
    with reading(alias):
        for field in fields:
            for row in _rows(users, alias, field, set(names) - set(found)):
                found[str(row[field])] = _state(row)
    return {"model": users._meta.label, "field": fields[0], "found": found}


def _rows(users: Any, alias: str, field: str, names: set[str]) -> list[Mapping[str, Any]]:
    there = {one.name for one in users._meta.concrete_fields}
    wanted = [field] + [name for name in ("is_active", "password") if name in there]
    rows = users._base_manager.using(alias).filter(**{field + "__in": sorted(names)})
    return list(rows.values(*wanted)[: 2 * len(names)])


def _state(row: Mapping[str, Any]) -> str:
    if not row.get("is_active", True):
        return "inactive"
    usable = django("contrib.auth.hashers").is_password_usable
    return "ok" if usable(row.get("password")) else "no password"
