"""A run over time: what is kept of each second, and what becomes of it where a column is wider than one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest

from rampdeck.histogram import Histogram
from rampdeck.model import (
    Event,
    EventKind,
    Instant,
    RequestBatch,
    RequestStats,
    Sample,
    Severity,
    SourceInfo,
)
from rampdeck.record.charts import charts, lanes, metric_of
from rampdeck.record.result import StepResult
from rampdeck.record.timeline import AFTER, BEFORE, Breach, Mark, Timeline, TimelineMaker, recent
from rampdeck.session import Item
from rampdeck.snapshot import ThresholdView, Trend
from rampdeck.view import Figure, Unit, View
from tests.record.helpers import BEGAN, result
from tests.record.pages import VIEWS, at, items, page


def made(taken: Iterable[Item], most: int = 4_000) -> Timeline:
    maker = TimelineMaker(VIEWS, ("gunicorn.timeouts",))
    for item in taken:
        maker.take(item)
    return maker.timeline(most)


def second(number: int, *times: float, users: int = 5, failed: int = 0) -> RequestBatch:
    stats = RequestStats("GET", "/", Histogram.of(times), Histogram.of([1.0] * failed))
    entries = (stats,) if times or failed else ()
    return RequestBatch(BEGAN.plus(number + 1.0), 1.0, users, entries)


def reading(source: str, moment: float, **values: float) -> Sample:
    return Sample(BEGAN.plus(moment), source, values)


def test_a_second_has_the_percentiles_of_all_names_together() -> None:
    home = RequestStats("GET", "/", Histogram.of([10.0] * 96), Histogram())
    slow = RequestStats("GET", "/slow", Histogram.of([1_000.0] * 2), Histogram.of([1_000.0] * 2))
    line = made([replace(second(0), entries=(home, slow)), second(1, 10.0)])
    assert line.rps.values == (100.0, 1.0)
    assert line.p50.values[0] == pytest.approx(10.0, rel=0.01)
    assert line.p95.values[0] == pytest.approx(10.0, rel=0.01)
    assert line.p99.values[0] == pytest.approx(1_000.0, rel=0.01)
    assert line.error_rate.values == (0.02, 0.0)


def test_a_second_of_two_batches_is_one_second() -> None:
    half = replace(second(0, 10.0, 10.0), at=BEGAN.plus(0.5), seconds=0.5)
    other = replace(second(0, 30.0), at=BEGAN.plus(1.0), seconds=0.5, users=9)
    line = made([half, other, second(1, 10.0)])
    assert line.rps.values == (3.0, 1.0)
    assert list(line.users.values) == [9, 5]
    assert line.p99.values[0] == pytest.approx(30.0, rel=0.01)


def test_a_pause_in_the_load_is_a_gap_and_not_zero() -> None:
    line = made([second(0, 9.0), second(1, 9.0), second(5, 9.0), second(6)])
    assert line.rps.values == (1.0, 1.0, None, None, None, 1.0, 0.0)
    assert line.p95.values[2:5] == (None, None, None)
    assert line.p95.values[6] is None, "no request, no percentile"
    assert line.error_rate.values[6] is None


def test_the_time_before_and_after_the_load_is_cut_short() -> None:
    idle = [second(number, users=0) for number in range(100)]
    load = [second(100 + number, 9.0) for number in range(10)]
    after = [second(110 + number, users=0) for number in range(100)]
    line = made([*idle, *load, *after])
    assert line.began == BEGAN.utc + 100 - BEFORE
    assert line.count == BEFORE + 10 + AFTER


def test_in_wide_columns_the_worst_second_still_shows_and_so_does_the_range() -> None:
    batches = [second(number, *([900.0] * 9 if number == 4_321 else [10.0])) for number in range(9_000)]
    line = made(batches)
    assert (line.width, line.count) == (3.0, 3_000)
    column = 4_321 // 3
    assert line.p95.values[column] == pytest.approx(900.0, rel=0.01)
    assert line.p95.lows[column] == pytest.approx(10.0, rel=0.01)
    assert (line.rps.values[column], line.rps.lows[column], line.rps.highs[column]) == (11 / 3, 1.0, 9.0)
    assert max(value for value in line.p95.values[:column] if value) < 11


def test_the_share_of_errors_of_a_wide_column_is_that_of_its_requests() -> None:
    line = made([second(0, *[9.0] * 99), second(1, failed=1), second(2, 9.0), second(3, 9.0)], most=2)
    assert line.error_rate.values == (0.01, 0.0)
    assert line.error_rate.highs == (1.0, 0.0)


def test_a_reading_stands_until_the_next_one_and_not_for_ever() -> None:
    told: list[Item] = [SourceInfo("postgres@db", "postgres", "db")]
    told += [reading("postgres@db", moment + 0.4, connections=moment) for moment in (0, 2, 4, 6, 20, 22)]
    line = made([*told, *(second(number, 9.0) for number in range(25))])
    assert line.line("postgres@db", "connections").values == (
        0, 0, 2, 2, 4, 4, 6, *(None,) * 13, 20, 20, 22, None, None,
    )  # fmt: skip


def test_a_source_that_is_read_seldom_has_no_gaps_for_that() -> None:
    told: list[Item] = [SourceInfo("postgres@db", "postgres", "db")]
    told += [reading("postgres@db", moment, connections=moment) for moment in (0, 10, 20)]
    line = made([*told, *(second(number, 9.0) for number in range(20))])
    assert None not in line.line("postgres@db", "connections").values


def test_what_is_no_number_is_a_gap() -> None:
    told: list[Item] = [SourceInfo("host@web", "host", "web")]
    told += [reading("host@web", n, cpu=value) for n, value in enumerate((1.0, math.nan, math.inf, 4.0))]
    line = made([*told, *(second(number, 9.0) for number in range(4))])
    assert set(line.line("host@web", "cpu").values) <= {1.0, None, 4.0}


def test_a_source_is_known_by_its_name_where_nothing_told_of_it() -> None:
    line = made([reading("postgres:main@db", 0.1, connections=7), second(0, 9.0), second(1, 9.0)])
    assert line.line("postgres:main@db", "connections").values == (7, None)


def test_only_what_a_pane_shows_or_a_threshold_judges_is_kept() -> None:
    line = made([reading("host@web", 0.1, cpu=1, secret=2), reading("gunicorn@web", 0.1, timeouts=1)])
    assert line.tracks == {}, "no load, no timeline"
    line = made(
        [reading("host@web", 0.1, cpu=1, secret=2), reading("gunicorn@web", 0.1, timeouts=1), second(0)]
    )
    assert set(line.tracks) == {("host@web", "cpu"), ("gunicorn@web", "timeouts")}
    assert line.line("host@web", "secret").values == ()
    maker = TimelineMaker({"host": View("Host", ((Figure("load1", "load", limit="cores"),),))}, ["p95"])
    maker.take(reading("host@web", 0.1, cpu=1, load1=2, cores=8, secret=2))
    maker.take(second(0, 9.0))
    kept = {metric for _, metric in maker.timeline().tracks}
    assert kept == {"cpu", "load1", "cores"}, "the processors are there in any case"


def test_where_nobody_says_what_is_judged_everything_is_kept() -> None:
    maker = TimelineMaker(VIEWS)
    maker.take(reading("redis@db", 0.1, ops=1, memory=2))
    maker.take(second(0, 9.0))
    assert set(maker.timeline().tracks) == {("redis@db", "ops"), ("redis@db", "memory")}


def test_marks_and_breaches_are_put_together() -> None:
    def gate(moment: float, expression: str, severity: Severity) -> Event:
        at = BEGAN.plus(moment)
        return Event(at, "rampdeck", EventKind.GATE, severity, "told", fields={"threshold": expression})

    line = made(
        [
            second(0, 9.0),
            Event(BEGAN.plus(1), "operator", EventKind.MARK, Severity.NOTICE, "note"),
            Event(BEGAN.plus(1), "nginx@web", EventKind.LOG, Severity.ERROR, "a line"),
            gate(2, "p95 < 1s", Severity.ERROR),
            gate(3, "rps >= 9", Severity.WARNING),
            gate(4, "p95 < 1s", Severity.NOTICE),
            gate(6, "p95 < 1s", Severity.ERROR),
        ]
    )
    utc = BEGAN.utc
    assert line.marks == (Mark(utc + 1, "note"),)
    assert line.breaches == (
        Breach("p95 < 1s", utc + 2, utc + 4), Breach("rps >= 9", utc + 3), Breach("p95 < 1s", utc + 6),
    )  # fmt: skip


def test_without_a_session_file_there_are_the_last_minutes() -> None:
    trend = Trend(p95=(10.0, None, 20.0), users=(1, 2, 3), rps=(5.0, 0.0, 6.0), error_rate=(0.0, None, 0.5))
    line = recent(trend, 1_000.0)
    assert (line.began, line.count, line.width) == (997.0, 3, 1.0)
    assert line.p95.values == (10.0, None, 20.0)


def test_there_is_a_chart_for_each_thing_that_was_measured_or_judged() -> None:
    everything = page()
    found = {chart.key: chart for chart in charts(everything.result, everything.timeline)}
    assert list(found) == [
        "users", "rps", "times", "errors", "host.cpu", "postgres.connections", "gunicorn.timeouts",
    ]  # fmt: skip
    assert [curve.name for curve in found["host.cpu"].curves] == ["web-1", "db-1"]
    assert [(curve.name, curve.on) for curve in found["times"].curves] == [
        ("p50", False), ("p95", True), ("p99", False),
    ]  # fmt: skip
    assert [limit.text for limit in found["times"].limits] == ["< 800 ms"], "that of one name is on no chart"
    assert [limit.value for limit in found["gunicorn.timeouts"].limits] == [3]
    assert found["errors"].limits[0].value == 1, "per cent, as the chart is"


def test_a_limit_in_per_cent_of_a_most_is_drawn_where_that_is() -> None:
    everything = page()
    (view,) = (one for one in everything.result.thresholds if one.expression.startswith("postgres"))
    share = replace(view, expression="postgres.connections < 80% warn", limit=80.0, unit=Unit.PERCENT)

    def drawn(line: Timeline) -> list[tuple[float, str]]:
        found = charts(replace(everything.result, thresholds=(share,)), line)
        (chart,) = (chart for chart in found if chart.key == "postgres.connections")
        return [(limit.value, limit.text) for limit in chart.limits]

    assert drawn(everything.timeline) == [(77.6, "< 80.0 %")]
    tracks = {key: track for key, track in everything.timeline.tracks.items() if key[1] != "usable"}
    assert drawn(replace(everything.timeline, tracks=tracks)) == [], "of what, is not known"


def test_the_lanes_tell_what_happened_when() -> None:
    everything = page()
    found = {lane.name: lane for lane in lanes(everything.result, everything.timeline)}
    began = everything.timeline.began
    assert [span.text for span in found["Load"].spans][3] == "4 peak · 400 users"
    assert [span.state for span in found["Load"].spans][3:] == ["FAIL", "INCONCLUSIVE"]
    breach = found["p95 < 800ms"].spans[0]
    assert (breach.begin - began, breach.until and breach.until - began) == (386.0, 461.0)
    assert found["host.cpu < 85%"].sort == "warned"
    assert found["postgres@db-1 not seen"].spans[0].text == "no answer from db-1 for 5 s"
    assert len(found["Findings"].spans) == 2
    assert [span.text for span in found["Marks"].spans] == ["cache warmed by hand"]


def test_a_timeline_of_nothing_has_nothing_to_show() -> None:
    assert charts(result(), Timeline()) == []
    assert lanes(result(), Timeline()) == []


@pytest.mark.parametrize(
    ("expression", "metric"),
    [
        ("p95 < 800ms", "p95"),
        ("p(95)<800", "p95"),
        ("p( 99.9 ){name=/x} < 1s", "p99.9"),
        ("postgres.connections{host=db} < 80%", "postgres.connections"),
        ("error_rate{name=/} < 1%", "error_rate"),
        ("< 3", ""),
    ],
)
def test_the_metric_of_a_threshold_is_told_from_how_it_is_written(expression: str, metric: str) -> None:
    assert metric_of(expression) == metric


def test_a_session_whose_clock_was_set_stays_in_its_place() -> None:
    jumped = [
        replace(item, at=Instant(item.at.utc + 3_600, item.at.mono)) if isinstance(item, Sample) else item
        for item in items(20)
    ]
    assert made(jumped).line("host@web-1", "cpu").values == made(items(20)).line("host@web-1", "cpu").values


def levels_of(breaches: Sequence[tuple[int, float, float]], view: ThresholdView) -> tuple[StepResult, ...]:
    """The levels of the page, with a threshold that was broken in some: number, from when, how long."""
    everything = page()
    own = {
        number: replace(view, first_breach=at(number, int(begin)), longest=long, breaches=1)
        for number, begin, long in breaches
    }
    held = replace(view, first_breach=None, longest=0.0, breaches=0)
    return tuple(replace(step, thresholds=(own.get(step.number, held),)) for step in everything.result.steps)


def test_a_threshold_that_each_level_breaks_is_broken_in_each_and_not_between_them() -> None:
    """It turns once, at the first level, and says no more: the lane went on to the end of the picture."""
    everything = page()
    view = replace(everything.result.thresholds[0], breaches=2)
    steps = levels_of([(2, 20, 90.0), (4, 30, 60.0)], view)
    broken = (Breach(view.expression, at(2, 20).utc),)
    shown = replace(everything.result, thresholds=(view,), steps=steps)
    (lane,) = (
        one for one in lanes(shown, replace(everything.timeline, breaches=broken)) if one.sort == "breach"
    )
    begun = everything.timeline.began
    spans = [(round(span.begin - begun), round((span.until or 0) - begun)) for span in lane.spans]
    assert spans == [
        (round(at(2, 20).utc - begun), round(at(2, 110).utc - begun)),
        (round(at(4, 30).utc - begun), round(at(4, 90).utc - begun)),
    ]


def test_a_breach_that_goes_on_ends_with_the_load() -> None:
    everything = page()
    view = replace(everything.result.thresholds[0], breaches=3)
    broken = (Breach(view.expression, at(2, 20).utc),)
    ended = at(5, 60)
    shown = replace(everything.result, thresholds=(view,), ended=ended)
    (lane,) = (
        one for one in lanes(shown, replace(everything.timeline, breaches=broken)) if one.sort == "breach"
    )
    assert [span.until for span in lane.spans] == [ended.utc]
