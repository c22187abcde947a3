"""What all parts say alike: the machine they ran on, and which aims were met."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path


@dataclass(frozen=True)
class Aim:
    """What was aimed at, what came out, and whether that is good enough."""

    what: str
    limit: str
    measured: str
    met: bool


def machine() -> str:
    """Return one line about this machine: no name of it, but what the figures depend on."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import locust"], check=True)
    importing = time.perf_counter() - began
    packages = ", ".join(f"{name} {version(name)}" for name in ("locust", "gevent", "textual"))
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    return (
        f"{_processor()}, {cores} cores, Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, {packages}; "
        f"`import locust` takes {importing:.1f} s; load average before the bench {load:.1f}"
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def aims_table(found: Sequence[Aim]) -> Iterator[str]:
    """Yield the aims as a table."""
    yield "| aim | limit | measured | |"
    yield "| --- | --- | --- | --- |"
    for aim in found:
        yield f"| {aim.what} | {aim.limit} | {aim.measured} | {'✔' if aim.met else '✖'} |"
