"""Sources of a host under supervision, as a session reads them, and what they tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from rampdeck.collector import CollectorConfig, Sink
from rampdeck.errors import HostUnreachable, SourceError
from rampdeck.model import Event, EventKind, Health, Sample, SourceInfo
from rampdeck.remote import Remote
from rampdeck.supervise import supervise
from rampdeck.view import Metric, View
from tests.hosts import becomes_true

Tunnel = tuple[str, int]


class Reads:
    """A collector that follows a command's output, or looks through a tunnel, for ever."""

    kind: ClassVar[str] = "reads"
    Config: ClassVar[type[CollectorConfig]] = CollectorConfig
    metrics: ClassVar[tuple[Metric, ...]] = ()
    view: ClassVar[View] = View(title="reads")

    def __init__(self, config: Any) -> None:
        self.wanted: str | Tunnel = config

    def asks(self) -> tuple[str, ...]:
        return ()

    async def run(self, remote: Remote, sink: Sink) -> None:
        if isinstance(self.wanted, tuple):
            async with remote.tunnel(*self.wanted) as (host, port):
                reader, writer = await asyncio.open_connection(host, port)
                try:
                    sink.live()
                    await reader.read()
                finally:
                    writer.close()
                raise SourceError("the connection was closed")
        async with remote.stream(f"echo begun; {self.wanted}") as stream:
            async for chunk in stream.chunks():
                sink.log(chunk.decode())
            if (await stream.wait()).status == -1:
                raise HostUnreachable("cannot follow it", "the connection was lost")


class Sources:
    """What several sources of one host tell, under their names."""

    def __init__(self, names: Mapping[str, str | Tunnel], remote: Remote) -> None:
        self.told: list[Sample | Event] = []
        self.remote = remote
        self._wanted = names
        self.sinks = {name: Sink(SourceInfo(name, "reads", "web"), self.told.append) for name in names}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        for rank, (name, sink) in enumerate(self.sinks.items()):
            reading = supervise(Reads(self._wanted[name]), self.remote, sink, rank)
            self.tasks[name] = asyncio.create_task(reading)

    async def are(self, *healths: Health) -> None:
        """Wait until the sources, in their order, are that healthy."""

        def so() -> bool:
            return [sink.health for sink in self.sinks.values()] == list(healths)

        await becomes_true(so)
        assert so(), {name: (sink.health, sink.reason) for name, sink in self.sinks.items()}

    @property
    def reasons(self) -> list[str]:
        return [sink.reason for sink in self.sinks.values()]

    def turned(self, health: Health) -> list[Event]:
        """The moments at which a source became that healthy, in their order."""
        events = [one for one in self.told if isinstance(one, Event) and one.kind is EventKind.HEALTH]
        return [event for event in events if event.fields["health"] == health.value]

    async def stop(self, *names: str) -> None:
        tasks = [self.tasks.pop(name) for name in names or list(self.tasks)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def reading(remote: Remote, **names: str | Tunnel) -> AsyncIterator[Sources]:
    """Read sources, each a command to follow or a tunnel, in this order until the block is left."""
    sources = Sources(names, remote)
    sources.start()
    try:
        yield sources
    finally:
        await sources.stop()
        await remote.close()
