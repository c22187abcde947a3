"""Watching a collector at work, over a way to a host, as the session does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from rampdeck.collector import Collector, Sink
from rampdeck.config import HostConfig
from rampdeck.demo.sshd import SshdServer
from rampdeck.errors import RampdeckError
from rampdeck.model import Event, EventKind, Health, Sample, SourceInfo
from rampdeck.remote import Remote
from rampdeck.remote.local import LocalRemote
from rampdeck.remote.ssh import SshRemote
from rampdeck.supervise import supervise

PATIENCE = 60.0
"""Seconds that a test waits for what must come; generous, since the machine may be busy."""
T = TypeVar("T")


class Watch:
    """What one source has handed over so far."""

    def __init__(self, kind: str) -> None:
        self.samples: list[Sample] = []
        self.events: list[Event] = []
        self.sink = Sink(SourceInfo(f"{kind}@here", kind, "here"), self._append)

    def _append(self, item: Sample | Event) -> None:
        if isinstance(item, Sample):
            self.samples.append(item)
        else:
            self.events.append(item)

    async def sample(self, fits: Callable[[Sample], bool] = lambda _: True) -> Sample:
        """Wait for a sample from this moment on that fits."""
        first = len(self.samples)
        return await until(lambda: next((it for it in self.samples[first:] if fits(it)), None))

    async def health(self, health: Health) -> str:
        """Wait until the source is that healthy; returns the reason."""
        await until(lambda: self.sink.health is health or None)
        return self.sink.reason

    def logged(self) -> list[str]:
        return [event.text for event in self.events if event.kind is EventKind.LOG]


async def until(found: Callable[[], T | None]) -> T:
    """Wait until something is found and return it."""
    async with asyncio.timeout(PATIENCE):
        while (result := found()) is None:
            await asyncio.sleep(0.02)
    return result


@asynccontextmanager
async def watching(collector: Collector, remote: Remote | None = None) -> AsyncIterator[Watch]:
    """Run a collector supervised while the block lasts."""
    watch = Watch(collector.kind)
    task = asyncio.create_task(supervise(collector, remote or LocalRemote(), watch.sink))
    try:
        yield watch
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def failure(collector: Collector, remote: Remote | None = None) -> str:
    """Run a collector that must fail; returns what a person would read."""
    try:
        async with asyncio.timeout(PATIENCE):
            await collector.run(remote or LocalRemote(), Watch(collector.kind).sink)
    except RampdeckError as error:
        return str(error)
    raise AssertionError("the collector ended without a word")


@asynccontextmanager
async def over_ssh(server: SshdServer) -> AsyncIterator[SshRemote]:
    """Connect to the tests' sshd."""
    config = HostConfig(
        address=server.host,
        port=server.port,
        user=server.user,
        identity_file=server.client_key,
        known_hosts=server.known_hosts,
    )
    remote = SshRemote("db", config)
    try:
        yield remote
    finally:
        await remote.close()
