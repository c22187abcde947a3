"""What the checks of the servers want to know of Django's settings; ``None`` stands for not known."""

from __future__ import annotations

from dataclasses import dataclass

from rampdeck.errors import RampdeckError
from rampdeck.preflight.django.answer import Answer
from rampdeck.preflight.django.application import application
from rampdeck.preflight.stack import Stack

_IN_CACHE = "django.contrib.sessions.backends.cache"
_IN_DATABASE = "django.contrib.sessions.backends.db"


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
    if (answer := await _answer(stack)) is None:
        return None
    if answer.setting("SESSION_ENGINE", _IN_DATABASE) != _IN_CACHE:
        return False
    alias = answer.setting("SESSION_CACHE_ALIAS", "default")
    return "redis" in str(answer.setting(f"CACHES.{alias}.BACKEND", "")).lower()


async def databases(stack: Stack) -> Databases | None:
    """How the application connects to PostgreSQL; ``None`` also where it does not."""
    if (answer := await _answer(stack)) is None:
        return None
    engines = {path: str(value) for path, value in (answer.settings or {}).items() if _is_engine(path)}
    aliases = [path.split(".")[1] for path, engine in engines.items() if "postg" in engine]
    if not aliases:
        return None
    pools = [answer.setting(f"DATABASES.{alias}.OPTIONS.pool.max_size") for alias in aliases]
    known = [pool for pool in pools if isinstance(pool, int)]
    return Databases(len(aliases), max(known, default=None))


def _is_engine(path: str) -> bool:
    return path.startswith("DATABASES.") and path.endswith(".ENGINE") and path.count(".") == 2


async def _answer(stack: Stack) -> Answer | None:
    try:
        answer = await stack.ask(application)
    except RampdeckError:  # django.reachable tells it
        return None
    return answer if answer is not None and answer.settings is not None else None
