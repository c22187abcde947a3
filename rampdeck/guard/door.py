"""The door: whether a socket may go where it wants to.

What the door is told is what the system would be told: a family and an
address. Every way of writing an address is read as the system reads it; what
cannot be read is refused, for then nobody knows where it leads.
"""

from __future__ import annotations

import _socket
import errno
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NoReturn

from rampdeck.guard.hosts import Address, Hosts, as_reached
from rampdeck.guard.refusals import Refusals

REFUSED = "refused by Rampdeck's guard"
_LOCAL = frozenset(
    getattr(socket, name) for name in ("AF_UNIX", "AF_NETLINK", "AF_ALG") if hasattr(socket, name)
)
"""Families that do not leave this machine."""
_NAMED = frozenset({socket.AF_INET, socket.AF_INET6, -1})
"""Families whose addresses are looked at; -1: not known until it connects."""
_KIND = 0xF
"""The bits of a socket's type that say its kind; the others are flags (socket(2))."""
_KEPT = 10_000
"""Addresses that are remembered as allowed."""


class GuardRefused(PermissionError):
    """The guard has refused a connection, or something else that a scenario must not do.

    An :class:`OSError`, so that every client takes it for a connection that
    cannot be had, as under a firewall (EACCES, connect(2)), and the request fails with
    the guard's sentence.
    """

    def __init__(self, why: str) -> None:
        super().__init__(errno.EACCES, f"{REFUSED}: {why}")

    def __str__(self) -> str:
        return str(self.strerror)

    def __reduce__(self) -> tuple[Any, ...]:
        return GuardRefused, (str(self.strerror).removeprefix(f"{REFUSED}: "),)


class Door:
    """Lets sockets through to some hosts, and counts the others.

    ``asking`` tells the name of the request that is under way, ``named`` the
    host name that an address was just looked up by; empty where there is none.
    """

    def __init__(self, refusals: Refusals) -> None:
        self.refusals = refusals
        self.asking: Callable[[], str] = str
        self.named: Callable[[str], str] = lambda _: ""
        self._hosts = Hosts()
        self._passed: set[str] = set()

    @property
    def hosts(self) -> Hosts:
        """The hosts that it lets through to."""
        return self._hosts

    @hosts.setter
    def hosts(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._passed = set()

    def connect(self, sock: Any, address: Any) -> None:
        """Let a socket through to an address. Raises :class:`GuardRefused`."""
        if type(address) is tuple and type(address[0]) is str and address[0] in self._passed:
            return
        # Not what a subclass says that its family is.
        family = _socket.socket.family.__get__(sock) if isinstance(sock, _socket.socket) else sock.family
        if family in _LOCAL:
            return
        if family not in _NAMED or not isinstance(address, tuple) or not address:
            self.refuse(_family(family), f"{_family(family)} leads nobody knows where")
        text = address[0]
        meant = read(family, text)
        if meant is None:
            place = _place(text, address)
            self.refuse(place, f"{place} is not an address: whoever connects must look the name up before")
        if meant in self._hosts:
            # No address at all is another host to IPv6 than to IPv4; all else is read by one of them only.
            if type(text) is str and text and len(self._passed) < _KEPT:
                self._passed.add(text)
            return
        self.refuse(_place(str(meant), address), self._why(_place(str(meant), address), str(text)))

    def make(self, family: int, kind: int = -1) -> None:
        """Let somebody have a socket of a family and a kind.

        Raises :class:`GuardRefused` for one that needs no IP, and for a raw
        one: who writes the header writes where a packet goes, whatever the
        address says (``IP_HDRINCL``, raw(7)).
        """
        if family not in _NAMED and family not in _LOCAL:
            self.refuse(_family(family), f"{_family(family)} leads nobody knows where")
        if family not in _LOCAL and kind != -1 and kind & _KIND == socket.SOCK_RAW:
            self.refuse("a raw socket", "packets of a raw socket go where their own header says")

    def refuse(self, place: str, why: str) -> NoReturn:
        """Count a refusal and raise it, :class:`GuardRefused`."""
        self.refusals.add(place, why, self.asking())
        raise GuardRefused(why)

    def _why(self, place: str, text: str) -> str:
        if not self._hosts:
            return f"{place}: no host may be contacted. Name the target (-H), or [target] allowed_hosts"
        name = self.named(text)
        if not name:
            return f"{place} is not in [target] allowed_hosts"
        pinned = self._hosts.named(name)
        if pinned is None:
            return f"{place} ({name}) is not in [target] allowed_hosts"
        return f"{place} is where {name} leads now; at the start it was {', '.join(pinned.addresses)}"


def read(family: int, text: Any) -> Address | None:
    """Return the address that the system would go to, or ``None`` for what is not written as one."""
    if isinstance(text, bytes | bytearray):
        text = text.decode("latin-1")
    if not isinstance(text, str):
        return None
    if family == socket.AF_INET and text == "<broadcast>":
        text = "255.255.255.255"
    try:
        if family == socket.AF_INET:
            address: Address = IPv4Address(text or "0.0.0.0")
        else:
            address = IPv6Address(text.partition("%")[0] or "::")
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return as_reached(address)


def _place(text: Any, address: tuple[Any, ...]) -> str:
    """Write an address with its port as people do."""
    host = text.decode("latin-1") if isinstance(text, bytes | bytearray) else str(text)
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{address[1]}" if len(address) > 1 else host


def _family(family: int) -> str:
    try:
        return f"a socket of {socket.AddressFamily(family).name}"
    except ValueError:
        return f"a socket of family {int(family)}"
