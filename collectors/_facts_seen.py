"""What the first look at a Python server found: its unit, its containers, the processes, its start lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rampdeck.facts import Fact, known, listed, told, unknown

from ._facts_shell import HIDDEN, Process, first_of

_LINE = re.compile(
    r"(?:\[[^\]]*\] \[(\d+)\] \[INFO\] ?)?(Starting gunicorn|Listening at:|Using worker:) (.+)"
)
_PARENT = re.compile(r"Started (?:parent|server) process \[(?:\x1b\[[\d;]*m)*(\d+)")


@dataclass(frozen=True)
class Seen:
    """What the first script found: of the unit, the containers, the processes and the log."""

    unit: Mapping[str, str] = field(default_factory=dict)
    containers: tuple[Sequence[Any], ...] = ()
    processes: tuple[Process, ...] = ()
    log: tuple[str, ...] = ()
    said: str = ""
    hidden: bool = False
    """Whether the processes of others are not to be seen."""
    listed: bool | None = None
    """Whether Docker could tell of its containers; ``None`` where it was not asked."""
    journald: tuple[str, ...] = ()


def pids_of(kind: str, seen: Seen) -> tuple[set[int], str]:
    """Return the process ids that the server may have, and who says so."""
    if (pid := seen.unit.get("MainPID", "0")).isdecimal() and pid != "0":
        return {int(pid)}, "systemctl show"
    if seen.containers:
        return {int(container[1]) for container in seen.containers}, "docker inspect"
    return {int(pid) for pid in start_lines(kind, seen.log).get("pid", "").split()}, "its log"


def arbiter_of(kind: str, seen: Seen) -> Process | None:
    """Return the first process of the server: the unit's, the container's, the log's, or the only one."""
    if seen.listed is not None and not seen.containers:
        return None  # one that runs here all the same is another one
    there = first_of(seen.processes, kind)
    expected, _ = pids_of(kind, seen)
    if not expected:
        return there[0] if len(there) == 1 else None
    return next((one for one in there if one.pid in expected or one.parent in expected), None)


def state_of(kind: str, seen: Seen, arbiter: Process | None) -> Fact:
    """Tell whether it runs: as its unit or its container says, or else by its process."""
    name, title, unit = f"{kind}.state", "state", seen.unit
    if unit.get("LoadState") == "not-found":
        return known(name, title, "no such unit", "systemctl show")
    if unit.get("ActiveState"):
        return known(name, title, f"{unit['ActiveState']} ({unit.get('SubState', '')})", "systemctl show")
    if seen.containers:
        states = sorted({plain(container[8]) for container in seen.containers})
        return known(name, title, listed(states), "docker inspect")
    if seen.listed is not None:
        why = seen.said or "Docker does not tell"
        return told(name, title, "stopped" if seen.listed else "", "docker", why)
    where = "processes in /proc"
    if arbiter is not None:
        return known(name, title, "running", where)
    if seen.hidden:
        return unknown(name, title, HIDDEN, where)
    if first_of(seen.processes, kind):
        return unknown(name, title, "nothing says which one of those that run is meant", where)
    return known(name, title, "stopped", where)


def start_lines(kind: str, lines: Sequence[str]) -> dict[str, str]:
    """Return what the lines of the last start tell: the server's ``pid``, its version, and settings."""
    found: dict[str, str] = {}
    for line in lines:
        if kind == "gunicorn" and (said := _LINE.fullmatch(line.strip())):
            pid, what, value = said.groups()
            if what == "Starting gunicorn":
                found = {"version": value, "pid": pid or ""}
            elif what == "Listening at:":
                found["bind"] = value.rpartition(" (")[0] or value
            else:
                found["worker_class"] = value
        elif said := _PARENT.search(line):
            found["pid"] = f"{found.get('pid', '')} {said[1]}"
    return found


def containers_of(lines: Sequence[str]) -> Iterator[Sequence[Any]]:
    for line in lines:
        try:
            container = json.loads(line)
        except ValueError:
            continue
        if isinstance(container, list) and len(container) == 10 and isinstance(container[1], int):
            yield container


def plain(value: Any) -> str:
    return "" if value is None else str(value)
