"""The session: what a run is derived from, live or read back."""

from __future__ import annotations

from dataclasses import replace

from rampdeck.histogram import Histogram
from rampdeck.model import (
    Event,
    EventKind,
    Health,
    Instant,
    RequestBatch,
    RequestStats,
    Sample,
    Severity,
    SourceInfo,
    Step,
    Tick,
    Value,
)
from rampdeck.session import EVENTS_KEPT, GAPS_KEPT, GRAVE, Item, Session
from rampdeck.snapshot import HISTORY
from rampdeck.view import Figure, Table, View

NGINX = SourceInfo("nginx@web", "nginx", "web")
VIEWS = {
    "nginx": View("Nginx", log=True, figures=((Figure("rps", "rps", spark=True), Figure("5xx", "5xx")),))
}


def at(second: float) -> Instant:
    return Instant(1_000_000.0 + second, second)


def line(second: float, text: str, severity: Severity = Severity.INFO, **fields: str) -> Event:
    return Event(at(second), NGINX.name, EventKind.LOG, severity, text, fields=fields)


def health(second: float, health: Health, why: str = "") -> Event:
    fields = {"health": health.value}
    return Event(at(second), NGINX.name, EventKind.HEALTH, Severity.NOTICE, why, fields=fields)


def gap(begin: float, until: float, **more: str) -> Event:
    span = {"from": str(at(begin).utc), "until": str(at(until).utc), **more}
    return Event(at(until), NGINX.name, EventKind.GAP, Severity.WARNING, "blind", fields=span)


def batch(second: float, requests: int) -> RequestBatch:
    stats = RequestStats("GET", "/", Histogram.of([10.0] * requests), Histogram())
    return RequestBatch(at(second), 1.0, 5, (stats,))


def session() -> Session:
    made = Session(VIEWS, lambda _: None)
    made.append(NGINX)
    return made


def test_everything_that_is_shown_has_been_stored_in_its_order() -> None:
    stored: list[Item] = []
    seen = Session(VIEWS, stored.append)
    items: list[Item] = [NGINX, line(1, "a"), Sample(at(1), NGINX.name, {"rps": 1.0}), batch(2, 3)]
    for item in items:
        seen.append(item)
    assert stored == items


def test_the_same_items_give_the_same_picture_again() -> None:
    stored: list[Item] = []
    first = Session(VIEWS, stored.append)
    step = Step(1, 5, 1.0, "key", at(0), "", at(0), at(0))
    played: list[Item] = [
        NGINX,
        health(0, Health.LIVE),
        step,
        batch(1, 4),
        line(1, "x"),
        gap(1, 2),
        batch(2, 5),
    ]
    for item in played:
        first.append(item)
    again = Session(VIEWS, lambda _: None)
    for item in stored:
        again.append(item)
    assert again.book.whole.figures() == first.book.whole.figures()
    assert again.book.steps[1].figures() == first.book.steps[1].figures()
    assert [source.view(at(3)) for source in again.sources.values()] == [
        source.view(at(3)) for source in first.sources.values()
    ]


def test_requests_count_for_a_level_while_it_is_measured_and_at_no_other_time() -> None:
    seen = session()
    step = Step(1, 5, 1.0, "key", at(0))
    seen.append(step)
    seen.append(batch(1, 1))
    seen.append(step := replace(step, reached=at(1)))
    seen.append(batch(2, 10))
    seen.append(step := replace(step, measured_from=at(2)))
    seen.append(batch(3, 100))
    seen.append(replace(step, ended=at(3)))
    seen.append(batch(4, 1_000))
    assert seen.book.steps[1].figures().requests == 100
    assert seen.book.whole.figures().requests == 1_111
    assert seen.step is None


def test_a_log_is_read_on_from_where_it_was_left_newest_lines_first_to_stay() -> None:
    seen = session()
    for number in range(10):
        seen.append(line(number, f"line {number}"))
    cursor, events = seen.events_after(0, ["nginx"], 4)
    assert [event.text for event in events] == ["line 6", "line 7", "line 8", "line 9"]
    assert seen.events_after(cursor, ["nginx"], 4) == (cursor, ())
    seen.append(line(10, "line 10"))
    assert [event.text for event in seen.events_after(cursor, ["nginx"], 4)[1]] == ["line 10"]
    assert seen.events_after(0, ["redis"], 4)[1] == ()


def test_lines_of_several_sources_come_in_the_order_they_were_learnt() -> None:
    seen = session()
    seen.append(SourceInfo("redis@db", "redis", "db"))
    for number in range(6):
        source = NGINX.name if number % 2 else "redis@db"
        seen.append(Event(at(number), source, EventKind.LOG, Severity.INFO, str(number)))
    assert [event.text for event in seen.events_after(0, ["nginx", "redis"], 9)[1]] == list("012345")


def test_a_flood_of_one_source_does_not_hide_the_newest_lines_of_another() -> None:
    seen = session()
    seen.append(SourceInfo("redis@db", "redis", "db"))
    for number in range(50):
        seen.append(line(number, str(number)))
    seen.append(Event(at(50), "redis@db", EventKind.LOG, Severity.INFO, "the newest"))
    shown = [event.text for event in seen.events_after(0, ["nginx", "redis"], 4)[1]]
    assert shown == ["47", "48", "49", "the newest"]


