"""The hosts of a configuration: one shared way to each."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rampdeck.config import HostConfig, nearest
from rampdeck.errors import RemoteError, UsageError
from rampdeck.remote import Remote
from rampdeck.remote.asking import Asker, configured
from rampdeck.remote.local import LocalRemote

if TYPE_CHECKING:
    from rampdeck.remote.login import Surroundings
    from rampdeck.remote.ssh import SshRemote

LOCAL = "local"
"""This machine's name; it needs no table."""
_HOP = re.compile(r"(?:ssh://)?(?:(?P<user>.+)@)?(?P<host>\[.+\]|[^:]+)(?::(?P<port>\d+))?/?")
"""One host of a ``ProxyJump`` (ssh_config(5))."""


class Hosts:
    """One :class:`Remote` a host, made when it is first asked for and shared by all its sources.

    So is the connection to a jump host, by all that are behind it. ``asker``
    puts questions to the operator: passwords, passphrases, one-time codes.
    """

    def __init__(self, hosts: Mapping[str, HostConfig], asker: Asker | None = None) -> None:
        if LOCAL in hosts and not hosts[LOCAL].local:
            fix = "Give the host another name."
            raise UsageError(f"[hosts.{LOCAL}]", f'"{LOCAL}" always means this machine', fix)
        self._hosts = {LOCAL: HostConfig(local=True), **hosts}
        for name in hosts:
            self._check_jumps(name)
        self._asker = asker
        self._remotes: dict[str, Remote] = {}
        self._over_ssh: dict[str, SshRemote] = {}
        self._doors: defaultdict[tuple[str, int | None], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._around: Surroundings | None = None
        self._logging_in: set[asyncio.Task[None]] = set()

    def known(self, name: str) -> None:
        """Raise :class:`UsageError` for a name that the file does not have."""
        if name not in self._hosts:
            why = f"there is no [hosts.{name}]{nearest(name, self._hosts)}"
            raise UsageError(f'the host "{name}" is not known', why)

    def check(self, name: str) -> None:
        """Raise :class:`UsageError` for a name that the file does not have, or a secret that is not there."""
        self.known(name)
        for what in ("password", "passphrase"):
            configured(name, self._hosts[name], what)
        if jump := self._hosts[name].jump:
            self.check(jump)

    def remote(self, name: str) -> Remote:
        """Return the way to a host; nothing is connected yet. Raises as :meth:`check` does."""
        self.check(name)
        if name not in self._remotes:
            config = self._hosts[name]
            self._remotes[name] = LocalRemote(name) if config.local else self._made(name, name, config)
        return self._remotes[name]

    @property
    def left_out(self) -> tuple[str, ...]:
        """The hosts that are not tried, because the operator did not answer or no answer was right."""
        return tuple(dict.fromkeys(remote.host for remote in self._over_ssh.values() if remote.left_out))

    def log_in(self, name: str) -> None:
        """Try a host again that was left out; its questions come anew."""
        for remote in self._over_ssh.values():
            if remote.host == name:
                task = asyncio.create_task(_log_in(remote))
                self._logging_in.add(task)
                task.add_done_callback(self._logging_in.discard)

    async def close(self) -> None:
        """Give every connection up."""
        logging_in = list(self._logging_in)
        for task in logging_in:
            task.cancel()
        await asyncio.gather(*logging_in, return_exceptions=True)
        remotes = {*self._remotes.values(), *self._over_ssh.values()}
        self._remotes.clear()
        self._over_ssh.clear()
        await asyncio.gather(*(remote.close() for remote in remotes))
        if self._around is not None:
            await self._around.keyring.close()

    def _made(self, key: str, name: str, config: HostConfig) -> SshRemote:
        # Not at the top: asyncssh is slow to import, and the cockpit is to be painted before.
        from rampdeck.remote.login import Surroundings
        from rampdeck.remote.ssh import SshRemote

        self._around = self._around or Surroundings(self._asker, self._jump)
        if key not in self._over_ssh:
            door = self._doors[config.address or name, config.port]
            self._over_ssh[key] = SshRemote(name, config, door, self._around)
        return self._over_ssh[key]

    def _jump(self, way: str) -> SshRemote:
        """Return the last host of a way: a name of ours, or hosts as ``ProxyJump`` lists them."""
        before, _, hop = way.rpartition(",")
        table = self._hosts.get(hop)
        if table is not None and not table.local:
            return self._made(way, hop, table.model_copy(update={"jump": before or table.jump}))
        found = _HOP.fullmatch(hop.strip())
        if found is None:
            raise RemoteError(f'no jump host "{hop}"', "it is no host", "Mend ProxyJump in ~/.ssh/config.")
        user, host, port = found["user"], found["host"].strip("[]"), found["port"]
        config = HostConfig(address=host, user=user, port=int(port) if port else None, jump=before)
        return self._made(way, host, config)

    def _check_jumps(self, name: str) -> None:
        """Raise :class:`UsageError` unless each ``jump`` leads on to a host, and in no circle."""
        way = [name]
        while jump := self._hosts[way[-1]].jump:
            where = f"[hosts.{way[-1]}]"
            if jump not in self._hosts:
                raise UsageError(where, f'jump = "{jump}": there is no such host{nearest(jump, self._hosts)}')
            if self._hosts[jump].local:
                raise UsageError(where, f'jump = "{jump}" is this machine', "Leave jump out")
            if jump in way:
                raise UsageError(where, f"the jumps lead in a circle: {' over '.join([*way, jump])}")
            way.append(jump)


async def _log_in(remote: SshRemote) -> None:
    """Log in; why that fails is told by the sources of the host, at their next try."""
    with contextlib.suppress(RemoteError):
        await remote.log_in()
