"""What a Redis or Valkey is made of: version, memory limit and policy, persistence, role."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from rampdeck.facts import Fact, known, told, unknown

from ._redis_figures import Info, mode, number

_NO_RIGHT = "this user may not ask CONFIG GET. ACL SETUSER the user with +config|get"


def redis_facts(info: Info, save: str | None, started: str) -> tuple[Fact, ...]:
    """Return the facts that an answer to INFO has, and the one to ``CONFIG GET save``."""
    valkey = info.get("valkey_version")
    version = f"Valkey {valkey}" if valkey else str(info.get("redis_version", ""))
    role = "sentinel" if mode(info) == "sentinel" else str(info.get("role", ""))
    limit = number(info, "maxmemory")
    memory = ("no limit" if not limit else f"{limit:.0f} bytes") if "maxmemory" in info else ""
    appends = {"0": "no", "1": "yes"}.get(str(info.get("aof_enabled", "")), "")
    untold = "INFO does not tell"
    policy = str(info.get("maxmemory_policy", ""))
    return (
        told("redis.version", "Redis version", version, "INFO server", untold),
        told("redis.mode", "mode", mode(info), "INFO server", untold),
        told("redis.role", "role", role, "INFO replication", untold),
        told("redis.maxmemory", "maxmemory", memory, "INFO memory", untold),
        told("redis.maxmemory_policy", "maxmemory-policy", policy, "INFO memory", untold),
        told("redis.maxclients", "maxclients", info.get("maxclients"), "INFO clients", untold),
        told("redis.appendonly", "appendonly", appends, "INFO persistence", untold),
        _save(save),
        told("redis.config_file", "configuration file", info.get("config_file", ""), "INFO server", "none"),
        told("redis.started", "started", started, "INFO server", untold, moves=True),
        known("redis.pid", "process id", info.get("process_id", ""), "INFO server", moves=True),
    )


def started(info: Info) -> str:
    """Return when the server was started, by its own clock: to the minute, for INFO knows whole seconds."""
    now, seconds = number(info, "server_time_usec"), number(info, "uptime_in_seconds")
    if seconds is None:
        return ""
    utc = (time.time() if now is None else now / 1e6) - seconds
    return datetime.fromtimestamp(utc, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _save(save: str | None) -> Fact:
    if save is None:
        return unknown("redis.save", "save", _NO_RIGHT, "CONFIG GET save")
    return known("redis.save", "save", save or "never", "CONFIG GET save")
