"""The connection to Redis: how it is opened, reached and explained.

A module of its own because redis-py takes a while to import: it is imported
when the first collector connects, and by then the cockpit is painted.
"""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import redis.asyncio as aioredis
from redis import exceptions
from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from rampdeck.config import secret
from rampdeck.errors import SourceError
from rampdeck.remote import Remote
from rampdeck.text import clean

if TYPE_CHECKING:
    from .redis import RedisConfig

GREETING = ("AUTH USER PASSWORD", "CLIENT SETNAME rampdeck")
"""What goes before the first question; AUTH where there is a password."""
CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 3.0
"""Seconds to wait for an answer; Redis is single-threaded and may be busy with a slow command."""


def parameters(config: RedisConfig) -> dict[str, Any]:
    """Return redis-py's parameters of a connection, ``host`` and ``port`` or ``path`` among them.

    Raises :class:`UsageError` for a secret that cannot be had and
    :class:`SourceError` for a URL that cannot be used.
    """
    url = secret(config.url_env, config.url_file, "the URL of Redis")
    given: dict[str, Any] = {"host": config.address, "port": config.port}
    if url is None:
        given["username"] = config.username or None
        given["password"] = secret(config.password_env, config.password_file, "the password of Redis")
        if config.tls:
            given["connection_class"] = SSLConnection
    else:
        try:
            given |= parse_url(url)
        except ValueError:
            # redis-py's own words would quote the secret.
            raise SourceError(
                "the URL of Redis cannot be read",
                f"what {config.url_env or config.url_file} holds is no URL of Redis",
                "Write redis://USER:PASSWORD@HOST:PORT",
            ) from None
    if config.ca_file and given.get("connection_class") is SSLConnection:
        given["ssl_ca_certs"] = str(config.ca_file)
    return given | {"db": 0}


@asynccontextmanager
async def connection(parameters: dict[str, Any], remote: Remote) -> AsyncIterator[aioredis.Redis]:
    """Open the one connection, through a tunnel where the host is far; what breaks it is a SourceError."""
    host, port, path = parameters["host"], parameters["port"], parameters.get("path")
    where = f"Redis at {path or f'{host}:{port}'}"
    try:
        async with (
            _reach(host, port, path, remote) as reached,
            aioredis.Redis.from_pool(_pool(parameters, reached)) as client,
        ):
            # Who this is, for those who look at the server; an ACL may forbid it.
            with suppress(exceptions.ResponseError):
                await client.client_setname("rampdeck")
            yield client
    except exceptions.RedisError as error:
        raise explain(where, error) from None


_SEEN_BY = {"slowlog|get": "the slow log is", "cluster|info": "the cluster's state is"}


class Session:
    """Asks, and notes what the user has no right to: without INFO there is nothing, the rest is left out."""

    def __init__(self, client: aioredis.Redis, user: str) -> None:
        self._user = user
        self._ask: Callable[..., Awaitable[Any]] = client.execute_command
        self._forbidden: set[str] = set()
        self.asked = 0
        """Commands sent so far."""

    @property
    def refused(self) -> str:
        """What is not seen for lack of rights, and what would help; empty if nothing is."""
        if not self._forbidden:
            return ""
        what = " and ".join(_SEEN_BY[right] for right in sorted(self._forbidden))
        grants = " ".join(f"+{right}" for right in sorted(self._forbidden))
        return f"{what} hidden from this user. ACL SETUSER {self._user or 'default'} {grants}"

    async def info(self, command: tuple[str, ...]) -> dict[str, Any]:
        """Return the answer to INFO."""
        self.asked += 1
        answer: dict[str, Any] = await self._ask(*command)
        return answer

    async def cluster(self, command: tuple[str, ...]) -> dict[str, Any]:
        """Return the answer to CLUSTER INFO; empty where it may not be asked."""
        found = await self._try("cluster|info", *command)
        given = found if isinstance(found, dict) else {}
        return {name: int(value) if str(value).isdecimal() else value for name, value in given.items()}

    async def slow_log(self, command: tuple[str, ...]) -> list[dict[str, Any]] | None:
        """Return the entries of the slow log; ``None`` where it may not be read."""
        found = await self._try("slowlog|get", *command)
        return found if isinstance(found, list) else None

    async def save(self, command: tuple[str, ...]) -> str | None:
        """Return when it saves to disk; ``None`` where that may not be asked."""
        self.asked += 1
        try:
            found = await self._ask(*command)
        except exceptions.ResponseError:
            return None
        return str(found.get("save", "")) if isinstance(found, dict) else None

    async def _try(self, right: str, *command: str) -> Any:
        if right in self._forbidden:
            return None
        self.asked += 1
        try:
            return await self._ask(*command)
        except exceptions.ResponseError as error:
            # NOPERM, or renamed, or unknown to an old server or to a sentinel.
            if "NOPERM" in str(error) or "no permissions" in str(error):
                self._forbidden.add(right)
            return None


