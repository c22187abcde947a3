"""What the checks of the servers want to know of Django's settings; ``None`` stands for not known."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from rampdeck.errors import RampdeckError
from rampdeck.preflight.django.answer import Answer
from rampdeck.preflight.django.application import application
from rampdeck.preflight.stack import Stack
from rampdeck.preflight.telling import WAIT

POOL = 4
"""Connections of a pool that is not told how many: psycopg_pool's own."""
_BACKENDS = "django.contrib.sessions.backends."
_KEPT = ("db", "cached_db", "file", "signed_cookies")
"""Django's other backends of sessions: with each of them one is somewhere else than in the cache, too."""


@dataclass(frozen=True, slots=True)
class Databases:
    """How a process of the application connects: to how many databases of one server, and through which pool.

    ``pool`` is the most connections of a pool of the process (``max_size``);
    without one, each thread has a connection of its own to each database.
    """

    count: int = 1
    pool: int | None = None


async def sessions_in_cache(stack: Stack) -> bool | None:
    """Whether a session that Redis throws away is lost: sessions are in the cache, and that is Redis."""
    answer = await _told(stack)
    engine = str(answer.setting("SESSION_ENGINE", "")) if answer else ""
    if answer and engine == f"{_BACKENDS}cache":
        alias = answer.setting("SESSION_CACHE_ALIAS", "default")
        return "redis" in str(answer.setting(f"CACHES.{alias}.BACKEND", "")).lower()
    return False if engine.removeprefix(_BACKENDS) in _KEPT else None


async def databases(stack: Stack) -> Databases | None:
    """How the application connects to PostgreSQL."""
    answer = await _told(stack)
    if answer is None:
        return None
    servers: dict[str, tuple[str, str]] = {}
    for path, value in (answer.settings or {}).items():
        words = path.split(".")
        if words[0] == "DATABASES" and words[2:] == ["ENGINE"] and "postg" in str(value):
            where = f"DATABASES.{words[1]}"
            servers[where] = (str(answer.setting(f"{where}.HOST")), str(answer.setting(f"{where}.PORT")))
    if not servers:
        return None
    (server, count), *_ = Counter(servers.values()).most_common(1)
    pools = [_pool(answer, where) for where, one in servers.items() if one == server]
    sizes = [size for size in pools if size is not None]
    return Databases(count, max(sizes) if len(sizes) == len(pools) else None)


async def _told(stack: Stack) -> Answer | None:
    with suppress(RampdeckError, TimeoutError):
        async with asyncio.timeout(WAIT):
            return await stack.ask(application)
    return None


def _pool(answer: Answer, where: str) -> int | None:
    """Return the most connections of a database's pool; ``None`` without one."""
    if answer.setting(f"{where}.OPTIONS.pool") is True:
        return POOL
    sizes = [answer.setting(f"{where}.OPTIONS.pool.{size}") for size in ("max_size", "min_size")]
    if any(name.startswith(f"{where}.OPTIONS.pool.") for name in answer.settings or ()):
        return next((size for size in sizes if isinstance(size, int)), POOL)
    return None
