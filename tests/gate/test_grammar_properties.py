"""What holds of every threshold, whatever is in it."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from rampdeck.errors import UsageError
from rampdeck.gate import Threshold, parse
from rampdeck.gate.threshold import WORDS
from rampdeck.gate.vocabulary import REQUESTS, UNITS
from rampdeck.text import clean
from rampdeck.view import Unit
from tests.gate.stack import METRICS, SOURCES, STAGES

_PIECES = (
    *("p95", "p(99.9)", "error_rate", "rps", "failures", "rate", "avg", "http_req_duration", ":", "p(95)"),
    *("postgres.connections", "host.cpu", "nginx.5xx", "clock.offset", "postgres", ".", "redis.memory"),
    *("{", "}", "name", "method", "host", "label", "=", ",", "/a/", '"', "'", "\\", "web", "api"),
    *("<", "<=", ">=", "==", "===", "!=", "800", "0.01", "-5", "80", "%", "ms", "s", "/s", "MB", "0"),
    *(*WORDS, "30s", "1h30m", "peak", "0s", "商品", "\u0301", "\x1b[2J", "\u200b", "1" * 30),
)
SENTENCES = st.lists(st.sampled_from(_PIECES), max_size=14).flatmap(
    lambda pieces: st.sampled_from((" ".join(pieces), "".join(pieces)))
)
NAMES = st.text(min_size=1, max_size=20).map(lambda text: clean(text).strip()).filter(bool)
DECIMALS = st.decimals(min_value="0.001", max_value=10**9, places=3).map(lambda number: f"{number:f}")
DURATIONS = st.decimals(min_value=1, max_value=10**5, places=2).map(lambda number: f"{number:f}s")


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def read(text: str) -> Threshold:
    return parse(text, METRICS, STAGES, SOURCES)


@st.composite
def suffixes(draw: st.DrawFn) -> str:
    """Words behind a limit, in any order."""
    some = [
        f"over {draw(DURATIONS)}",
        f"for {draw(DURATIONS)}",
        f"at {quoted(draw(st.sampled_from(STAGES)))}",
        draw(st.sampled_from(["warn", "abort", f"abort after {draw(DURATIONS)}"])),
    ]
    return " ".join(draw(st.lists(st.sampled_from(some), unique=True)))


@st.composite
def of_requests(draw: st.DrawFn) -> str:
    """A threshold on requests."""
    percent = draw(st.decimals(min_value="0.000001", max_value="99.999999", places=6))
    metric = draw(st.sampled_from((f"p({percent:f})", "p95", "p99.9", *REQUESTS)))
    labels = [f"name={quoted(draw(NAMES))}", f"method={quoted(draw(NAMES))}"]
    chosen = ", ".join(draw(st.lists(st.sampled_from(labels), unique=True)))
    if metric == "error_rate":
        limit = f"{draw(st.decimals(min_value='0.001', max_value=100, places=3)):f}%"
    else:
        unit = REQUESTS[metric].unit if metric in REQUESTS else Unit.MILLISECONDS
        limit = draw(DECIMALS) + draw(st.sampled_from(("", *UNITS[unit])))
    sign = draw(st.sampled_from(("<", "<=", ">", ">=", "==", "!=")))
    return f"{metric}{'{' + chosen + '}' if chosen else ''} {sign} {limit} {draw(suffixes())}"


@st.composite
def of_sources(draw: st.DrawFn) -> str:
    """A threshold on a metric of a source."""
    kinds = {source.kind for source in SOURCES}
    name = draw(st.sampled_from([name for name in METRICS if name.partition(".")[0] in kinds]))
    metric = METRICS[name]
    source = draw(st.sampled_from([one for one in SOURCES if one.kind == name.partition(".")[0]]))
    labels = draw(st.sampled_from(("", f"{{host={source.host}}}")))
    if metric.unit is Unit.PERCENT or (metric.most and draw(st.booleans())):
        limit = f"{draw(st.decimals(min_value='0.001', max_value=100, places=3)):f}%"
    else:
        limit = draw(DECIMALS) + draw(st.sampled_from(("", *UNITS[metric.unit])))
    sign = draw(st.sampled_from(("<", "<=", ">", ">=", "==", "!=")))
    return f"{name}{labels} {sign} {limit} {draw(suffixes())}"


@given(st.one_of(st.text(max_size=80), SENTENCES))
def test_any_text_is_read_or_refused_and_nothing_else_happens(text: str) -> None:
    try:
        threshold = read(text)
    except UsageError as error:
        *_, shown, caret = error.why.split("\n")
        assert caret.strip() == "^"
        assert shown.startswith("    ")
    else:
        assert read(threshold.expression) == threshold
        assert read(str(threshold)) == threshold


@given(st.one_of(of_requests(), of_sources()))
def test_what_is_printed_reads_as_the_same_threshold(text: str) -> None:
    try:
        threshold = read(text)
    except UsageError as error:
        # What goes together by no rule but sense: see the table of wrong ones.
        if not any(word in error.why for word in (" only ", "may grow", "never happens")):
            raise
        return
    assert threshold.expression == text.strip()
    again = read(str(threshold))
    for field in fields(Threshold):
        if field.name != "expression":
            assert getattr(again, field.name) == getattr(threshold, field.name)
    assert again == threshold
    assert str(again) == str(threshold)


@given(st.sampled_from(["<", "<=", ">", ">="]), st.integers(1, 10**6), st.integers(1, 99))
def test_k6s_response_times_are_ours(sign: str, limit: int, percent: int) -> None:
    ours = parse(f"p{percent} {sign} {limit}ms")
    assert parse(f"p({percent}){sign}{limit}") == ours
    assert parse(f"http_req_duration: p({percent}){sign}{limit}") == ours
    for k6s, word in (("avg", "mean"), ("med", "p50"), ("min", "min"), ("max", "max")):
        assert parse(f"{k6s}{sign}{limit}") == parse(f"{word} {sign} {limit}ms")
        assert parse(f"http_req_duration:{k6s}{sign}{limit}") == parse(f"{word} {sign} {limit}ms")


@given(st.sampled_from(["<", "<="]), st.integers(1, 9_999))
def test_k6s_rate_is_our_share_of_failures(sign: str, hundredths: int) -> None:
    per_cent, share = f"{Decimal(hundredths) / 100:f}", f"{Decimal(hundredths) / 10_000:f}"
    ours = parse(f"error_rate {sign} {per_cent}%")
    assert parse(f"rate{sign}{share}") == ours
    assert parse(f"http_req_failed: rate{sign}{share}") == ours
    assert ours.limit == float(per_cent)


@given(st.sampled_from(["<", ">", ">=", "=="]), st.integers(1, 10**6))
def test_k6s_counter_of_requests_is_ours(sign: str, limit: int) -> None:
    assert parse(f"http_reqs: rate{sign}{limit}") == parse(f"rps {sign} {limit}")
    assert parse(f"http_reqs: count{sign}{limit}") == parse(f"count{sign}{limit}")
    assert parse(f"count{sign}{limit}") == parse(f"requests {sign} {limit}")


@given(NAMES)
def test_k6s_tags_are_our_labels(name: str) -> None:
    ours = parse(f"p95{{name={quoted(name)}, method=GET}} < 500ms")
    assert parse(f"http_req_duration{{name:{quoted(name)},method:GET}}: p(95)<500") == ours
    assert ours.name == name
