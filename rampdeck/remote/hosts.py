"""The hosts of a configuration: one shared way to each."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping

from rampdeck.config import HostConfig, nearest
from rampdeck.errors import UsageError
from rampdeck.remote import Remote
from rampdeck.remote.local import LocalRemote

LOCAL = "local"
"""This machine's name; it needs no table."""


class Hosts:
    """One :class:`Remote` a host, made when it is first asked for and shared by all its sources."""

    def __init__(self, hosts: Mapping[str, HostConfig]) -> None:
        if LOCAL in hosts and not hosts[LOCAL].local:
            fix = "Give the host another name."
            raise UsageError(f"[hosts.{LOCAL}]", f'"{LOCAL}" always means this machine', fix)
        self._hosts = {LOCAL: HostConfig(local=True), **hosts}
        self._remotes: dict[str, Remote] = {}
        self._doors: defaultdict[tuple[str, int | None], asyncio.Lock] = defaultdict(asyncio.Lock)

    def check(self, name: str) -> None:
        """Raise :class:`UsageError` for a name that the configuration does not have."""
        if name not in self._hosts:
            why = f"there is no [hosts.{name}]{nearest(name, self._hosts)}"
            raise UsageError(f'the host "{name}" is not known', why)

    def remote(self, name: str) -> Remote:
        """Return the way to a host; nothing is connected yet. Raises as :meth:`check` does."""
        self.check(name)
        if name not in self._remotes:
            self._remotes[name] = self._made(name, self._hosts[name])
        return self._remotes[name]

    async def close(self) -> None:
        """Give every connection up."""
        remotes = list(self._remotes.values())
        self._remotes.clear()
        await asyncio.gather(*(remote.close() for remote in remotes))

    def _made(self, name: str, config: HostConfig) -> Remote:
        if config.local:
            return LocalRemote(name)
        # Not at the top: asyncssh is slow to import, and the cockpit is to be painted before.
        from rampdeck.remote.ssh import SshRemote

        return SshRemote(name, config, self._doors[config.address or name, config.port])
