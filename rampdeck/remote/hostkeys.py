"""Where a host is, which of its keys are known, and what it offered instead."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from rampdeck.errors import HostKeyRefused

DEFAULT_FILES = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts")
"""Where OpenSSH looks by default; asyncssh alone would look into the first only."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a host of the configuration is: address, port and user as ``~/.ssh/config`` resolves them."""

    name: str
    address: str
    port: int
    user: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.address} port {self.port})"


class HostKeys:
    """The known keys, and the key that one connection attempt was offered but could not verify."""

    def __init__(self) -> None:
        self.known = asyncssh.SSHKnownHosts()
        self.offered: asyncssh.SSHKey | None = None

    def client(self) -> asyncssh.SSHClient:
        """Return the connection's client, which notes the offered key and trusts none by itself."""
        return _Noting(self)

    def of(self, host: str, port: int) -> Sequence[asyncssh.SSHKey]:
        """Return the keys that are known for exactly this host and port."""
        name = host if port == 22 else f"[{host}]:{port}"
        return self.known.match(name, "", None)[0]


class _Noting(asyncssh.SSHClient):
    def __init__(self, keys: HostKeys) -> None:
        self._keys = keys

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        """Note a key that no known_hosts file has, and refuse it."""
        self._keys.offered = key
        return False


def known_hosts_of(
    options: asyncssh.SSHClientConnectionOptions, endpoint: Endpoint
) -> asyncssh.SSHKnownHosts:
    """Return the known hosts for a connection: never "all of them".

    asyncssh takes ``UserKnownHostsFile none`` for leave to skip the check, and
    stumbles over a listed file that does not exist; OpenSSH does neither.

    Raises :class:`HostKeyRefused` when a file cannot be read.
    """
    named = options.known_hosts if isinstance(options.known_hosts, list | tuple) else ()
    files = [Path(str(file)).expanduser() for file in named or DEFAULT_FILES]
    try:
        return asyncssh.read_known_hosts([str(file) for file in files if os.path.lexists(file)])
    except (OSError, ValueError) as error:
        places = ", ".join(str(file) for file in files)
        raise HostKeyRefused(
            f"the key of {endpoint} cannot be verified", f"{places}: {error}", "Mend the known_hosts file."
        ) from None
