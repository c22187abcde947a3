"""The hosts of a configuration, by name."""

from __future__ import annotations

import asyncio

import pytest

from rampdeck.config import HostConfig
from rampdeck.demo.sshd import SshdServer
from rampdeck.errors import UsageError
from rampdeck.remote.hosts import Hosts
from tests.hosts import becomes_true, commands, host_of, running


def test_this_machine_needs_no_table() -> None:
    remote = Hosts({}).remote("local")
    assert (remote.host, remote.local) == ("local", True)


def test_a_table_can_say_that_a_host_is_this_machine() -> None:
    remote = Hosts({"web": HostConfig(local=True)}).remote("web")
    assert (remote.host, remote.local) == ("web", True)


def test_all_sources_of_a_host_get_the_same_way_to_it() -> None:
    hosts = Hosts({"web": HostConfig(), "db": HostConfig()})
    assert hosts.remote("web") is hosts.remote("web")
    assert hosts.remote("web") is not hosts.remote("db")
    assert not hosts.remote("web").local


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r'there is no \[hosts.stagin\]; did you mean "staging"\?'):
        Hosts({"staging": HostConfig()}).remote("stagin")


def test_local_cannot_be_another_machine() -> None:
    with pytest.raises(UsageError, match=r"\[hosts.local\].*always means this machine"):
        Hosts({"local": HostConfig(address="10.0.0.1")})


async def test_hosts_at_one_address_work_side_by_side_and_all_end(
    sshd_server: SshdServer, marker: str
) -> None:
    hosts = Hosts({name: host_of(sshd_server) for name in ("web", "db", "cache")})
    remotes = [hosts.remote(name) for name in ("web", "db", "cache", "local")]
    done = await asyncio.gather(*(remote.run("echo in") for remote in remotes))
    assert [completed.stdout for completed in done] == [b"in\n"] * 4
    async with remotes[0].stream(f"sleep 1000; : {marker}"), remotes[1].stream(f"sleep 1000; : {marker}"):
        assert await becomes_true(lambda: len(commands(marker)) == 2)
        await hosts.close()
        assert await becomes_true(lambda: not running(marker))
