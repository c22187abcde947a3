"""What the application says of its sessions and connections reaches the checks of the servers."""

from __future__ import annotations

from typing import Any

import pytest

from rampdeck.preflight.application import Databases, databases, sessions_in_cache

from .checks.answers import answered, told
from .stacks import stack

BACKENDS = "django.contrib.sessions.backends"


@pytest.mark.parametrize(
    ("engine", "lost"),
    [
        (f"{BACKENDS}.cache", True),
        (f"{BACKENDS}.cached_db", False),
        (f"{BACKENDS}.db", False),
        ("shop.sessions", None),
        (None, None),
    ],
)
async def test_sessions_in_the_cache_are_lost_with_it(engine: str | None, lost: bool | None) -> None:
    redis = {"CACHES.sessions.BACKEND": "django_redis.cache.RedisCache", "SESSION_CACHE_ALIAS": "sessions"}
    assert await sessions_in_cache(answered(told({"SESSION_ENGINE": engine, **redis}))) is lost


async def test_a_cache_that_is_not_redis_loses_nothing_there() -> None:
    memcached = "django.core.cache.backends.memcached.PyMemcacheCache"
    settings = {"SESSION_ENGINE": f"{BACKENDS}.cache", "CACHES.default.BACKEND": memcached}
    assert await sessions_in_cache(answered(told(settings))) is False


def database(alias: str, host: str = "db", **more: Any) -> dict[str, Any]:
    where = f"DATABASES.{alias}"
    settings = {
        f"{where}.ENGINE": "django.db.backends.postgresql",
        f"{where}.HOST": host,
        f"{where}.PORT": "",
    }
    return settings | {f"{where}.OPTIONS.{name.replace('__', '.')}": value for name, value in more.items()}


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        (database("default"), Databases(1, None)),
        (database("default") | database("other"), Databases(2, None)),
        (database("default") | database("replica", "db-2"), Databases(1, None)),
        (database("default", pool=True), Databases(1, 4)),
        (database("default", pool__max_size=12, pool__min_size=2), Databases(1, 12)),
        (database("default", pool__timeout=5), Databases(1, 4)),
        ({"DATABASES.default.ENGINE": "django.db.backends.sqlite3"}, None),
    ],
)
async def test_connections_are_counted_by_server_and_pool(
    settings: dict[str, Any], found: Databases | None
) -> None:
    assert await databases(answered(told(settings))) == found


async def test_an_application_that_nobody_names_tells_nothing() -> None:
    assert await databases(stack()) is None
    assert await sessions_in_cache(stack()) is None
