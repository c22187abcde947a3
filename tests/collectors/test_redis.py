"""The Redis pane tells the truth about a real server, also when that refuses."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import redis as sync_redis

from collectors.redis import RedisCollector, RedisConfig
from rampdeck.config import validate
from rampdeck.demo.process import free_port
from rampdeck.demo.servers import RedisServer
from rampdeck.demo.sshd import SshdServer
from rampdeck.errors import UsageError
from rampdeck.model import Health
from rampdeck.pace import Ticks

from .watching import Watch, failure, over_ssh, watching

NAMES = {metric.name for metric in RedisCollector.metrics}
ELSEWHERE = {"replica_lag", "aof_delayed", "cluster_slots_lost"}
"""What only a replica, an append-only file or a cluster has."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten readings a second, commands and slow log at each of them, and new tries soon."""
    monkeypatch.setattr("collectors.redis.SELDOM", 1)
    monkeypatch.setattr("collectors.redis.Ticks", partial(Ticks, 0.1))
    monkeypatch.setattr("rampdeck.backoff.FIRST", 0.2)


@pytest.fixture
def admin(redis_server: RedisServer) -> Iterator[sync_redis.Redis]:
    """A client that may do everything; what it set is set back."""
    with sync_redis.Redis(port=redis_server.port, password=redis_server.password) as client:
        names = ("maxmemory", "maxmemory-policy", "tls-port")
        before = {name: client.config_get(name)[name] for name in names}
        yield client
        client.flushall()
        for name, value in before.items():
            client.config_set(name, value)
        for user in client.acl_users():
            if user != "default":
                client.acl_deluser(user)


def collector(server: RedisServer, monkeypatch: pytest.MonkeyPatch, **keys: object) -> RedisCollector:
    monkeypatch.setenv("REDIS_PASSWORD", server.password)
    table = {"kind": "redis", "port": server.port, "password_env": "REDIS_PASSWORD"}
    return RedisCollector(RedisConfig.model_validate(table | keys))


@pytest.fixture
def redis(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> RedisCollector:
    return collector(redis_server, monkeypatch)


@asynccontextmanager
async def started(redis: RedisCollector) -> AsyncIterator[Watch]:
    """Watch, from the second reading on: rates need a reading before them."""
    async with watching(redis) as watch:
        await watch.sample(lambda sample: "ops" in sample.values)
        yield watch


async def test_every_metric_has_a_value_and_every_value_is_a_metric(
    redis: RedisCollector, admin: sync_redis.Redis
) -> None:
    async with started(redis) as watch:
        admin.set("here", 1)
        admin.get("here")
        full = await watch.sample(lambda sample: set(sample.values) == NAMES - ELSEWHERE)
    assert all(set(sample.values) <= NAMES for sample in watch.samples)
    assert full.values["maxmemory"] == 64 * 1024 * 1024
    assert full.rows[0]["role"] == "master"
    assert str(full.rows[0]["version"]).split(".")[0].isdecimal()


async def test_reads_that_hit_and_miss_are_told_apart(redis: RedisCollector, admin: sync_redis.Redis) -> None:
    admin.set("here", 1)
    async with started(redis) as watch:
        with admin.pipeline(transaction=True) as commands:
            for name in ("here", "here", "here", "gone"):
                commands.get(name)
            commands.execute()
        sample = await watch.sample(lambda sample: "hit_rate" in sample.values)
        quiet = await watch.sample(lambda sample: sample.values["ops"] == 0)
    assert sample.values["hit_rate"] == 75
    assert sample.values["ops"] > 0
    assert "hit_rate" not in quiet.values
    assert quiet.values["clients"] == 1  # the test's own; the collector's is left out


async def test_keys_thrown_away_for_lack_of_memory_show(
    redis: RedisCollector, admin: sync_redis.Redis
) -> None:
    used = int(admin.info("memory")["used_memory"])
    admin.config_set("maxmemory-policy", "allkeys-lru")
    admin.config_set("maxmemory", used + 1_000_000)
    async with started(redis) as watch:
        with admin.pipeline(transaction=False) as commands:
            for number in range(40):
                commands.set(f"session:{number}", b"x" * 100_000)
            commands.execute()
        sample = await watch.sample(lambda sample: sample.values["evicted"] > 0)
    assert sample.values["maxmemory"] == used + 1_000_000
    assert sample.rows[0]["policy"] == "allkeys-lru"


async def test_without_a_memory_limit_there_is_none_to_show(
    redis: RedisCollector, admin: sync_redis.Redis
) -> None:
    admin.config_set("maxmemory", 0)
    async with watching(redis) as watch:
        assert "maxmemory" not in (await watch.sample()).values


async def test_after_a_restart_the_source_comes_back_and_says_that_sessions_are_gone(
    redis: RedisCollector, redis_server: RedisServer
) -> None:
    async with watching(redis) as watch:
        await watch.sample()
        redis_server.stop()
        reason = await watch.health(Health.BLIND)
        redis_server.start()
        await watch.sample()
        assert watch.sink.health is Health.LIVE
    assert reason.startswith(f"Redis at 127.0.0.1:{redis_server.port}: ")
    assert watch.logged() == ["Redis was restarted: sessions and caches kept in memory only are gone"]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"password_env": ""}, "it wants a password. Set password_env or password_file"),
        ({"password_env": "WRONG"}, "it refuses user or password. Check username and password"),
        ({"username": "nobody"}, "it refuses user or password"),
        ({"port": free_port()}, "nothing listens there. Check address and port"),
        ({"tls": True}, "no answer in time. Check address, port, firewall and tls"),
    ],
)
async def test_what_keeps_it_from_connecting_is_said_in_clear_words(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, keys: dict[str, object], words: str
) -> None:
    monkeypatch.setenv("WRONG", "no-such-password")
    if "tls" in keys:  # only there nobody ever answers
        monkeypatch.setattr("collectors._redis_connection.CONNECT_TIMEOUT", 0.5)
    said = await failure(collector(redis_server, monkeypatch, **keys))
    assert words in said
    assert said.startswith("Redis at 127.0.0.1:")
    assert "no-such-password" not in said


