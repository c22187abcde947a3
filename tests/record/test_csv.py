"""Locust's CSV files, with figures that hold; pure text from a book of requests."""

from __future__ import annotations

import csv
import io
import random
import resource
from pathlib import Path

import pytest

from rampdeck.errors import RecordError
from rampdeck.headless.csvfiles import _append
from rampdeck.histogram import Histogram
from rampdeck.model import Instant, RequestBatch, RequestStats
from rampdeck.record.csv import (
    LEFT_OUT,
    Medians,
    exceptions_csv,
    failures,
    failures_csv,
    history_csv,
    history_head,
    readable,
    second,
    stats_csv,
    totals,
)
from rampdeck.requests import MOST_ERRORS, WINDOW, RequestBook

PERCENTS = (50.0, 95.0, 99.9, 100.0)
HOSTILE = "=cmd|\"x\", 'y'\nnew line; ümläut"
AT = Instant(1_795_350_060.0, 100.0)


def book(*seconds: tuple[RequestStats, ...]) -> RequestBook:
    """A book of one batch a second."""
    made = RequestBook()
    for number, entries in enumerate(seconds, 1):
        made.add(RequestBatch(AT.plus(number), 1.0, 7, entries), None)
    return made


def stats(
    name: str, times: list[float], failed: int = 0, text: str = "HTTPError: 500", size: int = 0
) -> RequestStats:
    errors = {text: failed} if failed else {}
    return RequestStats("GET", name, Histogram.of(times), Histogram.of([5.0] * failed), size, errors)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_every_name_has_a_row_in_locusts_order_and_all_together_the_last() -> None:
    kept = book((stats("/b", [10.0] * 9, failed=1, size=50), stats("/a", [40.0])), (stats("/a", [60.0]),))
    found = rows(stats_csv(totals(kept.whole), PERCENTS))
    assert [(row["Type"], row["Name"]) for row in found] == [("GET", "/a"), ("GET", "/b"), ("", "Aggregated")]
    b = found[1]
    assert (b["Request Count"], b["Failure Count"]) == ("10", "1")
    assert float(b["Average Response Time"]) == pytest.approx(9.5)
    assert (float(b["Min Response Time"]), float(b["Max Response Time"])) == (5.0, 10.0)
    assert float(b["Average Content Size"]) == 5.0
    assert (float(b["Requests/s"]), float(b["Failures/s"])) == (5.0, 0.5), "over the whole run"
    assert int(found[2]["Request Count"]) == 12


def test_percentiles_are_not_rounded_to_two_digits() -> None:
    kept = book((stats("/", [795.0] * 90 + [804.0] * 10),))
    all_together = rows(stats_csv(totals(kept.whole), PERCENTS))[-1]
    assert float(all_together["50%"]) == pytest.approx(795, rel=0.01)
    assert float(all_together["95%"]) == pytest.approx(804, rel=0.01)
    assert float(all_together["100%"]) == 804.0
    assert all_together["50%"] != all_together["95%"], "Locust calls both 800"


def test_quick_answers_are_not_zero() -> None:
    kept = book((stats("/", [0.4]),))
    assert float(rows(stats_csv(totals(kept.whole), PERCENTS))[-1]["50%"]) == pytest.approx(0.4, rel=0.01)


def test_the_heads_name_percentiles_as_locust_does() -> None:
    from locust.stats import PERCENTILES_TO_REPORT, get_readable_percentiles

    from rampdeck.engine.locuststats import percentiles

    assert list(readable(percentiles())) == get_readable_percentiles(PERCENTILES_TO_REPORT)


def test_the_history_tells_of_the_last_seconds_beside_the_whole_run() -> None:
    quick = [(stats("/", [10.0] * 10),)] * 2 * WINDOW
    slow = [(stats("/", [900.0] * 10),)] * WINDOW
    kept = book(*quick, *slow)
    text = history_head(PERCENTS) + history_csv([second(kept, AT.utc, 7, Medians(), full=False)], PERCENTS)
    (row,) = rows(text)
    assert (row["Timestamp"], row["User Count"], row["Name"]) == ("1795350060", "7", "Aggregated")
    assert row["Requests/s"] == "10.000000"
    assert float(row["50%"]) == pytest.approx(900, rel=0.01), "a collapse shows at once"
    assert float(row["Total Median Response Time"]) == pytest.approx(10, rel=0.01)
    assert row["Total Request Count"] == "300"


