"""What the demo can break on purpose, so that one sees how Rampdeck finds it.

Each fault is a real one: a query that waits, a role that may not log in, a
worker that is killed. Nothing is faked in what Rampdeck is shown.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import psycopg
import redis
from psycopg import sql

from rampdeck.demo.servers import PostgresServer, RedisServer, Server
from rampdeck.errors import UsageError

RELOAD = 12.0
"""Seconds between two reloads of Gunicorn."""
UNSEEN = 10.0
"""Seconds for which PostgreSQL can be seen, and then for as long not, in turn: about half of any run."""
LOOK = 0.5
"""Seconds between two looks whether somebody monitors PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can be broken.

    ``needs`` is the part of the stack without which it cannot. ``check`` is that of
    the preflight which goes red, where it is there before the load.
    """

    name: str
    text: str
    needs: str = ""
    check: str = ""


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("slow-endpoint", "each /dashboard/ waits 1.2 s for PostgreSQL: FAIL"),
        Fault(
            "postgres-unseen",
            f"Rampdeck may not log in to PostgreSQL every other {UNSEEN:.0f} s, the shop may: INCONCLUSIVE",
            needs="postgres",
        ),
        Fault("worker-timeouts", "every 8 s a /dashboard/ hangs until Gunicorn kills its worker: FAIL"),
        Fault("gunicorn-reload", f"Gunicorn is reloaded every {RELOAD:.0f} s, as when deploying: no PASS"),
        Fault("redis-full", "Redis is full and evicts nothing, so nobody can log in: FAIL", needs="redis"),
        Fault("nginx-502", "one in twenty requests goes to a backend that is down: FAIL", needs="nginx"),
        Fault("debug-on", "DEBUG is on", check="django.debug"),
        Fault("pending-migration", "a migration of the release is not applied", check="django.migrations"),
        Fault(
            "wrong-origin",
            "Nginx passes the host on without its port, so a browser's form is refused",
            needs="nginx",
            check="login.works",
        ),
        Fault("static-by-django", "Django serves the static files itself", "nginx", "static.proxy"),
        Fault("redis-stopped", "Redis is down; the shop does without", "redis", "services.active"),
        Fault("wrong-commit", "another release runs than the one to be tested", check="release.candidate"),
        Fault("empty-table", "there are no orders", "postgres", "rows.minimum"),
        Fault("equal-timeouts", "Nginx and Gunicorn give up at the same time", "nginx", "timeouts.aligned"),
        Fault("unreadable-journal", "Gunicorn's journal cannot be read", "journal", "source.readable"),
        Fault("unlogged-errors", "errors go by mail to nobody, as Django does it", check="errors.journal"),
        Fault("no-timings", "the access log tells no times", "nginx", "access_log.times"),
        Fault("settings-drift", "a setting is not as in production", check="django.baseline"),
        Fault("production-setting", "a setting leads to a host of production", check="django.isolation"),
        Fault("evicting-redis", "Redis may throw sessions away", "redis", "redis.policy"),
    )
}
"""All faults by name."""


def listed() -> str:
    """Return the known faults, one a line; last those that are found before the load, by the check named."""
    width = max(map(len, FAULTS))
    late = [f"  {fault.name:{width}}  {fault.text}" for fault in FAULTS.values() if not fault.check]
    early = [
        f"  {fault.name:{width}}  {fault.text}: {fault.check}" for fault in FAULTS.values() if fault.check
    ]
    return "\n".join([*late, "", "Found by the preflight, in the check that is named:", "", *early])


def checked(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of faults, each once; :class:`UsageError` with the known ones for another."""
    for name in names:
        if name not in FAULTS:
            raise UsageError(f'there is no fault "{name}"', "", f"These are known:\n{listed()}")
    return tuple(dict.fromkeys(names))


class Breaker(Protocol):
    """What breaks something again and again while the stack is up."""

    def turn(self) -> None:
        """Do what is due; it is called several times a second."""

    def stop(self) -> None:
        """Let go."""


class GunicornReload:
    """Reloads Gunicorn now and then: new workers take the place of the old ones, which end their requests."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._last = time.monotonic()

    def turn(self) -> None:
        """Reload it if that is due."""
        if time.monotonic() - self._last >= RELOAD:
            self._last = time.monotonic()
            os.kill(self._server.pid, signal.SIGHUP)

    def stop(self) -> None:
        """Nothing is to be let go of."""


class PostgresUnseen:
    """Keeps a server's monitoring role out, and lets it in again, from its first login on.

    Whoever owns the data is served all the time.
    """

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._admin = server.connect(as_admin=True)
        self._since: float | None = None
        self._looked = 0.0
        self._out = False

    def turn(self) -> None:
        """Lock the role or let it in, if that is due."""
        now = time.monotonic()
        if self._since is None:
            if now - self._looked >= LOOK:
                self._looked = now
                self._since = now if self._sessions() else None
            return
        out = (now - self._since) % (2 * UNSEEN) >= UNSEEN
        if out != self._out:
            self._out = out
            may = "NOLOGIN" if out else "LOGIN"
            self._admin.execute(sql.SQL(f"ALTER ROLE {{}} {may}").format(sql.Identifier(self._server.user)))
        if out and now - self._looked >= LOOK:
            # Again and again: one may have been at its login when the role was locked.
            self._looked = now
            for pid in self._sessions():
                self._admin.execute("SELECT pg_terminate_backend(%s)", [pid])

    def stop(self) -> None:
        """Let go of the server."""
        with contextlib.suppress(psycopg.Error):
            self._admin.close()

    def _sessions(self) -> list[int]:
        found = self._admin.execute(
            "SELECT pid FROM pg_stat_activity WHERE usename = %s", [self._server.user]
        ).fetchall()
        return [pid for (pid,) in found]


def let_evict(server: RedisServer) -> None:
    """Give a Redis a limit, and leave to throw away what it likes when that is reached."""
    with redis.Redis(server.host, server.port, password=server.password) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", "256mb")


def fill(server: RedisServer) -> None:
    """Leave a Redis no memory for anything new."""
    with redis.Redis(server.host, server.port, password=server.password) as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1kb")


def impossible(faults: Collection[str], missing: Collection[str]) -> str:
    """Return which of the faults cannot be made because a part of the stack is missing; empty: none."""
    return "; ".join(
        f"the fault {name} needs {FAULTS[name].needs}, which is not there"
        for name in faults
        if FAULTS[name].needs in missing
    )
