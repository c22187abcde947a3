"""Where a host is, which of its keys are known, and what it offered instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from rampdeck.errors import HostKeyRefused
from rampdeck.model import Instant

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
    """The known keys, and the key (or signer of it) that one attempt was offered but could not verify."""

    def __init__(self) -> None:
        self.known = asyncssh.SSHKnownHosts()
        self.file = DEFAULT_FILES[0]
        self.offered: asyncssh.SSHKey | None = None
        self.authority: asyncssh.SSHKey | None = None
        self.lost: Instant | None = None
        """When the connection was lost."""
        self.silent = False
        """Whether that was because the host said nothing any more."""

    def load(self, named: object, endpoint: Endpoint) -> None:
        """Read the files that the configuration names, or the usual ones.

        Never "every key is right": that is how asyncssh takes
        ``UserKnownHostsFile none``, while OpenSSH then looks into no file. A
        file that does not exist knows nobody.

        Raises :class:`HostKeyRefused` when a file cannot be read.
        """
        files = [str(file) for file in named] if isinstance(named, list | tuple) else []
        files = files or list(DEFAULT_FILES)
        self.file = files[0]
        paths = [Path(file).expanduser() for file in files]
        try:
            self.known = asyncssh.read_known_hosts([str(path) for path in paths if path.exists()])
        except (OSError, ValueError) as error:
            raise HostKeyRefused(
                f"the host key of {endpoint} cannot be verified", str(error), f"Mend {', '.join(files)}."
            ) from None

    def of(self, host: str, port: int) -> Sequence[asyncssh.SSHKey]:
        """Return the keys that are known for exactly this host and port."""
        name = host if port == 22 else f"[{host}]:{port}"
        return self.known.match(name, "", None)[0]


class Noting(asyncssh.SSHClient):
    """A connection's client, which notes what key was offered and trusts none by itself."""

    def __init__(self, keys: HostKeys) -> None:
        self._keys = keys

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        """Note a key that no known_hosts file has, and refuse it."""
        self._keys.offered = key
        return False

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        """Note who signed the host's certificate, where no known_hosts file trusts that one."""
        self._keys.authority = key
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Note when the connection was lost, and whether by a silence (asyncssh has no word but this)."""
        self._keys.lost = Instant.now()
        self._keys.silent = "keepalive" in str(exc)
