"""A source under supervision: when it is live, why it is blind, and how long it was."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rampdeck import collector as module
from rampdeck.collector import CollectorConfig, Sink, supervise
from rampdeck.demo.sshd import SshdServer
from rampdeck.errors import CommandFailed, SourceError
from rampdeck.model import Event, EventKind, Health, Instant, Sample, Severity, SourceInfo
from rampdeck.remote import Remote
from rampdeck.remote.local import LocalRemote
from rampdeck.remote.ssh import SshRemote
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
    monkeypatch.setattr(module, "FIRST_RETRY", 0.01)


def told(story: Story, kind: EventKind) -> list[Event]:
    return [entry for entry in story if isinstance(entry, Event) and entry.kind is kind]


def healths(story: Story) -> list[str]:
    return [event.fields["health"] for event in told(story, EventKind.HEALTH)]


def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Stand still at noon; returns what moves both clocks on."""
    now = [1000.0]
    monkeypatch.setattr("rampdeck.model.time.time", lambda: 1_800_000_000 + now[0])
    monkeypatch.setattr("rampdeck.model.time.monotonic", lambda: now[0])

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


class TestSink:
    def test_the_first_sample_makes_a_source_live(self, sink: Sink, story: Story) -> None:
        sink.sample({"connections": 3.0})
        health, sample = story
        assert isinstance(health, Event)
        assert (health.kind, health.fields, health.source) == (
            EventKind.HEALTH,
            {"health": "live"},
            "nginx@web",
        )
        assert isinstance(sample, Sample)
        assert sample.values == {"connections": 3.0}

    def test_the_first_line_of_a_log_makes_a_source_live(self, sink: Sink, story: Story) -> None:
        sink.log("started", Severity.NOTICE, sent=12.5, fields={"pid": "7"})
        assert sink.health is Health.LIVE
        (line,) = told(story, EventKind.LOG)
        assert (line.text, line.severity, line.sent, line.fields) == (
            "started",
            Severity.NOTICE,
            12.5,
            {"pid": "7"},
        )

    def test_connecting_quickly_is_no_gap(self, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        pass_by = clock(monkeypatch)
        sink = Sink(SOURCE, story.append)
        pass_by(2.9)
        sink.live()
        sink.close()
        assert told(story, EventKind.GAP) == []

    def test_connecting_slowly_is_a_gap_from_the_start(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pass_by = clock(monkeypatch)
        sink = Sink(SOURCE, story.append)
        pass_by(12.0)
        sink.live()
        (gap,) = told(story, EventKind.GAP)
        assert (gap.text, gap.severity) == ("blind for 12.0 s", Severity.WARNING)
        assert gap.fields == {"from": "1800001000.000", "until": "1800001012.000"}

    def test_failing_before_it_was_ever_live_is_a_gap_from_the_start(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pass_by = clock(monkeypatch)
        sink = Sink(SOURCE, story.append)
        pass_by(0.5)
        sink.blind("refused")
        pass_by(1.0)
        sink.sample({})
        (gap,) = told(story, EventKind.GAP)
        assert gap.fields == {"from": "1800001000.000", "until": "1800001001.500"}

    def test_a_gap_lasts_from_the_last_reading_to_the_next_one(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pass_by = clock(monkeypatch)
        sink = Sink(SOURCE, story.append)
        sink.sample({})
        pass_by(60.0)
        sink.blind("the connection was lost")
        pass_by(2.0)
        sink.blind("refused")
        pass_by(3.0)
        sink.log("back")
        (gap,) = told(story, EventKind.GAP)
        assert gap.text == "blind for 65.0 s: the connection was lost"
        assert gap.fields == {"from": "1800001000.000", "until": "1800001065.000"}
        assert healths(story) == ["live", "blind", "blind", "live"]

    def test_a_gap_of_a_silent_host_begins_when_the_host_was_heard_last(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pass_by = clock(monkeypatch)
        sink = Sink(SOURCE, story.append)
        sink.sample({})
        pass_by(10.0)
        heard = Instant.now()
        pass_by(19.0)
        sink.sample({"lines": 0.0})  # what came was counted, but nothing came
        pass_by(1.0)
        sink.blind("the connection was lost", since=heard)
        pass_by(2.0)
        sink.sample({})
        (gap,) = told(story, EventKind.GAP)
        assert gap.fields == {"from": "1800001010.000", "until": "1800001032.000"}

    @pytest.mark.parametrize("began", ["connecting", "blind"])
    def test_what_was_never_seen_is_a_gap_to_the_end(
        self, story: Story, monkeypatch: pytest.MonkeyPatch, began: str
    ) -> None:
        pass_by = clock(monkeypatch)
        sink = Sink(SOURCE, story.append)
        if began == "blind":
            sink.blind("refused")
        pass_by(2.0)
        sink.close()
        sink.close()
        (gap,) = told(story, EventKind.GAP)
        assert gap.text == "blind for 2.0 s, until the end" + (": refused" if began == "blind" else "")

    def test_a_warning_holds_over_samples_until_it_is_over(self, sink: Sink, story: Story) -> None:
        sink.sample({})
        sink.warn("the role lacks pg_monitor")
        sink.sample({})
        sink.log("line")
        assert (sink.health, sink.reason) == (Health.WARNING, "the role lacks pg_monitor")
        sink.live()
        assert (sink.health, sink.reason) == (Health.LIVE, "")
        assert healths(story) == ["live", "warning", "live"]

    def test_a_warning_ends_a_gap_for_the_source_can_be_seen(self, sink: Sink, story: Story) -> None:
        sink.blind("refused")
        sink.warn("slow")
        assert len(told(story, EventKind.GAP)) == 1

    def test_the_same_health_again_is_no_news(self, sink: Sink, story: Story) -> None:
        for _ in range(100):
            sink.blind("refused")
        assert len(story) == 1
        sink.blind("no answer")
        assert [event.text for event in told(story, EventKind.HEALTH)] == ["refused", "no answer"]

    def test_what_is_left_out_has_no_gap(self, sink: Sink, story: Story) -> None:
        sink.absent("nginx is not installed")
        sink.close()
        assert told(story, EventKind.GAP) == []
        assert (sink.health, sink.reason) == (Health.ABSENT, "nginx is not installed")


@pytest.mark.usefixtures("quick")
class TestSupervise:
    async def reads(self, sink: Sink, *tries: Callable[[Sink], Awaitable[None]]) -> Reading:
        """Supervise a collector until all given tries are over and it reads again."""
        reading = Reading(tries)
        task = asyncio.create_task(supervise(reading, LocalRemote(), sink))
        async with asyncio.timeout(10):
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

    async def test_the_same_failure_at_every_try_is_one_event(self, sink: Sink, story: Story) -> None:
        async def refused(_: Sink) -> None:
            raise SourceError("nginx's log", "permission denied")

        await self.reads(sink, *[refused] * 5)
        assert healths(story) == ["blind", "live"]
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
        assert text.startswith("the nginx collector has a defect: KeyError: 'rows' (test_collector.py:")

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
        await asyncio.wait_for(supervise(reading, LocalRemote(), sink), 5)
        assert (reading.begun, healths(story)) == (1, ["absent"])

    async def test_being_cancelled_is_no_failure_of_the_source(self, sink: Sink, story: Story) -> None:
        await self.reads(sink)
        sink.close()
        assert healths(story) == ["live"]
        assert told(story, EventKind.GAP) == []

    async def test_tries_come_less_and_less_often(self, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
        pauses: list[float] = []
        sleep = asyncio.sleep

        async def note(seconds: float) -> None:
            pauses.append(seconds)
            await sleep(0)

        async def refused(_: Sink) -> None:
            raise SourceError("refused")

        monkeypatch.setattr(module, "FIRST_RETRY", 1.0)
        monkeypatch.setattr(asyncio, "sleep", note)
        reading = Reading([refused] * 8)
        task = asyncio.create_task(supervise(reading, LocalRemote(), sink))
        while len(pauses) < 8:
            await sleep(0)
        task.cancel()
        for pause, expected in zip(pauses, [1, 2, 4, 8, 16, 30, 30, 30], strict=False):
            assert 0.8 * expected <= pause <= 1.2 * expected


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
        async with asyncio.timeout(10):
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
