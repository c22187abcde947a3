"""The arithmetic of the bench."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.figures import Spread, percentile
from bench.report import Pairs, aims, doubts, tables
from bench.runs import CASES, Case, Figures

QUIET = Spread(100, 0.1, 0.5, 1.0, 2.0, 2.0)
SATURATED = next(case for case in CASES if case.saturated)
PACED = next(case for case in CASES if not case.saturated)


def figures(p95: float = 20.0, p99: float = 22.0, rps: float = 200.0) -> Figures:
    return Figures(rps, 0, 10.0, Spread(4_000, 19.0, p95, p99, 30.0, 40.0), QUIET, QUIET)


def cockpit(p95: float = 20.0, p99: float = 22.0, rps: float = 200.0, paint: float = 1.0) -> Figures:
    return replace(figures(p95, p99, rps), paint=paint, sources=(("postgres", "live", 20),))


def test_percentiles_are_values_that_occurred() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 50) == 2.0
    assert percentile([1.0, 2.0, 3.0, 4.0], 95) == 4.0
    assert percentile([7.0], 1) == 7.0
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_a_spread_counts_and_orders() -> None:
    spread = Spread.of([float(value) for value in range(1_000, 0, -1)])

    assert (spread.count, spread.p50, spread.p95, spread.p99) == (1_000, 500.0, 950.0, 990.0)
    assert (spread.p999, spread.highest) == (999.0, 1_000.0)
    assert Spread.of([]).count == 0


def test_a_ratio_is_the_median_over_the_pairs_so_one_bad_pair_decides_nothing() -> None:
    pairs = Pairs(
        PACED,
        [(figures(20), cockpit(21)), (figures(20), cockpit(60)), (figures(40), cockpit(40))],
    )

    assert pairs.ratio("p95") == pytest.approx(1.05)


@pytest.mark.parametrize(
    ("case", "run", "missed"),
    [
        (PACED, cockpit(p95=20.9, p99=24.0), []),
        (PACED, cockpit(p95=21.2), ["p95"]),
        (PACED, cockpit(p99=24.4), ["p99"]),
        (PACED, cockpit(rps=100), []),
        (SATURATED, cockpit(rps=191), []),
        (SATURATED, cockpit(rps=189), ["rate"]),
        (PACED, cockpit(paint=1.6), ["first paint"]),
    ],
)
def test_each_aim_has_its_limit(case: Case, run: Figures, missed: list[str]) -> None:
    found = aims([Pairs(case, [(figures(), run)])], {})

    assert [aim.what.split(",")[0] for aim in found if not aim.met] == missed


def test_the_worst_key_counts_not_the_usual_one() -> None:
    (aim,) = aims([], {"HttpUser, saturated": [20.0, 30.0, 101.0]})

    assert not aim.met
    assert "30 ms" in aim.measured
    assert "101 ms" in aim.measured


def test_the_table_shows_both_sides_and_their_ratio() -> None:
    lines = list(tables([Pairs(SATURATED, [(figures(rps=5_000), cockpit(p95=22.0, rps=4_900))])]))

    assert "| 19.0 / 20.0 / 22.0 | 5000 |" in lines[2]
    assert "| 19.0 / 22.0 / 22.0 | 4900 |" in lines[3]
    assert "1.00 / 1.10 / 1.00 | 0.980 |" in lines[4]


def test_what_takes_weight_off_the_figures_is_said() -> None:
    blind = replace(cockpit(), sources=(("redis", "blind", 0), ("postgres", "live", 9)), failures=3)

    told = " ".join(doubts([Pairs(PACED, [(figures(), blind)])]))

    assert "3 requests failed" in told
    assert "redis" in told
    assert "postgres" not in told
    assert not list(doubts([Pairs(PACED, [(figures(), cockpit())])]))
