"""What the answers of Redis mean: INFO and the slow log, turned into metrics, rows and alarms.

Pure: no connection, no clock. Fields differ between versions and between Redis
and Valkey; one that is missing leaves its metric out. INFO's fields are those of
``genRedisInfoString()`` in Redis' ``server.c``, 5 to 8, and Valkey's, 7.2 to 8.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from rampdeck.model import Health, Severity, Value
from rampdeck.pace import Change

from ._states import Alarm, Rule

COMMANDS_SHOWN = 20
SLOW_FORK = 0.1
"""Seconds that a fork may take: for so long nobody was answered."""
BUSY = 90.0
"""Per cent of one core from which on the thread that runs every command has no more to give."""
FULL = 90.0
"""Per cent of ``maxmemory`` from which on it is nearly reached."""

RULES: Mapping[str, Rule] = {
    "evicting": Rule("keys are thrown away for lack of memory: sessions and caches vanish", Severity.ERROR),
    "memory_high": Rule("memory is nearly at its limit", after=3),
    "writes_refused": Rule("writes are refused: memory is full or a save failed", Severity.ERROR),
    "rejecting": Rule("connections are refused because of maxclients", Severity.ERROR),
    "cpu_saturated": Rule("the thread that runs every command has no more to give", after=5),
    "fork_slow": Rule("a fork for saving stopped every client", lasts=False),
    "aof_stall": Rule("writes waited for the disk (aof_delayed_fsync)"),
    "save_failed": Rule("the last save or AOF write failed", Severity.ERROR),
    "loading": Rule("it is loading its data and refuses commands", Severity.ERROR),
    "slow_command": Rule("a command ran longer than slowlog-log-slower-than", lasts=False),
    "link_down": Rule("a replica has lost its master", Severity.ERROR),
    "master_down": Rule("a sentinel sees a master down", Severity.ERROR),
    "failed_over": Rule("another server is the master now", lasts=False),
    "cluster_down": Rule("the cluster refuses commands or has slots without a server", Severity.ERROR),
    "restarted": Rule("another server process answers: what was in memory only is gone", lasts=False),
}
"""The signals of Redis."""

COUNTERS = {
    "commands": "total_commands_processed",
    "connections": "total_connections_received",
    "hits": "keyspace_hits",
    "misses": "keyspace_misses",
    "evicted": "evicted_keys",
    "expired": "expired_keys",
    "rejected": "rejected_connections",
    "errors": "total_error_replies",
    "cpu_user": "used_cpu_user_main_thread",
    "cpu_system": "used_cpu_sys_main_thread",
    "bytes_in": "total_net_input_bytes",
    "bytes_out": "total_net_output_bytes",
    "aof_delayed": "aof_delayed_fsync",
    "forks": "total_forks",
    "disconnected": "client_output_buffer_limit_disconnections",
}
_REFUSED = ("errorstat_OOM", "errorstat_MISCONF")
_RATES = ("evicted", "expired", "rejected", "errors", "connections", "bytes_in", "bytes_out", "aof_delayed")

OWN = frozenset({"cmdstat_info", "cmdstat_slowlog", "cmdstat_slowlog|get", "cmdstat_cluster|info"})
"""Commands that are ours more than anybody's: in no figure of the application's."""
Info = Mapping[str, Any]
"""INFO as redis-py reads it: numbers as numbers, ``a=1,b=2`` as a mapping."""


def number(info: Info, field: str) -> float | None:
    """Return a field that is a number."""
    value = info.get(field)
    return float(value) if isinstance(value, int | float) else None


def totals(info: Info) -> dict[str, float]:
    """Return what grows from the server's start on."""
    found = {name: number(info, field) for name, field in COUNTERS.items()}
    found["refused"] = sum(_counted(info, field) for field in _REFUSED)
    commands = {name for name in info if name.startswith("cmdstat_")} - OWN
    calls = [_command(info[name]) for name in commands]
    if calls:
        found["calls"] = sum(each["calls"] for each in calls)
        found["usec"] = sum(each["usec"] for each in calls)
    return {name: value for name, value in found.items() if value is not None}


