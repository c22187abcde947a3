"""The summary fits into a pipeline's step, on a screen, and says what a person looks for first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from rampdeck.record.result import Finding, Result
from rampdeck.record.summary import MOST, MOST_LEVELS, MOST_THRESHOLDS, summary
from rampdeck.snapshot import Verdict
from tests.record.hostile import HOSTILE
from tests.record.made import results
from tests.record.rendered import harm, headings, tables
from tests.record.scenes import SCENES, failed, passed


def test_it_begins_with_the_verdict_and_ends_with_where_the_rest_is() -> None:
    text = summary(failed())
    assert headings(text) == [
        "## ✖ FAIL: checkout-peak",
        "### Thresholds",
        "### Load levels",
        "### What broke first",
    ]
    assert "- p95 < 800ms failed: 1 108 ms at step 3 (300 users)" in text
    assert text.rstrip().splitlines()[-1].startswith("The whole record is `rampdeck-sessions/")
    assert len(text.splitlines()) <= 45


@pytest.mark.parametrize("name", SCENES)
def test_nothing_that_others_wrote_comes_alive(name: str) -> None:
    text = summary(SCENES[name]())
    assert list(harm(text)) == []
    for rows in tables(text):
        assert len({len(row) for row in rows}) == 1


@given(results())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,))
def test_it_is_small_and_harmless_whatever_the_session_holds(result: Result) -> None:
    text = summary(result)
    assert len(text.encode("utf-8", "replace")) < MOST
    assert list(harm(text)) == []


def test_a_session_with_a_thousand_of_everything_still_fits() -> None:
    made = failed()
    long = HOSTILE * 50
    huge = replace(
        made,
        title=long,
        host=long,
        reasons=(long,) * 1_000,
        thresholds=tuple(
            replace(made.thresholds[0], expression=f"{number} {long}") for number in range(1_000)
        ),
        steps=tuple(replace(made.steps[2], number=number, stage=long) for number in range(1, 1_001)),
        findings=(Finding(long, "error", long, (long,) * 1_000, long),) * 1_000,
    )
    text = summary(huge)
    assert len(text.encode("utf-8", "replace")) < MOST
    assert list(harm(text)) == []
    assert "and 992 more reasons" in text
    assert f"The {1_000 - MOST_THRESHOLDS} that are not here did no worse." in text
    assert f"### The {MOST_LEVELS} worst of 1 000 load levels" in text
    assert "and 997 more in the record" in text


def test_the_worst_come_first_into_what_there_is_room_for() -> None:
    made = passed()
    good, bad = made.steps[0], replace(made.steps[2], verdict=Verdict.FAIL)
    steps = (*(replace(good, number=number) for number in range(1, 20)), replace(bad, number=20))
    assert "| 20   | `peak`     | ✖ FAIL" in summary(replace(made, steps=steps))
    views = (*[made.thresholds[0]] * 30, failed().thresholds[0])
    text = summary(replace(made, thresholds=views))
    assert "✖ **fail**" in text
    assert "1 108 ms" in text


def test_who_overruled_the_gate_is_told_before_the_reasons() -> None:
    text = summary(SCENES["overruled"]())
    said = text.index("Decided: **PASS** by Grace Hopper")
    assert text.index("## ✖ FAIL") < said < text.index("- p95 < 800ms failed")
    assert "**overruling the gate**, which says FAIL: The payment sandbox" in text


def test_without_load_there_is_little_to_say() -> None:
    text = summary(SCENES["no-load"]())
    assert "Load levels" not in text
    assert "without load" in text
