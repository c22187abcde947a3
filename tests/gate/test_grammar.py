"""What can be written as a threshold, and what is said of what cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rampdeck.errors import UsageError
from rampdeck.gate import parse
from rampdeck.view import Unit


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
        ("mean<100ms", "mean", "<", 100, Unit.MILLISECONDS),
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
    ("text", "place", "says"),
    [
        ("", 0, "a metric must stand here: p50, p95"),
        ("p90x < 3", 0, 'unknown metric "p90x"; did you mean'),
        ("eror_rate < 1%", 0, 'did you mean "error_rate"?'),
        ("avg < 3ms", 0, 'did you mean "mean"?'),
        ("http_req_failed < 1%", 0, 'did you mean "error_rate"?'),
        ("p(100) < 3ms", 0, "between 0 and 100"),
        ("p95 800ms", 4, "an operator must stand here"),
        ("p95 = 800ms", 4, "write =="),
        ("rps => 800", 4, "write >="),
        ("p95 < fast", 6, "a number must stand here"),
        ("p95 < -3", 6, "a number must stand here"),
        ("p95 < 800xs", 9, 'unknown unit "xs"; a response time has ms, s'),
        ("p95 < 8%", 7, 'unknown unit "%"'),
        ("rps > 8ms", 7, "a rate has /s"),
        ("failures < 1%", 12, "a count has none"),
        ("error_rate < 1", 14, "error_rate wants its unit: 1%"),
        ("error_rate < 0.01", 17, "wants its unit: 0.01%"),
        ("error_rate < 101%", 13, "more than 100%"),
        ("p95{nam=/} < 3", 4, 'unknown label "nam"; did you mean "name"?'),
        ("p95{host=web} < 3", 4, 'unknown label "host"'),
        ("p95{} < 3", 4, "a label must stand here"),
        ("p95{name} < 3", 8, '"=" must stand here'),
        ("p95{name=} < 3", 9, "the name is missing"),
        ("p95{name=/a, name=/b} < 3", 13, "name stands here twice"),
        ("p95{name=/a < 3", 15, '"," or "}" must stand here'),
        ("p95 < 3ms p99 < 4ms", 10, "one threshold ends after its limit"),
        ("postgres.connections < 80%", 0, "is a metric of a source; only requests can be judged"),
        ("rps >= 40 at peak", 10, '"at" cannot be used'),
        ("p95 < 800ms over 30s", 12, '"over" cannot be used'),
        ("p95 < 800 for 15s", 10, '"for" cannot be used'),
        ("failures == 0 abort", 14, '"abort" cannot be used'),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, place: int, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    message, shown, caret = str(caught.value).split("\n")
    assert says in message
    assert shown == f"    {text}"
    assert caret == "    " + " " * place + "^"


@given(st.text(max_size=60))
def test_no_text_does_anything_but_be_read_or_refused(text: str) -> None:
    try:
        threshold = parse(text)
    except UsageError:
        return
    assert parse(threshold.expression) == threshold
