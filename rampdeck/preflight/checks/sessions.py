"""Whether Redis may throw the users' sessions away."""

from __future__ import annotations

from collections.abc import Iterable

from rampdeck.preflight.application import sessions_in_cache
from rampdeck.preflight.check import Found, check, failed, ok, skipped, unknown, warning
from rampdeck.preflight.stack import Stack
from rampdeck.preflight.telling import PATIENCE, Told, told

_FIX = "redis-cli CONFIG SET maxmemory-policy noeviction, or keep sessions elsewhere (cached_db)"


@check(
    "redis.policy",
    "Redis keeps the sessions",
    expected="no policy that throws sessions away when the memory is full",
    why="A session that is evicted logs its user out: pages turn into redirects to the login, which count as "
    "quick successes.",
    effect="Logins and quick redirects in the middle of the run may be those of evicted sessions.",
    patience=PATIENCE,
)
async def policy(stack: Stack) -> Iterable[Found]:
    """Compare the policy of each Redis with where Django keeps its sessions."""
    servers = await told(stack, "redis")
    if not servers:
        return [skipped("no Redis is read", 'Add [[collectors]] with kind = "redis"')]
    there = await sessions_in_cache(stack)
    return [_judged(one, there) for one in servers]


def _judged(one: Told, sessions: bool | None) -> Found:
    if one.down:
        return skipped(one.down, host=one.name)
    name, memory = one.value("maxmemory_policy"), one.value("maxmemory")
    if not name or not memory:
        why = one.why_not("maxmemory_policy", "maxmemory")
        return unknown(f"its policy is not known: {why}", "ACL SETUSER the user with +info", one.name)
    if memory == "no limit":
        return ok(
            f"{name}, but nothing limits its memory: nothing is evicted while the host has some", one.name
        )
    limit = f"{name} at {_size(memory)}"
    if name == "noeviction":
        return ok(f"{limit}: nothing is thrown away; writes fail when it is full", one.name)
    if sessions is False:
        return ok(f"{limit}: cached values only, the sessions are elsewhere", one.name)
    if sessions is None:
        text = f"{limit}: if the sessions are in the cache, they are thrown away when it is full"
        return warning(text, _FIX, one.name)
    return failed(f"{limit}: sessions are in the cache, and thrown away when it is full", _FIX, one.name)


def _size(memory: str) -> str:
    number = memory.partition(" ")[0]
    return f"{int(number) / 2**20:g} MiB" if number.isdecimal() else memory


CHECKS = (policy,)
