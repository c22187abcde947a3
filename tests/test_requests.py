"""Requests over time: the last seconds, each level, the whole run; true, and no larger after a day."""

from __future__ import annotations

import random
from dataclasses import replace
from math import ceil

import pytest

from rampdeck.histogram import Histogram
from rampdeck.model import Instant, RequestBatch, RequestStats
from rampdeck.requests import MOST_ERRORS, MOST_TALLIES, WINDOW, RequestBook, Span, Tally
from rampdeck.snapshot import HISTORY


def stats(name: str, ok: list[float], failed: dict[str, list[float]] | None = None) -> RequestStats:
    failures = failed or {}
    times = [time for list_ in failures.values() for time in list_]
    errors = {text: len(list_) for text, list_ in failures.items()}
    return RequestStats("GET", name, Histogram.of(ok), Histogram.of(times), len(ok), errors)


def second(number: int, *entries: RequestStats, users: int = 5, seconds: float = 1.0) -> RequestBatch:
    return RequestBatch(Instant(1_000_000.0 + number, float(number)), seconds, users, entries)


def nearest_rank(values: list[float], percent: float) -> float:
    return sorted(values)[ceil(len(values) * percent / 100) - 1]


def test_percentiles_are_those_of_the_sorted_times_within_one_per_cent() -> None:
    chance = random.Random(2213)
    book, times = RequestBook(), []
    for number in range(60):
        ok = [chance.lognormvariate(4, 1) for _ in range(40)]
        slow = [chance.uniform(2_000, 9_000) for _ in range(2)]
        times += ok + slow
        book.add(second(number, stats("/", ok, {"timeout": slow})), step=1)
    figures = book.whole.figures()
    for percent, value in ((50, figures.p50), (95, figures.p95), (99, figures.p99)):
        assert value == pytest.approx(nearest_rank(times, percent), rel=0.01)
    assert figures.highest == max(times)
    assert figures.mean == pytest.approx(sum(times) / len(times))
    assert (figures.requests, figures.failures, figures.seconds) == (2_520, 120, 60)
    assert figures.rps == 42
    assert figures.error_rate == pytest.approx(120 / 2_520)


def test_quick_failures_do_not_hide_slow_successes() -> None:
    book = RequestBook()
    book.add(second(1, stats("/", [900.0] * 10, {"refused": [1.0] * 190})), step=None)
    figures = book.whole.figures()
    assert figures.p95 == pytest.approx(1, rel=0.01)
    assert figures.ok_p95 == pytest.approx(900, rel=0.01)


def test_the_window_holds_the_last_seconds_only() -> None:
    book = RequestBook()
    for number in range(30):
        book.add(second(number, stats("/", [100.0 if number < 20 else 10.0] * 4)), step=None)
    window = book.window.figures()
    assert (window.requests, window.seconds, window.rps) == (WINDOW * 4, WINDOW, 4)
    assert window.p99 == pytest.approx(10, rel=0.01)
    assert book.whole.figures().p95 == pytest.approx(100, rel=0.01)


def test_a_window_that_has_run_dry_says_none_not_the_last_known() -> None:
    book = RequestBook()
    book.add(second(0, stats("/", [10.0])), step=None)
    for number in range(1, WINDOW + 1):
        book.add(second(number), step=None)
    window = book.window.figures()
    assert (window.requests, window.rps, window.p95, window.error_rate) == (0, 0.0, None, None)


def test_a_level_has_only_what_was_measured_at_it() -> None:
    book = RequestBook()
    for number, step in enumerate((None, 1, 1, None, 2)):
        book.add(second(number, stats("/", [10.0 * (number + 1)])), step)
    assert [(n, span.figures().requests) for n, span in book.steps.items()] == [(1, 2), (2, 1)]
    assert book.steps[2].figures().p50 == pytest.approx(50, rel=0.01)


def test_the_rate_of_the_whole_run_is_that_of_the_seconds_with_load() -> None:
    book = RequestBook()
    for number in range(10):
        book.add(second(number, stats("/", [10.0] * 20)), step=None)
    for number in range(10, 25):
        book.add(second(number, users=0), step=None)
    assert book.whole.figures().rps == 20