def values(info: Info, change: Change | None, own: int = 0) -> dict[str, float]:
    """Return the metrics of one reading; rates need a reading before it. ``own`` counts our commands."""
    clients = number(info, "connected_clients")
    limit = number(info, "maxmemory") or None
    used, rss = number(info, "used_memory"), number(info, "used_memory_rss")
    fork = number(info, "latest_fork_usec")
    saving = [number(info, field) for field in ("rdb_bgsave_in_progress", "aof_rewrite_in_progress")]
    found = {
        "memory": used,
        "memory_resident": rss,
        "maxmemory": limit,
        "clients": None if clients is None else max(clients - 1, 0.0),
        "maxclients": number(info, "maxclients"),
        "blocked": number(info, "blocked_clients"),
        "fork": None if fork is None else fork / 1000,
        "saving": max((value for value in saving if value is not None), default=None),
        "replica_lag": number(info, "master_last_io_seconds_ago"),
        "cluster_slots_lost": number(info, "cluster_slots_fail"),
    }
    if change is not None:
        found |= {
            "ops": max(change.count("commands") - own, 0.0) / change.seconds,
            "hit_rate": change.share("hits", "misses"),
            "cpu": 100 * (change.rate("cpu_user") + change.rate("cpu_system")),
        }
        found |= {name: change.rate(name) for name in _RATES if name in change.gained}
        if change.count("calls"):
            found["latency"] = change.count("usec") / change.count("calls") / 1000
    return {name: value for name, value in found.items() if value is not None}


def facts(info: Info, node: str) -> dict[str, Value]:
    """Return what is no number: the row of a server in the table."""
    role = str(info.get("role", ""))
    if mode(info) == "sentinel":
        role, link = "sentinel", f"{info.get('sentinel_masters', 0)} masters"
    elif role == "slave":
        role = "replica"
        master = f"{info.get('master_host', '')}:{info.get('master_port', '')}"
        link = f"{master} {info.get('master_link_status', '')}"
    else:
        link = f"{info.get('connected_slaves', 0)} replicas"
    if "cluster_state" in info:
        link = f"cluster {info['cluster_state']}, {link}"
    valkey = info.get("valkey_version")
    policy = str(info.get("maxmemory_policy", ""))
    return {
        "_table": "servers",
        "node": node,
        "version": f"Valkey {valkey}" if valkey else str(info.get("redis_version", "")),
        "role": role,
        "policy": policy,
        "link": link,
        "persistence": _persistence(info),
        "_health": (Health.LIVE if info.get("master_link_status", "up") == "up" else Health.BLIND).value,
    }


def mode(info: Info) -> str:
    """Return ``standalone``, ``sentinel`` or ``cluster``; Valkey has a name of its own for the field."""
    return str(info.get("server_mode") or info.get("redis_mode") or "standalone")


def alarms(info: Info, found: Mapping[str, float], change: Change | None) -> Iterable[Alarm]:
    """Yield what is beyond its limit at this reading."""
    yield from _memory_alarms(info, found)
    yield from _disk_alarms(info, found, change)
    if rejected := found.get("rejected"):
        text = f"connections are refused: maxclients is {found.get('maxclients', 0):.0f}"
        yield Alarm("rejecting", text, rejected, "/s")
    if found.get("cpu", 0.0) >= BUSY:
        text = f"Redis uses {found['cpu']:.0f} % of the one core that it has for commands"
        yield Alarm("cpu_saturated", text, found["cpu"], " %")
    if info.get("master_link_status", "up") != "up":
        master = f"{info.get('master_host', '')}:{info.get('master_port', '')}"
        yield Alarm("link_down", f"the replica has lost its master {master}", fields={"master": master})
    lost = found.get("cluster_slots_lost", 0.0)
    if info.get("cluster_state", "ok") != "ok" or lost:
        text = f"the cluster is in state {info.get('cluster_state')}, {lost:.0f} slots have no server"
        yield Alarm("cluster_down", text, lost, " slots")
    for name, address, status in masters(info):
        if status != "ok":
            text = f"the sentinel sees the master {name} ({address}) as {status}"
            yield Alarm("master_down", text, subject=name, fields={"address": address, "status": status})


def masters(info: Info) -> list[tuple[str, str, str]]:
    """Return name, address and status of every master that a sentinel watches."""
    found = (value for field, value in info.items() if re.fullmatch(r"master\d+", field))
    return [
        (str(each.get("name", "")), str(each.get("address", "")), str(each.get("status", "")))
        for each in found
        if isinstance(each, Mapping)
    ]


