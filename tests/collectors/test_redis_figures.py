"""What Redis answers is read alike in every version, and whatever it holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis._parsers.helpers import parse_info

from collectors import _redis_figures as figures
from collectors._states import Alarm
from rampdeck.model import Severity
from rampdeck.pace import Change

from .fuzzing import fuzz

DATA = Path(__file__).parent / "data"


def info(name: str) -> figures.Info:
    """Return a recorded INFO; its head says where it is from."""
    parse: Callable[[str], figures.Info] = parse_info
    return parse((DATA / name).read_text())


def signals(alarms: list[Alarm]) -> set[str]:
    return {alarm.signal for alarm in alarms}


def test_an_old_redis_at_a_cloud_provider_is_read_as_far_as_it_tells() -> None:
    old = info("redis-5.0.4-elasticache.txt")
    found = figures.values(old, Change(1.0, {"commands": 101, "hits": 3, "misses": 1}))
    assert found["ops"] == 101
    assert found["hit_rate"] == 75
    assert found["maxmemory"] == 436469760
    assert found["replica_lag"] == 0
    assert "maxclients" not in found
    row = figures.facts(old, "cache")
    assert (row["version"], row["role"], row["link"]) == ("5.0.4", "replica", "10.1.2.3:6379 up")
    assert not list(figures.alarms(old, found, None))


def test_valkey_is_named_and_read_like_redis() -> None:
    valkey = info("valkey-8.0.1.txt")
    row = figures.facts(valkey, "cache")
    assert (row["version"], row["role"], row["policy"]) == ("Valkey 8.0.1", "master", "noeviction")
    assert figures.mode(valkey) == "standalone"
    found = figures.values(valkey, Change(2.0, {"cpu_user": 0.5, "cpu_system": 0.25, "errors": 4}))
    assert found["cpu"] == 37.5
    assert found["errors"] == 2
    assert "maxmemory" not in found


@pytest.mark.parametrize(
    ("told", "gained", "signal", "words"),
    [
        ({"evicted_keys": 9, "maxmemory_policy": "allkeys-lru"}, {"evicted": 9}, "evicting", "allkeys-lru"),
        ({"maxmemory": 9, "used_memory": 9, "maxmemory_policy": "noeviction"}, {}, "memory_high", "fail"),
        ({"maxclients": 7}, {"rejected": 1}, "rejecting", "maxclients is 7"),
        ({}, {"refused": 2}, "writes_refused", "memory is full"),
        ({}, {"cpu_user": 0.95}, "cpu_saturated", "95 %"),
        ({"latest_fork_usec": 250_000}, {"forks": 1}, "fork_slow", "250 ms"),
        ({}, {"aof_delayed": 3}, "aof_stall", "waits for the disk"),
        ({"rdb_last_bgsave_status": "err"}, {}, "save_failed", "rdb_last_bgsave_status"),
        ({"loading": 1}, {}, "loading", "refused meanwhile"),
        ({"role": "slave", "master_link_status": "down"}, {}, "link_down", "lost its master"),
        ({"cluster_state": "fail", "cluster_slots_fail": 5461}, {}, "cluster_down", "5461 slots"),
        ({"master0": {"name": "shop", "status": "odown", "address": "db:6379"}}, {}, "master_down", "odown"),
    ],
)  # fmt: skip
def test_what_is_beyond_its_limit_is_named(
    told: dict[str, object], gained: dict[str, float], signal: str, words: str
) -> None:
    change = Change(1.0, gained)
    alarms = list(figures.alarms(told, figures.values(told, change), change))
    assert signals(alarms) == {signal}
    assert words in alarms[0].text
    assert signal in figures.RULES


def test_a_fork_that_was_long_ago_is_no_news() -> None:
    change = Change(1.0, {"forks": 0})
    told = {"latest_fork_usec": 250_000}
    assert not list(figures.alarms(told, figures.values(told, change), change))


def test_commands_are_told_by_the_time_they_took_in_the_interval() -> None:
    before = {"cmdstat_get": {"calls": 1000, "usec": 9_000}, "cmdstat_config|set": {"calls": 1, "usec": 1}}
    now = {
        "cmdstat_get": {"calls": 1100, "usec": 9_500, "failed_calls": 10},
        "cmdstat_keys": {"calls": 2, "usec": 80_000},
        "cmdstat_config|set": {"calls": 1, "usec": 1},
        "cmdstat_info": {"calls": 5, "usec": 900},
        "latency_percentiles_usec_get": {"p50": 4.0, "p99": 12.031},
    }
    keys, get = figures.command_rows(before, now, 5.0)
    assert (keys["command"], keys["mean"], keys["calls"]) == ("KEYS", 40.0, 0.4)
    assert (get["command"], get["calls"], get["mean"], get["failed"]) == ("GET", 20.0, 0.005, 2.0)
    assert get["p99"] == pytest.approx(0.012031)
    assert keys["share"] == pytest.approx(99.38, abs=0.01)
    assert figures.RULES["evicting"].severity is Severity.ERROR


def test_a_slow_command_does_not_tell_whose_session_it_was() -> None:
    key = ":1:django.contrib.sessions.cachep2hxk0q9v7l3mzn8w5yt6r4u1s2a3b4c"
    entry = {"id": 7, "duration": 12_345, "command": f"SET {key} secret-payload".encode()}
    alarm = figures.slow_alarm(entry)
    assert alarm.text == "SET :1:django.contrib.sessions.… took 12.3 ms; nobody else was answered meanwhile"
    assert "secret" not in str(alarm)
    assert "p2hxk" not in str(alarm)


scalars = st.one_of(st.text(max_size=20), st.integers(), st.floats(), st.none(), st.booleans())
fields = st.one_of(
    st.sampled_from(
        [
            *figures.COUNTERS.values(),
            "cmdstat_get",
            "errorstat_OOM",
            "master0",
            "latency_percentiles_usec_get",
        ]
    ),
    st.text(max_size=12),
)


@fuzz
@given(
    st.dictionaries(
        fields, scalars | st.dictionaries(st.sampled_from(["calls", "usec", "name", "p99"]), scalars)
    ),
    st.dictionaries(st.sampled_from([*figures.COUNTERS]), st.floats(0, 1e6)),
)
def test_whatever_a_server_says_never_breaks_the_reading(
    told: dict[str, object], gained: dict[str, float]
) -> None:
    change = Change(1.0, gained)
    figures.totals(told)
    list(figures.alarms(told, figures.values(told, change), change))
    figures.facts(told, "node")
    figures.command_rows({}, told, 1.0)


@fuzz
@given(st.binary(max_size=200), st.integers(0, 10**9))
def test_whatever_a_slow_command_holds_is_told(command: bytes, took: int) -> None:
    assert "took" in figures.slow_alarm({"id": 1, "duration": took, "command": command}).text
