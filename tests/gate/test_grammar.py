"""What can be written as a threshold."""

from __future__ import annotations

import pytest

from collectors import COLLECTORS
from rampdeck.gate import Threshold, parse
from rampdeck.gate.grammar import Kind
from rampdeck.snapshot import ThresholdState
from rampdeck.view import Unit
from tests.gate.helpers import Load
from tests.gate.stack import METRICS, SOURCES, STAGES


def read(text: str) -> Threshold:
    return parse(text, METRICS, STAGES, SOURCES)


@pytest.mark.parametrize(
    ("text", "label", "operator", "limit", "unit"),
    [
        ("p95 < 800ms", "p95", "<", 800, Unit.MILLISECONDS),
        ("p50<=0.2s", "p50", "<=", 200, Unit.MILLISECONDS),
        ("p99 < 1200", "p99", "<", 1200, Unit.MILLISECONDS),
        ("p99.9 < 2 s", "p99.9", "<", 2000, Unit.MILLISECONDS),
        ("p(99.9) < 2s", "p99.9", "<", 2000, Unit.MILLISECONDS),
        (
            "p(99){name=/dashboard/} < 1200ms",
            "p99 /dashboard/",
            "<",
            1200,
            Unit.MILLISECONDS,
        ),
        (
            "p95{name=/dashboard/, method=get} < 1.2s",
            "p95 GET /dashboard/",
            "<",
            1200,
            Unit.MILLISECONDS,
        ),
        ('max { name = "/o/{id}/,x" } < 9s', "max /o/{id}/,x", "<", 9000, Unit.MILLISECONDS),
        ("max{name=/o/{id}/} < 9s", "max /o/{id}/", "<", 9000, Unit.MILLISECONDS),
        ("max{name='/o/\"x\"/'} < 9s", 'max /o/"x"/', "<", 9000, Unit.MILLISECONDS),
        (r'max{name="/o/\"\d+/"} < 9s', r'max /o/"\d+/', "<", 9000, Unit.MILLISECONDS),
        ("mean<100ms", "mean", "<", 100, Unit.MILLISECONDS),
        ("min > 1ms", "min", ">", 1, Unit.MILLISECONDS),
        ("error_rate < 1%", "error rate", "<", 1, Unit.PERCENT),
        ("error_rate == 0", "error rate", "==", 0, Unit.PERCENT),
        ("rps >= 40", "rps", ">=", 40, Unit.PER_SECOND),
        ("rps > 40/s", "rps", ">", 40, Unit.PER_SECOND),
        ("requests >= 1000", "requests", ">=", 1000, Unit.COUNT),
        ("failures == 0", "failures", "==", 0, Unit.COUNT),
        ("failures{method=POST} != 3", "failures POST", "!=", 3, Unit.COUNT),
    ],
)
def test_a_threshold_is_read(text: str, label: str, operator: str, limit: float, unit: Unit) -> None:
    threshold = parse(text)
    assert (threshold.expression, threshold.label) == (text, label)
    assert (threshold.operator, threshold.limit, threshold.unit) == (operator, limit, unit)


@pytest.mark.parametrize(
    ("text", "label", "limit", "unit", "of"),
    [
        ("postgres.connections < 80", "postgres.connections", 80, Unit.COUNT, ""),
        ("postgres.connections < 80%", "postgres.connections", 80, Unit.PERCENT, "usable"),
        ("generator.open_files < 50%", "generator.open_files", 50, Unit.PERCENT, "open_files_limit"),
        ("host.cpu{host=web} < 85%", "host.cpu web", 85, Unit.PERCENT, ""),
        ("host.memory_available > 0.5GiB", "host.memory_available", 2**29, Unit.BYTES, ""),
        ("host.memory_available > 200 MB", "host.memory_available", 200e6, Unit.BYTES, ""),
        ("host.disk_write < 10KiB/s", "host.disk_write", 10_240, Unit.BYTES_PER_SECOND, ""),
        ("postgres.longest_query < 1500ms", "postgres.longest_query", 1.5, Unit.SECONDS, ""),
        ("postgres.longest_transaction < 2m", "postgres.longest_transaction", 120, Unit.SECONDS, ""),
        ("nginx.5xx == 0", "nginx.5xx", 0, Unit.PER_SECOND, ""),
        ("nginx.499_ours <= 3/s", "nginx.499_ours", 3, Unit.PER_SECOND, ""),
        ("nginx.upstream_time < 0.3s", "nginx.upstream_time", 300, Unit.MILLISECONDS, ""),
        ("gunicorn.errors{label=api, host=web} < 1", "gunicorn.errors web api", 1, Unit.PER_SECOND, ""),
        ("clock.offset > -50ms", "clock.offset", -50, Unit.MILLISECONDS, ""),
    ],
)
def test_any_metric_of_any_source_can_be_judged(
    text: str, label: str, limit: float, unit: Unit, of: str
) -> None:
    threshold = read(text)
    assert threshold.kind is Kind.SOURCE
    assert (threshold.label, threshold.limit, threshold.unit, threshold.of) == (label, limit, unit, of)


