"""What one check finds of a made-up stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rampdeck.preflight.check import Check, Definition, State
from rampdeck.preflight.inspection import Inspection
from rampdeck.preflight.stack import Stack

from .stacks import stack

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
    "redis.uptime": "60",
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


def of(
    facts: Mapping[str, Mapping[str, Any] | str],
    keys: Mapping[str, Mapping[str, Any]] | None = None,
    release: Mapping[str, Mapping[str, Any] | str] | None = None,
    peak: int = 50,
    **data: Any,
) -> Stack:
    """Return a stack of one server of each kind named in ``facts``, all here; ``keys`` are of its table."""
    tables = [{"kind": kind, **((keys or {}).get(kind) or TABLES[kind])} for kind in facts]
    stages = [{"name": "peak", "users": peak, "hold": "1m"}]
    told = {f"{kind}@local": given for kind, given in facts.items()} | dict(release or {})
    return stack({"collectors": tables, "stages": stages} | data, facts=told)


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
