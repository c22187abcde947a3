"""A loopback target and a way to load a locustfile, for the engine's tests."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import locust
import pytest
from locust.event import Events

from rampdeck.engine import loader, options
from rampdeck.engine.engine import LoadEngine

USER = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.02)

    @task
    def home(self):
        self.client.get("/")
"""


@dataclass
class Target:
    """A server that counts what it is asked, and answers after ``delay`` seconds."""

    url: str = ""
    delay: float = 0.005
    waiting: int = 0
    """Requests that have come and are not answered yet."""
    requests: list[str] = field(default_factory=list)
    connections: set[asyncio.StreamWriter] = field(default_factory=set)
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    def hold(self) -> asyncio.Event:
        """Keep every answer back from now on, until the event is set."""
        go_on = asyncio.Event()

        async def held(_: float) -> None:
            await go_on.wait()

        self.pause = held
        return go_on

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.waiting += 1
                try:
                    await self.pause(self.delay)
                finally:
                    self.waiting -= 1
                path = head.split(b" ", 2)[1].decode()
                self.requests.append(path)
                status = b"500 Oops" if path.startswith("/broken") else b"200 OK"
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nok")
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self.connections.discard(writer)


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    """A target on a free loopback port."""
    target = Target()
    serving: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.ensure_future(target.serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    target.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield target
    server.close()
    for task in serving:
        task.cancel()
    await asyncio.gather(*serving, return_exceptions=True)


@pytest.fixture
def own_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test its own Locust events: a locustfile adds its listeners to the module's."""
    monkeypatch.setattr(locust, "events", Events())


Load = Callable[..., LoadEngine]


@pytest.fixture
def load(tmp_path: Path, own_events: None, target: Target, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Make an engine from the text of a locustfile and a command line."""
    monkeypatch.chdir(tmp_path)

    def make(text: str = USER, *arguments: str, stop_timeout: float = 2.0) -> LoadEngine:
        (tmp_path / "locustfile.py").write_text(textwrap.dedent(text))
        argv = ["-H", target.url, *arguments]
        loaded = loader.load(options.locustfiles(argv, None))
        parsed = options.parse(argv)
        environment = loader.environment_for(loaded, parsed)
        return LoadEngine(environment, spawn_rate=100, stop_timeout=stop_timeout)

    return make
