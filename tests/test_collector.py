"""A source under supervision: when it is live, why it is blind, and how long it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rampdeck.collector import Sink
from rampdeck.model import Event, EventKind, Health, Instant, Sample, Severity, SourceInfo

SOURCE = SourceInfo("nginx@web", "nginx", "web")
Story = list[Sample | Event]


@pytest.fixture
def story() -> Story:
    return []


@pytest.fixture
def sink(story: Story) -> Sink:
    return Sink(SOURCE, story.append)


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

    def test_a_source_that_is_read_seldom_misses_nothing_before_its_next_reading_is_due(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pass_by = clock(monkeypatch)
        sink = Sink(SOURCE, story.append)
        sink.sample({})
        pass_by(30.0)
        sink.due()
        sink.blind("refused")
        sink.due()
        pass_by(2.0)
        sink.sample({})
        (gap,) = told(story, EventKind.GAP)
        assert gap.fields == {"from": "1800001030.000", "until": "1800001032.000"}

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
