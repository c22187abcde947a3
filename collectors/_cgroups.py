"""Containers and systemd's units: what their control groups let them have, and what they take.

The processor of a container that has used up its quota stands still for the
rest of a period (100 ms as a rule), however idle the host is; so slow answers
on an idle machine may be throttling. ``docker stats`` would tell nothing of it.

Meaning of the files: Documentation/admin-guide/cgroup-v2.rst and
cgroup-v1/memory.rst, scheduler/sched-bwc.rst of Linux. Memory is the working
set, as Docker and Kubernetes count it: without inactive files of the cache.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from rampdeck.model import Health, Value
from rampdeck.pace import Change, CountersByName

from ._host_reading import Reading, Told
from ._states import Alarm

THROTTLED = 10.0
"""Percent of the periods in which the processor was taken away."""
MEMORY_FULL = 95.0
"""Percent of the memory that a container may take."""
MEMORY_NEARLY_FULL = 85.0

_SLOW = ("cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us", "memory.max", "memory.limit_in_bytes")
_KEPT = frozenset({*_SLOW, "memory.stat", "pids.current", "pids.max"})
"""Files that do not come with each reading."""
_PERIODS: tuple[str, ...] = ("nr_periods", "nr_throttled")
_ENDLESS = float(1 << 60)
"""Bytes from which on a limit is none: without one, the kernel says a number near 2^63."""


@dataclass(frozen=True, slots=True)
class Box:
    """A control group at one reading; ``None`` for what has no limit or is not told."""

    totals: dict[str, float]
    quota: float | None
    memory: float | None
    memory_limit: float | None
    pids: float | None
    pids_limit: float | None

    @classmethod
    def of(cls, files: Reading) -> Self:
        """Read the files of either version of control groups."""
        cpu, memory = files.numbers("cpu.stat"), files.numbers("memory.stat")
        totals: dict[str, float] = {name: cpu[name] for name in _PERIODS if name in cpu}
        used = files.first("memory.current")
        if "usage_usec" in cpu:
            totals["usage"] = cpu["usage_usec"] / 1e6
        elif (nanoseconds := files.first("cpuacct.usage")) is not None:
            totals["usage"] = nanoseconds / 1e9
        if used is None:
            used = files.first("memory.usage_in_bytes")
        cache = memory.get("inactive_file", 0.0)
        cache = memory.get("total_inactive_file", cache)
        for name in ("memory.events", "memory.oom_control"):
            if (kills := files.numbers(name).get("oom_kill")) is not None:
                totals["oom_kill"] = kills
        totals |= _bytes(files)
        limits = (
            files.first("memory.max"),
            files.first("memory.limit_in_bytes"),
            memory.get("hierarchical_memory_limit"),
        )
        return cls(
            totals,
            _quota(files),
            None if used is None else max(used - cache, 0.0),
            min((limit for limit in limits if limit and limit < _ENDLESS), default=None),
            files.first("pids.current"),
            files.first("pids.max"),
        )


def _quota(files: Reading) -> float | None:
    """Return the processors that it may use up."""
    for quota, period, *_ in (row for row in files.rows("cpu.max") if len(row) > 1):
        return quota / period if quota and period else None
    quota, period = files.first("cpu.cfs_quota_us"), files.first("cpu.cfs_period_us")
    return quota / period if quota and period and quota > 0 else None


def _bytes(files: Reading) -> dict[str, float]:
    """Return what was read from disks and written to them."""
    totals: dict[str, float] = {}
    for line in files.lines("io.stat"):
        for word in line.split():
            name, _, value = word.partition("=")
            if name in ("rbytes", "wbytes") and value.isdecimal():
                totals[name] = totals.get(name, 0.0) + float(value)
    for line in files.lines("blkio"):
        match line.split():
            case [_, "Read" | "Write" as kind, value] if value.isdecimal():
                name = "rbytes" if kind == "Read" else "wbytes"
                totals[name] = totals.get(name, 0.0) + float(value)
    return totals


@dataclass(frozen=True, slots=True)
class _State:
    """A container between two readings: percent, a second."""

    name: str
    box: Box
    change: Change | None
    oom_kills: float
    """Since it was first seen."""

    @property
    def cpu(self) -> float | None:
        if self.change is None or "usage" not in self.change.gained:
            return None
        return 100 * self.change.rate("usage")

    @property
    def cpu_of_quota(self) -> float | None:
        return None if self.cpu is None or not self.box.quota else self.cpu / self.box.quota

    @property
    def throttled(self) -> float | None:
        if self.change is None or "nr_periods" not in self.change.gained:
            return None
        periods = self.change.count("nr_periods")
        return min(100 * self.change.count("nr_throttled") / periods, 100.0) if periods else 0.0

    @property
    def memory(self) -> float | None:
        if self.box.memory is None or not self.box.memory_limit:
            return None
        return 100 * self.box.memory / self.box.memory_limit

    @property
    def pids(self) -> float | None:
        return 100 * (self.box.pids or 0) / self.box.pids_limit if self.box.pids_limit else None

    @property
    def killed(self) -> float:
        return self.change.count("oom_kill") if self.change else 0.0

    def row(self) -> dict[str, Value]:
        change = self.change
        throttled, memory = self.throttled or 0.0, self.memory or 0.0
        health = Health.LIVE
        if throttled > THROTTLED or memory > MEMORY_FULL or self.killed:
            health = Health.BLIND
        elif throttled or memory > MEMORY_NEARLY_FULL or self.oom_kills:
            health = Health.WARNING
        return {
            "_table": "containers",
            "_health": health,
            "container": self.name,
            "cpu": self.cpu,
            "quota": None if self.box.quota is None else 100 * self.box.quota,
            "throttled": self.throttled,
            "memory": self.box.memory,
            "memory_limit": self.box.memory_limit,
            "memory_share": self.memory,
            "oom_kills": self.oom_kills,
            "pids": self.box.pids,
            "read": change.rate("rbytes") if change and "rbytes" in change.gained else None,
            "written": change.rate("wbytes") if change and "wbytes" in change.gained else None,
        }

    def alarms(self, fresh: bool) -> Iterable[Alarm]:
        name = self.name
        if (share := self.throttled) is not None and share > THROTTLED:
            text = f"{name} is throttled: its processor was taken away in {share:.0f} % of the periods"
            fields = {} if self.box.quota is None else {"quota": f"{self.box.quota:g}"}
            if self.box.quota is not None:
                text += f", it may use {self.box.quota:g} of the host's"
            yield Alarm("throttled", text, share, " %", name, fields)
        if (share := self.memory) is not None and share > MEMORY_FULL:
            text = f"{name} takes {share:.0f} % of the memory that it may have"
            yield Alarm("container_memory_low", text, share, " %", name)
        if self.killed and fresh:
            processes = "a process was" if self.killed == 1 else f"{self.killed:.0f} processes were"
            text = f"{name}: {processes} killed, the memory that it may have was used up"
            yield Alarm("oom_kill", text, self.killed, "", name)


class ControlGroups:
    """Makes figures of containers and units, as far as they are asked for."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, list[str]]] = {}
        self._counters = CountersByName()
        self._first_kills: dict[str, float] = {}
        self._states: dict[str, _State] = {}

    def read(self, reading: Reading) -> Told:
        """Take the next reading."""
        found = reading.boxes()
        # Of many, eight are read at a time: the others are as they were.
        fresh = {name: files for name, files in found.items() if set(files.files) - {"is"}}
        boxes = {}
        for name, files in fresh.items():
            kept = {file: lines for file, lines in files.files.items() if file in _KEPT}
            self._kept[name] = self._kept.get(name, {}) | kept
            boxes[name] = Box.of(Reading(self._kept[name] | dict(files.files)))
        totals = {name: box.totals for name, box in boxes.items()}
        changes = self._counters.read(reading.uptime, totals, found)
        before = {name: state for name, state in self._states.items() if name in found}
        self._states = before | {
            name: self._state(name, box, changes.get(name)) for name, box in boxes.items()
        }
        self._kept = {name: kept for name, kept in self._kept.items() if name in found}
        self._first_kills = {name: kills for name, kills in self._first_kills.items() if name in found}
        states = list(self._states.values())
        told = Told()
        if not states:
            return told
        told.values["containers"] = float(len(states))
        told.most("container_cpu", (state.cpu_of_quota for state in states))
        told.most("containers_throttled", (state.throttled for state in states))
        told.most("container_memory", (state.memory for state in states))
        told.most("container_pids", (state.pids for state in states))
        known = [state for state in states if state.change and "oom_kill" in state.change.gained]
        if known:
            told.values["container_oom_kills"] = sum(state.killed for state in known if state.name in fresh)
        states.sort(key=lambda state: (-(state.throttled or 0), -(state.memory or 0), state.name))
        for state in states:
            told.rows.append(state.row())
            told.alarms += state.alarms(state.name in fresh)
        return told

    def _state(self, name: str, box: Box, change: Change | None) -> _State:
        # Of one that was started anew the count begins anew.
        kills = box.totals.get("oom_kill", 0.0)
        first = self._first_kills[name] = min(kills, self._first_kills.get(name, kills))
        return _State(name, box, change, kills - first)
