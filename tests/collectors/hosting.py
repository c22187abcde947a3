"""Systems that a host may be, and the host's script run by hand: a line in, a reading out."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from collectors._host_reading import Reading
from collectors._host_script import script
from collectors.host import HostCollectorConfig

SYSTEMS = Path(__file__).with_name("systems")
CONTAINER_ID = "3f4a9c" + "0b7d1e5f" * 7 + "ab"
"""The container of the recorded systems."""
_SECTION = re.compile(r"^==> (\S+)( @2)? <==\n", re.MULTILINE)


def config(**keys: object) -> HostCollectorConfig:
    return HostCollectorConfig.model_validate({"kind": "host", "paths": [], "processes": [], **keys})


class System:
    """A recorded system, as a tree of files: `proc` and `cgroup`."""

    def __init__(self, name: str, folder: Path) -> None:
        _, *sections = _SECTION.split((SYSTEMS / f"{name}.txt").read_text())
        parts = list(zip(sections[::3], sections[1::3], sections[2::3], strict=True))
        self._later = {path: text for path, later, text in parts if later}
        self.proc = folder / "proc"
        self.cgroups = folder / "cgroup"
        self.ss = folder / "ss"
        self._folder = folder
        self._write({path: text for path, later, text in parts if not later})

    def ten_seconds_pass(self) -> None:
        self._write(self._later)

    def _write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


class Running:
    """The script under way."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def read(self) -> Reading:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        lines = list(iter(self.process.stdout.readline, "--\n"))
        return Reading.parse("".join(lines).removesuffix("\n"))

    def read_until(self, *files: str, most: int = 2_000) -> Reading:
        """Read until what is looked for beside has been found; returns all of these readings as one."""
        whole: dict[str, list[str]] = {}
        for _ in range(most):
            reading = self.read()
            kept = {name: whole[name] + reading.lines(name) for name in whole if name in _LOOKED_FOR}
            whole = {**whole, **reading.files, **kept}
            if all(name in whole for name in files):
                return Reading(whole)
            signal.sigtimedwait([], 0.01)
        raise AssertionError(f"never told: {files}, only {sorted(whole)}")


_LOOKED_FOR = ("more", "df", "runtime", "inside", "helper", "ss")


@contextmanager
def running(
    wanted: HostCollectorConfig, system: System | None = None, shell: Sequence[str] = ("sh",), path: str = ""
) -> Iterator[Running]:
    """Run the host's script on this machine, or on a recorded system."""
    text = script(wanted, str(system.proc), str(system.cgroups)) if system else script(wanted)
    environment = os.environ | ({"PATH": path} if path else {})
    process = subprocess.Popen(
        [shutil.which(shell[0]) or shell[0], *shell[1:], "-c", text],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="replace",
        env=environment,
        start_new_session=True,
    )
    try:
        yield Running(process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def stand_in(folder: Path, answers: str, name: str = "docker") -> str:
    """Put a program of that name into a folder, which does what is given; returns a PATH with it."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{answers}\n")
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def says(*lines: str) -> str:
    """Return the answer of a stand-in to `inspect`: these lines, whatever it is asked for."""
    return f'[ "$1" = ps ] && echo {CONTAINER_ID} || printf "%s\\n" {shlex.join(lines)}'
