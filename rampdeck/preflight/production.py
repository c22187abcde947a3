"""What production is: the hosts, addresses and networks of ``[target] production``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from rampdeck.guard.production import host_of


class Production:
    """Tells whether a host is production's.

    An entry is a name (``db.example.com``), all names below one
    (``.example.com``, ``*.example.com``), an address or a network. Of names the
    addresses may be known, too: what leads to the same machine is the same.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self._names: list[str] = []
        self._networks: list[tuple[str, IPv4Network | IPv6Network]] = []
        for entry in (host_of(one) if "//" in one else one for one in entries):
            try:
                self._networks.append((entry, ip_network(entry.strip("[]"), strict=False)))
            except ValueError:
                self._names.append(entry)

    @property
    def names(self) -> tuple[str, ...]:
        """The entries that are whole names, whose addresses are worth knowing."""
        return tuple(name for name in self._names if not name.startswith((".", "*")))

    def match(self, host: str, known: Mapping[str, Iterable[str]]) -> str:
        """Return the entry that a host falls under, with its address where that says so; empty for none.

        ``known`` are the addresses of names, of the host's and of production's.
        """
        for entry in self._names:
            if _is_below(host.lower().rstrip("."), entry.lower().rstrip(".")):
                return entry
        for text in dict.fromkeys((host, *known.get(host, ()))):
            if entry := self._address(text, known):
                return entry if text == host else f"{entry} ({host} is {text} there)"
        return ""

    def _address(self, text: str, known: Mapping[str, Iterable[str]]) -> str:
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return ""
        for entry, network in self._networks:
            if address in network:
                return entry
        # Where a name of production leads to the machine itself, that is the machine's own doing.
        same = (name for name in self.names if text in known.get(name, ()) and not address.is_loopback)
        return next(same, "")


def _is_below(host: str, entry: str) -> bool:
    domain = entry.removeprefix("*").removeprefix(".")
    return host == domain or (entry != domain and host.endswith(f".{domain}"))
