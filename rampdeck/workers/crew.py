"""The workers as a source: started, watched, and shown like any other.

A worker runs beside the guard that every command of ours has
(:mod:`rampdeck.remote.command`): it ends with the cockpit, however that ends,
on this machine and over SSH alike.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from rampdeck.collector import CollectorConfig, Sink
from rampdeck.config import GeneratorLimits
from rampdeck.engine.distributed import MasterDriver
from rampdeck.engine.roll import IDLE, Worker
from rampdeck.errors import RampdeckError
from rampdeck.hands import FROM_LOGIN, PLAIN, Hand
from rampdeck.health import judge_workers
from rampdeck.loop import in_greenlet
from rampdeck.model import Health, Instant, Severity, Value
from rampdeck.pace import Ticks
from rampdeck.record.findings import plain_words
from rampdeck.remote import Completed, Remote
from rampdeck.remote.hosts import Hosts
from rampdeck.text import clean
from rampdeck.view import Metric, View
from rampdeck.workers.crewview import KIND, METRICS, VIEW
from rampdeck.workers.luggage import Luggage
from rampdeck.workers.untold import IDLE_SINCE, SINCE

KEPT = 5
"""Last lines of a worker that a message shows."""
_LEVEL = re.compile(r"^\[[^]]*\] [^/]*/(\w+)/")
_LEVELS = {"CRITICAL": Severity.CRITICAL, "ERROR": Severity.ERROR, "WARNING": Severity.WARNING}


class Crew:
    """Starts the workers and tells how they are, once a second.

    ``trouble`` says why one of those who are waited for will not come; ``tell``
    is told each line where there is no screen.
    """

    kind: ClassVar[str] = KIND
    Config: ClassVar[type[CollectorConfig]] = CollectorConfig
    metrics: ClassVar[tuple[Metric, ...]] = METRICS
    view: ClassVar[View] = VIEW

    def __init__(
        self,
        driver: MasterDriver,
        hands: Sequence[Hand],
        hosts: Hosts,
        *,
        files: Sequence[Path],
        expected: int,
        max_wait: float,
        limits: GeneratorLimits | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._driver = driver
        self._hands = hands
        self._hosts = hosts
        self._luggage = Luggage(files)
        self._say = tell
        self._limits = limits or GeneratorLimits()
        self._plain = 0
        self._held_before = 0
        self.expected = expected
        self.max_wait = max_wait
        self.trouble = ""

    @property
    def here(self) -> int:
        """How many workers can be counted on."""
        return len(self._driver.roll.here)

    def asks(self) -> tuple[str, ...]:
        """Return nothing: each worker has its own host (:func:`rampdeck.hands.asks`)."""
        return ()

    async def run(self, remote: Remote, sink: Sink) -> None:  # noqa: ARG002 - each worker has its own host
        """Start the workers and watch them until the run ends."""
        async with asyncio.TaskGroup() as group:
            for hand in self._hands:
                group.create_task(self._keep(hand, sink))
            group.create_task(self._watch(sink))

    async def manned(self) -> str:
        """Wait until the expected workers are there; returns why they will not be, or nothing."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while self.here < self.expected:
            if self.trouble:
                return self.trouble
            if self.max_wait and loop.time() - began > self.max_wait:
                return f"gave up waiting for workers: {self.here} of {self.expected} are here"
            await asyncio.sleep(0.05)
        return ""

    # -- starting

    async def _keep(self, hand: Hand, sink: Sink) -> None:
        """Run one worker until it ends, and say how."""
        remote = self._hosts.remote(hand.host)
        try:
            if not hand.command:
                why = await self._run(hand, hand.here, remote, sink)
            else:
                async with self._luggage.on(remote) as folder:
                    why = await self._run(hand, await self._line(hand, folder, remote, sink), remote, sink)
        except RampdeckError as error:
            why = str(error)
        await self._has_ended(hand, why, sink)

    async def _line(self, hand: Hand, folder: str, remote: Remote, sink: Sink) -> str:
        """Return a worker's command line on another host: ours, or plain Locust where that is missing."""
        command = hand.command
        if (await remote.run(hand.probe)).status != 0:
            text = f"{hand.host} has no {hand.program}: it runs plain locust, whose percentiles are rounded"
            self._log(sink, f"{hand.name}: {text}", Severity.WARNING)
            command = PLAIN
        return hand.there(folder, command, "127.0.0.1" if remote.local else FROM_LOGIN)

    async def _run(self, hand: Hand, command: str, remote: Remote, sink: Sink) -> str:
        """Let a worker go to its end; returns how it ended, with its last lines."""
        last: list[str] = []

        def take(line: bytes) -> None:
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                last.append(text)
                del last[:-KEPT]
                self._log(sink, f"{hand.name}: {text}", _severity(text))

        async with remote.stream(command) as stream:
            rest = b""
            async for chunk in stream.chunks():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    take(line)
            take(rest)
            return _how(await stream.wait(), last)

    async def _has_ended(self, hand: Hand, why: str, sink: Sink) -> None:
        worker = self._driver.roll.named(hand.name)
        if worker is None or worker.refused:
            self.trouble = self.trouble or f"worker {hand.name} could not be started: {clean(why)}"
            self._log(sink, f"{hand.name} could not be started: {why}", Severity.ERROR)
        elif worker.state != "gone":
            await in_greenlet(self._driver.lose, worker, f"ended: {clean(why)}")

    # -- watching

    async def _watch(self, sink: Sink) -> None:
        async for _ in Ticks():
            self._tell(sink)
            workers = sorted(self._driver.roll, key=lambda worker: worker.name)
            values = self._values(workers)
            sink.sample(values, tuple(map(_row, workers)))
            if excesses := judge_workers(values, self._limits):
                sink.warn(str(excesses[0]))
            else:
                sink.live()

    def _tell(self, sink: Sink) -> None:
        roll = self._driver.roll
        told, roll.told = roll.told, []
        now = Instant.now()
        for text, signal, since in told:
            fields = {"signal": signal} if signal else {}
            if since:
                fields[IDLE_SINCE if signal == IDLE else SINCE] = f"{now.utc - (now.mono - since):.3f}"
            self._log(sink, text, Severity.WARNING if signal else Severity.NOTICE, fields)
        if (plain := len(roll.plain)) != self._plain:
            self._plain = plain
            if plain:
                self._log(sink, plain_words(plain, self.here), Severity.WARNING)

    def _log(self, sink: Sink, text: str, severity: Severity, fields: dict[str, str] | None = None) -> None:
        sink.log(text, severity, fields=fields)
        self._say(clean(text))

    def _values(self, workers: Sequence[Worker]) -> dict[str, float]:
        here = [worker for worker in workers if worker.here]
        return {
            "here": float(len(here)),
            "expected": float(max(self.expected, len(here))),
            "plain": float(sum(not worker.ours for worker in here)),
            "unstamped": float(sum(not worker.ours or bool(worker.wire) for worker in here)),
            "lost": float(sum(worker.state in ("silent", "lost") for worker in workers)),
            "users": float(sum(worker.users for worker in here)),
            "rps": sum(worker.rps for worker in here),
            **self._held(workers),
            "cpu_percent": max((worker.cpu or 0.0 for worker in here), default=0.0),
            "lag_p99_ms": max((worker.lag or 0.0 for worker in here), default=0.0),
            "lag_max_ms": max((worker.lag_max or 0.0 for worker in here), default=0.0),
        }

    def _held(self, workers: Sequence[Worker]) -> dict[str, float]:
        """Return how many requests were held back since the last look, where any can be."""
        if self._driver.runner.ceilings.rps is None:
            return {}
        before, self._held_before = self._held_before, sum(worker.held for worker in workers)
        return {"held_back": float(self._held_before - before)}


def _row(worker: Worker) -> dict[str, Value]:
    health = Health.LIVE if worker.here else Health.ABSENT if worker.state == "gone" else Health.BLIND
    return {
        "worker": worker.name,
        "kind": worker.kind,
        "state": worker.state,
        "users": worker.users,
        "rps": worker.rps,
        "cpu": worker.cpu,
        "lag": worker.lag,
        "lag_max": worker.lag_max,
        "rss": worker.rss,
        "files": worker.open_files,
        "place": f"{worker.host} {worker.pid}" if worker.pid else worker.host,
        "_health": health.value,
    }


def _how(done: Completed, last: Sequence[str]) -> str:
    how = "the connection was lost" if done.status == -1 else f"exit status {done.status}"
    if done.status > 128:
        how = f"killed by signal {done.status - 128}"
    return f"{how}. It said last: {' / '.join(last)}" if last and done.status else how


def _severity(line: str) -> Severity:
    level = _LEVEL.match(line)
    return _LEVELS.get(level.group(1), Severity.INFO) if level else Severity.INFO
