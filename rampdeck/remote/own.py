"""What a connection asks a host by itself: whether it is still what it was, and why a socket cannot be had.

Counters begin anew with a boot, and a name may lead to another machine after a
failover. Neither is a failure, but both explain what is seen. Who the host is
remains a matter of its key alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
"""Asked once a connection: another value at each boot (random(4))."""
SOCKET = "if ! test -S {0}; then echo none; elif ! test -w {0}; then echo closed; fi"
"""Asked where a unix socket cannot be reached: to connect, one must be allowed to write to it (unix(7))."""
ASKS = (BOOT_ID, SOCKET.format("SOCKET"))
"""Every command that a connection may send of its own; ``SOCKET`` stands for a path."""
REBOOTED = "rebooted"
MOVED = "address_changed"
"""Signals without a metric: a connection finds them out, and no source that gives samples need be there."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The boot that a host is in and the address that it was reached at; empty where it is not known."""

    boot: str = ""
    address: str = ""

    def news(self, host: str, before: Identity) -> Iterator[tuple[str, str]]:
        """Yield what has changed since, each as a signal and a sentence."""
        if self.boot and before.boot and self.boot != before.boot:
            yield REBOOTED, f"{host} was rebooted"
        if self.address and before.address and self.address != before.address:
            key = "its host key is still one that is known"
            yield MOVED, f"{host} is reached at {self.address} now, before it was at {before.address}; {key}"

    def known_with(self, before: Identity) -> Identity:
        """Return this one, with what is not known of it taken from before."""
        return Identity(self.boot or before.boot, self.address or before.address)
