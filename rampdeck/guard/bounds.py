"""What is asked for at the start, held against the ceilings of ``[guard]``: better no run than half of one.

What comes up later (a key, a LoadTestShape, the scenario's own code) is cut
where Locust is told (:mod:`rampdeck.engine.ceilings`).
"""

from __future__ import annotations

from collections.abc import Sequence

from rampdeck.config import GuardConfig, LoadConfig
from rampdeck.errors import UsageError
from rampdeck.model import Stage


def check(guard: GuardConfig, load: LoadConfig, plan: Sequence[Stage], users: int | None) -> None:
    """Raise :class:`UsageError` for a load beyond the ceilings.

    ``users`` are those of ``-u``, ``plan`` are the stages.
    """
    _check_users(guard, users or 0, "--users")
    _check_rate(guard, load.spawn_rate, "the spawn rate")
    for stage in plan:
        _check_users(guard, stage.users, f"stage {stage.name}")
        _check_rate(guard, stage.spawn_rate, f"stage {stage.name}")


def _check_users(guard: GuardConfig, users: int, whose: str) -> None:
    if users > guard.users:
        why = f"the most is {guard.users}, by [guard] users"
        raise UsageError(f"{whose}: {users} users are too many", why, "Ask for fewer, or raise the ceiling")


def _check_rate(guard: GuardConfig, rate: float, whose: str) -> None:
    if rate > guard.spawn_rate:
        why = f"the most is {guard.spawn_rate:g}/s, by [guard] spawn_rate"
        raise UsageError(
            f"{whose}: {rate:g} users a second are too many", why, "Ask for fewer, or raise the ceiling"
        )
