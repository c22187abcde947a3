"""Trends: true to the data, with gaps as gaps, and calm."""

from __future__ import annotations

from tui.spark import area, bars, columns, nice_top, span_of, sparkline


def test_a_column_shows_the_worst_of_its_seconds() -> None:
    assert columns([1, 9, 2, 3, 4, 5], number=3, second=5, span=6) == [9, 3, 5]


def test_a_gap_stays_a_gap() -> None:
    assert columns([1, 1, None, None, 2, 2], number=3, second=5, span=6) == [1, None, 2]
    assert bars([1, None, 2]) == "▄ ▇"


def test_a_column_does_not_change_while_newer_ones_come() -> None:
    series = [float(n % 7) for n in range(400)]
    early = columns(series[:300], number=30, second=299, span=300)
    late = columns(series[10:310], number=30, second=309, span=300)
    assert late[:-1] == early[1:]
    between = columns(series[3:303], number=30, second=302, span=300)
    assert between[1:-1] == early[2:]


def test_a_short_series_stands_at_the_right() -> None:
    assert sparkline([5, 5], width=5, second=1, span=5) == "   ▇▇"


def test_zero_is_the_lowest_bar_and_no_data_none() -> None:
    assert bars([0, 0, None]) == "▁▁ "
    assert bars([]) == ""
    assert columns([1], number=0, second=0, span=300) == []


def test_the_area_fills_from_below() -> None:
    assert area([0, 4, 8, None], height=2, top=8) == ["  █ ", "▁██ "]


def test_the_top_of_an_axis_is_a_round_number() -> None:
    assert [nice_top(value) for value in (0, 7, 431, 1_001, 9_999)] == [1, 8, 500, 1_500, 10_000]


def test_a_young_run_fills_the_width() -> None:
    assert span_of([None] * 270 + [1.0] * 30) == 60
    assert span_of([1.0] * 61, [None] * 300) == 120
    assert span_of([1.0] * 300) == 300
    assert span_of() == 60
