"""Redis: how much it does, how full it is, what it throws away.

One connection asks ``INFO`` once a second. The command has no side effect, but
ACLs count it as dangerous, so a user for reading only may lack it; ``+info`` is
all that this collector needs. Fields differ between versions: one that is
missing leaves its metric out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from rampdeck.collector import CollectorConfig, Sink
from rampdeck.model import Severity, Value
from rampdeck.pace import Change, Counters, Ticks
from rampdeck.remote import Remote
from rampdeck.view import Column, Figure, Metric, Table, Unit, View


class RedisConfig(CollectorConfig):
    """``[[collectors]]`` with ``kind = "redis"``.

    ``address`` and ``port`` as seen from ``host``. ``url_env`` or ``url_file``
    name a whole URL instead (``redis://``, ``rediss://`` or ``unix://``); its
    database does not matter, since INFO speaks of the whole server. ``ca_file``
    is who signed the server's certificate, where the system does not know.
    """

    address: str = "127.0.0.1"
    port: int = Field(6379, ge=1, le=65535)
    username: str = ""
    password_env: str = ""
    password_file: Path | None = None
    url_env: str = ""
    url_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        parts = {"address", "port", "username", "password_env", "password_file", "tls"}
        if (self.url_env or self.url_file) and (doubled := parts & self.model_fields_set):
            raise ValueError(f"{min(doubled)} is in the URL already: leave it out, or leave the URL out")
        return self


class RedisCollector:
    """Reads INFO once a second."""

    kind: ClassVar[str] = "redis"
    Config: ClassVar[type[CollectorConfig]] = RedisConfig
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("ops", Unit.PER_SECOND, "commands done, this connection's aside"),
        Metric("memory", Unit.BYTES, "memory that the data and the server use"),
        Metric("maxmemory", Unit.BYTES, "memory that it may use; missing where there is no limit"),
        Metric("hit_rate", Unit.PERCENT, "reads that found their key; missing while nothing was read"),
        Metric("evicted", Unit.PER_SECOND, "keys thrown away for lack of memory: sessions, caches"),
        Metric("expired", Unit.PER_SECOND, "keys whose time had come"),
        Metric("clients", Unit.COUNT, "connections, this one aside"),
        Metric("maxclients", Unit.COUNT, "connections that it may have"),
        Metric("blocked", Unit.COUNT, "clients in a blocking command; waiting workers are normal"),
        Metric("rejected", Unit.PER_SECOND, "connections refused because of maxclients"),
        Metric("errors", Unit.PER_SECOND, "error replies"),
        Metric("cpu", Unit.PERCENT, "of one core, used by the thread that runs every command"),
    )
    view: ClassVar[View] = View(
        title="Redis",
        figures=(
            (Figure("ops", "ops/s", spark=True), Figure("hit_rate", "hit rate")),
            (
                Figure("memory", "memory", limit="maxmemory", warn=0.8, bad=0.95),
                Figure("evicted", "evicted/s", warn=0.01),
                Figure("cpu", "cpu", warn=80.0, bad=95.0),
            ),
            (
                Figure("clients", "clients", limit="maxclients", warn=0.8, bad=0.95),
                Figure("blocked", "blocked"),
                Figure("rejected", "rejected/s", bad=0.01),
            ),
        ),
        tables=(
            Table(
                "server",
                "Server",
                (
                    Column("version", "VERSION", width=9),
                    Column("role", "ROLE", width=8),
                    Column("policy", "POLICY", width=16),
                    Column("link", "REPLICATION"),
                ),
            ),
        ),
    )

    def __init__(self, config: RedisConfig) -> None:
        self.config = config
        self._server = ""

    def asks(self) -> tuple[str, ...]:
        """Return every command and statement that it may send."""
        return ()

    async def run(self, remote: Remote, sink: Sink) -> None:
        """Read once a second until the connection ends; see :class:`rampdeck.collector.Collector`."""
        # Not at the top: redis-py is slow to import, and the cockpit is to be painted before.
        from ._redis_connection import connection, parameters

        async with connection(parameters(self.config), remote) as client:
            counters = Counters()
            loop = asyncio.get_running_loop()
            async for _ in Ticks():
                info = await client.info()
                self._recognise(str(info.get("run_id", "")), sink)
                change = counters.read(loop.time(), _totals(info))
                sink.sample(_values(info, change), (_facts(info),))

    def _recognise(self, server: str, sink: Sink) -> None:
        """Say when another server answers than before; one may restart between two readings."""
        if self._server and server != self._server:
            sink.log(
                "Redis was restarted: sessions and caches kept in memory only are gone", Severity.WARNING
            )
        self._server = server


# ------------------------------------------------------------------ the figures

_COUNTERS = {
    "commands": "total_commands_processed",
    "hits": "keyspace_hits",
    "misses": "keyspace_misses",
    "evicted": "evicted_keys",
    "expired": "expired_keys",
    "rejected": "rejected_connections",
    "errors": "total_error_replies",
    "cpu_user": "used_cpu_user_main_thread",
    "cpu_system": "used_cpu_sys_main_thread",
}


def _number(info: Mapping[str, Any], field: str) -> float | None:
    value = info.get(field)
    return float(value) if isinstance(value, int | float) else None


def _totals(info: Mapping[str, Any]) -> dict[str, float]:
    found = {name: _number(info, field) for name, field in _COUNTERS.items()}
    return {name: value for name, value in found.items() if value is not None}


def _values(info: Mapping[str, Any], change: Change | None) -> dict[str, float]:
    """Return the metrics of one reading; rates need a reading before it."""
    clients = _number(info, "connected_clients")
    found = {
        "memory": _number(info, "used_memory"),
        "maxmemory": _number(info, "maxmemory") or None,
        "clients": None if clients is None else max(clients - 1, 0.0),
        "maxclients": _number(info, "maxclients"),
        "blocked": _number(info, "blocked_clients"),
    }
    if change is not None:
        found |= {
            "ops": max(change.count("commands") - 1, 0.0) / change.seconds,
            "hit_rate": change.share("hits", "misses"),
            "cpu": 100 * (change.rate("cpu_user") + change.rate("cpu_system")),
        }
        found |= {name: change.rate(name) for name in ("evicted", "expired", "rejected", "errors")}
    return {name: value for name, value in found.items() if value is not None}


def _facts(info: Mapping[str, Any]) -> dict[str, Value]:
    """Return what is no number: the one row of the table."""
    replica = (
        f"{info.get('master_host', '')}:{info.get('master_port', '')} {info.get('master_link_status', '')}"
    )
    replicas = f"{info.get('connected_slaves', 0)} replicas"
    role = "replica" if info.get("role") == "slave" else str(info.get("role", ""))
    return {
        "version": str(info.get("valkey_version") or info.get("redis_version", "")),
        "role": role,
        "policy": str(info.get("maxmemory_policy", "")),
        "link": replica if role == "replica" else replicas,
    }
