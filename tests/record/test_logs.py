"""What the logs said is in the record: the worst and most frequent lines, folded, clean, without secrets."""

from __future__ import annotations

import json

import pytest

from rampdeck.gate import Gate
from rampdeck.model import Event, EventKind, Instant, Severity, SourceInfo
from rampdeck.record import markdown
from rampdeck.record.conclude import Matter, result_of
from rampdeck.record.html import Page, html
from rampdeck.record.json import dumps
from rampdeck.record.logs import MOST
from rampdeck.record.result import Result
from rampdeck.record.timeline import Timeline
from rampdeck.session import Session

BEGAN = Instant(1_795_350_060.0, 1_000.0)  # 2026-11-22 12:21:00 UTC


def line(text: str, second: float = 0, severity: Severity = Severity.INFO, **fields: str) -> Event:
    return Event(BEGAN.plus(second), "gunicorn@app-1", EventKind.LOG, severity, text, fields=fields)


def result(*lines: Event) -> Result:
    session = Session({}, lambda _: None)
    session.append(SourceInfo("gunicorn@app-1", "gunicorn", "app-1"))
    for one in lines:
        session.append(one)
    return result_of(session, Gate([]), Matter("smoke", ""), BEGAN.plus(600))


def test_a_flood_is_one_row_with_its_count_and_times() -> None:
    flood = [line(f"payment {n} was lost", n / 10, Severity.ERROR, signal="app_error") for n in range(3_000)]
    concluded = result(line("before", before="start"), *flood, line("all is well"))
    row = next(row for row in markdown(concluded).splitlines() if "payment" in row)
    assert [cell.strip() for cell in row.split("|")[1:-1]] == [
        "`gunicorn@app-1`", "error", "app error", "`payment … was lost`", "3 000", "12:21:00", "12:25:59",
    ]  # fmt: skip
    (told,) = json.loads(dumps(concluded))["logs"]
    assert told["source"] == "gunicorn@app-1"
    assert [one["count"] for one in told["said"]] == [3_000, 1]
    assert told["said"][0]["example"] == "payment 2999 was lost"
    assert told["said"][0]["last"] == "2026-11-22T12:25:59.900Z"
    assert "before" not in markdown(concluded)


def test_lines_that_share_no_word_are_shown_by_an_example_and_tracebacks_with_what_was_raised() -> None:
    failed = [line(f'"GET /orders/{n}/ HTTP/1.1" 502 157 "-" rt=0.{n} us=502', n) for n in range(3)]
    raised = [
        line(f"Internal Server Error: /\nTraceback:\n  x\nConnectionError: Error {n}", n) for n in range(3)
    ]
    section = markdown(result(*failed, *raised)).partition("## What the logs said")[2]
    assert 'such as `"GET /orders/2/ HTTP/1.1" 502 157 "-" rt=0.2 us=502`' in section
    assert "`Internal Server Error: / … ConnectionError: Error …`" in section


def test_what_has_no_room_in_the_table_is_counted() -> None:
    many = [line(f"line {chr(97 + n)}") for n in range(20)]
    concluded = result(*many, line("it broke", severity=Severity.CRITICAL))
    section = markdown(concluded).partition("## What the logs said")[2]
    assert section.index("it broke") < section.index("line a")
    assert f"Not listed: {21 - MOST} more lines of `gunicorn@app-1`." in section
    assert json.loads(dumps(concluded))["logs"][0]["others"] == 21 - MOST


def test_a_session_whose_logs_said_nothing_has_no_such_section() -> None:
    assert "What the logs said" not in markdown(result())


def test_the_page_has_it_too() -> None:
    many = [line(f"<b>line</b> {chr(97 + n)}") for n in range(MOST + 1)]
    page = html(Page(result(*many, line("it broke", severity=Severity.CRITICAL)), Timeline()))
    assert "<h2>What the logs said</h2>" in page
    assert "<code>it broke</code>" in page
    assert "&lt;b&gt;line&lt;/b&gt; a" in page
    assert "<p>Not listed: 2 more lines of <code>gunicorn@app-1</code>.</p>" in page


@pytest.mark.parametrize("count", [1, 2])
def test_hostile_lines_are_clean_and_their_secrets_taken_out(count: int) -> None:
    text = "\x1b[2J| `x` </td> postgres://shop:hunter2secret@db/shop"
    concluded = result(*[line(text)] * count)
    section = markdown(concluded).partition("## What the logs said")[2]
    page = html(Page(concluded, Timeline()))
    assert "\x1b" not in section + page
    assert "hunter2secret" not in section + page + dumps(concluded)
    assert "| `x` </td>" not in page
