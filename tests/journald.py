"""A real systemd-journald without systemd as PID 1: a namespace of its own, for root only.

Reads like any host's journal: `journalctl --namespace=NAME -u gunicorn.service -f`. journald leaves a
namespace after 30 s without a client, so the stream of one service is kept open; what is written there has a
true `_SYSTEMD_UNIT`.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
from pathlib import Path
from typing import Self

from rampdeck.demo.process import ServerProcess, require_program
from rampdeck.demo.servers import Server


class JournaldServer(Server):
    """journald for one namespace; `write` says a line as `gunicorn.service` does, on its standard output."""

    def __init__(self, folder: Path) -> None:
        self.namespace = f"rampdeck-{os.getpid()}"
        program = require_program("systemd-journald", "systemd")
        self.process = ServerProcess("systemd-journald", [program, self.namespace], folder / "journald.log")
        self._runtime = Path(f"/run/systemd/journal.{self.namespace}")
        self._stream: socket.socket | None = None

    @classmethod
    def create(cls, parent: Path) -> Self:
        return cls(parent)

    def answers(self) -> bool:
        return (self._runtime / "stdout").exists()

    def start(self) -> None:
        super().start()
        self._stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._stream.connect(str(self._runtime / "stdout"))
        # identifier, unit, priority, then: level prefix, forward to syslog, kmsg and console
        self._stream.sendall(b"gunicorn\ngunicorn.service\n6\n0\n0\n0\n0\n")

    def stop(self) -> None:
        if self._stream is not None:
            self._stream.close()
        super().stop()
        machine = Path("/etc/machine-id").read_text().strip()
        for folder in (self._runtime, *(Path(at, f"{machine}.{self.namespace}") for at in _KEPT)):
            shutil.rmtree(folder, ignore_errors=True)

    def write(self, line: bytes) -> None:
        assert self._stream is not None
        self._stream.sendall(line + b"\n")

    def rotate(self) -> None:
        """Begin a new file, as `journalctl --rotate` asks for."""
        os.kill(self.pid, signal.SIGUSR2)


_KEPT = ("/var/log/journal", "/run/log/journal")
