"""A session's requests are enough for Locust's CSV files, with the columns that Locust itself writes."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

from rampdeck.headless.csvfiles import files
from rampdeck.histogram import Histogram
from rampdeck.model import Instant, RequestBatch, RequestStats
from rampdeck.record.locustcsv import EXCEPTIONS, FAILURES, HISTORY, PERCENTS, STATS, locust_csv

AT = Instant(1_795_350_060.0, 100.0)
LOCUSTS_OWN = """
import sys
from locust.env import Environment
from locust.stats import PERCENTILES_TO_REPORT, StatsCSVFileWriter

environment = Environment()
environment.create_local_runner()
stats = environment.stats
stats.log_request("GET", "/", 12.0, 100)
stats.log_request("POST", "/checkout/", 90.0, 10)
stats.log_error("POST", "/checkout/", "504")
writer = StatsCSVFileWriter(environment, PERCENTILES_TO_REPORT, sys.argv[1], full_history=True)
writer.stats_history_csv_writer.writerow(writer.stats_history_csv_columns)
writer._stats_history_data_rows(writer.stats_history_csv_writer, 1_795_350_060)
with open(sys.argv[1] + "_stats.csv", "w", newline="") as file:
    writer.requests_csv(__import__("csv").writer(file))
with open(sys.argv[1] + "_failures.csv", "w", newline="") as file:
    writer.failures_csv(__import__("csv").writer(file))
with open(sys.argv[1] + "_exceptions.csv", "w", newline="") as file:
    writer.exceptions_csv(__import__("csv").writer(file))
writer.close_files()
"""


def batches() -> list[RequestBatch]:
    home = RequestStats("GET", "/", Histogram.of([12.0]), Histogram(), 100)
    failed = RequestStats("POST", "/checkout/", Histogram(), Histogram.of([90.0]), 10, {"504": 1})
    return [RequestBatch(AT.plus(number), 1.0, 7, (home, failed)) for number in range(1, 4)]


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_the_columns_are_those_that_locust_itself_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", LOCUSTS_OWN, str(tmp_path / "locust")], check=True, timeout=60)
    written = locust_csv(batches(), full=True, raised=[(1, "boom", "line 1", ("local",))])
    for suffix in (STATS, HISTORY, FAILURES, EXCEPTIONS):
        theirs = rows((tmp_path / f"locust{suffix}").read_text())
        ours = rows(written[suffix])
        assert ours[0] == theirs[0], suffix
        assert {len(row) for row in ours} == {len(ours[0])}
        if suffix in (STATS, HISTORY, FAILURES):
            names = {tuple(row[2:4] if suffix == HISTORY else row[:2]) for row in theirs[1:]}
            assert {tuple(row[2:4] if suffix == HISTORY else row[:2]) for row in ours[1:]} == names


def test_the_percentiles_are_locusts() -> None:
    from locust.stats import PERCENTILES_TO_REPORT

    assert [round(share * 100, 6) for share in PERCENTILES_TO_REPORT] == list(PERCENTS)


def test_the_files_are_those_of_a_run() -> None:
    assert [path.name for path in files("x")] == [
        f"x{suffix}" for suffix in (STATS, HISTORY, FAILURES, EXCEPTIONS)
    ]


def test_each_recorded_second_is_a_line_and_the_totals_are_those_of_all() -> None:
    written = locust_csv(batches())
    history = list(csv.DictReader(io.StringIO(written[HISTORY], newline="")))
    assert [row["Timestamp"] for row in history] == ["1795350061", "1795350062", "1795350063"]
    assert [row["Total Request Count"] for row in history] == ["2", "4", "6"]
    assert [row["User Count"] for row in history] == ["7"] * 3
    stats = list(csv.DictReader(io.StringIO(written[STATS], newline="")))
    assert [(row["Name"], row["Request Count"]) for row in stats] == [
        ("/", "3"),
        ("/checkout/", "3"),
        ("Aggregated", "6"),
    ]
    failures = list(csv.DictReader(io.StringIO(written[FAILURES], newline="")))
    assert [(row["Error"], row["Occurrences"]) for row in failures] == [("504", "3")]


def test_without_knowing_what_was_raised_no_file_says_that_nothing_was() -> None:
    assert EXCEPTIONS not in locust_csv(batches())
    assert len(rows(locust_csv(batches(), raised=())[EXCEPTIONS])) == 1
