"""What this machine is made of, and the programs that make the load."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import psutil

from rampdeck import __version__
from rampdeck.facts import Fact, known, unknown

from ._facts_host import memory


def generator_facts() -> tuple[Fact, ...]:
    """Look at this process and this machine once; nothing is started for it."""
    kernel, limit = platform.uname(), os.sched_getaffinity(0)
    return (
        known("generator.rampdeck", "Rampdeck version", __version__, "this program"),
        known("generator.python", "Python version", platform.python_version(), "this program"),
        *(_package(name) for name in ("locust", "gevent")),
        known("generator.kernel", "kernel", f"{kernel.system} {kernel.release} {kernel.machine}", "uname"),
        known("generator.cores", "cores that it may use", len(limit), "sched_getaffinity"),
        known("generator.memory", "memory", memory(psutil.virtual_memory().total), "/proc/meminfo"),
    )


def _package(name: str) -> Fact:
    title = f"{name.capitalize() if name == 'locust' else name} version"
    try:
        return known(f"generator.{name}", title, version(name), "its metadata")
    except PackageNotFoundError:
        return unknown(f"generator.{name}", title, "it has no metadata", "its metadata")
