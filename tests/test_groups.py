"""A flood of lines that nobody knows can be read in a few entries, and no line is forgotten in the count."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rampdeck.groups import Groups
from rampdeck.model import Event, EventKind, Instant, Severity
from tests.collectors.fuzzing import fuzz

START = Instant(1_795_350_000.0, 10_000.0)


def line(text: str, second: float = 0.0, severity: Severity = Severity.INFO, signal: str = "") -> Event:
    fields = {"signal": signal} if signal else {}
    return Event(START.plus(second), "gunicorn@app", EventKind.LOG, severity, text, fields=fields)


def letters(number: int) -> str:
    return "".join(chr(97 + int(digit)) for digit in str(number))


def test_alike_lines_are_one_entry_with_count_and_times() -> None:
    groups = Groups()
    for number in range(1000):
        groups.add(line(f"order {number} lost", number, Severity.ERROR, "app_error"))
    (group,) = groups.worst(10)
    assert (group.template, group.count, group.signal) == ("order … lost", 1000, "app_error")
    assert (group.first, group.last) == (START.utc, START.utc + 999)
    assert group.example == "order 999 lost"


def test_the_worst_come_first_and_among_them_the_most_frequent() -> None:
    groups = Groups()
    for text, severity, times in [("a", 6, 9), ("b", 3, 2), ("c", 3, 5), ("d", 2, 1)]:
        for _ in range(times):
            groups.add(line(text, severity=Severity(severity)))
    assert [group.template for group in groups.worst(3)] == ["d", "c", "b"]


def test_what_is_rare_makes_room_and_is_still_counted() -> None:
    groups = Groups(kept=20)
    for _ in range(50):
        groups.add(line("again and again"))
    groups.add(line("it broke once", severity=Severity.ERROR))
    for number in range(1_000):
        groups.add(line(letters(number), number))
    assert len(groups) <= 20
    assert groups.lines == 1_051
    assert groups.others > 900
    assert [group.template for group in groups.worst(2)] == ["it broke once", "again and again"]


@fuzz
@given(st.lists(st.tuples(st.text(max_size=5), st.sampled_from(Severity)), max_size=200))
def test_every_line_is_counted_once(lines: list[tuple[str, Severity]]) -> None:
    groups = Groups(kept=7)
    for text, severity in lines:
        groups.add(line(text, severity=severity))
    assert groups.lines == len(lines)
    assert len(groups) <= 7
