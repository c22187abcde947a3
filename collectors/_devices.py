"""Disks, file systems and network interfaces of a host.

Meaning of the files: Documentation/admin-guide/iostats.rst of Linux; proc(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from rampdeck.model import Health, Value
from rampdeck.pace import Change, CountersByName

from ._host_reading import Reading, Told, number
from ._states import Alarm

BUSY = 90.0
"""Percent of the time in which a disk has something to do."""
FULL, NEARLY_FULL = 95.0, 90.0
"""Percent of a file system."""
FRESH = 90.0
"""Seconds after which a file system of which ``df`` told nothing more (it hangs, it is gone) is not known."""
SECTOR = 512
"""Bytes; in this file always, whatever the disk's own are."""

_DISK = {
    3: "reads",
    5: "sectors_read",
    6: "reading",
    7: "writes",
    9: "sectors_written",
    10: "writing",
    12: "busy",
}
_INTERFACE = {0: "in", 2: "in_errors", 3: "in_drops", 8: "out", 10: "out_errors", 11: "out_drops"}
_COMBINED = re.compile(r"(dm-|md|zram|drbd|bcache)\d")
"""Disks made of other disks, or of memory: what goes to them would count twice."""


@dataclass(frozen=True, slots=True)
class Disk:
    """What a disk did between two readings: percent, milliseconds, a second."""

    name: str
    busy: float
    wait: float
    reads: float
    writes: float
    read: float
    written: float

    @classmethod
    def of(cls, name: str, change: Change) -> Self:
        """Work it out from its counters."""
        served = change.count("reads") + change.count("writes")
        waited = change.count("reading") + change.count("writing")
        return cls(
            name,
            min(change.rate("busy") / 10, 100.0),
            waited / served if served else 0.0,
            change.rate("reads"),
            change.rate("writes"),
            change.rate("sectors_read") * SECTOR,
            change.rate("sectors_written") * SECTOR,
        )

    def row(self) -> dict[str, Value]:
        """Return it as a row."""
        row: dict[str, Value] = {
            "_table": "disks",
            "disk": self.name,
            "busy": self.busy,
            "await": self.wait,
            "reads": self.reads,
            "writes": self.writes,
            "read": self.read,
            "written": self.written,
        }
        return row | ({"_health": Health.WARNING} if self.busy > BUSY else {})

    def alarm(self) -> Alarm | None:
        """Say that it is busy, where it is."""
        if self.busy <= BUSY:
            return None
        text = f"disk {self.name} is {self.busy:.0f} % busy, an answer takes {self.wait:.1f} ms"
        return Alarm("disk_saturated", text, self.busy, " %", self.name, {"await_ms": f"{self.wait:.1f}"})


@dataclass(frozen=True, slots=True)
class Interface:
    """What an interface did between two readings, a second."""

    name: str
    received: float
    sent: float
    drops: float
    errors: float

    @classmethod
    def of(cls, name: str, change: Change) -> Self:
        """Work it out from its counters."""
        return cls(
            name,
            change.rate("in"),
            change.rate("out"),
            change.rate("in_drops") + change.rate("out_drops"),
            change.rate("in_errors") + change.rate("out_errors"),
        )

    def row(self) -> dict[str, Value]:
        """Return it as a row."""
        row: dict[str, Value] = {
            "_table": "network",
            "interface": self.name,
            "in": self.received,
            "out": self.sent,
            "drops": self.drops,
            "errors": self.errors,
        }
        return row | ({"_health": Health.WARNING} if self.errors else {})


