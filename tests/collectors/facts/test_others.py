"""Redis, Caddy, a host and this machine tell what they are made of."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
from pathlib import Path

import redis

from collectors._facts_caddy import CaddyFacts
from collectors._facts_host import host_facts
from collectors._facts_redis import redis_facts, started
from collectors.generator import GeneratorCollector, GeneratorConfig
from collectors.redis import RedisCollector, RedisConfig
from rampdeck import __version__
from rampdeck.demo.servers import RedisServer
from rampdeck.model import Health
from rampdeck.remote.local import LocalRemote
from tests.servers import CaddyServer

from ..watching import watching
from .conftest import by_name


async def test_a_policy_that_is_changed_in_mid_run_is_seen(redis_server: RedisServer, tmp_path: Path) -> None:
    """The readings go on beside."""
    server, password = redis_server, tmp_path / "password"
    password.write_text(server.password)
    collector = RedisCollector(RedisConfig(kind="redis", port=server.port, password_file=password))
    admin = redis.Redis(host=server.host, port=server.port, password=server.password)
    with contextlib.closing(admin):
        try:
            async with watching(collector) as watch:
                before = by_name(await collector.facts(LocalRemote()))
                admin.config_set("maxmemory-policy", "volatile-lru")
                await watch.sample()
                after = by_name(await collector.facts(LocalRemote()))
                assert watch.sink.health is Health.LIVE
        finally:
            admin.config_set("maxmemory-policy", "noeviction")
        version = admin.info("server")["redis_version"]
    assert before["redis.version"].value == version
    assert before["redis.maxmemory"].value == str(64 * 2**20) + " bytes"
    assert before["redis.save"].value == "never"
    assert before["redis.appendonly"].value == "no"
    assert before["redis.maxclients"].value.isdecimal()
    assert before["redis.started"].value.endswith(" UTC")
    policy = "redis.maxmemory_policy"
    assert (before[policy].value, after[policy].value) == ("noeviction", "volatile-lru")


def test_valkey_sentinels_and_servers_that_tell_little_are_told_as_they_are() -> None:
    valkey = {"valkey_version": "8.0.1", "redis_version": "7.2.4", "role": "slave", "maxmemory": 0}
    found = by_name(redis_facts(valkey, None, started(valkey)))
    assert found["redis.version"].value == "Valkey 8.0.1"
    assert found["redis.maxmemory"].value == "no limit"
    assert (
        found["redis.save"].why == "this user may not ask CONFIG GET. ACL SETUSER the user with +config|get"
    )
    bare = by_name(redis_facts({"redis_version": "2.8"}, "", ""))
    assert bare["redis.maxmemory"].value == ""
    assert bare["redis.maxmemory"].why == "INFO does not tell"


async def test_a_host_tells_its_kernel_cores_and_memory() -> None:
    found = by_name(await host_facts(LocalRemote()))
    kernel = platform.uname()
    assert found["host.kernel"].value == f"Linux {kernel.release} {kernel.machine}"
    assert found["host.cores"].value == str(os.cpu_count())
    assert found["host.memory"].value.endswith(" GiB")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert found["host.boot_id"].value == boot
    assert found["host.somaxconn"].value == Path("/proc/sys/net/core/somaxconn").read_text().strip()


async def test_this_machine_tells_what_makes_the_load() -> None:
    found = by_name(await GeneratorCollector(GeneratorConfig(kind="generator")).facts(LocalRemote()))
    assert found["generator.rampdeck"].value == __version__
    assert found["generator.python"].value == platform.python_version()
    assert found["generator.locust"].value
    assert found["generator.gevent"].value


async def test_caddys_file_is_found_by_its_process(caddy_server: CaddyServer) -> None:
    file = caddy_server.folder / "Caddyfile"
    found = by_name(await CaddyFacts(str(file)).facts(LocalRemote()))
    assert found["caddy.version"].value
    assert found["caddy.config_sha256"].value == hashlib.sha256(file.read_bytes()).hexdigest()
    assert found["caddy.pid"].value == str(caddy_server.pid)
    assert found["caddy.state"].value == "running"
    assert found["caddy.access_log_format"].value == "json"
    assert found["caddy.upstream_timeout"].value == "300ms"
    missing = by_name(await CaddyFacts("/no/such/Caddyfile").facts(LocalRemote()))
    assert (
        "No such file" in missing["caddy.config_sha256"].why
        or "no such file" in missing["caddy.config_sha256"].why
    )


async def test_a_caddyfile_tells_its_log_and_how_long_it_waits(tmp_path: Path) -> None:
    file = tmp_path / "it's a Caddyfile"
    file.write_text("shop.example.com {\n  reverse_proxy 127.0.0.1:8000\n  # log\n}\n")
    found = by_name(await CaddyFacts(str(file)).facts(LocalRemote()))
    assert found["caddy.access_log_format"].value == "none"
    assert found["caddy.upstream_timeout"].value == "none"
    assert found["caddy.state"].value == "" or found["caddy.state"].value == "stopped"
    file.write_text("shop.example.com {\n  log {\n    format console\n  }\n}\n")
    found = by_name(await CaddyFacts(str(file)).facts(LocalRemote()))
    assert found["caddy.access_log_format"].value == "console"
    assert "caddy.upstream_timeout" not in found
