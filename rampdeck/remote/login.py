"""From a name in the configuration to a connection: the way there, the host's key, and being let in.

asyncssh reads ``~/.ssh/config``, the agent and the default keys, as ``ssh``
does; a key in the configuration of Rampdeck wins over them. Nothing is ever
asked on the terminal: that belongs to the cockpit, which has a dialog for it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import asyncssh
from asyncssh.config import SSHConfig

from rampdeck.config import HostConfig
from rampdeck.errors import RemoteError
from rampdeck.remote.asking import Asker
from rampdeck.remote.conversation import Conversation
from rampdeck.remote.credentials import Credentials
from rampdeck.remote.hostkeys import Endpoint, HostKeys
from rampdeck.remote.keyring import Keyring
from rampdeck.remote.refusal import behind, left_out, refusal

KNOCK = 0.1
"""Seconds between two logins at one address, at the most: sshd drops some of many at once (MaxStartups)."""


class Jump(Protocol):
    """A host that the way to others leads over."""

    @property
    def host(self) -> str:
        """Its name."""

    @property
    def login(self) -> Login:
        """How it is connected itself."""

    async def connection(self) -> asyncssh.SSHClientConnection:
        """Return its one connection, made where there is none."""


class Surroundings:
    """What the hosts of a run have in common, as a login needs it.

    ``asker`` puts questions to the operator, if there is one. ``jumps`` gives
    the last host of a way as ``ProxyJump`` and ``jump`` write it.
    """

    def __init__(
        self,
        asker: Asker | None = None,
        jumps: Callable[[str], Jump] | None = None,
        keyring: Keyring | None = None,
    ) -> None:
        self.asker = asker
        self.jumps = jumps
        self.keyring = keyring or Keyring()


class Login:
    """Connects to one host, as often as that is needed.

    ``door`` is shared by hosts at one address, which are connected one after
    the other: whoever waits for an answer of the operator holds it.
    """

    def __init__(self, name: str, config: HostConfig, door: asyncio.Lock, around: Surroundings) -> None:
        self.endpoint = Endpoint(name, config.address or name, config.port or 22)
        self.credentials = Credentials(name, config, around.keyring, around.asker)
        self.over: Jump | None = None
        self.keys = HostKeys()
        """Those of the last connection, and when that was lost."""
        self._config = config
        self._door = door
        self._around = around

    async def connect(self, **options: object) -> asyncssh.SSHClientConnection:
        """Return a new connection, with options of asyncssh's that say how it is kept.

        Raises :class:`RemoteError` that says why there is none.
        """
        await self.credentials.settled()
        while True:
            if self.credentials.left_out:
                raise left_out(self.endpoint, self.credentials)
            keys = HostKeys()
            try:
                connection = await self._attempt(keys, options)
            except (asyncssh.Error, OSError, ValueError, TimeoutError) as error:
                # The answer to a question that is still open goes to the next connection.
                if not await self.credentials.settled():
                    raise refusal(error, self.endpoint, keys, self._config, self.credentials) from None
            else:
                self.keys = keys
                return connection

    async def _attempt(self, keys: HostKeys, more: Mapping[str, object]) -> asyncssh.SSHClientConnection:
        given = {**self._given(), **more}
        options = await asyncssh.SSHClientConnectionOptions.construct(**given)
        self.endpoint = Endpoint(self.endpoint.name, options.host, options.port, options.username)
        keys.load(options.known_hosts, self.endpoint)
        # Before the door: a host and the one behind it may have the same address.
        self.over = jump = self._jump(options.tunnel)
        given |= {"known_hosts": keys.known, "tunnel": await self._through(jump) if jump else None}
        try:
            async with self._through_the_door():
                return await self._introduced(keys, given, options.config)
        except asyncssh.ChannelOpenError as error:
            raise behind(error, self.endpoint, jump.host if jump else "") from None

    async def _introduced(
        self, keys: HostKeys, given: dict[str, Any], config: SSHConfig
    ) -> asyncssh.SSHClientConnection:
        named = [self._config.identity_file] if self._config.identity_file else _paths(config, "IdentityFile")
        certificates = _paths(config, "CertificateFile")
        seconds = self._config.connect_timeout
        async with asyncio.timeout(seconds) as limit:
            talk = Conversation(keys, self.endpoint, self.credentials, named, certificates, limit, seconds)
            try:
                return await asyncssh.connect(**given, client_factory=lambda: talk)
            except (asyncssh.PermissionDenied, asyncssh.ProtocolError):
                # The second is how sshd says "Too many authentication failures".
                talk.failed()
                raise
            finally:
                talk.over = True

    @asynccontextmanager
    async def _through_the_door(self) -> AsyncIterator[None]:
        busy = self._door.locked()
        async with self._door:
            if busy:
                await asyncio.sleep(random.uniform(0, KNOCK))
            yield

    def _jump(self, proxy_jump: object) -> Jump | None:
        """Return the host that the way leads over, if it leads over one."""
        way = self._config.jump or (proxy_jump if isinstance(proxy_jump, str) else "")
        if not way or self._around.jumps is None:
            return None
        jump = self._around.jumps(way)
        # "Host *" with a ProxyJump holds for the jump host too.
        return jump if jump.login is not self else None

    async def _through(self, jump: Jump) -> asyncssh.SSHClientConnection:
        step: Jump | None = jump
        while step is not None:
            if step.login is self:
                what = f"no way to {self.endpoint} over {jump.host}"
                raise RemoteError(what, "the jump hosts lead in a circle", "Mend ProxyJump in ~/.ssh/config.")
            step = step.login.over
        try:
            return await jump.connection()
        except RemoteError as error:
            what = f"no way to {self.endpoint} over {jump.host}: {error.what}"
            raise type(error)(what, error.why, error.fix) from None

    def _given(self) -> dict[str, Any]:
        """Return what the configuration gives; asyncssh finds the rest in ``~/.ssh/config``."""
        config = self._config
        given: dict[str, Any] = {
            "username": config.user,
            "port": config.port,
            "client_keys": [str(config.identity_file)] if config.identity_file else None,
            "known_hosts": [str(config.known_hosts)] if config.known_hosts else None,
        }
        return {key: value for key, value in given.items() if value is not None} | {
            "host": config.address or self.endpoint.name,
            "config": (),  # asyncssh's word for the usual files
            # The types of the known keys first, as asyncssh does by itself, then the others: a host
            # whose key has another type now would else break off before one can see what it offers.
            "server_host_key_algs": "+ssh-ed25519,ecdsa-sha2-nistp*,rsa-sha2-*",
            # The agent may hold what a key file with a passphrase keeps shut; the others come after it.
            "ignore_encrypted": True,
            "agent_forwarding": False,
            "x11_forwarding": False,
            # The limit is kept here: theirs would run while the operator is asked.
            "connect_timeout": None,
            "login_timeout": 0,
        }


def _paths(config: SSHConfig, entry: str) -> list[Path]:
    """Return the files of an entry of ``~/.ssh/config``."""
    found = config.get(entry, [])
    return [Path(str(file)).expanduser() for file in found] if isinstance(found, list) else []
