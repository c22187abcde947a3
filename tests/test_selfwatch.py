"""What the generator knows of its own requests."""

from __future__ import annotations

import pytest

from rampdeck.histogram import Histogram
from rampdeck.model import Instant, RequestBatch, RequestStats
from rampdeck.requests import RequestBook
from rampdeck.selfwatch import stamped


def after(answered: int, with_stamp: int, failed: int = 0) -> RequestBook:
    """A second in which so many requests were answered, and others were not."""
    book = RequestBook()
    stats = RequestStats(
        *("GET", "/", Histogram.of([5.0] * answered), Histogram.of([30_000.0] * failed)),
        delay=Histogram.of([1.0] * with_stamp),
    )
    book.add(RequestBatch(Instant(1_000_000.0, 10.0), 1.0, 5, (stats,)), None)
    return book


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("failed", [0, 500])
def test_where_a_server_hangs_the_clock_itself_says_whether_it_runs(running: bool, failed: int) -> None:
    assert stamped(after(0, 0, failed), running=running) is running


def test_clients_that_the_clock_does_not_see_have_times_of_their_own() -> None:
    assert not stamped(after(100, 10), running=True)
    assert stamped(after(100, 90), running=True)
