"""What a demo stack leaves on a machine while it runs, and what of it is still there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil

from rampdeck.demo.process import tcp_answers

if TYPE_CHECKING:
    from pathlib import Path

    from rampdeck.demo.info import DemoInfo


@dataclass(frozen=True)
class Traces:
    """The processes (supervisor first), ports and folder of a running stack."""

    processes: tuple[psutil.Process, ...]
    ports: tuple[int, ...]
    folder: Path

    @classmethod
    def of(cls, info: DemoInfo) -> Traces:
        supervisor = psutil.Process(info.supervisor)
        servers = (info.ssh, info.postgres, info.redis)
        ports = [server.port for server in servers if server]
        ports.append(urlsplit(info.url).port or 0)
        assert all(tcp_answers(port) for port in ports)
        assert info.folder.is_dir()
        return cls((supervisor, *supervisor.children(recursive=True)), tuple(ports), info.folder)

    def left(self, patience: float = 20) -> list[object]:
        """What has not gone, after waiting for all of it to go."""
        deadline = time.monotonic() + patience
        while (remains := self._remains()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return remains

    def _remains(self) -> list[object]:
        running = [p for p in self.processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        ports = [port for port in self.ports if tcp_answers(port)]
        return [*running, *ports, *([self.folder] if self.folder.exists() else [])]
