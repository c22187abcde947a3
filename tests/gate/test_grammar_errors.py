"""What is said of a threshold that cannot be read: what is wrong, where, and what was probably meant."""

from __future__ import annotations

import pytest

from rampdeck.errors import UsageError
from rampdeck.gate import Gate, parse, parse_all
from tests.gate.stack import METRICS, SOURCES, STAGES
from tests.gate.wrong import WRONG


def refused(text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        parse(text, METRICS, STAGES, SOURCES)
    return caught.value


@pytest.mark.parametrize(("text", "place", "says"), WRONG)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, place: int, says: str) -> None:
    error = refused(text)
    assert error.what == "a threshold cannot be read"
    assert error.why == f"{says}\n    {text}\n    {' ' * place}^"


def test_an_empty_text_says_what_may_stand_there() -> None:
    assert refused("").why.startswith("a metric must stand here; there are p50, p95, p99, p(99.9), mean, min")


def test_the_table_is_long_and_has_nothing_twice() -> None:
    assert len(WRONG) >= 40
    assert len({text for text, _, _ in WRONG}) == len(WRONG)


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("p95{name=/商品/, nam=x} < 3", 4 + 5 + 6 + 2),
        ("p95{name=/cafe\u0301/, nam=x} < 3", 4 + 5 + 6 + 2),
        ("p95{name=/🛒/, nam=x} < 3", 4 + 5 + 4 + 2),
    ],
)
def test_the_caret_stands_under_the_place_also_behind_wide_characters(text: str, cells: int) -> None:
    assert refused(text).why.splitlines()[-1] == " " * (4 + cells) + "^"


def test_of_a_very_long_text_the_place_and_what_is_around_it_is_shown() -> None:
    _, shown, caret = refused(f"p95{{name=/{'a' * 300}/, nam=x, name=/{'b' * 300}}} < 3").why.split("\n")
    assert len(shown) < 120
    assert shown.startswith("    …aaa")
    assert shown.endswith("bbb…")
    assert shown[caret.index("^") :].startswith("nam=x")


def test_a_secret_in_a_request_name_is_not_shown() -> None:
    error = refused("p95{name=/login?password=hunter2hunter2, nam=x} < 3")
    assert "hunter2" not in str(error)
    assert error.why.split("\n")[2].index("^") == error.why.split("\n")[1].index("nam=x")


def test_escape_sequences_never_reach_the_terminal() -> None:
    assert "\x1b" not in str(refused("p95 \x1b[2J< 800xs"))


def test_what_to_do_stands_on_a_line_of_its_own_behind_the_place() -> None:
    error = refused("redis.memory < 80%")
    assert error.fix == "Add one under [[collectors]], or take the threshold out"
    assert str(error).splitlines()[-2:] == ["    ^", error.fix]


def test_without_sources_only_requests_can_be_judged() -> None:
    with pytest.raises(UsageError, match="no source is known here"):
        parse("postgres.connections < 80%")


def test_a_stage_cannot_be_named_where_there_are_none() -> None:
    with pytest.raises(UsageError, match=r"there are no stages: nothing under \[\[stages\]\]"):
        parse("p95 < 800ms at peak", stages=())


def test_of_several_wrong_ones_three_are_told_each_with_its_number() -> None:
    texts = ["p95 < 800ms", "eror_rate < 1%", "p95 < 3xs", "rps >= 40", "p95 <", "rps > 3%", "p95 = 3"]
    with pytest.raises(UsageError) as caught:
        parse_all(texts)
    error = caught.value
    assert error.what == "5 thresholds cannot be read"
    assert error.why == (
        'number 2: unknown metric "eror_rate"; did you mean "error_rate"?\n'
        "    eror_rate < 1%\n"
        "    ^\n"
        'number 3: unknown unit "xs"; a response time takes ms, s\n'
        "    p95 < 3xs\n"
        "           ^\n"
        "number 5: a number must stand here\n"
        "    p95 <\n"
        "         ^\n"
        "and 2 more"
    )


def test_a_single_wrong_one_has_its_number_and_what_to_do() -> None:
    with pytest.raises(UsageError) as caught:
        parse_all(["p95 < 800ms", "redis.memory < 80%"], METRICS, STAGES, SOURCES)
    assert caught.value.what == "a threshold cannot be read"
    assert caught.value.why.splitlines() == [
        "number 2: no collector of kind redis is configured",
        "    redis.memory < 80%",
        "    ^",
        "    Add one under [[collectors]], or take the threshold out",
    ]


@pytest.mark.parametrize("again", ["p95 < 800ms", "p(95)<0.8s", "http_req_duration: p(95)<800"])
def test_one_that_says_the_same_as_another_is_refused_however_it_is_written(again: str) -> None:
    with pytest.raises(UsageError, match="number 3: it says the same as number 1"):
        parse_all(["p95 < 800ms", "p95 < 2s", again])


def test_the_gate_itself_refuses_what_cannot_be_read() -> None:
    with pytest.raises(UsageError, match="number 2: unknown metric"):
        Gate(["p95 < 800ms", "p95x < 3"])


def test_a_stage_that_is_like_no_other_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match='there is no stage "warm-up"; the plan has run'):
        parse("p95 < 800ms at warm-up", stages=["run"])