def test_errors_are_ranked_and_many_texts_are_counted_but_not_kept() -> None:
    book = RequestBook()
    book.add(second(0, stats("/", [], {"500": [1.0] * 7, "timeout": [1.0] * 9})), step=None)
    for number in range(MOST_ERRORS):
        book.add(second(number, stats("/x", [], {f"order {number} not found": [1.0]})), step=None)
    worst = list(book.worst_errors(2))
    assert worst == [("GET", "/", "timeout", 9), ("GET", "/", "500", 7)]
    assert len(book.errors) == MOST_ERRORS
    assert sum(book.errors.values()) + book.errors_left_out == 16 + MOST_ERRORS


def size(book: RequestBook) -> int:
    """The values that a book holds."""
    spans = [book.whole, book.window, *book.steps.values()]
    tallies = [tally for span in spans for tally in (span.total, *span.names.values())]
    histograms = [histogram for tally in tallies for histogram in (tally.successes, tally.failures)]
    histories = [*book.p95.values(), book.total_p95, book.rps, book.error_rate]
    return (
        sum(len(histogram.buckets) for histogram in histograms)
        + sum(len(history.series()) for history in histories)
        + len(book._recent)
        + len(book.errors)
    )


def test_hours_take_no_more_room_than_minutes() -> None:
    book = RequestBook()

    def run(seconds: int) -> None:
        for number in range(seconds):
            ok = [10.0 + number % 50]
            book.add(second(number, stats("/", ok, {"500": [5.0 + number % 7]})), step=1)
            book.tick()

    run(HISTORY)
    before = size(book)
    run(3 * 3_600)
    assert size(book) == before


def test_the_figures_tell_the_wire_time_and_what_the_generator_added() -> None:
    span = Span()
    home = RequestStats(
        "GET",
        "/",
        Histogram.of([20.0] * 100),
        Histogram(),
        locust=Histogram.of([50.0] * 100),
        delay=Histogram.of([30.0] * 100),
        redirects=4,
        killed=2,
    )
    span.add(RequestBatch(Instant.now(), 1.0, 5, (home, home)))
    figures = span.figures()
    assert (figures.p95, figures.locust_p95, figures.delay_p95) == (20.0, 50.0, 30.0)
    assert (figures.stamped, figures.redirects, figures.killed) == (200, 8, 4)
    span.subtract(RequestBatch(Instant.now(), 1.0, 5, (home,)))
    assert (span.figures().stamped, span.figures().redirects, span.figures().killed) == (100, 4, 2)


def test_a_span_tells_its_times_from_p50_to_p9999_of_all_requests_and_of_successes() -> None:
    tally = Tally()
    tally.add(RequestStats("GET", "/", Histogram.of([100.0] * 9_999 + [900.0]), Histogram.of([1.0] * 10_000)))
    spreads = tally.spreads()
    assert (spreads.all.p50, spreads.failed.p50) == (1.0, 1.0)
    assert spreads.ok.p50 == pytest.approx(100.0, rel=0.01)
    assert spreads.ok.p9999 == pytest.approx(100.0, rel=0.01)
    assert spreads.ok.highest == spreads.all.highest == 900.0
    assert spreads.all.count == 20_000
    assert spreads.delay.p95 is None
    assert spreads.locust == spreads.all  # the only clock there is


def test_levels_without_end_with_many_names_keep_their_sums_and_forget_old_names() -> None:
    book, names, levels = RequestBook(), 100, 50
    for level in range(1, levels + 1):
        book.add(second(level, *(stats(f"/{name}", [10.0] * 2) for name in range(names))), step=level)
    assert {span.figures().requests for span in book.steps.values()} == {2 * names}
    kept = [number for number, span in book.steps.items() if span.names]
    assert kept == list(range(levels - MOST_TALLIES // names, levels + 1))
    assert book.steps[1].forgotten == names
    assert book.steps[levels].forgotten == 0


def test_a_copy_of_requests_is_of_its_moment() -> None:
    tally = Tally()
    stats = RequestStats("GET", "/", Histogram.of([10.0]), Histogram(), 7, locust=Histogram.of([12.0]))
    tally.add(stats)
    before = tally.copy()
    figures, spreads = before.figures(1.0), before.spreads()
    tally.add(replace(stats, failures=Histogram.of([900.0] * 9), killed=1))
    assert (before.figures(1.0), before.spreads()) == (figures, spreads)
    assert tally.figures(1.0).requests == 11
