"""The session with PostgreSQL: how it is opened, reached and explained.

A module of its own because psycopg takes a while to import: it is imported
when the first collector connects, and by then the cockpit is painted.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from rampdeck.config import secret
from rampdeck.errors import SourceError
from rampdeck.remote import Remote
from rampdeck.text import clean

if TYPE_CHECKING:
    from .postgres import PostgresConfig

CONNECT_TIMEOUT = 5
STATEMENT_TIMEOUT_MS = 1_500
READ_TIMEOUT = 3.0
"""Seconds after which a server that says nothing is given up; its own timeout should have come before."""
Connection = psycopg.AsyncConnection[dict[str, Any]]
QueryCanceled = psycopg.errors.QueryCanceled


def parameters(config: PostgresConfig) -> dict[str, str]:
    """Return libpq's parameters, host and port among them.

    Raises :class:`UsageError` for a secret that cannot be had and
    :class:`SourceError` for a DSN that cannot be used.
    """
    dsn = secret(config.dsn_env, config.dsn_file, "the DSN of PostgreSQL")
    if dsn is None:
        password = secret(config.password_env, config.password_file, "the password of PostgreSQL")
        given = {"user": config.user, "dbname": config.database, "password": password or ""}
        return {"host": config.address, "port": str(config.port), **{k: v for k, v in given.items() if v}}
    try:
        found = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        # libpq's own words would quote the secret.
        raise SourceError(
            "the DSN of PostgreSQL cannot be read",
            f"what {config.dsn_env or config.dsn_file} holds is no connection string",
            "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        ) from None
    parameters = {"host": config.address, "port": str(config.port)}
    parameters |= {key: str(value) for key, value in found.items() if value is not None}
    if "," in parameters["host"]:
        raise SourceError("the DSN of PostgreSQL names several hosts", "", "Name the one to watch")
    return parameters


@asynccontextmanager
async def open_session(parameters: dict[str, str], remote: Remote) -> AsyncIterator[Connection]:
    """Open the one session, through a tunnel where the host is far; whatever breaks it is a SourceError."""
    host, port = parameters["host"], int(parameters["port"])
    where = f"PostgreSQL at {host}:{port}"
    fixed = {
        "application_name": "rampdeck",
        "connect_timeout": str(CONNECT_TIMEOUT),
        # Bytes as they are: other databases' queries may be in any encoding.
        "client_encoding": "SQL_ASCII",
        # pg_catalog alone: no function that somebody made is to be taken for the server's.
        "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c default_transaction_read_only=on "
        "-c search_path=pg_catalog -c jit=off",
    }
    parameters = {"gssencmode": "disable", **parameters, **fixed}
    try:
        async with _reach(host, port, remote) as reached:
            conninfo = make_conninfo(**{**parameters, **reached})
            connection = await psycopg.AsyncConnection.connect(
                conninfo, autocommit=True, row_factory=dict_row, cursor_factory=psycopg.AsyncRawCursor
            )
            try:
                yield connection
            finally:
                await connection.close()
    except TimeoutError:
        raise SourceError(where, f"no answer for {READ_TIMEOUT:g} s", "It is tried again") from None
    except psycopg.Error as error:
        raise explain(where, error) from None


@asynccontextmanager
async def _reach(host: str, port: int, remote: Remote) -> AsyncIterator[dict[str, str]]:
    """Yield the parameters that lead libpq to the server: the tunnel's end, or nothing."""
    if host.startswith("/"):
        # Through a socket the server sees the user of the login, and may trust it (peer authentication).
        async with remote.tunnel_socket(PurePosixPath(host, f".s.PGSQL.{port}")) as socket_file:
            yield {"host": str(socket_file.parent)}
        return
    async with remote.tunnel(host, port) as (near, near_port):
        if (near, near_port) == (host, port):
            yield {}
        else:
            # The name stays: a certificate and ~/.pgpass are about it, not about the tunnel.
            yield {"hostaddr": str(ipaddress.ip_address(near)), "port": str(near_port)}


async def read(
    connection: Connection,
    query: bytes,
    *given: object,
    timeout: float | None = None,
    single: bool = False,
) -> list[dict[str, Any]]:
    """Ask and return the rows, none for what has none; raises TimeoutError when the server is silent.

    ``given`` are the values of ``$1``, ``$2``. With ``single`` the server itself
    refuses a query that is more than one statement: for text that others wrote.

    A silent server is hung up on, not asked to cancel: psycopg would wait ten
    seconds for the answer to that, while nobody is told.
    """
    reading = asyncio.ensure_future(_fetch(connection, query, given, single))
    try:
        done, _ = await asyncio.wait({reading}, timeout=timeout or READ_TIMEOUT)
    finally:
        if not reading.done():
            _hang_up(connection)
            await asyncio.gather(reading, return_exceptions=True)
    if not done:
        raise TimeoutError
    return reading.result()


async def _fetch(
    connection: Connection, query: bytes, given: tuple[object, ...], single: bool
) -> list[dict[str, Any]]:
    # A binary result takes the extended protocol, which knows one statement only.
    cursor = await connection.execute(query, given or None, binary=single)
    return await cursor.fetchall() if cursor.description else []


def _hang_up(connection: Connection) -> None:
    """End the connection under libpq: what waits for it fails at once."""
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as link:
        link.shutdown(socket.SHUT_RDWR)


POOL = "this is a pool, not the server"
DIRECT = "Set address and port of PostgreSQL itself"
_CAUSES = (
    ("password authentication failed", "the server refuses the password", "Check user and password"),
    ("no password supplied", "the server wants a password", "Set password_env or password_file"),
    ("too many clients", "every connection is taken", "Start Rampdeck before the load"),
    ("connection slots are reserved", "every connection is taken", "Start Rampdeck before the load"),
    ("starting up", "the server is starting", "It is tried again"),
    ("shutting down", "the server is shutting down", "It is tried again"),
    ("recovery mode", "the server is recovering from a crash", "It is tried again"),
    ("no pg_hba.conf entry", "", "Allow user, database and address in pg_hba.conf"),
    ("unsupported startup parameter", POOL, DIRECT),  # PgBouncer, Azure's too
    ("RDS Proxy currently doesn", POOL, DIRECT),
    ("use SHOW HELP", POOL, DIRECT),  # PgBouncer's own console
    ("refused", "nothing listens there", "Check address and port, and that the server runs"),
    ("timeout expired", f"no answer within {CONNECT_TIMEOUT} s", "Check address, port and firewall"),
    ("closed the connection unexpectedly", "the connection was closed", "Check that the server runs"),
    ("resolve host", "", "Check the address"),
)
"""Parts of libpq's messages: why and fix. Without a why, the server's own words stand there."""


def explain(where: str, error: psycopg.Error) -> SourceError:
    """Return psycopg's error in a person's words."""
    if error.diag.message_primary:
        said = error.diag.message_primary
    else:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        said = next((line for line in lines if "FATAL:" in line), lines[0] if lines else type(error).__name__)
        said = said.rpartition("FATAL:")[2].strip()
    said = clean(said, 300)
    for part, why, fix in _CAUSES:
        if part in str(error):
            return SourceError(where, why or said, fix)
    if isinstance(error, psycopg.errors.AdminShutdown | psycopg.errors.CrashShutdown):
        return SourceError(where, f"the server ended the session ({said})", "It is tried again")
    return SourceError(where, said)
