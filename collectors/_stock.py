"""What lies in a PostgreSQL and in a Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from rampdeck.errors import SourceError
from rampdeck.stock import Holding, Stock

from . import _redis_figures as figures
from ._postgres_session import READ_TIMEOUT, explain
from ._sessions import text_of

if TYPE_CHECKING:
    from ._postgres_reader import Reader

MOST = 30
"""Tables that are listed; there may be thousands of partitions."""


async def of_postgres(reader: Reader) -> Stock:
    """Return what lies in the database of a session."""
    try:
        (database,) = await reader.ask("stock_database")
        rows = await reader.ask("stock_tables")
    except TimeoutError:
        raise SourceError("PostgreSQL", f"no answer for {READ_TIMEOUT:g} s") from None
    except psycopg.Error as error:
        raise explain("PostgreSQL", error) from None
    tables = tuple(
        Holding(
            name=_name(text_of(row["schema"]), text_of(row["name"])),
            rows=None if row["rows"] is None else int(row["rows"]),
            bytes=int(row["bytes"]),
            analyzed=row["analyzed"],
            changed=int(row["changed"] or 0),
            warm=share(row["hit"], row["read"]),
        )
        for row in rows
    )
    return Stock(
        what=f"PostgreSQL, database {reader.database}",
        holdings=tables[:MOST],
        bytes=int(database["bytes"]),
        warm=share(database["hit"], database["read"]),
        more=max(len(tables) - MOST, 0),
        analyzes=True,
    )


def of_redis(info: figures.Info) -> Stock:
    """Return what lies in a Redis or Valkey, by its answer to INFO."""
    hits, misses = (figures.number(info, f"keyspace_{word}") or 0.0 for word in ("hits", "misses"))
    keyspaces: list[tuple[str, Any]] = sorted(
        (key, value) for key, value in info.items() if key.startswith("db") and isinstance(value, dict)
    )
    memory = figures.number(info, "used_memory")
    return Stock(
        what="Valkey" if "valkey_version" in info else "Redis",
        holdings=tuple(Holding(key, int(value.get("keys", 0)), exact=True) for key, value in keyspaces),
        bytes=None if memory is None else int(memory),
        warm=share(hits, misses),
    )


def share(found: float | None, missed: float | None) -> float | None:
    """Return the share of all that was found; ``None`` where nothing was looked for."""
    total = float(found or 0) + float(missed or 0)
    return float(found or 0) / total if total else None


def _name(schema: str, table: str) -> str:
    return table if schema == "public" else f"{schema}.{table}"
