"""This machine: can it make the load that is planned without being the limit itself?"""

from __future__ import annotations

import os
import resource
from pathlib import Path

from rampdeck.engine.loader import SPARE_FILES, too_few_files
from rampdeck.health import judge
from rampdeck.preflight.check import Definition, Found, check, failed, ok, skipped, warning
from rampdeck.preflight.stack import Stack
from rampdeck.sources import GENERATOR

HERE = "this machine"
PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""First and last of the local ports that connections take (ip(7))."""
NEARLY = 0.8
"""Share of them from which on a port is hard to find: one that was given back rests for a minute."""
PATIENCE = 5.0
"""Seconds that the first reading of this machine gets."""
_NOW = ("memory_percent", "steal_percent")
"""What is the same before the load as in it; processor and lag are those of a program that starts."""


@check(
    "generator.limits",
    "Generator has room",
    expected="processor, memory and open files enough for the planned users",
    why="A generator at its limit measures itself, and the load is less than asked for.",
    effect="Load levels are INCONCLUSIVE while the generator is at its limit.",
)
async def limits(stack: Stack) -> Found:
    """Look at the cores, the memory and the open files of this machine."""
    await stack.seen(PATIENCE)
    processes, cores = stack.scenario.processes, len(os.sched_getaffinity(0))
    each = -(-stack.peak // processes)
    if shortage := too_few_files(each):
        fix = f"ulimit -n {each + SPARE_FILES}   (nofile in /etc/security/limits.conf for good)"
        found = shortage.partition(". Raise")[0]
        # Nobody may want as many as the cockpit would let one have.
        return failed(found, fix, HERE) if stack.plan else warning(found, fix, HERE)
    values = next(
        (
            live.last.values
            for live in stack.session.sources.values()
            if live.info.kind == GENERATOR and live.last is not None
        ),
        {},
    )
    now = {name: values[name] for name in _NOW if name in values}
    if excess := judge(now, stack.settings.generator):
        return warning(str(excess[0]), "End what else runs here, or take another machine", HERE)
    if processes > cores:
        return warning(
            f"{processes} processes are to share {_cores(cores)}", f"--workers {max(cores - 1, 1)}", HERE
        )
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    memory = f", {values['memory_percent']:.0f} % of the memory in use" if "memory_percent" in values else ""
    return ok(f"{_cores(cores)}{memory}, {_files(files)} open files for {stack.peak} users", HERE)


@check(
    "generator.ports",
    "Local ports suffice",
    expected="a local port for every planned user, and some that rest",
    why="Without a free port a connection fails here, and the server never hears of it.",
    effect="Failed connections in the record that are not the server's doing.",
)
async def ports(stack: Stack) -> Found:
    """Compare the planned users with the ports that connections from here can have."""
    most, users = _local_ports(), stack.peak
    if most is None:
        return skipped("this system does not tell its local ports", host=HERE)
    found = f"{most} ports for {users} users"
    fix = 'sysctl -w net.ipv4.ip_local_port_range="15000 64999"   (or workers on more machines)'
    if users > most and stack.plan:
        return failed(found, fix, HERE)
    if users > most * NEARLY:
        return warning(found, fix, HERE)
    return ok(found, HERE)


def _local_ports() -> int | None:
    try:
        first, last = map(int, PORTS.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return None
    return last - first + 1


def _cores(cores: int) -> str:
    return "1 core" if cores == 1 else f"{cores} cores"


def _files(limit: int) -> str:
    return "any number of" if limit == resource.RLIM_INFINITY else str(limit)


CHECKS: tuple[Definition, ...] = (limits, ports)
