"""This machine as a host: what differs from one that is reached over SSH."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator

import gevent
import pytest

from rampdeck.remote.local import LocalRemote


async def test_a_tunnel_is_the_address_itself() -> None:
    async with LocalRemote().tunnel("db.internal", 5432) as address:
        assert address == ("db.internal", 5432)


def test_it_says_that_it_is_this_machine() -> None:
    remote = LocalRemote("web")
    assert (remote.host, remote.local) == ("web", True)


@pytest.fixture
def pidfd_watcher() -> Iterator[None]:
    """The way in which asyncio waits for children by default from Python 3.12."""
    if sys.version_info < (3, 12):
        before = asyncio.get_child_watcher()
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
        yield
        asyncio.set_child_watcher(before)
    else:
        yield


@pytest.mark.usefixtures("pidfd_watcher")
async def test_the_status_of_a_short_command_is_known_under_load() -> None:
    """The load keeps the hub busy, so that the command could end before anybody watches it."""

    def load() -> None:
        while True:
            began = time.perf_counter()
            while time.perf_counter() - began < 0.02:
                pass
            gevent.sleep(0.001)

    users = [gevent.spawn(load) for _ in range(2)]
    try:
        statuses = [(await LocalRemote().run("exit 3")).status for _ in range(3)]
    finally:
        gevent.killall(users)
    assert statuses == [3] * 3