async def test_a_server_that_falls_silent_is_given_up_and_seen_again_later(
    redis: RedisCollector, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors._redis_connection.READ_TIMEOUT", 0.3)
    async with watching(redis) as watch:
        await watch.sample()
        os.kill(redis_server.pid, signal.SIGSTOP)
        try:
            assert "A slow command may block it" in await watch.health(Health.BLIND)
        finally:
            os.kill(redis_server.pid, signal.SIGCONT)
        await watch.sample()


async def test_a_user_needs_the_right_to_info_and_no_other(
    redis_server: RedisServer, admin: sync_redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACL_PASSWORD", "little")
    watcher = collector(redis_server, monkeypatch, username="watcher", password_env="ACL_PASSWORD")
    admin.acl_setuser("watcher", enabled=True, passwords=["+little"], commands=["+ping"])
    assert "the user may not run INFO. ACL SETUSER the user with +info" in await failure(watcher)
    admin.acl_setuser("watcher", enabled=True, passwords=["+little"], commands=["-@all", "+info"])
    async with watching(watcher) as watch:
        await watch.sample()


async def test_it_reads_through_an_ssh_tunnel(redis: RedisCollector, sshd_server: SshdServer) -> None:
    async with over_ssh(sshd_server) as remote, watching(redis, remote) as watch:
        assert (await watch.sample()).rows[0]["role"] == "master"


async def test_a_url_says_everything_at_once(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URL", f"redis://:{redis_server.password}@{redis_server.host}:{redis_server.port}/3")
    async with watching(RedisCollector(RedisConfig(kind="redis", url_env="URL"))) as watch:
        await watch.sample()
    monkeypatch.setenv("URL", "http://:s3cret@here")
    said = await failure(RedisCollector(RedisConfig(kind="redis", url_env="URL")))
    assert "what URL holds is no URL of Redis" in said
    assert "s3cret" not in said


def test_a_url_and_its_parts_are_not_both_accepted() -> None:
    with pytest.raises(UsageError, match="port is in the URL already"):
        validate(RedisConfig, {"kind": "redis", "url_env": "URL", "port": 6380}, "rampdeck.toml")


@pytest.fixture
def tls(admin: sync_redis.Redis, redis_server: RedisServer, tmp_path: Path) -> tuple[int, Path]:
    """Make the server speak TLS on a second port; returns that and who signed the certificate."""
    key, certificate, port = redis_server.folder / "tls.key", tmp_path / "tls.crt", free_port()
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    for name, value in {"key-file": key, "cert-file": certificate, "ca-cert-file": certificate}.items():
        admin.config_set(f"tls-{name}", str(value))
    admin.config_set("tls-auth-clients", "no")
    admin.config_set("tls-port", port)
    return port, certificate


async def test_tls_is_verified_on_the_way_there_and_through_a_tunnel(
    redis_server: RedisServer,
    sshd_server: SshdServer,
    tls: tuple[int, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port, authority = tls
    trusting = collector(redis_server, monkeypatch, port=port, tls=True, ca_file=authority)
    async with watching(trusting) as watch:
        await watch.sample()
    async with over_ssh(sshd_server) as remote, watching(trusting, remote) as watch:
        await watch.sample()
        plain = collector(redis_server, monkeypatch, port=port)
        assert "the connection was closed. Check that the server runs, and whether" in await failure(plain)
        strange = collector(redis_server, monkeypatch, port=port, tls=True)
        assert "its certificate is not trusted. Set ca_file" in await failure(strange, remote)
