"""A Linux host: processor, memory, pressure, and connections that nobody accepts.

One shell on the host for the whole session: a line in, a reading out. It ends
when its stdin does, so nothing stays behind. A reading starts two processes
(``grep``, ``ss``) and sends some 5 KB. What a host does not have, such as
pressure (PSI) or ``ss``, leaves its metric out.

Meaning of the files: proc(5); Documentation/accounting/psi.rst of Linux.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, Self

from rampdeck.collector import CollectorConfig, Sink
from rampdeck.errors import CommandFailed, SourceError
from rampdeck.model import Value
from rampdeck.pace import Change, Counters, Ticks
from rampdeck.remote import Completed, Remote, Stream
from rampdeck.text import clean
from rampdeck.view import Column, Metric, Table, Unit, View

READ_TIMEOUT = 10.0
"""Seconds to wait for a reading; a host under load answers late."""
READING_MAX = 1_000_000
"""Bytes of a reading; a host with 10 000 listening sockets stays below."""
FULLEST = 5
"""Listening sockets with a queue that are named."""

END = b"--\n"
SCRIPT = r"""
LC_ALL=C; export LC_ALL
cd /proc 2>/dev/null && test -r stat || { echo "there is no /proc: it is not Linux" >&2; exit 1; }
if ss -lntxH >/dev/null 2>&1; then
    listeners() { ss -lntxH; }
else
    # Listening sockets come first in these files: the many others are never asked for.
    listeners() { sed -n '1d;/ 0A /!q;p' net/tcp; sed -n '1d;/ 0A /!q;p' net/tcp6; }
fi
cores=$(getconf _NPROCESSORS_ONLN || nproc || grep -c ^processor cpuinfo)
page=$(getconf PAGESIZE || echo 4096)
files='stat meminfo vmstat loadavg uptime net/netstat pressure/cpu pressure/memory pressure/io'
names='^(cpu |procs_running|MemTotal|MemAvailable|pswpin|pswpout|oom_kill |some |TcpExt)'
numbers='^[0-9.]+ [0-9.]+($| [0-9.]+ [0-9]+/)'
while read -r _; do
    grep -sE "$names|$numbers" $files
    listeners
    echo "shell: cores $cores"
    echo "shell: page $page"
    echo --
