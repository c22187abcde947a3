"""What a demo stack leaves on a machine while it runs, and what of it is still there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import psutil

from rampdeck.demo.process import tcp_answers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rampdeck.demo.info import DemoInfo

T = TypeVar("T")


def eventually(look: Callable[[], T], patience: float = 20) -> T:
    """Look until there is something to see; what was seen last when there never is."""
    deadline = time.monotonic() + patience
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return seen


def log_lines(path: Path, part: str, count: int = 1) -> list[str]:
    """The lines of a log with `part`, at least `count`: Nginx writes them just after it has answered."""

    def look() -> list[str]:
        found = [line for line in path.read_text().splitlines() if part in line]
        return found if len(found) >= count else []

    return eventually(look)


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

    def left(self) -> list[object]:
        """What has not gone, after waiting for all of it to go."""
        eventually(lambda: not self._remains())
        return self._remains()

    def _remains(self) -> list[object]:
        running = [p for p in self.processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        ports = [port for port in self.ports if tcp_answers(port)]
        return [*running, *ports, *([self.folder] if self.folder.exists() else [])]
