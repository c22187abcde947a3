"""The processes of the application: Gunicorn's and Uvicorn's workers, and what else is named.

Meaning of the file: proc_pid_stat(5). Memory is PSS, which shares what
processes share fairly among them, where the kernel tells it (to the owner of
the process and to root); otherwise RSS, which counts that in each of them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from rampdeck.model import Health, Value
from rampdeck.pace import CountersByName

from ._host_reading import Reading, Told, number
from ._states import Alarm

ROWS = 64
"""Processes that are shown, the busiest first."""
WHOLE_CORE = 95.0
"""Percent of one core: all that the Python threads of a process can have."""
MOST_FILES = 90.0
"""Percent of the files that a process may have open."""

_COMM = 15
"""Characters of its name that the kernel keeps."""
_RUNNERS = ("python", "pypy")
"""What a program runs as whose name stands only further on in its command line."""


@dataclass(frozen=True, slots=True)
class Process:
    """A line of /proc/PID/stat."""

    pid: int
    name: str
    parent: int
    ticks: float
    threads: int
    started: float
    pages: float

    @classmethod
    def of(cls, line: str) -> Self:
        """Read it; a name may hold anything, blanks and parentheses too."""
        head, _, tail = line.rpartition(")")
        pid, _, name = head.partition(" (")
        words = tail.split()
        if len(words) < 22:
            raise ValueError(line)
        ticks = number(words[11]) + number(words[12])
        threads, started, pages = int(words[17]), number(words[19]), number(words[21])
        return cls(int(pid), name, int(words[1]), ticks, threads, started, pages)


@dataclass(frozen=True, slots=True)
class _More:
    """What is looked at now and then; ``None`` for what is not told to us."""

    files: float | None = None
    most_files: float | None = None
    pss: float | None = None

    @property
    def full(self) -> float | None:
        return 100 * self.files / self.most_files if self.files is not None and self.most_files else None


class Processes:
    """Makes figures of the processes whose programs have these names, and of their children."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = tuple(name[:_COMM] for name in names)
        self._counters = CountersByName()
        self._more: dict[int, _More] = {}
        self._helpers: set[str] = set()
        self._searched = False

    def read(self, reading: Reading) -> Told:
        """Take the next reading."""
        self._searched |= "pids" in reading
        self._look_closer(reading.lines("more"))
        self._helpers |= set(reading.lines("helper"))
        found: dict[int, Process] = {}
        for line in reading.lines("pid"):
            with suppress(ValueError):
                process = Process.of(line)
                found[process.pid] = process
        roles = self._roles(found)
        found = {pid: it for pid, it in found.items() if pid in roles}
        if self._searched:
            self._more = {pid: more for pid, more in self._more.items() if pid in found}
            self._helpers = {pid for pid in self._helpers if pid.isdecimal() and int(pid) in found}
        # A process id may be used again: with its start it is one process for ever.
        totals = {f"{it.pid} {it.started}": {"ticks": it.ticks} for it in found.values()}
        changes = self._counters.read(reading.uptime, totals)
        told = Told()
        if not self._searched or not self._names:
            return told
        cpu = {
            it.pid: 100 * change.rate("ticks") / reading.ticks
            for it in found.values()
            if (change := changes.get(f"{it.pid} {it.started}"))
        }
        told.values["workers"] = float(sum(role == "worker" for role in roles.values()))
        self._sum_up(told, reading, found, cpu)
        order = sorted(found.values(), key=lambda it: (-cpu.get(it.pid, 0.0), it.pid))
        told.rows += [self._row(it, roles[it.pid], cpu.get(it.pid), reading) for it in order[:ROWS]]
        for it in order:
            more = self._more.get(it.pid, _More())
            if more.full is not None and more.full > MOST_FILES:
                text = f"{it.name} ({it.pid}) has {more.files:.0f} of {more.most_files:.0f} files open"
                fields = {"pid": str(it.pid)}
                told.alarms.append(
                    Alarm("too_many_files", text, more.full, " %", f"{it.name} {it.pid}", fields)
                )
        return told

    def _roles(self, found: dict[int, Process]) -> dict[int, str]:
        """Say of each process what it does: ``master``, ``worker``, or ``child`` for what these start.

        Left out is what only has such a name among its arguments, as ``tail`` may. A
        master is known by its workers; one that has none does the work itself.
        """
        named = {
            pid
            for pid, it in found.items()
            if (it.name.startswith(_RUNNERS) or any(name in it.name for name in self._names))
            and str(pid) not in self._helpers
        }
        masters = {found[pid].parent for pid in named} & named
        roles = {pid: "master" if pid in masters else "worker" for pid in named}
        while more := {pid for pid, it in found.items() if it.parent in roles} - roles.keys():
            roles |= dict.fromkeys(more, "child")
        return roles

    def _look_closer(self, lines: list[str]) -> None:
        for line in lines:
            with suppress(ValueError):
                pid, *cells = line.split()
                files, most, pss = (None if cell in ("-", "unlimited") else number(cell) for cell in cells)
                before = self._more.get(int(pid), _More())
                self._more[int(pid)] = _More(files, most, before.pss if pss is None else pss * 1024)

    def _sum_up(self, told: Told, reading: Reading, found: dict[int, Process], cpu: dict[int, float]) -> None:
        values = told.values
        if not found:
            return
        memory = [self._memory(it, reading.page)[0] for it in found.values()]
        values["workers_memory"] = sum(memory)
        values["worker_memory"] = max(memory)
        if cpu:
            values["workers_cpu"] = sum(cpu.values())
            values["worker_cpu"] = max(cpu.values())
        told.most("worker_files", (self._more[pid].full for pid in found if pid in self._more))

    def _memory(self, process: Process, page: float) -> tuple[float, str]:
        pss = self._more.get(process.pid, _More()).pss
        return (process.pages * page, "RSS") if pss is None else (pss, "PSS")

    def _row(self, it: Process, role: str, cpu: float | None, reading: Reading) -> dict[str, Value]:
        more = self._more.get(it.pid, _More())
        memory, kind = self._memory(it, reading.page)
        health = Health.LIVE
        if more.full is not None and more.full > MOST_FILES:
            health = Health.BLIND
        elif cpu is not None and cpu > WHOLE_CORE:
            health = Health.WARNING
        return {
            "_table": "workers",
            "_health": health,
            "pid": str(it.pid),
            "process": it.name,
            "role": role,
            "cpu": cpu,
            "memory": memory,
            "kind": kind,
            "threads": it.threads,
            "files": more.files,
            "age": max(reading.uptime - it.started / reading.ticks, 0.0),
        }
