"""Processor, memory, pressure and connections of a host as a whole.

Meaning of the files: proc(5); Documentation/accounting/psi.rst of Linux.
"""

from __future__ import annotations

from collections.abc import Iterator

from rampdeck.pace import Change, Counters

from ._host_reading import Reading, Told, number
from ._states import Alarm

STEAL = 5.0
SATURATED = 90.0
"""Percent of all cores."""
MEMORY_LEFT = 10.0
"""Percent of the memory that should be available."""
NEARLY_FULL = 90.0
"""Percent of open files, or of connections that the firewall follows."""

_CPU = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


class Kernel:
    """Makes figures of what the kernel tells of the whole host."""

    def __init__(self) -> None:
        self._processor = Counters()
        self._ticks: dict[str, float] = {}
        self._memory = Counters()
        self._tcp = Counters()

    def read(self, reading: Reading) -> Told:
        """Take the next reading."""
        told = Told()
        values = told.values
        values |= _load(reading)
        values |= _pressure(reading)
        values |= _room(reading)
        values |= _connections(reading)
        processor = self._processor.read(reading.uptime, self._forward(_ticks(reading)))
        if processor is not None:
            values |= _shares(processor)
        paging = self._memory.read(reading.uptime, reading.numbers("vmstat"))
        if paging is not None:
            values |= _paging(paging, reading.page)
        sent = reading.numbers("net/snmp")
        tcp = self._tcp.read(
            reading.uptime, {name: sent[name] for name in ("RetransSegs", "OutSegs") if name in sent}
        )
        if tcp is not None:
            values["tcp_retransmits"] = tcp.rate("RetransSegs")
        told.alarms += _alarms(values)
        return told

    def _forward(self, ticks: dict[str, float]) -> dict[str, float]:
        """Keep idle and iowait from going back, as they do now and then, see proc(5): that is no restart."""
        before, self._ticks = self._ticks, ticks
        if ticks.get("user", 0.0) >= before.get("user", 0.0):
            ticks |= {
                name: max(ticks[name], before.get(name, 0.0)) for name in ("idle", "iowait") if name in ticks
            }
        return ticks


def _load(reading: Reading) -> dict[str, float]:
    values = {}
    if (load := reading.first("loadavg")) is not None:
        values["load1"] = load
    if cores := reading.numbers("shell").get("cores"):
        values["cores"] = cores
    stat = reading.numbers("stat")
    if "procs_running" in stat:
        # One of them reads this very number.
        values["run_queue"] = max(stat["procs_running"] - 1, 0.0)
    if "procs_blocked" in stat:
        values["blocked"] = stat["procs_blocked"]
    return values


def _pressure(reading: Reading) -> dict[str, float]:
    values = {}
    for what in ("cpu", "memory", "io"):
        for line in reading.lines(f"pressure/{what}"):
            match line.split():
                case ["some" | "full" as kind, average, *_] if average.startswith("avg10="):
                    try:
                        share = number(average.removeprefix("avg10="))
                    except ValueError:
                        continue
                    values[f"pressure_{what}" + ("_full" if kind == "full" else "")] = share
    return values


def _room(reading: Reading) -> dict[str, float]:
    """Return how full memory, swap, the table of open files and that of the firewall are."""
    values = {}
    memory = reading.numbers("meminfo")
    if "MemAvailable" in memory and memory.get("MemTotal"):
        values["memory"] = 100 * (1 - memory["MemAvailable"] / memory["MemTotal"])
        values["memory_available"] = memory["MemAvailable"] * 1024
    if "SwapFree" in memory and memory.get("SwapTotal"):
        values["swap"] = 100 * (1 - memory["SwapFree"] / memory["SwapTotal"])
    for row in reading.rows("sys/fs/file-nr"):
        match row:
            case [float(taken), float(free), float(most), *_] if most:
                values["files"] = 100 * (taken - free) / most
    followed, most_followed = reading.first("conntrack"), reading.first("conntrack_max")
    if followed is not None and most_followed:
        values["conntrack"] = 100 * followed / most_followed
    return values


def _connections(reading: Reading) -> dict[str, float]:
    values = {}
    if (established := reading.numbers("net/snmp").get("CurrEstab")) is not None:
        values["tcp_established"] = established
    for line in reading.lines("net/sockstat"):
        words = line.split()
        if "tw" in words[:-1]:
            try:
                values["tcp_time_wait"] = number(words[words.index("tw") + 1])
            except ValueError:
                continue
    return values


def _ticks(reading: Reading) -> dict[str, float]:
    for line in reading.lines("stat"):
        match line.split():
            case ["cpu", *ticks]:
                try:
                    return dict(zip(_CPU, map(number, ticks), strict=False))
                except ValueError:
                    return {}
    return {}


def _shares(change: Change) -> dict[str, float]:
    whole = sum(change.count(name) for name in _CPU)
    if not whole:
        return {}
    part = {name: 100 * change.count(name) / whole for name in _CPU}
    return {
        "cpu": 100 - part["idle"] - part["iowait"],
        "user": part["user"] + part["nice"],
        "system": part["system"] + part["irq"] + part["softirq"],
        "interrupts": part["irq"] + part["softirq"],
        "iowait": part["iowait"],
        "steal": part["steal"],
    }


def _paging(change: Change, page: float) -> dict[str, float]:
    values = {}
    if "pswpin" in change.gained:
        values["swap_in"] = change.rate("pswpin") * page
        values["swap_out"] = change.rate("pswpout") * page
    if "oom_kill" in change.gained:
        values["oom_kills"] = change.count("oom_kill")
    return values


def _alarms(values: dict[str, float]) -> Iterator[Alarm]:
    steal, busy = values.get("steal", 0.0), values.get("cpu", 0.0)
    if steal > STEAL:
        text = f"{steal:.0f} % of the processor goes to other guests of the hypervisor (steal)"
        yield Alarm("steal_high", text, steal, " %")
    if busy > SATURATED:
        queue = values.get("run_queue", 0.0)
        text = f"the processor is {busy:.0f} % busy, {queue:.0f} threads run or could run"
        yield Alarm("cpu_saturated", text, busy, " %", fields={"run_queue": f"{queue:g}"})
    if (swapped := values.get("swap_in", 0.0) + values.get("swap_out", 0.0)) > 0:
        into, out = values.get("swap_in", 0.0) / 1e6, values.get("swap_out", 0.0) / 1e6
        text = f"it swaps: {into:.1f} MB/s in, {out:.1f} MB/s out"
        yield Alarm("swapping", text, swapped / 1e6, " MB/s")
    if kills := values.get("oom_kills"):
        processes = "a process was" if kills == 1 else f"{kills:.0f} processes were"
        yield Alarm("oom_kill", f"{processes} killed for lack of memory", kills, "")
    if (used := values.get("memory", 0.0)) > 100 - MEMORY_LEFT:
        text = f"{100 - used:.1f} % of the memory is available"
        yield Alarm("memory_low", text, used, " % used")
    if (files := values.get("files", 0.0)) > NEARLY_FULL:
        text = f"{files:.0f} % of the files that may be open are (fs.file-max)"
        yield Alarm("too_many_files", text, files, " %")
    if (followed := values.get("conntrack", 0.0)) > NEARLY_FULL:
        text = f"the firewall follows {followed:.0f} % of the connections that it can (nf_conntrack_max)"
        yield Alarm("conntrack_full", text, followed, " %")
