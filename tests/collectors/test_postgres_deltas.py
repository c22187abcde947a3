"""What statements cost, from two readings, whatever happened to the counters in between; without a server."""

from __future__ import annotations

from collectors._statements import Reading, Span, Statements

SPAN = Span(3, 50, measured=True)


def reading(
    at: float, calls: dict[int, int], *, reset: object = None, evicted: int | None = None, hidden: int = 0
) -> Reading:
    """A row of the server: every call takes 2 ms, brings 3 rows and 10 blocks, one of them from the disk."""

    def times(factor: int) -> bytes | None:
        return ",".join(str(count * factor) for count in calls.values()).encode() or None

    row = {
        "hidden": hidden,
        "evicted": evicted,
        "reset": reset,
        "keys": ",".join(f"10 5 {query}" for query in calls).encode() or None,
        "calls": times(1),
        "milliseconds": times(2),
        "rows": times(3),
        "blocks_hit": times(9),
        "blocks_read": times(1),
        "temp_blocks": times(0),
        "io_milliseconds": times(1),
    }
    return Reading.of(at, row)


def begun(calls: dict[int, int], **more: object) -> Statements:
    statements, names = Statements(), {"user": "shop", "database": "shop"}
    texts = [
        {"key": f"10 5 {query}", "query": f"query {query}", "ours": query == 99, **names}
        for query in range(-5, 100)
    ]
    statements.learn(texts)
    statements.begin(reading(100.0, calls, **more), SPAN)  # type: ignore[arg-type]
    return statements


def told(statements: Statements, now: Reading) -> dict[str, object]:
    rows = statements.table(now, statements.change(now))
    return {str(row["query"]): row["count"] for row in rows[1:]}


def test_only_what_was_done_since_counts_the_dearest_first() -> None:
    statements = begun({1: 1_000_000, 2: 50, 99: 7})
    now = reading(110.0, {1: 1_000_010, 2: 80, 3: 5, -4: 1, 99: 700})
    rows = statements.table(now, statements.change(now))
    assert told(statements, now) == {"query 2": 30, "query 1": 10, "query 3": 5, "query -4": 1}
    whole, dearest = rows[0], rows[1]
    assert whole["query"] == "all: 0.01 s of work a second over 10 s, step 3 (50 users), measured"
    assert (whole["calls"], whole["count"]) == (4.6, 46)
    assert (dearest["calls"], dearest["mean"], dearest["rows"], dearest["hit"]) == (3.0, 2.0, 3.0, 90.0)
    assert dearest["io"] == 50.0
    assert round(float(dearest["share"] or 0), 1) == round(100 * 30 / 46, 1)


def test_a_statement_that_fell_out_of_the_servers_table_and_came_back_counts_from_then() -> None:
    statements = begun({1: 1_000, 2: 50, 4: 1, 5: 1}, evicted=0)
    now = reading(110.0, {1: 4, 2: 51, 4: 2, 5: 2}, evicted=1)
    assert not statements.was_reset(now)
    assert told(statements, now) == {"query 1": 4, "query 2": 1, "query 4": 1, "query 5": 1}
    (whole, *_) = statements.table(now, statements.change(now))
    assert str(whole["query"]).endswith("; 1 fell out of pg_stat_statements.max meanwhile")


def test_a_reset_is_seen_by_its_time_or_before_14_by_counters_that_fell() -> None:
    timed = begun({1: 1_000, 2: 50}, reset="yesterday", evicted=0)
    assert timed.was_reset(after := reading(110.0, {1: 2_000}, reset="now", evicted=0))
    assert not timed.was_reset(after), "it is told once"
    assert told(timed, reading(120.0, {1: 2_010}, reset="now", evicted=0)) == {"query 1": 2_010}
    old = begun({1: 1_000, 2: 50, 3: 8})
    assert old.was_reset(reading(110.0, {1: 2, 2: 3, 3: 9}))
    assert begun({1: 1_000, 2: 50}).was_reset(reading(110.0, {7: 1}))
    assert not begun({1: 1_000, 2: 50, 3: 8}).was_reset(reading(110.0, {1: 2, 2: 50, 3: 8}))


def test_a_server_that_did_nothing_and_one_that_shows_nothing_are_told_apart() -> None:
    statements = begun({1: 10})
    idle = reading(110.0, {1: 10})
    (row,) = statements.table(idle, statements.change(idle))
    assert row["query"] == "all: 0.00 s of work a second over 10 s, step 3 (50 users), measured"
    blind = begun({})
    nothing = reading(110.0, {}, hidden=40)
    (row,) = blind.table(nothing, blind.change(nothing))
    assert str(row["query"]).endswith("; 40 more are hidden: GRANT pg_read_all_stats")
