"""Three books of one window: what the bench says of them, by hand and after a real run."""

from __future__ import annotations

from array import array
from dataclasses import replace
from pathlib import Path

import pytest

from bench.figures import Spread
from bench.loopback import Book
from bench.runs import RunFailed
from bench.truth import Cell, Measured, Window, aims, cells, compared, doubts, measured, table, windowed
from rampdeck.histogram import Histogram
from rampdeck.model import Instant, RequestBatch, RequestStats, Step
from rampdeck.requests import Span
from rampdeck.store import SessionWriter

CELL = cells()[0]
TRUE = Spread(1_000, 20.0, 40.0, 100.0, 200.0, 300.0)
BEGAN = Instant(1_795_000_000.0, 5_000.0)


def found(wire: Spread, cell: Cell = CELL) -> Measured:
    return Measured(cell, TRUE, wire, replace(TRUE, p95=60.0), 200.0, 0, 1.0)


def second(number: int, *times: float) -> RequestBatch:
    stats = RequestStats("GET", "/", Histogram.of(times), Histogram(), delay=Histogram.of([1.0] * len(times)))
    return RequestBatch(BEGAN.plus(number), 1.0, 10, (stats,))


def test_every_combination_is_measured_once() -> None:
    names = [cell.name for cell in cells()]

    assert len(names) == len(set(names)) == 3 * 2 * 2 * 2 * 2
    assert "tail, HttpUser, saturated, TLS, heavy" in names


@pytest.mark.parametrize(
    ("wire", "missed"),
    [
        (TRUE, []),
        (replace(TRUE, p50=20.9), []),
        (replace(TRUE, p50=20.91), ["p50"]),
        (replace(TRUE, p50=19.09), ["p50"]),
        (replace(TRUE, p99=102.6), ["p99"]),
        (replace(TRUE, p999=220.4), []),
        (replace(TRUE, p999=179.0), ["p999"]),
    ],
)
def test_a_percentile_may_be_off_by_a_share_and_half_a_millisecond(wire: Spread, missed: list[str]) -> None:
    assert found(wire).misses() == missed


def test_one_cell_that_is_off_misses_the_aim_and_is_named() -> None:
    bad = found(replace(TRUE, p95=45.0), cells()[5])

    (p95,) = (aim for aim in aims([found(TRUE), bad]) if not aim.met)

    assert p95.what == "wire p95"
    assert p95.measured == f"1 of 2 cells; worst 45.0 for 40.0 ms ({cells()[5].name})"
    assert "✖ p95" in list(table([bad]))[-1]
    assert "| +0.0 / +50.0 / +0.0 / +0.0 | ✔ |" in list(table([found(TRUE)]))[-1], "Locust's error beside it"


def test_a_cell_that_could_not_be_measured_is_no_success_and_says_why() -> None:
    lost = replace(found(TRUE), lost="the run left no figures")

    assert not any(aim.met for aim in aims([found(TRUE), lost]))
    assert list(table([lost]))[-1].endswith("✖ not measured |")
    assert list(doubts([lost])) == [f"{CELL.name}: not measured: the run left no figures"]


async def test_the_measured_part_of_a_session_is_its_window(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "session.sqlite")
    level = Step(1, 10, 10.0, "plan", BEGAN)
    writer.append(level)
    writer.append(second(1, 900.0))
    writer.append(replace(level, reached=BEGAN.plus(1), measured_from=BEGAN.plus(2)))
    writer.append(second(2, 900.0))
    writer.append(second(3, 10.0, 20.0))
    writer.append(second(4, 30.0))
    writer.append(replace(level, reached=BEGAN.plus(1), measured_from=BEGAN.plus(2), ended=BEGAN.plus(4.05)))
    writer.append(second(5, 900.0))
    await writer.close()

    window = windowed(writer.path, settled=BEGAN.utc + 0.5)
    later = windowed(writer.path, settled=BEGAN.utc + 1.5)

    assert (window.begin, window.end) == (BEGAN.utc + 2, BEGAN.utc + 4)
    assert window.requests.total.all().count == 3
    assert window.requests.total.all().highest == 30.0
    assert (later.begin, later.end) == (BEGAN.utc + 3, BEGAN.utc + 4), "connecting is left out"
    with pytest.raises(RunFailed, match="still connecting"):
        windowed(writer.path, settled=BEGAN.utc + 3.5)


def test_what_was_over_outside_of_the_window_is_in_no_book() -> None:
    span = Span()
    span.add(second(1, 10.0, 20.0))
    moments = array("q", [round((BEGAN.utc + at) * 1e9) for at in (-0.5, 0.2, 0.7, 1.5)])
    book = Book(moments, array("d", [500.0, 10.0, 20.0, 500.0]))

    books = compared(CELL, Window(BEGAN.utc, BEGAN.utc + 1, span), book, book)

    assert (books.server.count, books.locust.count, books.wire.count) == (2, 2, 2)
    assert books.server.highest == 20.0
    assert books.wire.p50 == pytest.approx(10.0, rel=0.01)
    assert books.stamped == 1.0


def test_requests_without_a_stamp_and_books_that_disagree_are_told() -> None:
    doubtful = replace(found(replace(TRUE, count=5_000)), stamped=0.5, failures=2)

    told = " ".join(doubts([doubtful]))

    assert "2 requests failed" in told
    assert "50% of the requests" in told
    assert "1000 / 5000 / 1000" in told
    assert not list(doubts([found(TRUE)]))


@pytest.mark.parametrize(
    "name", ["constant, FastHttpUser, 200 req/s, plain, light", "tail, HttpUser, 200 req/s, TLS, heavy"]
)
def test_a_run_of_the_cockpit_counts_what_the_server_counts(tmp_path: Path, name: str) -> None:
    wanted = [cell for cell in cells() if cell.name == name]

    (books,) = measured(tmp_path, wanted, 3.0, lambda _: None)

    assert books.failures == 0
    assert books.stamped > 0.9
    assert books.wire.count >= 100
    assert abs(books.server.count - books.wire.count) <= books.cell.case.users
    assert abs(books.locust.count - books.wire.count) <= books.cell.case.users
    assert list(tmp_path.glob("truth-*")) == []
