"""The hosts that users may contact: names, addresses and networks, looked up once and pinned.

A name stands for the addresses that it had at the start. Where it leads later,
by a change of the DNS in the middle of a test, is another host.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any
from urllib.parse import urlsplit

from rampdeck.errors import UsageError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_ANY: dict[Address, Address] = {IPv4Address(0): IPv4Address("127.0.0.1"), IPv6Address(0): IPv6Address("::1")}
"""Who connects to no address at all reaches this machine (Linux, ip(7))."""
_WHERE = "Write a name, an address or a network into [target] allowed_hosts or --allow-host"


@dataclass(frozen=True, slots=True)
class Host:
    """A host that users may contact: its name as it was written, and where it was at the start."""

    name: str
    networks: tuple[Network, ...]

    def holds(self, address: Address) -> bool:
        """Return whether an address is one of its own."""
        return any(address in network for network in self.networks)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it is, in words; a network as one."""
        return tuple(str(net.network_address if net.num_addresses == 1 else net) for net in self.networks)


@dataclass(frozen=True, slots=True)
class Hosts:
    """All hosts that users may contact."""

    all: tuple[Host, ...] = ()

    def __contains__(self, address: Address) -> bool:
        return any(host.holds(address) for host in self.all)

    def __bool__(self) -> bool:
        return bool(self.all)

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, as they were written."""
        return tuple(host.name for host in self.all)

    def named(self, name: str) -> Host | None:
        """Return the host of a name."""
        name = _plain(name)
        return next((host for host in self.all if host.name == name), None)

    def packed(self) -> list[list[Any]]:
        """Return them with their addresses as plain data, for a message."""
        return [[host.name, list(host.addresses)] for host in self.all]

    @classmethod
    def unpacked(cls, packed: Iterable[Sequence[Any]]) -> Hosts:
        """Return what :meth:`packed` gave."""
        return cls(tuple(Host(name, tuple(map(ip_network, addresses))) for name, addresses in packed))

    def __str__(self) -> str:
        return ", ".join(
            host.name if host.addresses == (host.name,) else f"{host.name} ({', '.join(host.addresses)})"
            for host in self.all
        )


NONE = Hosts()


def look_up(written: Iterable[str], *, known: Hosts = NONE, missing: list[UsageError] | None = None) -> Hosts:
    """Look every host up that is not ``known``, cooperatively.

    Those that cannot be found, and what is no host, go into ``missing``, if that is given.
    Raises :class:`UsageError` for them else.
    """
    found: dict[str, Host] = {}
    for text in written:
        try:
            name = host_of(text)
            if name not in found:
                found[name] = known.named(name) or Host(name, _networks(name))
        except UsageError as error:
            if missing is None:
                raise
            missing.append(error)
    return Hosts(tuple(found.values()))


def host_of(written: str) -> str:
    """Return the host that is meant by a name, an address, a network or a URL.

    Raises :class:`UsageError` for anything else: with a port, a wildcard, everything there is.
    """
    text = written.strip()
    if "://" in text:
        try:
            text = urlsplit(text).hostname or ""
        except ValueError:
            text = ""
    text = _plain(text)
    if not text or "*" in text or any(character.isspace() or character in "@?#," for character in text):
        why = "names are looked up once, at the start, so a pattern says nothing" if "*" in text else ""
        raise UsageError(f'"{written}" is no host that users may contact', why, _WHERE)
    network = _network(text)
    if network is not None:
        if network.prefixlen == 0:
            raise UsageError(f'"{written}" would allow everything', "then there would be no guard", _WHERE)
        return text
    if "/" in text or ":" in text:
        why = "a host is allowed with all its ports" if text.rpartition(":")[2].isdigit() else ""
        raise UsageError(f'"{written}" is no host that users may contact', why, _WHERE)
    return text


def _plain(text: str) -> str:
    return text.strip().lower().removeprefix("[").removesuffix("]").removesuffix(".")


def _network(text: str) -> Network | None:
    """Return an address or a network that is written as one; without the zone of a link."""
    address, slash, bits = text.partition("/")
    try:
        return _of_its_own_kind(ip_network(address.partition("%")[0] + slash + bits, strict=False))
    except ValueError:
        return None


def _of_its_own_kind(network: Network) -> Network:
    """Return an IPv4 address that is written as IPv6 as what it is, and no address as this machine."""
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            network = IPv4Network((mapped, network.prefixlen - 96))
    return ip_network(as_reached(network.network_address)) if network.num_addresses == 1 else network


def as_reached(address: Address) -> Address:
    """Return the address that is reached by connecting to one."""
    return _ANY.get(address, address)


def _networks(name: str) -> tuple[Network, ...]:
    """Return where a host is.

    Raises :class:`UsageError` where nobody knows.
    """
    if (network := _network(name)) is not None:
        return (network,)
    fix = "Check the name in [target] host and allowed_hosts, -H and --allow-host, or write the address"
    try:
        told = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = f"the name cannot be looked up: {getattr(error, 'strerror', None) or error}"
        raise UsageError(f"the guard does not know where {name} is", why, fix) from None
    networks = (_network(str(place[0])) for *_, place in told)
    return tuple(dict.fromkeys(network for network in networks if network is not None))
