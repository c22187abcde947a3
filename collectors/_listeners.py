"""Listening sockets: connections that wait to be accepted, and those that were thrown away.

A queue that grows is the earliest sign of too few workers. /proc/net/tcp and
/proc/net/unix tell the queues, once a second; how long a queue may be, and
which socket threw connections away, only ``ss`` knows, and is asked each ten
seconds. Containers have sockets of their own, found below /proc/PID/net.

Meaning of the files: proc(5); ss(8), of which skmem's ``d`` counts what was dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from rampdeck.model import Health, Value
from rampdeck.pace import CountersByName

from ._host_reading import Reading, Told
from ._states import Alarm

NEARLY_FULL, HALF_FULL = 80.0, 50.0
"""Percent of the connections that may wait at a socket."""
ROWS = 30
"""Listening sockets that are shown, the fullest first; of unix sockets only those in use."""

_DROPS = re.compile(r"skmem:\([^)]*\bd(\d+)\)")
Key = tuple[str, object]
"""Whose socket it is (a container's name, empty for the host's own), and its address."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket. Several that share an address (SO_REUSEPORT) are one: the fullest."""

    name: str
    queue: int = 0
    backlog: int | None = None
    drops: int | None = None
    """Connections thrown away since it was opened."""

    @property
    def full(self) -> float | None:
        """Percent of the connections that may wait."""
        return 100 * self.queue / self.backlog if self.backlog else None


class Listeners:
    """Makes figures of the listening sockets of a host and its containers."""

    def __init__(self) -> None:
        self._known: dict[Key, Listener] = {}
        self._first_drops: dict[Key, int] = {}
        self._dropped: dict[str, Listener] = {}
        self._counters = CountersByName()

    def read(self, reading: Reading) -> Told:
        """Take the next reading."""
        queues = dict(_queues("", reading))
        boxes = reading.boxes()
        for box, inside in boxes.items():
            queues |= _queues(box, inside)
        for key, it in self._known.items():
            # Not looked at each second: unix sockets that are too many, and TCP where nobody waits.
            box, unix = key[0], isinstance(key[1], str)
            if ("net/unix" if unix else "net/tcp") not in boxes.get(box, reading):
                queues.setdefault(key, it.queue)
        if "all" in reading:
            self._list(reading, queues)
        self._known = {key: replace(it, queue=queues.pop(key, 0)) for key, it in self._known.items()}
        for key, queue in queues.items():
            self._known[key] = Listener(_name(key), queue)
        told = Told()
        self._count(told, {"": reading, **boxes})
        told.values["listen_queue"] = float(max((it.queue for it in self._known.values()), default=0))
        told.most("listen_full", (it.full for it in self._known.values()))
        fullest = sorted(self._known.items(), key=lambda item: (-(item[1].full or 0), -item[1].queue))
        shown = [(key, it) for key, it in fullest if it.queue or it.drops or not isinstance(key[1], str)]
        told.rows += [self._row(key, it) for key, it in shown[:ROWS]]
        for (box, _), it in fullest:
            if it.backlog and (it.full or 0) >= NEARLY_FULL:
                text = f"{it.queue} of {it.backlog} connections wait at {_of(box, it)} for a worker"
                fields = {"queue": str(it.queue), "backlog": str(it.backlog)}
                told.alarms.append(
                    Alarm("listen_queue_full", text, it.queue, " waiting", _of(box, it), fields)
                )
        return told

    def _list(self, reading: Reading, queues: dict[Key, int]) -> None:
        """Learn which sockets there are; the rest of the readings tell queues that are not empty."""
        before = self._known
        self._known = {key: Listener(_name(key)) for key in queues}
        for key, listener in _listed_by_ss(reading.lines("ss")):
            last = self._known.get(key)
            if last is None or last.backlog is None or last.queue < listener.queue:
                self._known[key] = listener
            queues.setdefault(key, listener.queue)
        first = {key: drops for key, drops in self._first_drops.items() if key in self._known}
        self._first_drops = first
        for key, it in self._known.items():
            if it.drops is not None:
                # Of one that was opened anew the count begins anew.
                first[key] = min(it.drops, first.get(key, it.drops))
            if (old := before.get(key)) and (it.drops or 0) > (old.drops or 0):
                self._dropped[key[0]] = it

    def _count(self, told: Told, all_of_them: dict[str, Reading]) -> None:
        """Count what was thrown away, host and containers each for itself: the kernel does not say where."""
        totals = {
            box: {
                name: value for name, value in it.numbers("net/netstat").items() if name.startswith("Listen")
            }
            for box, it in all_of_them.items()
            if "net/netstat" in it
        }
        changes = self._counters.read(all_of_them[""].uptime, totals, all_of_them)
        known = [change for box, change in changes.items() if totals[box]]
        if known:
            told.values["listen_overflows"] = sum(change.rate("ListenOverflows") for change in known)
            told.values["listen_drops"] = sum(change.rate("ListenDrops") for change in known)
        for box, change in changes.items():
            if (count := change.count("ListenOverflows")) > 0:
                told.alarms.append(self._overflow(box, count))

    def _overflow(self, box: str, count: float) -> Alarm:
        """Say that connections were thrown away, and at which socket as far as that is seen."""
        waiting = [it for (of, _), it in self._known.items() if of == box and it.queue]
        at = max(waiting, key=lambda it: (it.full or 0, it.queue), default=self._dropped.get(box))
        text = f"{count:.0f} connections were thrown away: nobody accepted them in time"
        fields = {"overflows": f"{count:.0f}"}
        if at is not None:
            text += f"; fullest is {_of(box, at)} with {at.queue} waiting"
            text += f" of {at.backlog}" if at.backlog else ""
            fields |= {"listener": at.name, "queue": str(at.queue), "backlog": str(at.backlog or "")}
        return Alarm("listen_overflow", text, count, " in a second", box, fields)

    def _row(self, key: Key, it: Listener) -> dict[str, Value]:
        drops = None if it.drops is None else it.drops - self._first_drops.get(key, 0)
        health = Health.LIVE
        if it.full is not None and it.full >= HALF_FULL:
            health = Health.BLIND if it.full >= NEARLY_FULL else Health.WARNING
        elif drops:
            health = Health.WARNING
        return {
            "_table": "listeners",
            "_health": health,
            "listener": it.name,
            "container": key[0],
            "queue": it.queue,
            "backlog": it.backlog,
            "full": it.full,
            "drops": drops,
        }


