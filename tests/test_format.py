"""How numbers and times are written: aligned, short, and never zero for nothing."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone

import pytest

from rampdeck import format as fmt
from rampdeck.view import Unit

T = "\u2009"


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (None, "–"),
        (0, "0"),
        (999, "999"),
        (45_829, f"45{T}829"),
        (-1_204, f"-1{T}204"),
        (9_999_999, f"9{T}999{T}999"),
        (12_345_678, f"12.3{T}M"),
        (999_400_000, f"999{T}M"),
        (4_321_000_000, f"4.32{T}G"),
        (1.2e18, f"1200000{T}T"),
    ],
)
def test_counts_have_thin_spaces(number: float | None, written: str) -> None:
    assert fmt.count(number) == written


@pytest.mark.parametrize(
    ("number", "written"),
    [(None, "–"), (0, "0.0"), (1.44, "1.4"), (156, "156.0"), (999.94, "999.9"), (4_812.4, f"4{T}812")],
)
def test_rates_have_one_decimal_below_a_thousand(number: float | None, written: str) -> None:
    assert fmt.rate(number) == written


@pytest.mark.parametrize(
    ("number", "written"),
    [(None, "–"), (0.44, "0.4"), (9.94, "9.9"), (9.96, "10"), (52.4, "52"), (1_204.2, f"1{T}204")],
)
def test_milliseconds_have_a_decimal_below_ten(number: float | None, written: str) -> None:
    assert fmt.milliseconds(number) == written


@pytest.mark.parametrize(
    ("number", "written"),
    [(None, "–"), (0.13, "0.13"), (9.996, "10.0"), (97.24, "97.2"), (99.96, "100"), (100, "100")],
)
def test_per_cent_has_at_most_three_digits(number: float | None, written: str) -> None:
    assert fmt.percent(number) == written


def test_a_share_is_written_as_per_cent() -> None:
    assert fmt.share(0.0184) == "1.84"
    assert fmt.share(None) == "–"


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (None, "–"),
        (0, f"0{T}B"),
        (999, f"999{T}B"),
        (3_355_443, f"3.2{T}MB"),
        (412 * 2**20, f"412{T}MB"),
        (2**50, f"1.0{T}PB"),
    ],
)
def test_sizes_bring_their_unit(number: float | None, written: str) -> None:
    assert fmt.size(number) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (None, "–"),
        (0.24, f"0.2{T}s"),
        (41.2, f"41{T}s"),
        (119, f"119{T}s"),
        (745, f"12{T}min"),
        (3_900, f"1{T}h{T}05{T}min"),
        (273_600, f"3{T}d{T}4{T}h"),
    ],
)
def test_durations_have_one_or_two_units(seconds: float | None, written: str) -> None:
    assert fmt.duration(seconds) == written


def test_an_age_does_not_flicker() -> None:
    assert fmt.age(4.9) == f"4{T}s"
    assert fmt.age(None) == "–"
    assert fmt.age(600) == f"10{T}min"


def test_elapsed_time_looks_like_a_stopwatch() -> None:
    assert fmt.stopwatch(754) == "12:34"
    assert fmt.stopwatch(3_723.9) == "1:02:03"


def test_the_clock_is_that_of_the_zone() -> None:
    assert fmt.clock(1_795_350_000, UTC) == "12:20:00"
    assert fmt.clock(1_795_350_000, timezone(timedelta(hours=1))) == "13:20:00"


@pytest.mark.parametrize(
    ("number", "unit", "written"),
    [
        (270, Unit.MILLISECONDS, f"270{T}ms"),
        (1.84, Unit.PERCENT, f"1.84{T}%"),
        (156, Unit.PER_SECOND, "156.0/s"),
        (2_048, Unit.BYTES_PER_SECOND, f"2.0{T}kB/s"),
        (412, Unit.COUNT, "412"),
        (1.5, Unit.COUNT, "1.5"),
        (41, Unit.SECONDS, f"41{T}s"),
        (None, Unit.MILLISECONDS, "–"),
    ],
)
def test_a_number_that_stands_alone_brings_its_unit(number: float | None, unit: Unit, written: str) -> None:
    assert fmt.with_unit(number, unit) == written
