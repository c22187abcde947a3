"""The processes that the sources name: since when they run, and how many files they may open."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from rampdeck.config import Config
from rampdeck.errors import RampdeckError
from rampdeck.preflight.asks import Asks
from rampdeck.preflight.stack import Stack
from rampdeck.preflight.telling import APPLICATIONS, PROXIES, Told, listed, told

LOOK = """LC_ALL=C; export LC_ALL
{ getconf CLK_TCK || echo 100; } 2>/dev/null
grep '^btime ' /proc/stat
for pid in PIDS; do
    tr '\\n' ' ' <"/proc/$pid/stat" && echo && grep '^Max open files' "/proc/$pid/limits"
done 2>/dev/null
exit 0"""
"""Asked once a host; nothing in it but its own files of /proc, which everybody may read."""
QUICK = 4.0
"""Seconds that it may take."""
MOST = 500
"""Processes of one host that are looked at."""
_STAT = re.compile(r"(\d+) \((.*)\) \w (.+)")
_START = 18
"""Where the start stands behind the state in /proc/PID/stat, in ticks since the boot (proc(5))."""
_LIMIT = re.compile(r"Max open files +(\d+|unlimited) ")
_OWN = {"redis": ("redis", "valkey")}
"""Kinds that tell the number of a process as they see it themselves, and what it is called if it is that."""


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """A process as the kernel tells of it: its start in UTC seconds, and ``ulimit -n`` of it."""

    pid: int
    name: str
    started: float
    files: int | None = None


Running = Mapping[str, Sequence[ProcessStatus]]
"""The processes of each source, by its name, the first one first."""


def asks(settings: Config) -> tuple[Asks, ...]:
    """Return what :func:`processes` may send."""
    kinds = (*APPLICATIONS, *PROXIES, *_OWN)
    hosts = dict.fromkeys(
        str(table.get("host", "local"))
        for table in settings.collectors
        if table.get("kind") in kinds and not table.get("absent")
    )
    return tuple(Asks(host, "the processes of the servers", (LOOK,)) for host in hosts)


async def processes(stack: Stack) -> Running:
    """Look at the processes that the sources told of, host by host; a host that cannot be asked has none."""
    everybody = await told(stack, *APPLICATIONS, *PROXIES, *_OWN)
    hosts = dict.fromkeys(one.source.host for one in everybody)
    wanted = {host: [one for one in everybody if one.source.host == host] for host in hosts}
    found = await asyncio.gather(*(_on(stack, host, those) for host, those in wanted.items()))
    return {name: seen for each in found for name, seen in each.items()}


async def _on(stack: Stack, host: str, those: Iterable[Told]) -> dict[str, list[ProcessStatus]]:
    pids = {one.name: _pids(one) for one in those}
    names = {one.name: _OWN.get(one.kind, ()) for one in those}
    every = list(dict.fromkeys(pid for each in pids.values() for pid in each))[:MOST]
    seen: Mapping[int, ProcessStatus] = {}
    if every:
        with suppress(RampdeckError):
            done = await stack.shell(host).run(LOOK.replace("PIDS", " ".join(map(str, every))), timeout=QUICK)
            seen = _read(done.stdout.decode("utf-8", "replace"))
    return {
        name: [seen[pid] for pid in own if pid in seen and seen[pid].name.startswith(names[name] or "")]
        for name, own in pids.items()
    }


def _pids(one: Told) -> list[int]:
    texts = [one.value(name) for name in ("master_pid", "pid")] + listed(one.value("worker_pids"))
    return [int(text) for text in texts if text.isdecimal()]


def _read(text: str) -> dict[int, ProcessStatus]:
    """Return the processes that the host told of."""
    found: dict[int, ProcessStatus] = {}
    ticks, boot, last = 100, 0, None
    for number, line in enumerate(text.splitlines()):
        if not number and line.isdecimal():
            ticks = int(line) or ticks
        elif line.startswith("btime ") and line[6:].isdecimal():
            boot = int(line[6:])
        elif (limit := _LIMIT.match(line)) and last is not None:
            files = int(limit[1]) if limit[1].isdecimal() else None
            found[last.pid] = last = ProcessStatus(last.pid, last.name, last.started, files)
        elif stat := _STAT.match(line):
            rest = stat[3].split()
            if len(rest) > _START and rest[_START].isdecimal():
                last = ProcessStatus(int(stat[1]), stat[2], boot + int(rest[_START]) / ticks)
                found[last.pid] = last
    return found


def moment(utc: float) -> str:
    """Return a time as it is told: ``2026-11-16 08:00 UTC``."""
    return datetime.fromtimestamp(utc, UTC).strftime("%Y-%m-%d %H:%M UTC")