def test_a_source_tells_how_well_it_is_seen() -> None:
    seen = session()
    source = seen.sources[NGINX.name]
    assert (source.view(at(0)).health, source.view(at(0)).age) == (Health.CONNECTING, None)
    seen.append(health(1, Health.BLIND, "refused"))
    assert (source.health, source.reason, source.blind_since) == (Health.BLIND, "refused", at(1))
    seen.append(gap(1, 4))
    seen.append(health(4, Health.LIVE))
    seen.append(Sample(at(5), NGINX.name, {"rps": 7.0}))
    shown = source.view(at(6.5))
    assert (shown.health, shown.gaps, shown.samples, shown.age) == (Health.LIVE, 1, 1, 1.5)
    assert source.blind_since is None


def test_lines_that_were_dropped_before_do_not_end_the_time_that_a_source_is_blind() -> None:
    seen = session()
    seen.append(health(6, Health.BLIND, "refused"))
    seen.append(gap(1, 4, dropped="7"))
    assert seen.sources[NGINX.name].blind_since == at(6)


def test_a_source_that_has_gone_quiet_leaves_a_gap_in_its_trend() -> None:
    seen = session()
    for second in range(8):
        if second < 3:
            seen.append(Sample(at(second), NGINX.name, {"rps": float(second), "5xx": 0.0}))
        seen.append(Tick(at(second), 5))
    series = seen.sources[NGINX.name].view(at(8)).series
    assert series == {"rps": (0.0, 1.0, 2.0, 2.0, 2.0, None, None, None)}


def test_grave_lines_are_counted_by_what_they_mean_old_ones_are_not() -> None:
    seen = session()
    seen.append(line(1, "timed out", Severity.ERROR, signal="upstream_timed_out"))
    seen.append(line(2, "timed out", Severity.ERROR, signal="upstream_timed_out"))
    seen.append(line(2, "of yesterday", Severity.ERROR, signal="upstream_timed_out", before="1"))
    seen.append(line(3, "fine", Severity.INFO, signal="started"))
    seen.append(line(4, "40 more", Severity.ERROR, signal="upstream_timed_out", count="40"))
    assert dict(seen.sources[NGINX.name].signals) == {("upstream_timed_out", Severity.ERROR): 42}


def test_rows_that_are_kept_stay_until_there_are_others_and_those_of_a_level_for_ever() -> None:
    tables = (Table("now", "Now", ()), Table("cost", "Cost", (), kept=True, per_step=True))
    seen = Session({"nginx": View("Nginx", tables=tables)}, lambda _: None)
    seen.append(NGINX)

    def sample(second: float, **steps: int) -> tuple[tuple[str, int], ...]:
        cost: list[dict[str, Value]] = [
            {"_table": "cost", "_step": step, "query": query} for query, step in steps.items()
        ]
        seen.append(Sample(at(second), NGINX.name, {}, ({"query": f"at {second:g}"}, *cost)))
        rows = seen.sources[NGINX.name].view(at(second)).rows
        return tuple((str(row["query"]), int(row.get("_step") or 0)) for row in rows)

    assert sample(1, a=1) == (("at 1", 0), ("a", 1))
    assert sample(2) == (("at 2", 0), ("a", 1))
    assert sample(3, b=1, c=2) == (("at 3", 0), ("b", 1), ("c", 2))
    assert sample(4, idle=0) == (("at 4", 0), ("idle", 0))
    levels = seen.sources[NGINX.name].by_step.items()
    assert {step: [row["query"] for row in rows] for (step, _), rows in levels} == {1: ["b"], 2: ["c"]}


def test_the_last_mark_is_at_hand() -> None:
    seen = session()
    for text in ("deploy", "cache flushed"):
        seen.append(Event(at(1), "operator", EventKind.MARK, Severity.NOTICE, text))
    assert seen.mark is not None
    assert seen.mark.text == "cache flushed"


def test_a_long_session_takes_no_more_room_than_a_short_one() -> None:
    seen = session()

    def play(seconds: int) -> None:
        for number in range(seconds):
            seen.append(batch(number, 3))
            seen.append(line(number, f"line {number}"))
            seen.append(Sample(at(number), NGINX.name, {"rps": float(number)}))
            seen.append(gap(number, number + 1))
            seen.append(health(number, Health.LIVE))
            seen.append(Tick(at(number), 5))

    play(2 * EVENTS_KEPT)
    source = seen.sources[NGINX.name]
    assert len(seen.events_after(0, ["nginx"], 10**6)[1]) == EVENTS_KEPT
    assert len(source.gaps) == GAPS_KEPT
    assert source.view(at(0)).gaps == 2 * EVENTS_KEPT
    assert len(source.series["rps"].series()) == len(seen.trend().users) == HISTORY


def test_a_critical_line_of_a_log_is_found_though_thousands_came_after_it() -> None:
    seen = session()
    seen.append(line(0, "[crit] too many open files", Severity.CRITICAL, before="start"))
    seen.append(line(1, "[crit] accept4() failed (24: Too many open files)", Severity.CRITICAL))
    for number in range(EVENTS_KEPT + 10):
        seen.append(line(2, f"line {number}", Severity.ERROR))
    _, events = seen.events_after(0, ("operator", GRAVE), 500)
    assert [event.text for event in events] == ["[crit] accept4() failed (24: Too many open files)"]