def _of(box: str, listener: Listener) -> str:
    return f"{box} {listener.name}" if box else listener.name


def _queues(box: str, reading: Reading) -> Iterator[tuple[Key, int]]:
    """Yield the queues that a reading tells; of sockets that share an address the longest."""
    found: dict[Key, int] = {}
    for line in reading.lines("net/tcp"):
        with suppress(ValueError):
            address, queue = line.split()[:2]
            waiting = int(queue.rpartition(":")[2], 16)
            key = (box, _address(address))
            found[key] = max(found.get(key, 0), waiting)
    for line in reading.lines("net/unix"):
        path, _, waiting_there = line.rpartition(" ")
        with suppress(ValueError):
            if path.startswith(("/", "@")):
                found[box, path] = int(waiting_there)
    yield from found.items()


@lru_cache(maxsize=4096)
def _address(text: str) -> tuple[IPv4Address | IPv6Address, int]:
    """Read an address of /proc/net/tcp: words of four bytes, each the other way round."""
    address, _, port = text.partition(":")
    words = bytes.fromhex(address)
    turned = b"".join(words[place : place + 4][::-1] for place in range(0, len(words), 4))
    if len(turned) not in (4, 16):
        raise ValueError(text)
    return ip_address(turned), int(port, 16)


def _listed_by_ss(lines: list[str]) -> Iterator[tuple[Key, Listener]]:
    """Yield what ``ss -lntxm`` lists; a socket's memory may stand in a line of its own."""
    entry = ""
    for line in [*lines, "end"]:
        if line[:1].isspace():
            entry += line
            continue
        with suppress(ValueError):
            match entry.split(None, 5):
                case ["tcp" | "u_str" | "u_seq" as kind, "LISTEN", queue, backlog, name, *_]:
                    dropped = _DROPS.search(entry)
                    drops = int(dropped[1]) if dropped else None
                    address = _address_of_ss(name) if kind == "tcp" else name
                    yield ("", address), Listener(name, int(queue), int(backlog), drops)
        entry = line


def _address_of_ss(name: str) -> tuple[IPv4Address | IPv6Address, int]:
    address, _, port = name.rpartition(":")
    address = address.partition("%")[0].strip("[]")
    return ip_address("::" if address == "*" else address), int(port)


def _name(key: Key) -> str:
    match key[1]:
        case (IPv6Address() as address, port):
            return f"[{address}]:{port}"
        case (address, port):
            return f"{address}:{port}"
    return str(key[1])