done 2>/dev/null
"""


class HostCollectorConfig(CollectorConfig):
    """``[[collectors]]`` with ``kind = "host"``; the host is all that it needs."""


class HostCollector:
    """Reads /proc once a second."""

    kind: ClassVar[str] = "host"
    Config: ClassVar[type[CollectorConfig]] = HostCollectorConfig
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("cpu", Unit.PERCENT, "of all cores, neither idle nor waiting for a disk; steal included"),
        Metric("user", Unit.PERCENT, "of all cores, in programs"),
        Metric("system", Unit.PERCENT, "of all cores, in the kernel, interrupts included"),
        Metric("iowait", Unit.PERCENT, "of all cores, idle because a disk has not answered"),
        Metric("steal", Unit.PERCENT, "of all cores, taken by other guests of the hypervisor"),
        Metric("memory", Unit.PERCENT, "memory that is in use and cannot be had without swapping"),
        Metric("memory_available", Unit.BYTES, "memory that can be had without swapping"),
        Metric("swap_in", Unit.BYTES_PER_SECOND, "read back from swap"),
        Metric("swap_out", Unit.BYTES_PER_SECOND, "written to swap"),
        Metric("oom_kills", Unit.COUNT, "processes killed for lack of memory since the last reading"),
        Metric("pressure_cpu", Unit.PERCENT, "of ten seconds in which something waited for a processor"),
        Metric("pressure_memory", Unit.PERCENT, "of ten seconds in which something waited for memory"),
        Metric("pressure_io", Unit.PERCENT, "of ten seconds in which something waited for a disk"),
        Metric("run_queue", Unit.COUNT, "threads that run or could run; above the cores they wait"),
        Metric("load1", Unit.COUNT, "load average of one minute"),
        Metric("cores", Unit.COUNT, "processors that are online"),
        Metric("listen_queue", Unit.COUNT, "connections not yet accepted, at the socket that has the most"),
        Metric("listen_overflows", Unit.PER_SECOND, "connections dropped because such a queue was full"),
    )
    view: ClassVar[View] = View(
        title="Hosts",
        tables=(
            Table(
                "hosts",
                "Hosts",
                (
                    Column("host", "HOST", width=12),
                    Column("cpu", "CPU", Unit.PERCENT, 6),
                    Column("steal", "STEAL", Unit.PERCENT, 6),
                    Column("iowait", "IOWAIT", Unit.PERCENT, 6),
                    Column("memory", "MEM", Unit.PERCENT, 6),
                    Column("swap_out", "SWAP", Unit.BYTES_PER_SECOND, 8),
                    Column("pressure_cpu", "PSI", Unit.PERCENT, 6),
                    Column("run_queue", "RUNQ", Unit.COUNT, 5),
                    Column("listen_queue", "LISTENQ", Unit.COUNT, 7),
                ),
                per_host=True,
            ),
        ),
    )

    def __init__(self, config: HostCollectorConfig) -> None:
        self.config = config

    def asks(self) -> tuple[str, ...]:
        """Return every command and statement that it may send."""
        return ()

    async def run(self, remote: Remote, sink: Sink) -> None:
        """Read once a second until the shell ends; see :class:`rampdeck.collector.Collector`."""
        counters = Counters()
        async with remote.stream(SCRIPT, stdin=True) as stream:
            readings = _readings(stream)
            async for _ in Ticks():
                try:
                    with suppress(CommandFailed):  # the end of its output says more
                        await stream.write(b"\n")
                    async with asyncio.timeout(READ_TIMEOUT):
                        reading = await anext(readings, None)
                except TimeoutError:
                    why = f"no reading for {READ_TIMEOUT:g} s"
                    raise SourceError(f"{remote.host} does not answer", why, "It is tried again") from None
                if reading is None:
                    raise SourceError(f"the shell on {remote.host} ended", _why(await stream.wait()))
                change = counters.read(reading.numbers.get("uptime", 0.0), reading.totals)
                sink.sample(reading.values(change), reading.fullest())


def _why(ended: Completed) -> str:
    if ended.status == -1:
        return "the connection was lost"
    said = ended.stderr.decode(errors="replace").strip()
    return clean(said, 300) or f"its status was {ended.status}"


async def _readings(stream: Stream) -> AsyncIterator[Reading]:
    """Yield what the shell writes, reading by reading."""
    held = b""
    async for chunk in stream.chunks():
        held += chunk
        while (end := held.find(b"\n" + END)) >= 0:
            yield Reading.parse(held[:end].decode(errors="replace"))
            held = held[end + 1 + len(END) :]
        if len(held) > READING_MAX:
            raise SourceError("a reading of the host is too long", f"over {READING_MAX} bytes")


# ------------------------------------------------------------------ one reading

_CPU = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_COUNTERS = frozenset({*_CPU, "pswpin", "pswpout", "oom_kill", "ListenOverflows"})
_HEX_LISTENER = re.compile(r"\s*\d+: [0-9A-F]+:([0-9A-F]{4}) \S+ 0A [0-9A-F]+:([0-9A-F]+) ")
"""A line of /proc/net/tcp: port and queue of a socket in the state LISTEN."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket: connections that wait to be accepted, and how many may (where that is told)."""

    name: str
    queue: int
    backlog: int | None = None

    @classmethod
    def of(cls, line: str) -> Self | None:
        """Read a line of ``ss -lntx`` or of /proc/net/tcp; ``None`` if it is neither."""
        match line.split(None, 5):
            case ["tcp" | "u_str" | "u_seq", "LISTEN", queue, backlog, name, *_]:
                return cls(name, int(queue), int(backlog))
        if found := _HEX_LISTENER.match(line):
            return cls(f"port {int(found[1], 16)}", int(found[2], 16))
        return None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the shell wrote: numbers by name (the kernel's, where it has one), and the listening sockets."""

    numbers: Mapping[str, float]
    listeners: tuple[Listener, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the shell's lines; what is not understood is passed over."""
        numbers: dict[str, float] = {}
        listeners: list[Listener] = []
        names: list[str] = []
        for line in text.splitlines():
            file, _, rest = line.partition(":")
            with suppress(ValueError):
                if file == "net/netstat":
                    # A line of names, then a line of values.
                    numbers |= {
                        key: float(value)
                        for key, value in zip(names, rest.split(), strict=False)
                        if key in _COUNTERS
                    }
                    names = rest.split()
                elif (listener := Listener.of(line)) is not None:
                    listeners.append(listener)
                else:
                    numbers |= _numbers(file, rest.split())
        return cls(numbers, tuple(listeners))

    @property
    def totals(self) -> dict[str, float]:
        """What grows from the host's start on."""
        return {name: value for name, value in self.numbers.items() if name in _COUNTERS}

    def values(self, change: Change | None) -> dict[str, float]:
        """Return the metrics; rates need a reading before it."""
        numbers = self.numbers
        plain = ("load1", "cores", "pressure_cpu", "pressure_memory", "pressure_io")
        values = {name: numbers[name] for name in plain if name in numbers}
        if "procs_running" in numbers:
            # One of them reads this very number.
            values["run_queue"] = max(numbers["procs_running"] - 1, 0.0)
        if "MemAvailable:" in numbers and numbers.get("MemTotal:"):
            values["memory"] = 100 * (1 - numbers["MemAvailable:"] / numbers["MemTotal:"])
            values["memory_available"] = numbers["MemAvailable:"] * 1024
        values["listen_queue"] = float(max((it.queue for it in self.listeners), default=0))
        if change is not None:
            values |= _processor(change)
            values["swap_in"] = change.rate("pswpin") * numbers.get("page", 4096)
            values["swap_out"] = change.rate("pswpout") * numbers.get("page", 4096)
            values["oom_kills"] = change.count("oom_kill")
            values["listen_overflows"] = change.rate("ListenOverflows")
        return values

    def fullest(self) -> tuple[Mapping[str, Value], ...]:
        """Return the listening sockets with the longest queues, as rows."""
        waiting = sorted((it for it in self.listeners if it.queue), key=lambda it: -it.queue)
        return tuple(
            {"listener": it.name, "queue": it.queue, "backlog": it.backlog} for it in waiting[:FULLEST]
        )


def _numbers(file: str, words: list[str]) -> dict[str, float]:
    """Return what a line of a file of /proc says."""
    match file, words:
        case "stat", ["cpu", *ticks]:
            return dict(zip(_CPU, map(float, ticks), strict=False))
        case "loadavg", [minute, *_]:
            return {"load1": float(minute)}
        case "uptime", [uptime, *_]:
            return {"uptime": float(uptime)}
        case "pressure/cpu" | "pressure/memory" | "pressure/io", ["some", average, *_]:
            return {file.replace("/", "_"): float(average.removeprefix("avg10="))}
        case "stat" | "vmstat" | "meminfo" | "shell", [name, value, *_]:
            return {name: float(value)}
    return {}


def _processor(change: Change) -> dict[str, float]:
    whole = sum(change.count(name) for name in _CPU)
    if not whole:
        return {}
    part = {name: 100 * change.count(name) / whole for name in _CPU}
    return {
        "cpu": 100 - part["idle"] - part["iowait"],
        "user": part["user"] + part["nice"],
        "system": part["system"] + part["irq"] + part["softirq"],
        "iowait": part["iowait"],
        "steal": part["steal"],
    }