@asynccontextmanager
async def _reach(host: str, port: int, path: str | None, remote: Remote) -> AsyncIterator[dict[str, Any]]:
    """Yield the parameters that lead redis-py to the server: the tunnel's end, where there is one."""
    if path:
        async with remote.tunnel_socket(PurePosixPath(path)) as near:
            yield {"path": str(near)}
    else:
        async with remote.tunnel(host, port) as (near_host, near_port):
            yield {"host": near_host, "port": near_port}


def _pool(parameters: dict[str, Any], reached: dict[str, Any]) -> aioredis.ConnectionPool:
    """Return redis-py's pool, with one connection and no tries of its own."""
    options = parameters | reached
    tunnelled = options != parameters
    options |= {"protocol": 2, "retry": Retry(NoBackoff(), 0), "encoding_errors": "replace"}
    # Its greeting is one command less without its own name.
    options |= {"driver_info": None}
    options |= {"socket_connect_timeout": CONNECT_TIMEOUT, "socket_timeout": READ_TIMEOUT}
    if options.get("connection_class") is UnixDomainSocketConnection:
        del options["host"], options["port"]
    if tunnelled and options.get("connection_class") is SSLConnection:
        # The certificate is about the server's name, the connection goes to the
        # tunnel's end. Who signed it is still checked; the host by its SSH key.
        options["ssl_check_hostname"] = False
    return aioredis.ConnectionPool(max_connections=1, **options)


_CAUSES = (
    ("NOAUTH", "it wants a password", "Set password_env or password_file"),
    ("Authentication required", "it wants a password", "Set password_env or password_file"),
    ("WRONGPASS", "it refuses user or password", "Check username and password"),
    ("invalid username-password", "it refuses user or password", "Check username and password"),
    ("invalid password", "it refuses the password", "Check the password"),
    ("without any password configured", "it has no password", "Leave the password out"),
    ("no permissions to run the 'info'", "the user may not run INFO", "ACL SETUSER the user with +info"),
    ("unknown command", "it does not know INFO: renamed or disabled", "Undo rename-command INFO"),
    ("protected mode", "it is in protected mode", "Set a password there, or watch it from its own host"),
    ("max number of clients", "every connection is taken", "Start Rampdeck before the load"),
    ("loading", "it is loading its data", "It is tried again"),
    # Python's own words for a refused connection lack the word.
    (
        f"Error {errno.ECONNREFUSED} ",
        "nothing listens there",
        "Check address and port, and that the server runs",
    ),
    ("Timeout connecting", "no answer in time", "Check address, port, firewall and tls"),
    ("Timeout reading", f"no answer for {READ_TIMEOUT:g} s", "A slow command may block it: see SLOWLOG GET"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted", "Set ca_file"),
    ("SSL", "it does not speak TLS as asked", "Check tls and port"),
    ("closed", "the connection was closed", "Check that the server runs, and whether it wants TLS"),
    ("reset", "the connection was closed", "Check that the server runs, and whether it wants TLS"),
)
"""Parts of Redis' and redis-py's messages: why and fix."""


def explain(where: str, error: exceptions.RedisError) -> SourceError:
    """Return redis-py's error in a person's words."""
    said = clean(str(error), 300)
    for part, why, fix in _CAUSES:
        if part.lower() in said.lower():
            return SourceError(where, why, fix)
    return SourceError(where, said or type(error).__name__)