def test_the_full_history_has_every_name_also_one_that_is_quiet_now() -> None:
    kept = book((stats("/once", [10.0]),), *[(stats("/", [20.0]),)] * WINDOW)
    found = rows(
        history_head(PERCENTS) + history_csv([second(kept, AT.utc, 7, Medians(), full=True)], PERCENTS)
    )
    assert [row["Name"] for row in found] == ["/", "/once", "Aggregated"]
    assert (found[1]["Requests/s"], found[1]["95%"], found[1]["Total Request Count"]) == (
        "0.000000",
        "N/A",
        "1",
    )


def test_the_median_of_the_whole_run_is_right_in_every_second_of_it() -> None:
    kept, medians, chance = RequestBook(), Medians(), random.Random(5)
    for number in range(300):
        times = [chance.lognormvariate(3.0 + number / 100, 0.5) for _ in range(chance.randrange(1, 30))]
        kept.add(RequestBatch(AT.plus(number), 1.0, 7, (stats("/", times, failed=number % 3),)), None)
        (row, _) = rows(
            history_head(PERCENTS) + history_csv([second(kept, AT.utc, 7, medians, full=True)], PERCENTS)
        )
        exact = kept.whole.names["GET", "/"].all().percentile(50)
        assert float(row["Total Median Response Time"]) == pytest.approx(exact, abs=0.01), number


def test_before_the_load_there_is_no_data_rather_than_a_time_of_zero() -> None:
    (row,) = rows(
        history_head(PERCENTS) + history_csv([second(book(), AT.utc, 0, Medians(), full=True)], PERCENTS)
    )
    assert (row["50%"], row["Total Request Count"]) == ("N/A", "0")


def test_a_copy_does_not_change_with_what_comes_later() -> None:
    kept = book((stats("/", [10.0]),))
    before = totals(kept.whole)
    kept.add(RequestBatch(AT.plus(9), 1.0, 7, (stats("/", [99.0]),)), None)
    assert [row["Request Count"] for row in rows(stats_csv(before, PERCENTS))] == ["1", "1"]


def test_failures_have_their_first_and_last_time_and_locusts_spelling() -> None:
    kept = book((stats("/", [], 2),), (stats("/", [1.0]),), (stats("/", [], 1), stats("/b", [], 9, "other")))
    found = rows(failures_csv(failures(kept, {"HTTPError: 500": "HTTPError('500')"})))
    assert [(row["Name"], row["Error"], row["Occurrences"]) for row in found] == [
        ("/b", "other", "9"),
        ("/", "HTTPError('500')", "3"),
    ]
    assert (found[1]["First Seen"], found[1]["Last Seen"]) == ("2026-11-22T12:21:00Z", "2026-11-22T12:21:03Z")


def test_errors_beyond_the_limit_are_counted_in_a_row_of_their_own() -> None:
    kept = book(*((stats("/", [], 1, f"error {number}"),) for number in range(MOST_ERRORS + 3)))
    found = rows(failures_csv(failures(kept, {})))
    assert (found[-1]["Error"], found[-1]["Occurrences"]) == (LEFT_OUT, "3")
    assert sum(int(row["Occurrences"]) for row in found) == kept.whole.total.failures.count


def test_hostile_names_come_back_as_they_were() -> None:
    kept = book((stats(HOSTILE, [1.0], 1, HOSTILE),))
    assert rows(stats_csv(totals(kept.whole), PERCENTS))[0]["Name"] == HOSTILE
    assert rows(failures_csv(failures(kept, {})))[0]["Error"] == HOSTILE
    assert rows(exceptions_csv([(2, HOSTILE, "line 1\nline 2\n", ("local", "w1"))])) == [
        {"Count": "2", "Message": HOSTILE, "Traceback": "line 1\nline 2\n", "Nodes": "local, w1"}
    ]


def test_secrets_do_not_reach_the_files() -> None:
    kept = book((stats("/login?password=hunter2", [1.0], 1, "token=hunter2 is wrong"),))
    written = stats_csv(totals(kept.whole), PERCENTS) + failures_csv(failures(kept, {}))
    written += exceptions_csv([(1, "password=hunter2", 'login(password="hunter2")', ("local",))])
    assert "hunter2" not in written


def test_half_a_line_on_a_full_disk_is_taken_back_and_written_later(tmp_path: Path) -> None:
    path = tmp_path / "x_stats_history.csv"
    kept = book((stats("/", [10.0]),))
    moments = [second(kept, AT.utc + number, 7, Medians(), full=False) for number in range(50)]
    good = _append(path, 0, moments[:1], PERCENTS)
    before = path.read_bytes()
    assert good == len(before)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (good + 30, hard))
    try:
        with pytest.raises(RecordError, match="cannot write"):
            _append(path, good, moments[1:], PERCENTS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    _append(path, good, moments[1:], PERCENTS)
    assert [int(row["Timestamp"]) for row in rows(path.read_text())] == [int(m.utc) for m in moments]
