"""A source under supervision: why it is blind, when it is tried again, and that it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rampdeck import backoff
from rampdeck.collector import CollectorConfig, Sink
from rampdeck.config import HostConfig
from rampdeck.demo.sshd import SshdServer
from rampdeck.errors import CommandFailed, SourceError
from rampdeck.model import Event, EventKind, Health, Sample, SourceInfo
from rampdeck.remote import Remote
from rampdeck.remote.local import LocalRemote
from rampdeck.remote.ssh import SshRemote
from rampdeck.supervise import supervise
from rampdeck.view import Metric, View
from tests.hosts import host_of

SOURCE = SourceInfo("nginx@web", "nginx", "web")
Story = list[Sample | Event]


class Reading:
    """A collector whose reading is given by the test, one way for each try; then it reads for ever."""

    kind: ClassVar[str] = "nginx"
    Config: ClassVar[type[CollectorConfig]] = CollectorConfig
    metrics: ClassVar[tuple[Metric, ...]] = ()
    view: ClassVar[View] = View(title="nginx")

    def __init__(self, config: Any) -> None:
        self.tries: list[Callable[[Sink], Awaitable[None]]] = list(config)
        self.begun = 0

    def asks(self) -> tuple[str, ...]:
        return ()

    async def run(self, remote: Remote, sink: Sink) -> None:  # noqa: ARG002
        self.begun += 1
        if self.tries:
            await self.tries.pop(0)(sink)
        else:
            sink.live()
            await asyncio.sleep(1000)


@pytest.fixture
def story() -> Story:
    return []


@pytest.fixture
def sink(story: Story) -> Sink:
    return Sink(SOURCE, story.append)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once."""
    monkeypatch.setattr(backoff, "FIRST", 0.01)


def told(story: Story, kind: EventKind) -> list[Event]:
    return [entry for entry in story if isinstance(entry, Event) and entry.kind is kind]


def healths(story: Story) -> list[str]:
    return [event.fields["health"] for event in told(story, EventKind.HEALTH)]


