"""Hosts as they stand on a command line: ``[user@]HOST[:PORT]``, as ``ssh`` and ``scp`` read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from rampdeck.config import HostConfig
from rampdeck.discovery.draft import Entry, Table
from rampdeck.errors import UsageError
from rampdeck.remote.hosts import LOCAL

_PLACE = re.compile(
    r"""(?:ssh://)? (?:(?P<user>[^@\s]+)@)?
        (?P<host> \[[0-9A-Fa-f:.%\w]+\] | [^:@\s\[\]-][^:@\s\[\]]* )
        (?::(?P<port>\d{1,5}))? /?""",
    re.VERBOSE,
)


def hosts_of(words: Iterable[str]) -> dict[str, HostConfig]:
    """Return the tables of hosts by their names; that of this machine only says so.

    What a place leaves open comes from ``~/.ssh/config``. Raises
    :class:`UsageError` for what is no host.
    """
    found: dict[str, HostConfig] = {}
    for word in words:
        place = _PLACE.fullmatch(word)
        port = int(place["port"]) if place and place["port"] else None
        if place is None or (port is not None and not 0 < port < 65_536):
            raise UsageError(
                f'"{word}" is no host', "", "Write [user@]HOST[:PORT], or local for this machine"
            )
        if word == LOCAL:
            found[LOCAL] = HostConfig(local=True)
            continue
        address = place["host"].strip("[]")
        config = HostConfig(address=address, user=place["user"], port=port)
        name = address if address not in (LOCAL, *found) else f"{address}-{port or 22}"
        if name in found:
            raise UsageError(f'"{word}"', f"{name} is there already", "Give each host once")
        found[name] = config
    return found


def tables_of(hosts: Mapping[str, HostConfig]) -> list[Table]:
    """Return what stands of hosts in the file."""
    return [
        Table(("hosts", name), (Entry("address", config.address), *_more(config)))
        for name, config in hosts.items()
        if not config.local
    ]


def _more(config: HostConfig) -> Iterable[Entry]:
    if config.user:
        yield Entry("user", config.user)
    if config.port:
        yield Entry("port", config.port)
