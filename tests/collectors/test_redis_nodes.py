"""Redis as people run it: slow commands, a full memory, a replica, a sentinel, a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import redis as sync_redis

from collectors.redis import SLOW_LOG, RedisCollector, RedisConfig
from rampdeck.demo.process import ServerProcess, free_port, tcp_answers
from rampdeck.demo.servers import RedisServer, Server
from rampdeck.model import Event, EventKind, Health
from rampdeck.pace import Ticks

from .watching import Watch, until, watching


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten readings a second, everything at each of them; what is over is over soon."""
    monkeypatch.setattr("collectors.redis.Ticks", partial(Ticks, 0.1))
    monkeypatch.setattr("collectors.redis.SELDOM", 1)
    monkeypatch.setattr("collectors._states.QUIET", 0.5)
    monkeypatch.setattr("rampdeck.backoff.FIRST", 0.2)


class Node(Server):
    """A Redis of its own, by the lines of its configuration; keeps nothing."""

    def __init__(self, folder: Path, *lines: str, sentinel: bool = False) -> None:
        self.port = free_port()
        config = folder / f"{self.port}.conf"
        text = (f"port {self.port}", "bind 127.0.0.1", f"dir {folder}", *lines)
        config.write_text("\n".join(text) + "\n")
        command = ["redis-server", str(config), *(["--sentinel"] if sentinel else [])]
        self.process = ServerProcess("Redis", command, folder / f"{self.port}.log")

    def answers(self) -> bool:
        return tcp_answers(self.port)

    @property
    def client(self) -> sync_redis.Redis:
        return sync_redis.Redis(port=self.port)

    @property
    def watcher(self) -> RedisCollector:
        return RedisCollector(RedisConfig(kind="redis", port=self.port))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Start nodes; they end with the test."""
    with ExitStack() as stack:
        yield lambda *lines, sentinel=False: stack.enter_context(Node(tmp_path, *lines, sentinel=sentinel))


async def signal(watch: Watch, name: str, state: str = "") -> Event:
    """Wait for an event with that signal."""
    return await until(
        lambda: next(
            (
                event
                for event in watch.events
                if event.kind is EventKind.LOG
                and event.fields.get("signal") == name
                and event.fields.get("state", "").startswith(state)
            ),
            None,
        )
    )


async def test_a_slow_command_is_an_event_and_those_of_before_are_not(node: Callable[..., Node]) -> None:
    # Far above what a busy machine makes of any other command.
    server = node("slowlog-log-slower-than 500000", "enable-debug-command local")
    with server.client as client:
        client.execute_command("DEBUG", "SLEEP", "0.6")
        async with watching(server.watcher) as watch:
            await watch.sample(lambda sample: "ops" in sample.values)
            client.execute_command("DEBUG", "SLEEP", "0.7")
            event = await signal(watch, "slow_command")
            sample = await watch.sample()
    assert event.text.startswith("DEBUG SLEEP took ")
    assert float(event.fields["duration_ms"]) >= 700
    assert sum(one.fields.get("signal") == "slow_command" for one in watch.events) == 1
    assert sample.values["slow_command"] == 0
    assert sum(one.values["slow_command"] for one in watch.samples) == 1


async def test_of_many_slow_commands_it_is_said_how_many_are_not_shown(node: Callable[..., Node]) -> None:
    server = node("slowlog-log-slower-than 70000", "enable-debug-command local")
    with server.client as client:
        async with watching(server.watcher) as watch:
            await watch.sample(lambda sample: "ops" in sample.values)
            with client.pipeline(transaction=True) as together:
                for _ in range(SLOW_LOG + 3):
                    together.execute_command("DEBUG", "SLEEP", "0.075")
                together.execute()
            await until(lambda: "3 more commands were slow: not all are asked for" in watch.logged() or None)


async def test_which_command_takes_the_time_is_in_the_table(node: Callable[..., Node]) -> None:
    server = node()
    with server.client as client:
        async with watching(server.watcher) as watch:
            await watch.sample(lambda sample: "ops" in sample.values)
            for number in range(200):
                client.set(f"key{number}", number)
            sample = await watch.sample(lambda one: any(row.get("command") == "SET" for row in one.rows))
    row = next(row for row in sample.rows if row.get("command") == "SET")
    assert isinstance(row["calls"], float)
    assert isinstance(row["mean"], float)
    assert row["calls"] > 0 < row["mean"]
    assert not any(row.get("command") == "INFO" for row in sample.rows)


async def test_memory_at_its_limit_is_told_when_it_begins_and_when_it_is_over(
    node: Callable[..., Node],
) -> None:
    server = node("maxmemory 4mb", "maxmemory-policy noeviction")
    with server.client as client:
        async with watching(server.watcher) as watch:
            await watch.sample(lambda sample: "ops" in sample.values)
            for number in range(200):
                try:
                    client.set(f"big{number}", b"x" * 100_000)
                except sync_redis.ResponseError:
                    break
            event = await signal(watch, "writes_refused")
            client.flushall()
            over = await signal(watch, "writes_refused", "over")
    assert "writes are refused" in event.text
    assert over.text.startswith("writes refused: over after")


async def test_a_sentinel_says_when_its_master_is_down_and_who_is_it_then(node: Callable[..., Node]) -> None:
    master = node("save ''")
    replica = node("save ''", f"replicaof 127.0.0.1 {master.port}")
    sentinel = node(
        f"sentinel monitor shop 127.0.0.1 {master.port} 1",
        "sentinel down-after-milliseconds shop 2000",
        "sentinel failover-timeout shop 2000",
        sentinel=True,
    )
    with sentinel.client as client, replica.client as second:
        await until(lambda: client.sentinel_master("shop")["num-slaves"] or None)
        await until(lambda: second.info("replication")["master_link_status"] == "up" or None)
        async with watching(sentinel.watcher) as watch, watching(replica.watcher) as other:
            sample = await watch.sample()
            lag = await other.sample(lambda one: "replica_lag" in one.values)
            master.stop()
            down = await signal(watch, "master_down")
            moved = await signal(watch, "failed_over")
            promoted = await signal(other, "failed_over")
    servers = [row for row in sample.rows if row.get("_table") == "servers"]
    assert servers[0]["role"] == "sentinel"
    row = next(row for row in sample.rows if row.get("_table") == "masters")
    assert (row["master"], row["status"]) == ("shop", "ok")
    assert "the sentinel sees the master shop" in down.text
    assert f"is 127.0.0.1:{replica.port} now" in moved.text
    assert "it was a replica and is a master now" in promoted.text
    assert lag.values["replica_lag"] >= 0
    assert watch.sink.health is Health.LIVE


async def test_a_node_of_a_cluster_says_when_slots_have_no_server(node: Callable[..., Node]) -> None:
    # Without a bus of its own it takes a port that may just then be a client's.
    own = (f"cluster-config-file nodes-{free_port()}.conf", f"cluster-port {free_port()}")
    server = node("cluster-enabled yes", *own)
    with server.client as client:
        async with watching(server.watcher) as watch:
            event = await signal(watch, "cluster_down")
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
            await signal(watch, "cluster_down", "over")
            sample = await watch.sample()
    assert event.text.startswith("the cluster is in state fail")
    assert "cluster ok" in str(sample.rows[0]["link"])
    assert sample.values["cluster_slots_lost"] == 0


async def test_a_user_who_may_only_read_info_is_told_what_is_missing(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACL_PASSWORD", "little")
    table = {"port": redis_server.port, "username": "onlyinfo", "password_env": "ACL_PASSWORD"}
    with sync_redis.Redis(port=redis_server.port, password=redis_server.password) as admin:
        admin.acl_setuser("onlyinfo", enabled=True, passwords=["+little"], commands=["-@all", "+info"])
        try:
            async with watching(
                RedisCollector(RedisConfig.model_validate({"kind": "redis"} | table))
            ) as watch:
                said = await watch.health(Health.WARNING)
                await watch.sample(lambda sample: "ops" in sample.values)
        finally:
            admin.acl_deluser("onlyinfo")
    assert said == "the slow log is hidden from this user. ACL SETUSER onlyinfo +slowlog|get"
