"""PostgreSQL and Redis: where the application's settings lead to, and how they receive us.

A password is never taken: those of the settings do not leave their host. What
we need ourselves comes from variables of the usual names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from rampdeck.discovery import knock
from rampdeck.discovery.draft import Draft, Entry, Table
from rampdeck.discovery.knock import Door
from rampdeck.discovery.seen import Seen
from rampdeck.discovery.ways import port_of
from rampdeck.preflight.django.answer import Answer
from rampdeck.remote import Remote

PG_PASSWORD = "RAMPDECK_PG_PASSWORD"
PG_USER = "RAMPDECK_PG_USER"
REDIS_PASSWORD = "RAMPDECK_REDIS_PASSWORD"
RIGHTS = "a role that may see all: GRANT pg_monitor TO it"
SOCKET_FOLDERS = ("/run/postgresql", "/var/run/postgresql", "/tmp")
_SOCKET = re.compile(r"unix:(/.+)/\.s\.PGSQL\.(\d+)")
_REDIS = re.compile(r"(?:redis|valkey)-server (?:\S*?):(\d+)")
_DEFAULT_PORTS = {"postgres": 5432, "redis": 6379}


@dataclass(frozen=True, slots=True)
class Store:
    """A server of data as the application reaches it; ``setting`` is what led there."""

    kind: str
    address: str
    port: int
    setting: str
    user: str = ""
    database: str = ""
    tls: bool = False


def of_settings(answer: Answer) -> tuple[list[Store], list[str]]:
    """Return the servers that the settings lead to, and sentences on what is of another kind."""
    stores: dict[tuple[str, str, int, str], Store] = {}
    other: list[str] = []
    for one in (*_databases(answer, other), *_redises(answer)):
        stores.setdefault((one.kind, one.address, one.port, one.database), one)
    return list(stores.values()), other


def _databases(answer: Answer, other: list[str]) -> Iterator[Store]:
    aliases = dict.fromkeys(
        path.split(".")[1] for path in answer.settings or {} if path.startswith("DATABASES.")
    )
    for alias in aliases:
        path = f"DATABASES.{alias}"

        def text(key: str, path: str = path) -> str:
            value = answer.setting(f"{path}.{key}")
            return "" if value is None else str(value)

        engine = text("ENGINE")
        if "postg" not in engine:
            if engine:
                other.append(f"{path} is {engine.rpartition('.')[2]}, which no collector reads")
            continue
        address, port = text("HOST"), text("PORT")
        given = int(port) if port.isdecimal() else 5432
        yield Store("postgres", address, given, path, text("USER"), text("NAME"))


def _redises(answer: Answer) -> Iterator[Store]:
    for one in answer.hosts or ():
        if one.role not in ("cache", "broker", "outgoing"):
            continue
        value = answer.setting(one.setting)
        texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        urls = [
            urlsplit(text)
            for text in texts
            if isinstance(text, str) and re.match(r"(?:redis|valkey)s?://", text)
        ]
        of_redis = "redis" in str(answer.setting(f"{one.setting.rpartition('.')[0]}.BACKEND", "")).lower()
        channels = one.setting.startswith("CHANNEL_LAYERS")
        if not (urls or of_redis or channels or "REDIS" in one.setting.upper()):
            continue
        meant = next((url for url in urls if url.hostname == one.host), None)
        port = int(one.port) if one.port.isdecimal() else 6379
        tls = meant is not None and meant.scheme.startswith(("rediss", "valkeys"))
        user = unquote(meant.username or "") if meant else ""
        yield Store("redis", one.host, port, one.setting, "" if user.startswith("hmac:") else user, tls=tls)


def of_processes(seen: Seen) -> Iterator[Store]:
    """Yield the servers that run on a host itself, where no application says what it uses."""
    for one in seen.of("postgres"):
        if one.container:
            continue
        addresses = sorted(seen.addresses(one))
        sockets = [found for address in seen.listening.values() if (found := _SOCKET.fullmatch(address))]
        port = next((port_of(address) for address in addresses if port_of(address)), 0)
        if not port and sockets:
            port = int(sockets[0][2])
        yield Store("postgres", "127.0.0.1", port or 5432, f"process {one.process.pid}")
    for one in seen.servers:
        if (found := _REDIS.search(one.process.arguments[0])) and not one.container and int(found[1]):
            yield Store("redis", "127.0.0.1", int(found[1]), f"process {one.process.pid}")


def outside(store: Store, seen: Seen) -> Store | None:
    """Return where the host reaches what a container calls by a name; ``None`` where it does not."""
    named = [one for one in seen.containers.values() if store.address in (one.service, one.name)]
    if not named:
        return store if store.address not in ("127.0.0.1", "localhost", "::1", "") else None
    if at := named[0].ports.get(store.port):
        return replace(store, address=at.rpartition(":")[0], port=port_of(at))
    return replace(store, address=named[0].addresses[0]) if named[0].addresses else None


async def table(remote: Remote, store: Store, seen: Seen, draft: Draft) -> None:
    """Put the table of a server into the draft, as it receives us."""
    await (_postgres if store.kind == "postgres" else _redis)(remote, store, seen, draft)


async def _postgres(remote: Remote, store: Store, seen: Seen, draft: Draft) -> None:
    host = remote.host
    user = os.environ.get(PG_USER) or store.user or seen.user
    whence = (
        f"${PG_USER}"
        if os.environ.get(PG_USER)
        else f"{store.setting}, the application's own; better: {RIGHTS}"
    )
    what = f"PostgreSQL of {host}"
    door = Door.GONE
    for address in _addresses(store, seen):
        door = await knock.postgres(remote, address, store.port, user, store.database or user)
        if door is Door.SHUT and address.startswith("/") and seen.user and not os.environ.get(PG_USER):
            # Peer authentication wants the database's user to be called as we are.
            as_ourselves = await knock.postgres(remote, address, store.port, seen.user, store.database)
            if as_ourselves is Door.OPEN:
                door, user, whence = as_ourselves, seen.user, "the user of the login (peer authentication)"
        if door is not Door.GONE:
            break
    else:
        address = next(_addresses(store, seen))
    entries = [
        Entry("kind", "postgres"),
        Entry("host", host),
        Entry("address", address, f"{store.setting}, as seen from {host}"),
        *([Entry("port", store.port)] if store.port != _DEFAULT_PORTS["postgres"] else []),
        Entry("user", user, whence),
        Entry("database", store.database, store.setting)
        if store.database
        else Entry("database", "shop", "not found", open=True),
    ]
    if not store.database:
        draft.miss(f"the name of the database on {host}", "no settings name it", 'write database = "NAME"')
    if door is Door.LOCKED:
        entries.append(Entry("password_env", PG_PASSWORD, "the name of a variable; no password stands here"))
    elif door is not Door.OPEN:
        fix = f"see pg_hba.conf for {user}, or name another role by export {PG_USER}=NAME"
        fix = "see where it listens, and write address and port" if door is Door.GONE else fix
        draft.miss(f"a way into {what} as {user} at {address}:{store.port}", door.value, fix)
        entries.append(Entry("password_env", PG_PASSWORD, "if it wants one", open=True))
    _locked(draft, door, "PostgreSQL", PG_PASSWORD)
    if door is not Door.GONE and not os.environ.get(PG_USER) and store.user == user:
        draft.miss(
            "a role for watching PostgreSQL",
            f"{user} is the application's own, and sees little of others",
            f"CREATE ROLE monitor LOGIN PASSWORD '...'; GRANT pg_monitor TO monitor; {PG_USER}=monitor",
        )
    draft.add(Table(("collectors",), tuple(entries), array=True))


def _addresses(store: Store, seen: Seen) -> Iterator[str]:
    """Yield where to knock: as the settings say; of none, at the socket, as libpq does."""
    if store.address:
        yield store.address
        return
    folders = [found[1] for one in seen.listening.values() if (found := _SOCKET.fullmatch(one))]
    yield from dict.fromkeys([*folders, *SOCKET_FOLDERS[:1]])


async def _redis(remote: Remote, store: Store, seen: Seen, draft: Draft) -> None:  # noqa: ARG001
    host = remote.host
    entries = [
        Entry("kind", "redis"),
        Entry("host", host),
        Entry("address", store.address, f"{store.setting}, as seen from {host}"),
        *([Entry("port", store.port)] if store.port != _DEFAULT_PORTS["redis"] else []),
    ]
    if store.user:
        entries.append(Entry("username", store.user, store.setting))
    if store.tls:
        # Over TLS nobody is greeted by us; where it wants one, a password is sure to be wanted, too.
        entries.append(Entry("tls", True, "rediss://"))
        door = Door.LOCKED
    else:
        door = await knock.redis(remote, store.address, store.port)
    if door is Door.LOCKED:
        entries.append(
            Entry("password_env", REDIS_PASSWORD, "the name of a variable; no password stands here")
        )
    elif door is not Door.OPEN:
        entries.append(Entry("password_env", REDIS_PASSWORD, "if it wants one", open=True))
        fix = "see where it listens, and write address and port"
        draft.miss(f"a way to Redis of {host} at {store.address}:{store.port}", door.value, fix)
    _locked(draft, door, "Redis", REDIS_PASSWORD)
    draft.add(Table(("collectors",), tuple(entries), array=True))


def _locked(draft: Draft, door: Door, what: str, variable: str) -> None:
    if door is Door.LOCKED and not os.environ.get(variable):
        why = "those of the application's settings stay where they are"
        draft.miss(f"{what}'s password", why, f"export {variable}")


def environment_of(data: Mapping[str, object]) -> list[str]:
    """Return the variables that a configuration names."""
    tables = data.get("collectors", [])
    assert isinstance(tables, list)
    return list(dict.fromkeys(str(one["password_env"]) for one in tables if one.get("password_env")))
