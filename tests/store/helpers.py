"""Items as a session brings them."""

from __future__ import annotations

from collections.abc import Mapping

from rampdeck.histogram import Histogram
from rampdeck.model import (
    Event,
    EventKind,
    Health,
    Instant,
    Pace,
    RequestBatch,
    RequestStats,
    Sample,
    Severity,
    SourceInfo,
    Step,
    Tick,
    Value,
)
from rampdeck.store import Item

START = Instant(1_795_000_000.25, 4_000.5)


def log(text: str, second: float = 0.0, source: str = "gunicorn@web") -> Event:
    return Event(START.plus(second), source, EventKind.LOG, Severity.INFO, text)


def batch(second: float = 1.0) -> RequestBatch:
    home = RequestStats(
        "GET",
        "/",
        Histogram.of([12.0, 14.5, 900.0]),
        Histogram(),
        bytes=4_096,
        locust=Histogram.of([13.0, 16.5, 950.0]),
        delay=Histogram.of([1.0, 2.0, 50.0]),
        corrected=Histogram.of([12.0, 14.5, 900.0, 400.0]),
        redirects=2,
        killed=3,
        unsent=1,
        unreported=4,
    )
    order = RequestStats(
        "POST", "/orders/new/", Histogram.of([80.0]), Histogram.of([3.0, 3.1]), 512, {"502 Bad Gateway": 2}
    )
    broken = RequestStats("GET", "/broken/", Histogram(), Histogram.of([1.0]), 7, {"500": 1})
    idle = RequestStats("GET", "/idle/", Histogram(), Histogram())
    paced = Pace(20.0, 40.0, 38, 2.5, 39, 11.25, 80, 5, 1, Histogram.of([0.5, 31.0]))
    pace = paced if second > 1 else None
    return RequestBatch(START.plus(second), 1.0, 20, (home, order, broken, idle), pace)


def sample(second: float = 1.0) -> Sample:
    rows: tuple[Mapping[str, Value], ...] = (
        {"pid": 41, "state": "active", "wait": None, "age": 1.5, "_health": Health.WARNING},
    )
    return Sample(START.plus(second), "postgres@db", {"connections": 12.0, "active": 3.0}, rows)


def session() -> list[Item]:
    """A short session with everything that can occur, in an order that matters."""
    step = Step(1, 20, 5.0, "key", START, stage="peak")
    reached = Step(1, 20, 5.0, "key", START, "peak", START.plus(4), START.plus(9))
    return [
        log("before anybody said who I am"),
        SourceInfo("gunicorn@web", "gunicorn", "web"),
        SourceInfo("postgres@db", "postgres", "db"),
        step,
        sample(1),
        batch(1),
        log("[INFO] Booting worker", 1.5),
        Event(START.plus(2), "operator", EventKind.KEY, Severity.NOTICE, "+10 users", fields={"key": "plus"}),
        batch(2),
        sample(2),
        reached,
        Event(START.plus(3), "gunicorn@web", EventKind.LOG, Severity.ERROR, "WORKER TIMEOUT", sent=1.5),
        Step(2, 30, 5.0, "key", START.plus(12)),
        Tick(START.plus(12), 20),
        Tick(START.plus(12.5), 21, beat=False),
    ]