def test_every_metric_of_every_collector_can_be_named() -> None:
    for name, metric in METRICS.items():
        assert parse(f"{name} <= 1{metric.unit.value}", METRICS).metric == name


def test_what_a_pane_shows_against_its_most_can_be_judged_as_a_share_of_it() -> None:
    shown = {
        (kind, figure.metric): figure.limit
        for kind, collector in COLLECTORS.items()
        for line in collector.view.figures
        for figure in line
        if figure.limit
    }
    assert len(shown) >= 4
    for (kind, metric), most in shown.items():
        assert parse(f"{kind}.{metric} < 80%", METRICS).of == most
    for name, one in METRICS.items():
        assert not one.most or f"{name.partition('.')[0]}.{one.most}" in METRICS


def test_words_behind_the_limit_stand_in_any_order() -> None:
    threshold = read("p95 < 2s over 30s for 1m30s at peak abort after 10s")
    assert (threshold.over, threshold.patience, threshold.stage) == (30, 90, "peak")
    assert (threshold.abort, threshold.grace, threshold.warns) == (True, 10, False)
    assert threshold == read("p95 < 2s abort after 10s at peak for 90 over 30 s")
    assert threshold.label == "p95 over 30s at peak"
    assert str(threshold) == "p95 < 2000ms over 30s for 90s at peak abort after 10s"
    assert read("host.cpu < 85% for 30s warn").warns


@pytest.mark.parametrize(
    "text", ['rps >= 40 at "spike, to"', "rps >= 40 at 'spike, to' abort", "rps>=40 at peak"]
)
def test_a_stage_is_named_as_it_is_called(text: str) -> None:
    assert read(text).stage in STAGES


def test_a_stage_may_be_called_like_a_word_of_ours() -> None:
    threshold = parse('p95 < 1s at "over" over 5s', stages=["over"])
    assert (threshold.stage, threshold.over) == ("over", 5)
    assert parse(str(threshold)) == threshold


def test_a_method_of_http_may_be_written_small_any_other_stays_as_it_is() -> None:
    assert parse("p95{method=post} < 1s").method == "POST"
    assert parse("p95{method=grpc} < 1s").method == "grpc"


@pytest.mark.parametrize(
    ("k6s", "ours"),
    [
        ("p(95)<800", "p95 < 800ms"),
        ("rate<0.01", "error_rate < 1%"),
        ("rate<0.07", "error_rate < 7%"),
        ("rate<=5%", "error_rate <= 5%"),
        ("rate===0", "error_rate == 0"),
        ("avg<200", "mean < 200ms"),
        ("med<150", "p50 < 150ms"),
        ("min<10", "min < 10ms"),
        ("max<2000", "max < 2s"),
        ("count>=1000", "requests >= 1000"),
        ("http_req_duration: p(99.9)<500", "p99.9 < 500ms"),
        ("http_req_duration : med < 0.2s abort", "p50 < 200ms abort"),
        ("http_req_failed: rate<0.01", "error_rate < 1%"),
        ("http_reqs: rate>40", "rps > 40"),
        ("http_reqs:count>1000", "requests > 1000"),
        ("http_req_duration{name:/dashboard/}: p(95)<500", "p95{name=/dashboard/} < 500ms"),
        ('http_req_duration{name:"/a,b",method:get}: avg<5', 'mean{method=GET, name="/a,b"} < 5ms'),
        ("http_req_duration{name:http://shop/x}: p(95)<5", "p95{name=http://shop/x} < 5ms"),
    ],
)
def test_k6s_spelling_means_what_it_means_there(k6s: str, ours: str) -> None:
    assert parse(k6s) == parse(ours)
    assert parse(k6s).expression == k6s


def test_the_quickest_request_is_judged() -> None:
    load = Load("min >= 5ms")
    load.level(10)
    load.second([20.0] * 20)
    load.second([20.0] * 20)
    assert [(view.state, view.value) for view in load.gate.views] == [(ThresholdState.PASS, 20.0)]
    load.second([3.0, *[20.0] * 20])
    assert [(view.state, view.value) for view in load.gate.views] == [(ThresholdState.FAIL, 3.0)]
