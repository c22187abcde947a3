"""A flood of lines: what is stored of it, what is dropped, and that both are told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rampdeck.collector import LINE_COUNTS, Sink
from rampdeck.model import Event, EventKind, Sample, Severity, SourceInfo
from rampdeck.session import Session
from rampdeck.snapshot import Lines

SOURCE = SourceInfo("gunicorn@web", "gunicorn", "web")
BEGAN = 1_800_000_000
Story = list[Sample | Event]


@pytest.fixture
def pass_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Stand still; what is returned moves both clocks on."""
    now = [0.0]
    monkeypatch.setattr("rampdeck.model.time.time", lambda: BEGAN + now[0])
    monkeypatch.setattr("rampdeck.model.time.monotonic", lambda: now[0])

    def go_on(seconds: float) -> None:
        now[0] += seconds

    return go_on


def say(sink: Sink, count: int, severity: Severity = Severity.INFO, signal: str = "") -> None:
    sink.lines(read=count)
    for _ in range(count):
        sink.log("line", severity, fields={"signal": signal} if signal else None)


def totals(story: Story) -> dict[str, float]:
    samples = [one for one in story if isinstance(one, Sample)]
    return {name: sum(sample.values.get(name, 0) for sample in samples) for name in LINE_COUNTS}


def logged(story: Story) -> list[Event]:
    return [one for one in story if isinstance(one, Event) and one.kind is EventKind.LOG]


def gaps(story: Story) -> list[Event]:
    return [one for one in story if isinstance(one, Event) and one.kind is EventKind.GAP]


def test_of_a_burst_ten_seconds_worth_is_stored(
    pass_by: Callable[[float], None],
) -> None:
    story: Story = []
    sink = Sink(SOURCE, story.append, limit=100)
    say(sink, 1_500)
    sink.sample({})
    assert len(logged(story)) == 1_000
    assert totals(story) == {
        "lines_read": 1_500,
        "lines_stored": 1_000,
        "lines_counted": 0,
        "lines_dropped": 500,
        "lines_suppressed": 0,
    }


def test_what_goes_on_within_the_limit_is_stored_for_ever(pass_by: Callable[[float], None]) -> None:
    story: Story = []
    sink = Sink(SOURCE, story.append, limit=100)
    for _ in range(60):
        say(sink, 100)
        pass_by(1.0)
        sink.sample({})
    assert len(logged(story)) == 6_000
    assert gaps(story) == []


def test_errors_and_signals_are_kept_when_nothing_else_is(pass_by: Callable[[float], None]) -> None:
    story: Story = []
    sink = Sink(SOURCE, story.append, limit=100)
    say(sink, 2_000)
    say(sink, 60, Severity.ERROR)
    say(sink, 60, signal="worker_timeout")
    kept = [event for event in logged(story) if event.severity is Severity.ERROR or event.fields]
    assert len(kept) == 100, "a tenth of the limit beside it, and ten seconds of that"


def test_our_own_words_are_never_dropped(pass_by: Callable[[float], None]) -> None:
    story: Story = []
    sink = Sink(SOURCE, story.append, limit=1)
    say(sink, 50)
    sink.log("Redis was restarted", Severity.WARNING, lines=0)
    assert logged(story)[-1].text == "Redis was restarted"


def test_a_stretch_of_dropping_is_told_once_with_its_span_and_count(pass_by: Callable[[float], None]) -> None:
    story: Story = []
    sink = Sink(SOURCE, story.append, limit=100)
    say(sink, 1_000)
    for _ in range(5):  # three times what may be
        pass_by(1.0)
        say(sink, 300)
        sink.sample({})
    for _ in range(4):
        pass_by(1.0)
        say(sink, 10)
        sink.sample({})
    [gap] = gaps(story)
    assert gap.severity is Severity.WARNING
    assert gap.text == "1000 lines were not stored: more than 100 a second"
    assert gap.fields == {"from": f"{BEGAN + 1}.000", "until": f"{BEGAN + 5}.000", "dropped": "1000"}


def test_a_stretch_that_lasts_to_the_end_is_told_at_the_end(pass_by: Callable[[float], None]) -> None:
    story: Story = []
    sink = Sink(SOURCE, story.append, limit=100)
    say(sink, 1_200)
    sink.close()
    assert [gap.fields["dropped"] for gap in gaps(story)] == ["200"]
    counts = totals(story)
    assert counts["lines_read"] == counts["lines_stored"] + counts["lines_dropped"] == 1_200


def test_the_session_adds_up_the_lines_of_a_source(pass_by: Callable[[float], None]) -> None:
    session = Session({}, lambda _: None)
    session.append(SOURCE)
    sink = Sink(SOURCE, session.append, limit=100)
    assert session.sources[SOURCE.name].lines is None, "it has not counted any"
    for _ in range(3):
        say(sink, 100)
        sink.lines(read=7, counted=7, suppressed=2)
        sink.sample({})
    say(sink, 900)
    sink.close()
    assert session.sources[SOURCE.name].lines == Lines(1_221, 1_000, 21, 200, 6)
