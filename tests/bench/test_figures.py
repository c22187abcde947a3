"""The arithmetic of the bench: percentiles, ratios, aims and tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.against import COCKPIT, HEADLESS, WEB, Rounds, aims, doubts, tables
from bench.figures import Spread, percentile
from bench.report import aims_table
from bench.runs import CASES, Case, Figures, together

QUIET = Spread(100, 0.1, 0.5, 1.0, 2.0, 2.0)
SATURATED = next(case for case in CASES if case.saturated)
PACED = next(case for case in CASES if case.rate == 200)


def figures(p95: float = 20.0, p99: float = 22.0, rps: float = 200.0) -> Figures:
    return Figures(rps, 0, 10.0, Spread(4_000, 19.0, p95, p99, 30.0, 40.0), QUIET, QUIET)


def cockpit(p95: float = 20.0, p99: float = 22.0, rps: float = 200.0, paint: float = 1.0) -> Figures:
    return replace(figures(p95, p99, rps), paint=paint, sources=(("postgres", "live", 20),))


def rounds(case: Case, *runs: tuple[Figures, Figures]) -> Rounds:
    return Rounds(case, [{HEADLESS: headless, COCKPIT: ours} for headless, ours in runs])


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


def test_a_ratio_is_the_median_over_the_rounds_so_one_bad_round_decides_nothing() -> None:
    measured = rounds(
        PACED, (figures(20), cockpit(21)), (figures(20), cockpit(60)), (figures(40), cockpit(40))
    )

    assert measured.ratio("p95") == pytest.approx(1.05)


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
    found = aims([rounds(case, (figures(), run))], {})

    assert [aim.what.split(",")[0] for aim in found if not aim.met] == missed


def test_the_cockpit_is_held_against_the_open_page_too() -> None:
    measured = Rounds(PACED, [{HEADLESS: figures(20), COCKPIT: cockpit(20), WEB: figures(16)}])

    missed = [aim for aim in aims([measured], {}) if not aim.met]

    assert [(aim.what, aim.limit) for aim in missed] == [(f"p95, {PACED.name}", f"<= 1.05 of {WEB}")]
    assert any(f"| cockpit to {WEB} | 1.00 / 1.25 / 1.00 |" in line for line in tables([measured]))


def test_the_worst_key_counts_not_the_usual_one() -> None:
    (aim,) = aims([], {"HttpUser, saturated": [20.0, 30.0, 101.0]})

    assert not aim.met
    assert "30 ms" in aim.measured
    assert "101 ms" in aim.measured
    assert list(aims_table([aim]))[-1].endswith("| ✖ |")


def test_the_table_shows_both_sides_and_their_ratio() -> None:
    lines = list(tables([rounds(SATURATED, (figures(rps=5_000), cockpit(p95=22.0, rps=4_900)))]))

    assert "| 19.0 / 20.0 / 22.0 | 5000 |" in lines[2]
    assert "| 19.0 / 22.0 / 22.0 | 4900 |" in lines[3]
    assert "1.00 / 1.10 / 1.00 | 0.980 |" in lines[4]


def test_what_takes_weight_off_the_figures_is_said() -> None:
    blind = replace(cockpit(), sources=(("redis", "blind", 0), ("postgres", "live", 9)), failures=3)

    told = " ".join(doubts([rounds(PACED, (figures(), blind))]))

    assert "3 requests failed" in told
    assert "redis" in told
    assert "postgres" not in told
    assert not list(doubts([rounds(PACED, (figures(), cockpit()))]))


def test_a_saturated_generator_without_a_core_of_its_own_measures_the_machine_s_other_guests() -> None:
    starved, fed = replace(figures(), cpu_percent=31.0), replace(cockpit(), cpu_percent=98.0)

    (told,) = doubts([rounds(SATURATED, (starved, fed))])

    assert f"{HEADLESS} got only 31 % of a core" in told
    assert not list(doubts([rounds(PACED, (starved, fed))])), "a paced one needs no whole core"


def test_the_processes_of_a_run_are_put_together_request_by_request() -> None:
    one = {"seconds": 10.0, "failures": 1, "cpu_percent": 50.0, "memory": 7, "polls": 0, "lags_ms": [1.0]}
    told = [
        one | {"times_ms": [10.0] * 90},
        one | {"times_ms": [100.0] * 10, "seconds": 5.0},
    ]

    both = together(told, QUIET)

    assert (both.times.count, both.times.p50, both.times.p95) == (100, 10.0, 100.0), "no mean of percentiles"
    assert (both.rps, both.failures, both.cpu_percent, both.memory) == (11.0, 2, 100.0, 14)
    assert both.processes == 2


def test_a_load_has_a_name_and_tells_the_locustfile_what_it_needs() -> None:
    case = Case("FastHttpUser", 1_000, 100)

    assert case.name == "FastHttpUser, 1 000 req/s"
    assert case.user_class == "FastHttpPaced"
    assert case.environment == {"BENCH_USERS": "100", "BENCH_RATE": "1000"}