class Disks:
    """Makes figures of /proc/diskstats, whole disks only."""

    def __init__(self) -> None:
        self._counters = CountersByName()

    def read(self, reading: Reading) -> Told:
        """Take the next reading."""
        totals = dict(_columns(reading.lines("diskstats"), 2, _DISK))
        totals = {name: columns for name, columns in totals.items() if not _is_partition(name, totals)}
        changes = self._counters.read(reading.uptime, totals)
        disks = [Disk.of(name, change) for name, change in changes.items() if any(totals[name].values())]
        told = Told()
        if disks:
            told.most("disk_busy", (disk.busy for disk in disks))
            told.most("disk_await", (disk.wait for disk in disks))
            real = [disk for disk in disks if not _COMBINED.match(disk.name)]
            told.values["disk_read"] = sum(disk.read for disk in real)
            told.values["disk_write"] = sum(disk.written for disk in real)
        told.rows += [disk.row() for disk in sorted(disks, key=lambda disk: -disk.busy)]
        told.alarms += filter(None, (disk.alarm() for disk in disks))
        return told


class FileSystems:
    """Makes figures of what ``df`` says, each half a minute, of the file systems that are asked for."""

    def __init__(self) -> None:
        self._used: dict[str, tuple[float, float, float]] = {}
        """Share, bytes left, and when that was told."""

    def read(self, reading: Reading) -> Told:
        """Take the next reading."""
        for line in reading.lines("df"):
            match line.split(None, 5):
                case [_, _, used, free, _, mount]:
                    try:
                        taken, left = number(used), number(free)
                    except ValueError:
                        continue
                    if taken + left > 0:
                        self._used[mount] = 100 * taken / (taken + left), left * 1024, reading.uptime
        known = {mount: used for mount, used in self._used.items() if reading.uptime - used[2] <= FRESH}
        self._used = known
        told = Told()
        told.most("filesystem", (share for share, *_ in known.values()))
        for mount, (share, left, _) in sorted(known.items(), key=lambda item: -item[1][0]):
            row: dict[str, Value] = {"_table": "filesystems", "mount": mount, "used": share, "free": left}
            if share > NEARLY_FULL:
                row["_health"] = Health.BLIND if share > FULL else Health.WARNING
            told.rows.append(row)
            if share > FULL:
                text = f"the file system {mount} is {share:.0f} % full, {left / 1e9:.1f} GB are left"
                told.alarms.append(Alarm("disk_full", text, share, " %", mount))
        return told


class Network:
    """Makes figures of /proc/net/dev; the loopback interface is shown and counts in no figure."""

    def __init__(self) -> None:
        self._counters = CountersByName()

    def read(self, reading: Reading) -> Told:
        """Take the next reading."""
        lines = [line.replace(":", " ", 1) for line in reading.lines("net/dev")]
        totals = dict(_columns(lines, 0, {place + 1: name for place, name in _INTERFACE.items()}))
        changes = self._counters.read(reading.uptime, totals)
        used = [Interface.of(name, change) for name, change in changes.items() if any(totals[name].values())]
        outside = [interface for interface in used if interface.name != "lo"]
        told = Told()
        if outside:
            told.most("network_in", (interface.received for interface in outside))
            told.most("network_out", (interface.sent for interface in outside))
            told.values["network_drops"] = sum(interface.drops for interface in outside)
            told.values["network_errors"] = sum(interface.errors for interface in outside)
        used.sort(key=lambda interface: -(interface.received + interface.sent))
        told.rows += [interface.row() for interface in used]
        return told


def _columns(
    lines: list[str], name_at: int, wanted: Mapping[int, str]
) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the name in each line of a table, and the columns that are wanted."""
    for line in lines:
        words = line.split()
        if len(words) > max(wanted):
            try:
                yield words[name_at], {name: number(words[place]) for place, name in wanted.items()}
            except ValueError:
                continue


def _is_partition(name: str, names: Mapping[str, object]) -> bool:
    """Tell whether it is a part of one of them: sda1 is of sda, nvme0n1p2 of nvme0n1, dm-10 of nothing."""
    stem = name.rstrip("0123456789")
    return name != stem and (stem in names or (stem[-2:-1].isdigit() and stem[:-1] in names))
