"""What workers tell, as it comes in: of other versions, and of plain Locust."""

from __future__ import annotations

from typing import Any

from rampdeck.engine import reports
from rampdeck.engine.recorder import MOST_ERRORS, MOST_EXCEPTIONS, MOST_TEXT, OTHER_ERRORS
from rampdeck.engine.roll import MISSED
from tests.engine.conftest import Target
from tests.engine.crew import Make, cockpit, until

__all__ = ["cockpit"]


async def test_a_worker_whose_reports_cannot_be_read_is_told_and_sent_away(
    cockpit: Make, target: Target
) -> None:
    crew = cockpit()
    crew.start("one", "two")
    await crew.joined(2)
    await crew.at(4)
    other = {"format": reports.FORMAT + 1, "number": 1, "version": "9.9.9", "entries": [[1, 2]]}
    crew.driver._on_report(crew.worker("one").id, {reports.KEY: [other, other]})
    missed = [text for text, signal, _ in crew.driver.roll.told if signal == MISSED]
    assert len(missed) == 1, "once"
    assert missed[0].startswith("worker one runs Rampdeck 9.9.9, whose reports ")
    await until(lambda: crew.worker("one").state == "gone" and crew.worker("two").users == 4)
    await crew.stopped()


async def test_what_a_plain_worker_raises_is_counted_by_its_text_and_not_without_end(cockpit: Make) -> None:
    crew = cockpit()
    crew.start_plain("theirs")
    await crew.joined(1)
    (worker,) = crew.driver.roll.plain
    for address in range(3):
        crew.driver.runner.log_exception(worker.id, f"<Order at 0x7f{address}> is lost", "")
    assert crew.engine.exceptions == {"<Order at 0x…> is lost": 3}
    for number in range(2 * MOST_EXCEPTIONS):
        crew.driver.runner.log_exception(worker.id, f"order {number} {'x' * 5000}", "")
    assert len(crew.engine.exceptions) == MOST_EXCEPTIONS + 1
    assert crew.engine.exceptions[OTHER_ERRORS] == MOST_EXCEPTIONS + 1
    assert max(map(len, crew.engine.exceptions)) == MOST_TEXT


def test_names_and_errors_of_a_plain_worker_are_cut_as_ours_are() -> None:
    name = "/orders/" + "x" * 5000
    count = MOST_ERRORS + 10
    errors = {
        str(number): {"method": "GET", "name": name, "error": f"{number} {'y' * 5000}", "occurrences": 2}
        for number in range(count)
    }
    entry: dict[str, Any] = {
        "method": "GET",
        "name": name,
        "response_times": {12: 2 * count},
        "num_none_requests": 0,
        "num_failures": 2 * count,
        "total_response_time": 24.0 * count,
        "max_response_time": 12.0,
        "min_response_time": 12.0,
        "total_content_length": 0,
    }
    (stats,) = reports.of_locust({"stats": [entry], "errors": errors})
    assert len(stats.name) == MOST_TEXT
    assert len(stats.errors) == MOST_ERRORS + 1
    assert max(map(len, stats.errors)) == MOST_TEXT
    assert sum(stats.errors.values()) == stats.failures.count == 2 * count, "all are there"
