"""What one check finds of a made-up stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rampdeck.model import Health
from rampdeck.preflight.check import Check, Definition, State
from rampdeck.preflight.inspection import Inspection
from rampdeck.preflight.stack import Stack
from rampdeck.remote import Completed, Shell

from .stacks import ToldFacts, stack

GUNICORN = {
    "gunicorn.version": "23.0.0",
    "gunicorn.state": "active (running)",
    "gunicorn.workers": "4",
    "gunicorn.worker_class": "sync",
    "gunicorn.threads": "1",
    "gunicorn.timeout": "30",
    "gunicorn.graceful_timeout": "30",
    "gunicorn.keepalive": "2",
    "gunicorn.worker_connections": "1000",
    "gunicorn.accesslog": "None",
    "gunicorn.bind": "127.0.0.1:8000",
    "gunicorn.preload_app": "False",
    "gunicorn.journal_limit": "10000 lines in 30 s",
}
NGINX = {
    "nginx.config_sha256": "abc",
    "nginx.state": "running",
    "nginx.worker_processes": "auto",
    "nginx.worker_connections": "1024",
    "nginx.worker_pids": "11, 12",
    "nginx.upstreams": "127.0.0.1:8000",
    "nginx.proxy_read_timeout": "60",
    "nginx.proxy_buffering": "on",
    "nginx.proxy_request_buffering": "on",
    "nginx.upstream_keepalive": "none",
    "nginx.limit_req": "none",
    "nginx.limit_conn": "none",
    "nginx.access_log_format": "timed",
    "nginx.access_log_variables": "request_time, upstream_connect_time, upstream_header_time, "
    "upstream_response_time, upstream_status",
    "nginx.error_log_level": "warn",
}
POSTGRES = {
    "postgres.version": "16.4",
    "postgres.max_connections": "100",
    "postgres.superuser_reserved_connections": "3",
    "postgres.reserved_connections": "0",
    "postgres.connections": "0",
    "postgres.connections_elsewhere": "0",
    "postgres.started": "2026-11-16 08:00:00 UTC",
}
REDIS = {
    "redis.maxmemory": "67108864 bytes",
    "redis.maxmemory_policy": "volatile-lru",
    "redis.maxclients": "10000",
    "redis.started": "2026-11-16 08:00 UTC",
}
TABLES: Mapping[str, Mapping[str, str]] = {
    "gunicorn": {},
    "uvicorn": {},
    "nginx": {"access_log": "/var/log/nginx/access.log", "error_log": "/var/log/nginx/error.log"},
    "caddy": {},
    "postgres": {},
    "redis": {},
}
HEALTHY: Mapping[str, Mapping[str, str]] = {
    "gunicorn": GUNICORN,
    "nginx": NGINX,
    "postgres": POSTGRES,
    "redis": REDIS,
}


class Hosted(ToldFacts):
    """Sources that have told already, on a host that answers every command alike."""

    def __init__(self, told: Mapping[str, Mapping[str, Any] | str], answer: str) -> None:
        super().__init__(told)
        self._answer = answer

    def shell(self, host: str) -> Shell:
        return _Answering(host, self._answer)


class _Answering:
    local = False

    def __init__(self, host: str, answer: str) -> None:
        self.host = host
        self._answer = answer

    async def run(self, command: str, *, timeout: float = 10.0) -> Completed:  # noqa: ARG002
        return Completed(command, 0, self._answer.encode(), b"")


def process(pid: int, started: int, files: int = 1024, name: str = "gunicorn") -> str:
    """Return what a host says of a process that began so many seconds after its boot."""
    ticks = " ".join(["0"] * 18)
    return f"{pid} ({name}) S {ticks} {started * 100} 0 0\nMax open files {files} 4096 files\n"


def of(
    facts: Mapping[str, Mapping[str, Any] | str],
    keys: Mapping[str, Mapping[str, Any]] | None = None,
    deployed: Mapping[str, Mapping[str, Any] | str] | None = None,
    *,
    peak: int = 50,
    seen: str = "",
    blind: Mapping[str, str] | None = None,
    **data: Any,
) -> Stack:
    """Return a stack of one server of each kind in ``facts``, all on this machine.

    ``keys`` are of its table, ``seen`` is what the host says of processes (booted at
    second 1 000 000 000), ``blind`` why a kind is not read.
    """
    tables = [{"kind": kind, **TABLES[kind], **(keys or {}).get(kind, {})} for kind in facts]
    stages = [{"name": "peak", "users": peak, "hold": "1m"}]
    told = {f"{kind}@local": given for kind, given in facts.items()} | dict(deployed or {})
    there = stack({"collectors": tables, "stages": stages} | data)
    there.gatherer = Hosted(told, f"100\nbtime 1000000000\n{seen}")
    for source in there.sources:
        there.session.append(source.info)
        if why := (blind or {}).get(source.info.kind):
            live = there.session.sources[source.info.name]
            live.health, live.reason = Health.BLIND, why
    return there


async def looked(definition: Definition, there: Stack) -> list[Check]:
    """Return everything that a check finds."""
    return list((await Inspection(there, [definition]).run()).checks)


async def one(definition: Definition, there: Stack) -> Check:
    """Return what a check finds at the one place that there is."""
    (found,) = await looked(definition, there)
    return found


async def state(definition: Definition, there: Stack) -> State:
    """Return how it comes out at the one place that there is."""
    return (await one(definition, there)).state
