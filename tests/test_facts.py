"""A fact is short, clean and without secrets, and comes back from the session as it was."""

from __future__ import annotations

import json

from rampdeck.facts import MOST, Fact, FactPair, from_meta, known, listed, to_meta, unknown


def test_what_a_server_says_of_itself_is_cleaned_and_holds_no_secret() -> None:
    fact = known(
        "nginx.version", "Version", "\x1b[31m1.22\x1b[0m\npostgres://u:hunter2@db ", "PASSWORD=x nginx"
    )
    assert fact.value == "1.22 postgres://u:***@db"
    assert "x nginx" not in fact.provenance


def test_a_value_that_is_cut_still_shows_a_change_behind_the_cut() -> None:
    one, two = (known("a.b", "B", "x" * MOST * 2 + end, "") for end in ("1", "2"))
    assert len(one.value) == len(two.value) == MOST
    assert one.value[:1_900] == two.value[:1_900]
    assert FactPair("a@web", one, two).changed


def test_a_long_list_is_told_by_its_count_and_hash_before_its_beginning() -> None:
    assert listed(["a 1", "b 2"]) == "a 1, b 2"
    assert listed(f"table_{number}" for number in range(1_000)).startswith("1000, sha256 ")


def test_facts_come_back_from_the_session_as_they_were() -> None:
    version = known("redis.version", "Redis version", "7.0", "INFO")
    pid = known("redis.pid", "process id", 12, "INFO", moves=True)
    nothing = unknown("redis.save", "save", "no right", "CONFIG GET save")
    pairs = (FactPair("redis@db", version, pid), FactPair("redis@db", None, nothing))
    assert from_meta(json.loads(json.dumps(to_meta(pairs)))) == pairs


def test_what_is_no_fact_in_a_session_is_left_out() -> None:
    assert from_meta(None) == ()
    assert from_meta("facts") == ()
    assert from_meta([1, {"source": "x"}, {"source": "x", "start": {"title": "no name"}, "end": 3}]) == ()


def test_only_two_known_values_can_differ() -> None:
    old, new, gone = Fact("a.b", "B", "1", ""), Fact("a.b", "B", "2", ""), unknown("a.b", "B", "blind")
    assert FactPair("a", old, new).changed
    assert not FactPair("a", old, gone).changed
    assert not FactPair("a", old, None).changed
    assert FactPair("a", old, gone).fact == old
