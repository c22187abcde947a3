"""The demo stack as its user sees it: start it, know where everything is, stop it."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

import rampdeck
from rampdeck.demo.info import DemoInfo
from rampdeck.demo.supervisor import READY
from rampdeck.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

STOP_TIMEOUT = 20.0
"""Seconds the supervisor may take to end all servers; it needs about one."""


def _silent(_: str) -> None:
    pass


class DemoStack:
    """A demo stack in a supervisor process of its own (`python -m rampdeck.demo`).

    `without` names parts to leave out (`nginx`, `postgres`, `redis`, `journal`, `openssh`); `faults` what is
    to be broken (`rampdeck.demo.faults`); `progress` is called with a sentence whenever there is something to
    tell while starting. As a context manager it yields the DemoInfo.
    """

    def __init__(
        self,
        *,
        without: Collection[str] = (),
        faults: Collection[str] = (),
        progress: Callable[[str], None] = _silent,
    ) -> None:
        self._options = [part for name in without for part in ("--without", name)]
        self._options += [part for name in faults for part in ("--fault", name)]
        self._progress = progress
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._info: DemoInfo | None = None

    def __enter__(self) -> DemoInfo:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> DemoInfo:
        """Start the stack and return when every server answers, after some five seconds.

        Raises DemoError with the supervisor's last words when it cannot be started.
        """
        self._supervisor = subprocess.Popen(
            [sys.executable, "-P", "-m", "rampdeck.demo", *self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C at the terminal is the cockpit's to answer
            env={**os.environ, "PYTHONPATH": _python_path()},
        )
        try:
            self._info = self._read_info(self._supervisor)
        except BaseException:
            self.stop()
            raise
        return self._info

    def _read_info(self, supervisor: subprocess.Popen[bytes]) -> DemoInfo:
        assert supervisor.stdout is not None
        assert supervisor.stderr is not None
        said: list[str] = []
        while line := supervisor.stderr.readline():
            sentence = line.decode(errors="replace").rstrip()
            if sentence == READY:
                return DemoInfo.from_json(supervisor.stdout.readline())
            said.append(sentence)
            self._progress(sentence)
        raise DemoError("the demo stack did not start:\n" + "\n".join(said[-12:]))

    def stop(self) -> None:
        """End the stack: its servers, its ports, its folder. Harmless when there is none."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is None:
            return
        if supervisor.stdin is not None:
            supervisor.stdin.close()
        try:
            supervisor.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()
        for pipe in (supervisor.stdout, supervisor.stderr):
            if pipe is not None:
                pipe.close()
        if self._info is not None and self._info.folder.exists():
            remove_remains(self._info)


def remove_remains(info: DemoInfo) -> None:
    """Take away what a killed supervisor left: its servers are ending already, its folder is not."""
    servers = (info.gunicorn, info.nginx, info.postgres, info.redis)
    deadline = time.monotonic() + STOP_TIMEOUT
    while any(server and psutil.pid_exists(server.pid) for server in servers):
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    shutil.rmtree(info.folder)


def _python_path() -> str:
    """Compose a PYTHONPATH under which the child imports this very rampdeck, installed or in a checkout."""
    home = str(Path(rampdeck.__file__).parents[1])
    given = os.environ.get("PYTHONPATH", "")
    if home in (*site.getsitepackages(), site.getusersitepackages()):
        return given
    return os.pathsep.join(part for part in (home, given) if part)
