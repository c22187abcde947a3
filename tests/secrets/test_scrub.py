"""What comes into the session comes without secrets, whatever kind of item it is."""

from __future__ import annotations

import pytest

from rampdeck.histogram import Histogram
from rampdeck.model import (
    Event,
    EventKind,
    Instant,
    RequestBatch,
    RequestStats,
    Sample,
    Severity,
    SourceInfo,
    Step,
    Value,
)
from rampdeck.secrets.scrub import scrubbed
from rampdeck.session import Item, Session

AT = Instant(1_795_350_000.0, 100.0)
SECRET = "hunter2-S3cr3t"


def event(kind: EventKind, text: str, **fields: str) -> Event:
    return Event(AT, "operator", kind, Severity.NOTICE, text, fields=fields)


def stats(name: str, times: int, errors: dict[str, int] | None = None) -> RequestStats:
    return RequestStats(
        "GET", name, Histogram.of([5.0] * times), Histogram(), bytes=times, errors=errors or {}
    )


@pytest.mark.parametrize("kind", list(EventKind))
def test_events_of_every_kind_lose_the_secrets_of_their_text_and_their_fields(kind: EventKind) -> None:
    noted = event(
        kind, f"password={SECRET}, after the deploy", note=f"the token is {SECRET}", name="Ada", count="3"
    )
    assert scrubbed(noted) == event(
        kind, "password=***, after the deploy", note="the token is ***", name="Ada", count="3"
    )


def test_rows_of_tables_lose_theirs_and_numbers_stay() -> None:
    row: dict[str, Value] = {
        "query": f"ALTER ROLE app PASSWORD '{SECRET}'",
        "calls": 3,
        "mean": 1.5,
        "wait": None,
    }
    clean: dict[str, Value] = {"query": "SELECT 1", "calls": 1}
    sample = scrubbed(Sample(AT, "postgres@db", {"connections": 3.0}, (row, clean)))
    assert isinstance(sample, Sample)
    assert sample.rows == ({**row, "query": "ALTER ROLE app PASSWORD ***"}, clean)
    assert sample.values == {"connections": 3.0}


def test_names_that_differ_by_a_secret_alone_are_one_name_and_nothing_of_them_is_lost() -> None:
    entries = (
        stats("/reset?token=a1b2c3", 2, {"403 for token=a1b2c3": 1}),
        stats("/", 1),
        stats("/reset?token=d4e5f6", 3, {"403 for token=d4e5f6": 2, "404": 1}),
    )
    batch = scrubbed(RequestBatch(AT, 1.0, 5, entries))
    assert isinstance(batch, RequestBatch)
    reset, home = batch.entries
    assert (reset.name, reset.successes.count, reset.bytes) == ("/reset?token=***", 5, 5)
    assert reset.errors == {"403 for token=***": 3, "404": 1}
    assert home is entries[1]
    assert [entry.successes.count for entry in entries] == [2, 1, 3], "what came in is not touched"


def test_a_stage_may_be_called_by_a_secret_too() -> None:
    step = scrubbed(Step(1, 5, 1.0, "plan", AT, stage=f"peak password={SECRET}"))
    assert isinstance(step, Step)
    assert step.stage == "peak password=***"


def test_what_has_no_secret_stays_the_same_object() -> None:
    items: list[Item] = [
        event(EventKind.LOG, "Booting worker with pid: 7", signal="boot"),
        Sample(AT, "host@web", {"cpu": 3.0}, ({"name": "gunicorn", "pid": 7},)),
        RequestBatch(AT, 1.0, 5, (stats("/reset-token/[id]", 1, {"500": 1}),)),
        Step(1, 5, 1.0, "plan", AT, stage="peak"),
        SourceInfo("nginx@web", "nginx", "web"),
    ]
    for item in items:
        assert scrubbed(item) is item


def test_the_session_the_store_and_the_panes_get_the_same() -> None:
    stored: list[Item] = []
    session = Session({}, stored.append)
    session.append(SourceInfo("gunicorn@web", "gunicorn", "web"))
    line = Event(AT, "gunicorn@web", EventKind.LOG, Severity.ERROR, f"failed at redis://:{SECRET}@cache/0")
    session.append(line)
    session.say(EventKind.MARK, f"password={SECRET} is out")
    shown = [event.text for event in session.events_after(0, ("gunicorn", "operator"), 10)[1]]
    assert shown == ["failed at redis://:***@cache/0", "password=*** is out"]
    assert [item.text for item in stored if isinstance(item, Event)] == shown
    assert session.mark is not None
    assert session.mark.text == shown[1]
    assert SECRET not in repr(
        [vars(group) if hasattr(group, "__dict__") else group for group in session.sources.values()]
    )