@pytest.mark.usefixtures("quick")
class TestSupervise:
    async def reads(self, sink: Sink, *tries: Callable[[Sink], Awaitable[None]]) -> Reading:
        """Supervise a collector until all given tries are over and it reads again."""
        reading = Reading(tries)
        task = asyncio.create_task(supervise(reading, LocalRemote(), sink))
        async with asyncio.timeout(60):
            while reading.begun <= len(tries):
                await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return reading

    async def test_a_failure_says_why_and_reading_begins_again(self, sink: Sink, story: Story) -> None:
        async def refused(_: Sink) -> None:
            raise SourceError("nginx's log", "permission denied", "Add the user to the group adm.")

        await self.reads(sink, refused)
        assert [event.text for event in told(story, EventKind.HEALTH)] == [
            "nginx's log: permission denied. Add the user to the group adm.",
            "",
        ]
        assert len(told(story, EventKind.GAP)) == 1
        assert sink.health is Health.LIVE

    async def test_the_same_failure_at_every_try_is_one_gap_and_tells_the_next_try(
        self, sink: Sink, story: Story
    ) -> None:
        async def refused(_: Sink) -> None:
            raise SourceError("nginx's log", "permission denied")

        await self.reads(sink, *[refused] * 5)
        *tries, live = told(story, EventKind.HEALTH)
        assert {event.text for event in tries} == {"nginx's log: permission denied"}
        assert [float(event.fields["next"]) > event.at.utc for event in tries] == [True] * 5
        assert live.fields == {"health": "live"}
        assert len(told(story, EventKind.GAP)) == 1

    async def test_a_source_that_ends_is_blind_until_it_is_read_again(self, sink: Sink, story: Story) -> None:
        async def ends(sink: Sink) -> None:
            sink.sample({"connections": 1.0})

        await self.reads(sink, ends)
        assert healths(story) == ["live", "blind", "live"]
        assert told(story, EventKind.HEALTH)[1].text == "the source ended: its command stopped writing"

    async def test_a_defect_is_told_with_its_place_and_read_again(self, sink: Sink, story: Story) -> None:
        async def broken(_: Sink) -> None:
            raise KeyError("rows")

        await self.reads(sink, broken)
        text = told(story, EventKind.HEALTH)[0].text
        assert text.startswith("the nginx collector has a defect: KeyError: 'rows' (test_supervise.py:")

    async def test_a_defect_on_the_way_to_a_host_is_not_tried_without_a_rest(
        self, sink: Sink, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backoff, "FIRST", 1000.0)
        monkeypatch.setattr(backoff, "LAST", 1000.0)
        tries = []

        async def broken() -> None:
            tries.append(1)
            raise KeyError("port")

        remote = SshRemote("web", HostConfig(address="127.0.0.1"))
        monkeypatch.setattr(remote.login, "connect", lambda **_: broken())
        task = asyncio.create_task(supervise(Reading(()), remote, sink))
        for _ in range(100):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await remote.close()
        assert len(tries) == 1
        assert "the nginx collector has a defect: KeyError: 'port'" in told(story, EventKind.HEALTH)[0].text

    async def test_the_reason_is_found_in_what_a_task_group_raised(self, sink: Sink, story: Story) -> None:
        async def fails() -> None:
            raise CommandFailed("tail", "no such file")

        async def broken() -> None:
            raise KeyError("rows")

        async def two(_: Sink) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(100))
                group.create_task(fails())

        async def defect(_: Sink) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(broken())

        await self.reads(sink, two, defect)
        first, second, _ = (event.text for event in told(story, EventKind.HEALTH))
        assert first == "tail: no such file"
        assert "KeyError: 'rows'" in second

    async def test_a_cancellation_inside_a_collector_does_not_end_it(self, sink: Sink, story: Story) -> None:
        async def cancelled(_: Sink) -> None:
            raise asyncio.CancelledError

        await self.reads(sink, cancelled)
        assert healths(story) == ["blind", "live"]

    async def test_an_absent_source_is_not_tried_again(self, sink: Sink, story: Story) -> None:
        async def absent(sink: Sink) -> None:
            sink.absent("nginx is not installed: apt-get install nginx-light")

        reading = Reading([absent])
        await asyncio.wait_for(supervise(reading, LocalRemote(), sink), 60)
        assert (reading.begun, healths(story)) == (1, ["absent"])

    async def test_being_cancelled_is_no_failure_of_the_source(self, sink: Sink, story: Story) -> None:
        await self.reads(sink)
        sink.close()
        assert healths(story) == ["live"]
        assert told(story, EventKind.GAP) == []


class Following(Reading):
    """A collector that follows a file on its host."""

    def __init__(self, path: Path) -> None:
        super().__init__([])
        self.path = path

    async def run(self, remote: Remote, sink: Sink) -> None:
        async with remote.stream(f"echo begun; tail -n0 -F {self.path}") as stream:
            async for chunk in stream.chunks():
                for line in chunk.decode().splitlines():
                    sink.log(line)
            if (await stream.wait()).status == -1:
                raise SourceError("the connection was lost")


@pytest.mark.usefixtures("quick")
async def test_a_source_on_a_host_that_goes_down_comes_back_with_it(
    tmp_path: Path, sink: Sink, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    log = tmp_path / "error.log"
    log.touch()

    async def seen(text: str) -> None:
        async with asyncio.timeout(60):
            while not any(text in event.text for event in story if isinstance(event, Event)):
                await asyncio.sleep(0.01)

    with SshdServer.create(tmp_path) as server:
        remote = SshRemote("web", host_of(server))
        task = asyncio.create_task(supervise(Following(log), remote, sink))
        await seen("begun")
        server.stop()
        await seen("cannot be reached: the connection was refused")
        assert healths(story)[-1] == "blind"
        story.clear()
        server.start()
        await seen("begun")
        assert healths(story)[-1] == "live"
        assert len(told(story, EventKind.GAP)) == 1
        task.cancel()
        await asyncio.wait([task])
        await remote.close()