def command_rows(before: Info, info: Info, seconds: float) -> list[dict[str, Value]]:
    """Return the commands of an interval, those that took the most time first."""
    rows = []
    for field, value in info.items():
        if not field.startswith("cmdstat_") or field in OWN:
            continue
        now, then = _command(value), _command(before.get(field, {}))
        calls, usec = now["calls"] - then["calls"], now["usec"] - then["usec"]
        if calls <= 0:
            continue
        name = field.removeprefix("cmdstat_")
        spread = info.get(f"latency_percentiles_usec_{name}")
        p99 = spread.get("p99") if isinstance(spread, Mapping) else None
        rows.append((usec, name, calls, now, then, p99))
    whole = sum(row[0] for row in rows) or 1
    rows.sort(key=lambda row: -row[0])
    return [
        {
            "_table": "commands",
            "command": name.replace("|", " ").upper(),
            "calls": calls / seconds,
            "mean": usec / calls / 1000,
            "p99": float(p99) / 1000 if isinstance(p99, int | float) else None,
            "share": 100 * usec / whole,
            "failed": (now["failed_calls"] - then["failed_calls"]) / seconds,
            "rejected": (now["rejected_calls"] - then["rejected_calls"]) / seconds,
        }
        for usec, name, calls, now, then, p99 in rows[:COMMANDS_SHOWN]
    ]


_TOKEN = re.compile(r"[0-9A-Za-z_-]{16,}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.|-]{0,40}")


def slow_alarm(entry: Mapping[str, Any]) -> Alarm:
    """Return an entry of the slow log as an alarm: the command, how long, the head of its key.

    Arguments hold sessions, tokens and personal data; what looks like a token is left out of the key too.
    """
    words = _text(entry.get("command", b"")).split(" ")
    name = words[0] if _NAME.fullmatch(words[0]) else "?"
    key = _TOKEN.sub("…", words[1])[:40] if len(words) > 1 else ""
    took = float(entry.get("duration", 0)) / 1000
    fields = {"command": name.upper(), "duration_ms": f"{took:.3f}", "arguments": str(len(words) - 1)}
    if client := _text(entry.get("client_address", b"")):
        fields["client"] = client
    text = f"{name.upper()} {key}".rstrip() + f" took {took:.1f} ms; nobody else was answered meanwhile"
    return Alarm("slow_command", text, took, " ms", fields=fields)


def _memory_alarms(info: Info, found: Mapping[str, float]) -> Iterable[Alarm]:
    policy = str(info.get("maxmemory_policy", ""))
    if evicted := found.get("evicted"):
        text = f"keys are thrown away for lack of memory ({policy}): sessions and caches vanish"
        yield Alarm("evicting", text, evicted, " keys/s", fields={"policy": policy})
    limit = found.get("maxmemory")
    if limit and (share := 100 * found.get("memory", 0.0) / limit) >= FULL:
        then = "then writes fail" if policy == "noeviction" else f"then keys are thrown away ({policy})"
        yield Alarm("memory_high", f"memory is at {share:.0f} % of its limit; {then}", share, " %")


def _disk_alarms(info: Info, found: Mapping[str, float], change: Change | None) -> Iterable[Alarm]:
    if change is not None and change.count("refused"):
        refused = change.rate("refused")
        text = "writes are refused: memory is full, or the last save failed"
        yield Alarm("writes_refused", text, refused, "/s")
    if change is not None and change.count("forks") and found.get("fork", 0.0) >= 1000 * SLOW_FORK:
        text = f"a fork for saving took {found['fork']:.0f} ms; nobody was answered meanwhile"
        yield Alarm("fork_slow", text, found["fork"], " ms")
    if found.get("aof_delayed"):
        text = "the append-only file waits for the disk: every write waits with it"
        yield Alarm("aof_stall", text, found["aof_delayed"], "/s")
    for field in ("rdb_last_bgsave_status", "aof_last_write_status"):
        if info.get(field, "ok") != "ok":
            yield Alarm("save_failed", f"saving fails ({field}): Redis may refuse writes", subject=field)
    if number(info, "loading"):
        yield Alarm("loading", "it is loading its data; commands are refused meanwhile")


def _persistence(info: Info) -> str:
    if number(info, "aof_enabled"):
        return "AOF"
    saved = number(info, "rdb_last_save_time")
    return "RDB" if saved and number(info, "rdb_saves") else "none yet"


def _counted(info: Info, field: str) -> float:
    value = info.get(field)
    counted = value.get("count") if isinstance(value, Mapping) else None
    return float(counted) if isinstance(counted, int | float) else 0.0


def _command(value: Any) -> dict[str, float]:
    names = ("calls", "usec", "failed_calls", "rejected_calls")
    given = value if isinstance(value, Mapping) else {}
    return {name: float(given[name]) if isinstance(given.get(name), int | float) else 0.0 for name in names}


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
