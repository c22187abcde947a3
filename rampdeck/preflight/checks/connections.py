"""Whether PostgreSQL has as many connections as the workers may want."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from rampdeck.preflight.application import Databases, databases
from rampdeck.preflight.check import Found, check, failed, ok, skipped, unknown, warning
from rampdeck.preflight.checks.timeouts import at_once, worker_class
from rampdeck.preflight.stack import Stack
from rampdeck.preflight.telling import APPLICATIONS, PATIENCE, Told, told

NEAR = 0.8
"""Share of the usable connections from which on it is tight."""


@check(
    "connections.arithmetic",
    "Connections suffice",
    expected="all workers at once want no more than 80 % of the connections that can be had",
    why='Beyond them Django answers 500, "sorry, too many clients already", and quick errors make the '
    "response times look better.",
    effect="The load may meet the limit of PostgreSQL before that of the application.",
    patience=PATIENCE,
)
async def arithmetic(stack: Stack) -> Iterable[Found]:
    """Multiply workers by threads by databases, and compare with what is left of the slots."""
    applications, servers = await asyncio.gather(told(stack, *APPLICATIONS), told(stack, "postgres"))
    if not servers:
        return [skipped("no PostgreSQL is read", 'Add [[collectors]] with kind = "postgres"')]
    if not applications:
        return [skipped("no Gunicorn or Uvicorn is read")]
    connecting = await databases(stack)
    return [_judged(server, applications, connecting, stack.peak) for server in servers]


def _judged(server: Told, applications: Sequence[Told], given: Databases | None, peak: int) -> Found:
    if down := server.down or next((one.down for one in applications if one.down), ""):
        return skipped(down, host=server.name)
    most, kept = _number(server, "max_connections"), _number(server, "superuser_reserved_connections")
    if most is None or kept is None:
        why = server.why_not("max_connections", "settings")
        return unknown(f"its settings are not known: {why}", "GRANT pg_monitor to the role", server.name)
    usable = most - kept - (_number(server, "reserved_connections") or 0)
    connecting = given or Databases()
    wanted, parts = 0, []
    for one in applications:
        need = wants(one, connecting, peak)
        if need is None:
            why = one.why_not("workers", "threads")
            said = f"how many {one.name} wants is not known: {why}"
            return unknown(said, "Give workers and threads as numbers", server.name)
        wanted += need[0]
        parts.append(f"{one.name} {need[1]}")
    elsewhere, now = server.number("connections_elsewhere") or 0, server.number("connections") or 0
    # What stands to this database now beyond the workers' share is somebody else's for sure: Celery, a shell.
    others = elsewhere + max(0, now - elsewhere - wanted)
    text = f"{wanted} wanted ({'; '.join(parts)}), {others} taken by others, {usable} of {most} usable"
    text += "" if given else "; one database is assumed"
    fix = f"Fewer workers or threads, a pool, or max_connections = {_round(wanted + others, most - usable)}"
    if wanted + others > usable:
        return failed(text, fix, server.name)
    if wanted + others > NEAR * usable:
        return warning(text, fix, server.name)
    return ok(text, server.name)


def wants(one: Told, connecting: Databases, peak: int) -> tuple[int, str] | None:
    """Return how many connections an application may have at once, and the arithmetic in words."""
    workers, kind, count = one.number("workers"), worker_class(one), connecting.count
    if workers is None or not kind:
        return None
    of = f" x {count} databases" if count != 1 else ""
    many = f"{workers} worker{'s' * (workers != 1)}"
    if connecting.pool is not None:
        return workers * connecting.pool * count, f"{many} x pool of {connecting.pool}{of}"
    if kind == "sync":
        return workers * count, f"{many}{of}"
    if kind == "gthread":
        threads = one.number("threads")
        return None if threads is None else (workers * threads * count, f"{many} x {threads} threads{of}")
    concurrent = at_once(one, peak)
    # Of an event loop each request that is at work may have one.
    return None if concurrent is None else (concurrent * count, f"{kind}, {concurrent} requests at once{of}")


def _number(server: Told, name: str) -> int | None:
    first = server.value(name).partition(",")[0]
    return int(first) if first.isdecimal() else None


def _round(wanted: int, reserved: int) -> int:
    """Return a max_connections at which the wanted ones are 80 %, in tens."""
    return -(-int(wanted / NEAR + reserved) // 10) * 10


CHECKS = (arithmetic,)
