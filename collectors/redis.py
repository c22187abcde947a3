"""Redis and Valkey: how much a server does, how full it is, what it throws away, what holds it up.

One connection asks ``INFO`` once a second, and every five seconds what each
command took and what the slow log has. These commands have no side effect, but
ACLs count them as dangerous, so a user for reading only may lack them: ``+info``
is what this collector needs, ``+slowlog|get`` what it would like. A node of a
cluster is watched like a server, and so is a sentinel; each node is a table of
``[[collectors]]`` of its own.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from rampdeck.collector import CollectorConfig, Sink
from rampdeck.facts import Fact
from rampdeck.model import Value
from rampdeck.pace import Counters, Ticks
from rampdeck.remote import Remote, Shell
from rampdeck.stock import Stock
from rampdeck.view import Column, Figure, Metric, Table, Unit, View

from . import _redis_figures as figures
from ._facts_redis import redis_facts, started
from ._states import Alarm, States, metrics

SELDOM = 5
"""Readings from one look at commands and slow log to the next."""
SLOW_LOG = 32
"""Entries of the slow log that are asked for."""
INFO = ("INFO",)
COMMANDS = (("INFO", "commandstats"), ("INFO", "latencystats"))
CLUSTER = ("CLUSTER INFO",)
SAVE = ("CONFIG GET", "save")
SLOW = ("SLOWLOG GET", str(SLOW_LOG))


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
    """Reads INFO once a second, commands and slow log now and then."""

    kind: ClassVar[str] = "redis"
    Config: ClassVar[type[CollectorConfig]] = RedisConfig
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("ops", Unit.PER_SECOND, "commands done, this connection's aside"),
        Metric("latency", Unit.MILLISECONDS, "mean time of a command in the server, over the last seconds"),
        Metric("memory", Unit.BYTES, "memory that the data and the server use", most="maxmemory"),
        Metric("memory_resident", Unit.BYTES, "memory that the system has given it"),
        Metric("maxmemory", Unit.BYTES, "memory that it may use; missing where there is no limit"),
        Metric("hit_rate", Unit.PERCENT, "reads that found their key; missing while nothing was read"),
        Metric("evicted", Unit.PER_SECOND, "keys thrown away for lack of memory: sessions, caches"),
        Metric("expired", Unit.PER_SECOND, "keys whose time had come"),
        Metric("clients", Unit.COUNT, "connections, this one aside", most="maxclients"),
        Metric("maxclients", Unit.COUNT, "connections that it may have"),
        Metric("connections", Unit.PER_SECOND, "connections made anew: a pool makes few"),
        Metric("blocked", Unit.COUNT, "clients in a blocking command; waiting workers are normal"),
        Metric("rejected", Unit.PER_SECOND, "connections refused because of maxclients"),
        Metric("errors", Unit.PER_SECOND, "error replies"),
        Metric("bytes_in", Unit.BYTES_PER_SECOND, "bytes that came from clients"),
        Metric("bytes_out", Unit.BYTES_PER_SECOND, "bytes that went to clients"),
        Metric("cpu", Unit.PERCENT, "of one core, used by the thread that runs every command"),
        Metric("fork", Unit.MILLISECONDS, "how long the latest fork stopped everybody"),
        Metric("saving", Unit.COUNT, "1 while a child saves or rewrites"),
        Metric("aof_delayed", Unit.PER_SECOND, "writes that waited for the disk"),
        Metric("replica_lag", Unit.SECONDS, "since a replica heard from its master"),
        Metric("cluster_slots_lost", Unit.COUNT, "slots of the cluster without a server"),
        *metrics(figures.RULES),
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
            (Figure("latency", "command", warn=1.0, bad=10.0), Figure("fork", "fork", warn=100.0)),
        ),
        tables=(
            Table(
                "servers",
                "Servers",
                (
                    Column("node", "NODE", width=15),
                    Column("version", "VERSION", width=9),
                    Column("role", "ROLE", width=8),
                    Column("policy", "POLICY", width=14),
                    Column("link", "REPLICATION"),
                ),
            ),
            Table(
                "commands",
                "Commands",
                (
                    Column("command", "COMMAND", width=14),
                    Column("calls", "CALLS/S", Unit.PER_SECOND, 8),
                    Column("mean", "MEAN", Unit.MILLISECONDS, 7),
                    Column("p99", "P99 EVER", Unit.MILLISECONDS, 8),
                    Column("share", "TIME %", Unit.PERCENT, 6),
                    Column("failed", "FAILED", Unit.PER_SECOND, 7),
                ),
            ),
            Table(
                "masters",
                "Masters",
                (
                    Column("master", "MASTER", width=16),
                    Column("address", "ADDRESS", width=21),
                    Column("status", "STATUS"),
                ),
            ),
        ),
    )

    def __init__(self, config: RedisConfig) -> None:
        self.config = config
        self._states = States(figures.RULES)
        self._server = ""
        self._masters: dict[str, str] = {}
        self._slow_id: int | None = None
        self._wanted: list[asyncio.Future[tuple[Fact, ...]]] = []
        self._info: figures.Info | None = None
        self._since: dict[str, str] = {}
        self._read = asyncio.Event()

    def asks(self) -> tuple[str, ...]:
        """Return every command that it may send."""
        from ._redis_connection import GREETING

        return (*GREETING, *(" ".join(words) for words in (INFO, *COMMANDS, SLOW, CLUSTER, SAVE)))

    async def facts(self, shell: Shell) -> tuple[Fact, ...]:  # noqa: ARG002 - a connection is there
        """Return what the server is made of, by its next reading: one connection takes one question."""
        wanted: asyncio.Future[tuple[Fact, ...]] = asyncio.get_running_loop().create_future()
        self._wanted.append(wanted)
        try:
            return await wanted
        finally:
            self._wanted.remove(wanted)

    async def stock(self) -> Stock:
        """Return what lies in the server, by its last reading."""
        from . import _stock

        await self._read.wait()
        assert self._info is not None
        return _stock.of_redis(self._info)

    async def run(self, remote: Remote, sink: Sink) -> None:
        """Read once a second until the connection ends; see :class:`rampdeck.collector.Collector`."""
        # Not at the top: redis-py is slow to import, and the cockpit is to be painted before.
        from ._redis_connection import Session, connection, parameters

        given = parameters(self.config)
        async with connection(given, remote) as client:
            session, counters = Session(client, str(given.get("username") or "")), Counters()
            loop = asyncio.get_running_loop()
            slow = _Commands()
            beat = asked = 0
            async for _ in Ticks():
                info = self._info = await session.info(INFO)
                self._read.set()
                at = loop.time()
                clustered = figures.mode(info) == "cluster" or figures.number(info, "cluster_enabled")
                if beat % SELDOM == 0:
                    await slow.read(session, at, clustered=bool(clustered))
                beat += 1
                change = counters.read(at, figures.totals(info))
                info = {**info, **slow.cluster}
                found = figures.values(info, change, session.asked - asked) | slow.values
                asked = session.asked
                alarms = [*figures.alarms(info, found, change), *self._happened(info), *self._slow(slow)]
                found |= self._states.read(at, alarms, sink)
                if session.refused:
                    sink.warn(session.refused)
                sink.sample(found, self._rows(info, slow))
                if self._wanted:
                    # Worked out anew, it could be another minute.
                    since = self._since.setdefault(str(info.get("run_id", "")), started(info))
                    self._tell(redis_facts(info, await session.save(SAVE), since))

    def _tell(self, told: tuple[Fact, ...]) -> None:
        for wanted in self._wanted:
            if not wanted.done():
                wanted.set_result(told)

    def _rows(self, info: figures.Info, slow: _Commands) -> tuple[dict[str, Value], ...]:
        node = self.config.label or f"{self.config.address}:{self.config.port}"
        watched: list[dict[str, Value]] = [
            {"_table": "masters", "master": name, "address": address, "status": status}
            for name, address, status in figures.masters(info)
        ]
        return (figures.facts(info, node), *slow.rows, *watched)

    def _happened(self, info: figures.Info) -> list[Alarm]:
        """Return what changed since the last reading: another process, another master."""
        found = []
        server = str(info.get("run_id", ""))
        if self._server and server != self._server:
            text = "Redis was restarted: sessions and caches kept in memory only are gone"
            found.append(Alarm("restarted", text))
        self._server = server
        masters = {name: address for name, address, _ in figures.masters(info)}
        if info.get("role") in ("master", "slave"):
            masters[""] = str(info["role"])
        for name, now in masters.items():
            before = self._masters.get(name, now)
            if before != now:
                whose = f"of {name} " if name else ""
                words = {"master": "a master", "slave": "a replica"}
                text = (
                    f"failed over: {whose}it was {words.get(before, before)} and is {words.get(now, now)} now"
                )
                found.append(Alarm("failed_over", text, fields={"was": before, "now": now}))
        self._masters = masters
        return found

    def _slow(self, slow: _Commands) -> list[Alarm]:
        """Return the commands that the slow log has gained; those of before our time are not of this test."""
        entries, slow.entries = slow.entries, None
        if entries is None:
            return []
        newest = max((int(entry["id"]) for entry in entries), default=-1)
        last, self._slow_id = self._slow_id, newest
        if last is None:
            return []
        # Numbers that are smaller than before are those of another server process: all of them are new.
        last = -1 if newest < last else last
        fresh = [entry for entry in entries if int(entry["id"]) > last]
        found = [figures.slow_alarm(entry) for entry in reversed(fresh)]
        if len(fresh) == SLOW_LOG and (missed := newest - last - SLOW_LOG) > 0:
            found.append(Alarm("slow_command", f"{missed} more commands were slow: not all are asked for"))
        return found


class _Commands:
    """What is looked at now and then: the commands' times, the slow log, the cluster."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Value]] = []
        self.values: dict[str, float] = {}
        self.cluster: dict[str, Any] = {}
        self.entries: list[dict[str, Any]] | None = None
        self._before: figures.Info = {}
        self._counters = Counters()
        self._at = 0.0

    async def read(self, session: Any, at: float, *, clustered: bool) -> None:
        """Take a look; how long ago the last one was is the span of the rows."""
        info: dict[str, Any] = {}
        for command in COMMANDS:
            info |= await session.info(command)
        if self._before:
            self.rows = figures.command_rows(self._before, info, max(at - self._at, 0.001))
        change = self._counters.read(at, figures.totals(info))
        self.values = {}
        if change is not None and (latency := figures.values(info, change).get("latency")) is not None:
            self.values["latency"] = latency
        self._before, self._at = info, at
        self.entries = await session.slow_log(SLOW)
        if clustered:
            self.cluster = await session.cluster(CLUSTER)
