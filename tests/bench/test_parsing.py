"""The bench of reading reads what it measures: every line is stored or counted."""

from __future__ import annotations

from bench import parsing


def test_every_line_that_is_measured_was_read() -> None:
    found = parsing.measured(count=200, rounds=1)
    assert len(found) == 7
    assert all(one.stored + one.counted == one.lines == 200 for one in found)
    assert [one.counted for one in found] == [0, 0, 0, 0, 200, 200, 0]
    assert parsing.aims(found)[1].met


def test_a_lost_line_and_a_slow_one_are_told() -> None:
    lost, slow = parsing.Read("lost", 10, 8, 1, 1.0), parsing.Read("slow", 10, 10, 0, 20.0)
    told = parsing.aims([lost, slow])
    assert [aim.met for aim in told] == [False, False]
    assert "slow" in told[0].what
    assert told[1].measured == "1"
    assert any("50 000" in line for line in parsing.table([slow], 0.3))
