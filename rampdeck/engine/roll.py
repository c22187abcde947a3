"""The workers of a run: who is there, since when nothing was heard, what each one does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

LOST, LEFT, MISSED, IDLE = "worker_lost", "worker_left", "reports_lost", "worker_idle"
"""The signals of what happens to workers; each of them marks the step."""
SILENT = 3.0
"""Seconds without any word after which a worker counts as lost; each says something every second."""


@dataclass
class Worker:
    """One worker, ours or a plain ``locust --worker``.

    ``id`` is Locust's, ``name`` what a person calls it, ``state`` one of
    ``ready``, ``spawning``, ``running``, ``stopping``, ``silent`` (it may come
    back), ``lost`` and ``gone`` (it said good-bye). ``locust`` is its version of Locust;
    ``refused`` says that its reports cannot be read; ``held`` counts requests that the ceiling held back.
    ``refused`` says that its reports cannot be read; ``blind`` is what its guard cannot see.
    """

    id: str
    name: str
    locust: str
    heard: float
    ours: bool = False
    version: str = ""
    host: str = ""
    pid: int = 0
    state: str = "ready"
    users: int = 0
    rps: float = 0.0
    cpu: float | None = None
    lag: float | None = None
    lag_max: float | None = None
    rss: float | None = None
    open_files: float | None = None
    open_files_limit: float | None = None
    aside: str = ""
    wire: str = ""
    number: int = 0
    reported: float = 0.0
    stopped: float = 0.0
    missed: int = 0
    trouble: str = ""
    overflowed: bool = False
    refused: bool = False
    held: int = 0
    exceptions: dict[str, int] = field(default_factory=dict)
    blind: tuple[str, ...] = ()
    _requests: int = 0
    _seconds: float = 0.0

    def rate(self, requests: int, seconds: float) -> None:
        """Work the rate out, over half a second at least."""
        self._requests += requests
        self._seconds += seconds
        if self._seconds > 0.5:
            self.rps = self._requests / self._seconds
            self._requests, self._seconds = 0, 0.0

    @property
    def told_until(self) -> float:
        """Up to when (monotonic seconds) its figures are known."""
        return self.reported or self.heard

    @property
    def here(self) -> bool:
        """Whether it can be counted on."""
        return self.state not in ("silent", "lost", "gone")

    @property
    def kind(self) -> str:
        """What it is, in a word that a person knows."""
        return f"rampdeck {self.version}" if self.ours else f"locust {self.locust}"


class Roll:
    """Everybody who ever joined, by Locust's id, and what there is to tell of them.

    ``told`` holds sentences for the person at the screen, a warning with its
    signal, and since when (monotonic seconds) figures (or, with ``IDLE``, users) are missing, or 0;
    whoever tells them takes them out.
    """

    def __init__(self) -> None:
        self._workers: dict[str, Worker] = {}
        self.told: list[tuple[str, str, float]] = []

    def __iter__(self) -> Iterator[Worker]:
        return iter(list(self._workers.values()))

    def get(self, id_: str) -> Worker | None:
        """Return the worker of an id, if it ever joined."""
        return self._workers.get(id_)

    def named(self, name: str) -> Worker | None:
        """Return the worker of a name."""
        return next((worker for worker in self._workers.values() if worker.name == name), None)

    @property
    def here(self) -> list[Worker]:
        """Those who can be counted on."""
        return [worker for worker in self if worker.here]

    @property
    def plain(self) -> list[Worker]:
        """Those who report in Locust's own figures."""
        return [worker for worker in self.here if not worker.ours]

    def hear(self, id_: str) -> Worker | None:
        """Note that something was heard from a worker."""
        worker = self._workers.get(id_)
        if worker is not None:
            worker.heard = time.monotonic()
        return worker

    def join(self, id_: str, locust: str, name: str, *, ours: bool) -> Worker:
        """Note that a worker is ready; it may have been there before."""
        worker = self._workers.get(id_)
        if worker is None:
            name = self._free(name)
            worker = self._workers[id_] = Worker(id_, name, locust, time.monotonic(), ours)
            self.tell(f"worker {name} has joined, {worker.kind.strip()}")
        elif not worker.here:
            self.tell(f"worker {worker.name} is back")
        worker.heard = time.monotonic()
        worker.state = "ready"
        return worker

    def silent(self) -> list[Worker]:
        """Return the workers of whom nothing was heard for too long."""
        limit = time.monotonic() - SILENT
        return [worker for worker in self if worker.here and worker.heard < limit]

    def lose(self, worker: Worker, state: str, why: str) -> None:
        """Note that a worker cannot be counted on any more, and why."""
        users = f", with {worker.users} users" if worker.users else ""
        self.tell(f"worker {worker.name} {why}{users}", *((LOST, worker.told_until) if worker.here else ()))
        worker.state, worker.users, worker.rps = state, 0, 0.0
        worker.cpu = worker.lag = worker.lag_max = worker.rss = worker.open_files = None

    def leave(self, worker: Worker) -> None:
        """Note that a worker has said good-bye."""
        worker.state, worker.users, worker.rps = "gone", 0, 0.0
        worker.cpu = worker.lag = worker.lag_max = worker.rss = worker.open_files = None

    def tell(self, text: str, signal: str = "", since: float = 0.0) -> None:
        """Keep a sentence for the person at the screen."""
        self.told.append((text, signal, since))

    def _free(self, name: str) -> str:
        """Return a name that nobody has: several plain workers of a host have no other than its."""
        names = {worker.name for worker in self._workers.values()}
        number = 1
        free = name
        while free in names:
            number += 1
            free = f"{name}-{number}"
        return free
