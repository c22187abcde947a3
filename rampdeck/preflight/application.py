"""What the checks of the servers want to know of Django's settings; ``None`` stands for not known."""

from __future__ import annotations

from dataclasses import dataclass

from rampdeck.preflight.stack import Stack


@dataclass(frozen=True, slots=True)
class Databases:
    """How a process of the application connects: to how many databases of one server, and through which pool.

    ``pool`` is the most connections of a pool of the process (``max_size``);
    without one, each thread has a connection of its own to each database.
    """

    count: int = 1
    pool: int | None = None


async def sessions_in_cache(stack: Stack) -> bool | None:  # noqa: ARG001 - to be joined with the probe
    """Whether a session that the cache throws away is lost: SESSION_ENGINE is that of the cache."""
    return None


async def databases(stack: Stack) -> Databases | None:  # noqa: ARG001 - to be joined with the probe
    """How the application connects to PostgreSQL."""
    return None
