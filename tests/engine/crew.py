"""A cockpit's engine as master, and real workers beside it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from rampdeck import loop
from rampdeck.engine import loader, options
from rampdeck.engine.distributed import MasterDriver
from rampdeck.engine.driver import Order
from rampdeck.engine.engine import LoadEngine
from rampdeck.engine.master import make_master
from rampdeck.engine.roll import Worker
from rampdeck.histogram import Histogram
from rampdeck.model import RequestStats, RunState
from tests.engine.conftest import USER, Target

ROOT = Path(__file__).parents[2]


class Crew:
    """A cockpit's engine as master, and the workers that the test starts beside it."""

    def __init__(self, engine: LoadEngine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        assert isinstance(engine.driver, MasterDriver)
        self.driver = engine.driver
        self.taken: list[RequestStats] = []
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        for name in names:
            self._start(name, [sys.executable, "-m", "rampdeck", "worker"])

    def start_at(self, port: int, name: str) -> None:
        """Start one that joins at another port, which leads to that of the cockpit."""
        self._start(name, [sys.executable, "-m", "rampdeck", "worker"], port)

    def start_plain(self, *names: str) -> None:
        for name in names:
            self._start(name, [sys.executable, "-m", "locust", "--worker"])

    def _start(self, name: str, program: list[str], port: int = 0) -> None:
        master = ["--master-host", "127.0.0.1", "--master-port", str(port or self.driver.port)]
        # This cockpit has no guard that would tell them whom they may contact.
        allowed = {"RAMPDECK_ALLOW_HOST": "127.0.0.1"}
        environment = os.environ | {"PYTHONPATH": str(ROOT), "RAMPDECK_WORKER": name} | allowed
        log = (self.folder / f"{name}.log").open("wb")
        with log:
            self.processes[name] = subprocess.Popen(
                [*program, "-f", "locustfile.py", *master],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def joined(self, count: int) -> None:
        await until(lambda: len(self.driver.roll.here) == count)

    async def at(self, users: int) -> None:
        self.engine.want(Order(users, 100, "key"))
        await until(lambda: self.engine.users == users and self.engine.state is RunState.RUNNING)

    async def stopped(self) -> None:
        self.engine.stop()
        await until(lambda: self.engine.state is RunState.STOPPED)

    def worker(self, name: str) -> Worker:
        worker = self.driver.roll.named(name)
        assert worker is not None
        return worker

    @property
    def counted(self) -> int:
        """Every request that has been counted so far."""
        self.taken += self.engine.take()
        return sum(stats.successes.count + stats.failures.count for stats in self.taken)

    @property
    def times(self) -> Histogram:
        whole = Histogram()
        for stats in self.taken:
            whole.add(stats.successes)
        return whole

    def signal(self, name: str, number: signal.Signals) -> None:
        self.processes[name].send_signal(number)


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.fixture
async def cockpit(
    tmp_path: Path, own_events: None, target: Target, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Crew]]:
    """Make the engine of a cockpit that is the master, from the text of a locustfile."""
    monkeypatch.chdir(tmp_path)
    crews: list[tuple[Crew, asyncio.Task[None]]] = []

    def make(text: str = USER, *, stop_timeout: float = 2.0) -> Crew:
        (tmp_path / "locustfile.py").write_text(textwrap.dedent(text))
        argv = ["-H", target.url]
        loaded = loader.load(options.locustfiles(argv, None))
        environment = loader.environment_for(
            loaded, options.parse(argv), lambda made: make_master(made, "127.0.0.1", 0)
        )
        driver = MasterDriver(environment)
        engine = LoadEngine(environment, spawn_rate=100, stop_timeout=stop_timeout, driver=driver)
        crew = Crew(engine, tmp_path)
        crews.append((crew, asyncio.create_task(engine.drive(lambda _: None))))
        return crew

    yield make
    for crew, task in crews:
        if not crew.driver.runner.closing:
            await crew.engine.close()
        crew.driver.runner.server.socket.context.destroy()
        task.cancel()
        for process in crew.processes.values():
            process.kill()
            await loop.in_greenlet(process.wait)


Make = Callable[..., Crew]
