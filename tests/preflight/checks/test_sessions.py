"""A Redis that may throw sessions away is told, as surely as it is known where they are."""

from __future__ import annotations

import pytest

from rampdeck.preflight.check import State
from rampdeck.preflight.checks import sessions
from rampdeck.preflight.checks.sessions import policy

from ..looking import REDIS, of, one


@pytest.mark.parametrize(
    ("name", "memory", "in_cache", "comes_out"),
    [
        ("volatile-lru", "67108864 bytes", True, State.FAILED),
        ("allkeys-lfu", "67108864 bytes", True, State.FAILED),
        ("volatile-lru", "67108864 bytes", False, State.OK),
        ("volatile-lru", "67108864 bytes", None, State.WARNING),
        ("noeviction", "67108864 bytes", True, State.OK),
        ("allkeys-lru", "no limit", True, State.OK),
    ],
)
async def test_evicting_policies_matter_where_the_sessions_are(
    name: str, memory: str, in_cache: bool | None, comes_out: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def there(_: object) -> bool | None:
        return in_cache

    monkeypatch.setattr(sessions, "sessions_in_cache", there)
    facts = REDIS | {"redis.maxmemory_policy": name, "redis.maxmemory": memory}
    found = await one(policy, of({"redis": facts}))
    assert found.state is comes_out
    assert name in found.found
    assert ("noeviction" in found.fix) is (comes_out is not State.OK)


async def test_full_memory_is_told_of_a_policy_that_keeps_everything() -> None:
    found = await one(policy, of({"redis": REDIS | {"redis.maxmemory_policy": "noeviction"}}))
    assert found.found == "noeviction at 64 MiB: nothing is thrown away; writes fail when it is full"


async def test_a_redis_that_tells_little_is_unknown_and_one_that_is_down_is_told_elsewhere() -> None:
    assert (await one(policy, of({"redis": {"redis.maxclients": "1"}}))).state is State.UNKNOWN
    down = of({"redis": "no"}, blind={"redis": "nothing listens there"})
    assert (await one(policy, down)).state is State.SKIPPED
