"""Is it production that the load would go to? Then a person must have typed its name.

It is production when the environment is called so, or when a host that users
may contact stands on ``[target] production``: by its name, or by an address
that it has or that lies in a network there.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from rampdeck.config import TargetConfig
from rampdeck.errors import UsageError
from rampdeck.model import Instant

FLAG = "--confirm-production"
_WORDS = frozenset({"production", "prod", "live"})
_NOT = frozenset({"pre", "non", "not", "no"})
"""Words before one of those that make it something else: pre-production, non-prod."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Production:
    """That the load would go to production: ``host`` must be typed, ``because`` says how it is known."""

    host: str
    because: str

    @property
    def sentence(self) -> str:
        """Return what is the case."""
        return f"{self.host} is production: {self.because}"

    def to_meta(self, *, how: str = "", name: str = "", at: Instant | None = None) -> dict[str, object]:
        """Return what the session file tells of it: where, why, and (``how``, by whom) it was confirmed."""
        confirmed = None if at is None else {"how": how, "name": name, "utc": at.utc}
        return {"host": self.host, "because": self.because, "confirmed": confirmed}

    def is_confirmed_by(self, typed: str) -> bool:
        """Return whether this is the name of the host, as a person types it."""
        return bool(self.host) and typed.strip().casefold() == self.host.casefold()


def require_name(target: TargetConfig) -> None:
    """Raise :class:`UsageError` for a run whose environment has no name."""
    if not target.environment.strip():
        raise UsageError(
            "the environment has no name",
            "a run must say what it loads, and production is to be told from the rest",
            'Write  environment = "staging"  under [target], or give --environment staging',
        )


def production_of(target: TargetConfig, hosts: Iterable[str]) -> Production | None:
    """Return whether users would reach production, by their ``hosts`` (addresses, as ``https://HOST``)."""
    named = list(dict.fromkeys(filter(None, map(host_of, hosts))))
    for host in [*named, *target.allowed_hosts]:
        if entry := _entry_for(host, target.production):
            return Production(host, f"it is on the list of [target] production, by “{entry}”")
    if is_called_production(target.environment):
        return Production(named[0] if named else "", f"the environment is called “{target.environment}”")
    return None


def is_called_production(environment: str) -> bool:
    """Return whether an environment is called like one: ``prod``, ``live``, ``prod-eu``, ``eu-prod2``."""
    words = re.findall(r"[^\W\d_]+", environment.casefold())
    return any(
        word in _WORDS and (place == 0 or words[place - 1] not in _NOT) for place, word in enumerate(words)
    )


def check_typed(typed: str, production: Production | None, hosts: Sequence[str]) -> None:
    """Hold what :data:`FLAG` was given against the target.

    Raises :class:`UsageError` where it is another host: then somebody is wrong about where the load goes.
    """
    if production is not None and not production.host:
        why = f"{production.because}, and no host is named that could be confirmed"
        raise UsageError("production must be confirmed", why, "Name the target with --host")
    expected = production or Production(host_of(hosts[0]) if hosts else "", "")
    if typed and not expected.is_confirmed_by(typed):
        why = f"the load would go to {expected.host or 'no host that is named'}"
        raise UsageError(f"{FLAG} {typed}", why, "Give the host that is meant, or mend the target")


def require_typed(typed: str, production: Production | None) -> None:
    """Raise :class:`UsageError` for a run that begins by itself on production that nobody has confirmed."""
    if production is not None and not typed:
        fix = f"If it is meant: {FLAG} {production.host}"
        raise UsageError("production must be confirmed before the load", production.sentence, fix)


def host_of(address: str) -> str:
    """Return the host of an address: ``shop.example.com`` of ``https://shop.example.com:8443/path``."""
    return urlsplit(address if "//" in address else f"//{address}").hostname or ""


def _entry_for(host: str, production: Sequence[str]) -> str:
    """Return the entry of the list that a host, an address or a network falls under, or nothing."""
    wanted = host.casefold().rstrip(".")
    if not production or not wanted:
        return ""
    for entry in production:
        if wanted == (host_of(entry) or entry).casefold().rstrip("."):
            return entry
    theirs = _networks(wanted)
    for entry in production:
        for network in _networks(host_of(entry) if _network(entry) is None else entry):
            if any(network.version == one.version and network.overlaps(one) for one in theirs):
                return entry
    return ""


def _network(text: str) -> Network | None:
    """Return an address or a network as a network; ``None`` for a name."""
    try:
        return ipaddress.ip_network(text.strip("[]").partition("%")[0], strict=False)
    except ValueError:
        return None


@cache
def _networks(host: str) -> tuple[Network, ...]:
    """Return a network or an address as it is, a name as its addresses; none where it has none now."""
    if (network := _network(host)) is not None:
        return (network,)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    addresses = {str(sockaddr[0]) for *_, sockaddr in found}
    return tuple(filter(None, map(_network, sorted(addresses))))
