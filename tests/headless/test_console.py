"""The final table of a run without a screen: as wide as a terminal, whatever the names are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rampdeck.headless.console import final_table, progress_line, verdict
from rampdeck.record.result import Decision
from rampdeck.snapshot import EMPTY, GuardView, ThresholdState, Verdict
from tests.record.helpers import result


@pytest.mark.parametrize(
    ("name", "width"), [("/", 80), ("/orders/[id]/items/", 88), ("/a-name-that-never-ends/" * 9, 100)]
)
def test_the_table_is_between_80_and_100_columns_wide(name: str, width: int) -> None:
    made = result()
    made = replace(made, requests=tuple(replace(request, name=name) for request in made.requests))
    head, rule, *rows = final_table(made).split("\n\n")[0].splitlines()
    assert {len(line) for line in (head, rule, *rows)} == {width}


def test_what_a_person_decided_stands_under_the_verdict() -> None:
    made = result()
    assert "Decided" not in final_table(made)
    other = next(one for one in Verdict if one is not made.result)
    decision = Decision(made.ended, other, made.result, "Ann\x1b[2J", "known")
    said = final_table(replace(made, decision=decision)).splitlines()[-1]
    assert said.startswith(f"Decided: {other} by Ann")
    assert said.endswith("overruling the gate: known")
    assert "\x1b" not in said
    agreed = verdict(replace(made, decision=replace(decision, verdict=made.result, note="")))
    assert agreed.endswith(", as the gate has it")


def test_what_only_warns_is_no_failure_in_the_final_table() -> None:
    made = result()
    broken = replace(made.thresholds[0], state=ThresholdState.FAIL)
    for warns, word in ((False, "FAIL "), (True, "WARN ")):
        table = final_table(replace(made, thresholds=(replace(broken, warns=warns),)))
        assert any(line.startswith(f"{word}    {broken.expression}") for line in table.splitlines())


def test_the_table_has_the_tail_of_each_name_and_of_all() -> None:
    head, _, *rows = final_table(result()).split("\n\n")[0].splitlines()
    assert head.split() == ["name", "reqs", "fails", "fail", "%", "rps", "p50", "p95", "p99", "p99.9"]
    cells = {row.split()[-9]: row.split()[-8:] for row in rows}
    assert cells["/checkout/"] == ["90", "10", "11.11", "4.5", "89.1", "804", "804", "804"]
    assert cells["all"] == ["170", "10", "5.88", "8.5", "89.1", "804", "804", "804"]


def test_what_the_guard_refused_stands_in_each_progress_line() -> None:
    assert "guard" not in progress_line(EMPTY)
    assert "guard 12 refused" in progress_line(replace(EMPTY, guard=GuardView(12, "192.0.2.1:80")))
