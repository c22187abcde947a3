"""What the page about thresholds tells an operator is what they do."""

from __future__ import annotations

import re
import tomllib

import pytest

from collectors import COLLECTORS
from rampdeck.errors import UsageError
from rampdeck.gate import defaults, parse
from rampdeck.gate.vocabulary import REQUESTS
from tests.gate.metrics_page import PAGE, page
from tests.gate.stack import METRICS

TEXT = (PAGE.parent / "thresholds.md").read_text(encoding="utf-8")
BLOCKS = [
    (kind, body.strip("\n").split("\n"))
    for kind, body in re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
]
EXAMPLES = [line for kind, body in BLOCKS if not kind for line in body]
K6 = re.findall(r"^\| `([^`]+<[^`]+|[^`]+>[^`]+)` \| `([^`]+)` \|$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_can_be_written(example: str) -> None:
    assert parse(example, METRICS).expression == example


def test_the_page_has_examples_of_everything() -> None:
    read = [parse(example, METRICS) for example in EXAMPLES]
    assert len(read) > 40
    assert {threshold.metric for threshold in read} >= {"percentile", "error_rate", "rps", "failures"}
    assert any(threshold.over and threshold.patience for threshold in read)
    assert any(threshold.stage for threshold in read)
    assert any(threshold.abort and threshold.grace for threshold in read)
    assert any(threshold.warns for threshold in read)
    assert any(threshold.of for threshold in read)
    assert all(f"`{word}`" in TEXT for word in REQUESTS)


def test_the_list_of_the_configuration_can_be_written() -> None:
    (toml,) = ["\n".join(body) for kind, body in BLOCKS if kind == "toml"]
    for text in tomllib.loads(toml)["gate"]["thresholds"]:
        parse(text, METRICS)


@pytest.mark.parametrize(("k6s", "ours"), K6)
def test_k6s_spelling_means_what_the_table_says(k6s: str, ours: str) -> None:
    assert parse(k6s) == parse(ours)


def test_the_defaults_are_those_that_there_are() -> None:
    start = EXAMPLES.index(defaults(())[0], EXAMPLES.index("host.memory < 90% warn"))
    assert tuple(EXAMPLES[start : start + len(defaults(COLLECTORS))]) == defaults(COLLECTORS)


@pytest.mark.parametrize("lines", [body for kind, body in BLOCKS if kind == "wrong"])
def test_a_wrong_one_is_told_as_shown(lines: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse(lines[1].strip(), METRICS)
    assert caught.value.why == "\n".join(lines)


def test_what_a_per_cent_is_of_is_all_in_the_table() -> None:
    table = dict(re.findall(r"^\| `(\w+\.\w+)` \| `(\w+\.\w+)`", TEXT, re.MULTILINE))
    assert table == {
        name: f"{name.partition('.')[0]}.{metric.most}" for name, metric in METRICS.items() if metric.most
    }


def test_the_page_of_metrics_has_every_metric_of_every_collector() -> None:
    """If this fails: ``python -m tests.gate.metrics_page`` writes the page anew."""
    assert PAGE.read_text(encoding="utf-8").splitlines() == list(page())
