"""Redis: how much it does, how full it is, what it throws away.

One connection asks ``INFO`` once a second. The command has no side effect, but
ACLs count it as dangerous, so a user for reading only may lack it; ``+info`` is
all that this collector needs. Fields differ between versions: one that is
missing leaves its metric out.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, ClassVar, Self

import redis.asyncio as aioredis
from pydantic import Field, model_validator
from redis import exceptions
from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from rampdeck.collector import CollectorConfig, Sink
from rampdeck.config import secret
from rampdeck.errors import SourceError
from rampdeck.model import Severity, Value
from rampdeck.pace import Change, Counters, Ticks
from rampdeck.remote import Remote
from rampdeck.text import clean
from rampdeck.view import Column, Figure, Metric, Unit, View

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 3.0
"""Seconds to wait for an answer; Redis is single-threaded and may be busy with a slow command."""


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

    def parameters(self) -> dict[str, Any]:
        """Return redis-py's parameters of a connection, ``host`` and ``port`` or ``path`` among them.

        Raises :class:`UsageError` for a secret that cannot be had and
        :class:`SourceError` for a URL that cannot be used.
        """
        url = secret(self.url_env, self.url_file, "the URL of Redis")
        given: dict[str, Any] = {"host": self.address, "port": self.port}
        if url is None:
            given["username"] = self.username or None
            given["password"] = secret(self.password_env, self.password_file, "the password of Redis")
            if self.tls:
                given["connection_class"] = SSLConnection
        else:
            try:
                given |= parse_url(url)
            except ValueError:
                # redis-py's own words would quote the secret.
                raise SourceError(
                    "the URL of Redis cannot be read",
                    f"what {self.url_env or self.url_file} holds is no URL of Redis",
                    "Write redis://USER:PASSWORD@HOST:PORT",
                ) from None
        if self.ca_file and given.get("connection_class") is SSLConnection:
            given["ssl_ca_certs"] = str(self.ca_file)
        return given | {"db": 0}


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
        columns=(
            Column("version", "VERSION", width=9),
            Column("role", "ROLE", width=8),
            Column("policy", "POLICY", width=16),
            Column("link", "REPLICATION"),
        ),
    )

    def __init__(self, config: RedisConfig) -> None:
        self.config = config
        self._server = ""

    async def run(self, remote: Remote, sink: Sink) -> None:
        """Read once a second until the connection ends; see :class:`rampdeck.collector.Collector`."""
        async with _connection(self.config.parameters(), remote) as client:
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


# ------------------------------------------------------------------ the connection


@asynccontextmanager
async def _connection(parameters: dict[str, Any], remote: Remote) -> AsyncIterator[aioredis.Redis]:
    """Open the one connection, through a tunnel where the host is far; what breaks it is a SourceError."""
    host, port, path = parameters["host"], parameters["port"], parameters.get("path")
    if path and not remote.local:
        raise SourceError(
            f"the socket {path} is on {remote.host}",
            "only a port can be tunnelled",
            "Give host and port in the URL",
        )
    where = f"Redis at {path or f'{host}:{port}'}"
    try:
        async with (
            nullcontext((host, port)) if path else remote.tunnel(host, port) as reached,
            aioredis.Redis.from_pool(_pool(parameters, *reached)) as client,
        ):
            # Who this is, for those who look at the server; an ACL may forbid it.
            with suppress(exceptions.ResponseError):
                await client.client_setname("rampdeck")
            yield client
    except exceptions.RedisError as error:
        raise explain(where, error) from None


def _pool(parameters: dict[str, Any], host: str, port: int) -> aioredis.ConnectionPool:
    """Return redis-py's pool, with one connection and no tries of its own."""
    tunnelled = (host, port) != (parameters["host"], parameters["port"])
    options = parameters | {"host": host, "port": port}
    options |= {"protocol": 2, "retry": Retry(NoBackoff(), 0), "encoding_errors": "replace"}
    options |= {"socket_connect_timeout": CONNECT_TIMEOUT, "socket_timeout": READ_TIMEOUT}
    if options.get("connection_class") is UnixDomainSocketConnection:
        del options["host"], options["port"]
    if tunnelled and options.get("connection_class") is SSLConnection:
        # The certificate is about the server's name, the connection goes to the
        # tunnel's end. Who signed it is still checked; the host by its SSH key.
        options["ssl_check_hostname"] = False
    return aioredis.ConnectionPool(max_connections=1, **options)


_CAUSES = (
    ("NOAUTH", "it wants a password", "Set password_env or password_file"),
    ("Authentication required", "it wants a password", "Set password_env or password_file"),
    ("WRONGPASS", "it refuses user or password", "Check username and password"),
    ("invalid username-password", "it refuses user or password", "Check username and password"),
    ("invalid password", "it refuses the password", "Check the password"),
    ("without any password configured", "it has no password", "Leave the password out"),
    ("no permissions to run the 'info'", "the user may not run INFO", "ACL SETUSER the user with +info"),
    ("unknown command", "it does not know INFO: renamed or disabled", "Undo rename-command INFO"),
    ("protected mode", "it is in protected mode", "Set a password there, or watch it from its own host"),
    ("max number of clients", "every connection is taken", "Start Rampdeck before the load"),
    ("loading", "it is loading its data", "It is tried again"),
    # Python's own words for a refused connection lack the word.
    (
        f"Error {errno.ECONNREFUSED} ",
        "nothing listens there",
        "Check address and port, and that the server runs",
    ),
    ("Timeout connecting", "no answer in time", "Check address, port, firewall and tls"),
    ("Timeout reading", f"no answer for {READ_TIMEOUT:g} s", "A slow command may block it: see SLOWLOG GET"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted", "Set ca_file"),
    ("SSL", "it does not speak TLS as asked", "Check tls and port"),
    ("closed", "the connection was closed", "Check that the server runs, and whether it wants TLS"),
    ("reset", "the connection was closed", "Check that the server runs, and whether it wants TLS"),
)
"""Parts of Redis' and redis-py's messages: why and fix."""


def explain(where: str, error: exceptions.RedisError) -> SourceError:
    """Return redis-py's error in a person's words."""
    said = clean(str(error), 300)
    for part, why, fix in _CAUSES:
        if part.lower() in said.lower():
            return SourceError(where, why, fix)
    return SourceError(where, said or type(error).__name__)


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
