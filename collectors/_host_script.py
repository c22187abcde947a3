"""The one script that a host runs for us, with what the configuration asks for written into it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

_FOLDER = Path(__file__).parent / "sh"


class Wanted(Protocol):
    """What of a host is looked at beside its kernel's own figures; see the collector's configuration."""

    @property
    def processes(self) -> tuple[str, ...]:
        """Names of programs."""

    @property
    def containers(self) -> tuple[str, ...] | str:
        """Names of containers, or ``all``."""

    @property
    def units(self) -> tuple[str, ...]:
        """Names of systemd's units."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Folders whose file systems are watched."""


def script(wanted: Wanted, proc: str = "/proc", cgroups: str = "/sys/fs/cgroup") -> str:
    """Return the script whole, as it is sent and as it is told to whoever asks beforehand.

    ``proc`` and ``cgroups`` are other folders in tests only.
    """
    containers = wanted.containers if isinstance(wanted.containers, str) else " ".join(wanted.containers)
    names = {
        "proc": proc,
        "cgroups": cgroups,
        "processes": "|".join(name.replace(".", r"\.") for name in wanted.processes),
        "containers": containers,
        "units": " ".join(wanted.units),
        "paths": " ".join(wanted.paths),
        "program": (_FOLDER / "host.awk").read_text(encoding="utf-8"),
    }
    return _assigned(names.items()) + (_FOLDER / "host.sh").read_text(encoding="utf-8")


def _assigned(names: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in names)
