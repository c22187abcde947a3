"""A log under watch: its collector runs supervised, and a test waits for what it tells."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import psutil

from rampdeck.collector import Collector, Sink
from rampdeck.demo.sshd import SshdServer
from rampdeck.model import Event, EventKind, Sample
from rampdeck.remote import Remote, Stream
from rampdeck.remote.local import LocalRemote
from rampdeck.supervise import supervise

from .watching import PATIENCE


class Followed:
    """What a log's collector has told so far."""

    def __init__(self, collector: Collector, sink: Sink, told: list[Sample | Event]) -> None:
        self.collector = collector
        self.sink = sink
        self.told = told

    @property
    def samples(self) -> list[Sample]:
        return [one for one in self.told if isinstance(one, Sample)]

    def events(self, kind: EventKind = EventKind.LOG) -> list[Event]:
        return [one for one in self.told if isinstance(one, Event) and one.kind is kind]

    @property
    def fresh(self) -> list[Event]:
        """The log events that are not from before the beginning."""
        return [event for event in self.events() if "before" not in event.fields]

    def total(self, metric: str) -> float:
        return sum(sample.values.get(metric, 0) for sample in self.samples)

    def event(self, part: str) -> Event:
        return next(event for event in self.events() if part in event.text)

    async def until(self, true: Callable[[], object]) -> None:
        """Wait until something is true."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not true():
                    await asyncio.sleep(0.02)
        told = [*self.events()[-3:], *self.events(EventKind.GAP), *self.samples[-1:]]
        assert true(), (
            f"still not so: {self.total('requests')} {self.sink.health} {self.sink.reason}; last: {told}"
        )


class AsNobody(LocalRemote):
    """This machine, as a user without any rights sees it."""

    @asynccontextmanager
    async def _running(self, command: str, *, stdin: bool, short: bool) -> AsyncIterator[Stream]:
        nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups sh -c " + shlex.quote(command)
        async with super()._running(nobody, stdin=stdin, short=short) as stream:
            yield stream


@asynccontextmanager
async def following(
    kind: type[Collector], table: dict[str, Any], remote: Remote | None = None
) -> AsyncIterator[Followed]:
    """Run the collector of a configuration table until the block is left."""
    config = kind.Config(kind=kind.kind, **table)
    told: list[Sample | Event] = []
    followed = Followed(kind(config), Sink(config.source, told.append), told)
    async with again(followed, remote):
        yield followed


@asynccontextmanager
async def again(followed: Followed, remote: Remote | None = None) -> AsyncIterator[None]:
    """Run a collector that was stopped once more, as after a failure."""
    task = asyncio.create_task(supervise(followed.collector, remote or LocalRemote(), followed.sink))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def cut_connections(server: SshdServer) -> None:
    """End every session of an sshd, as a dead network would, and let it take new ones."""
    for process in psutil.Process(server.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
