"""A host that goes away and comes back: it is tried for all its sources, which begin again in order."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from rampdeck import backoff
from rampdeck.demo.process import free_port
from rampdeck.demo.sshd import SshdServer, make_key
from rampdeck.model import Health
from rampdeck.remote import ssh as ssh_module
from rampdeck.remote.ssh import SshRemote
from tests.hosts import becomes_true, host_of

from .sources import Tunnel, reading

StartSshd = Callable[[str], SshdServer]
LIVE, BLIND = Health.LIVE, Health.BLIND
FOR_EVER = "sleep 1000"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once."""
    monkeypatch.setattr(backoff, "FIRST", 0.05)
    monkeypatch.setattr(backoff, "LAST", 0.05)


def cut(server: SshdServer) -> None:
    """End every connection."""
    for session in psutil.Process(server.process.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            session.kill()


async def test_all_sources_of_a_lost_host_wait_for_the_same_tries(sshd_server: SshdServer) -> None:
    knocks: list[float] = []

    def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        knocks.append(time.monotonic())
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    remote = SshRemote("web", host_of(sshd_server, port=port))
    async with reading(remote, host=FOR_EVER, gunicorn=FOR_EVER, nginx=FOR_EVER) as sources:
        await sources.are(BLIND, BLIND, BLIND)
        assert await becomes_true(lambda: len(knocks) >= 3)
        told = sources.turned(BLIND)
    server.close()
    tries = {event.fields["next"] for event in told}
    assert len(told) <= 3 * len(tries)
    assert len(tries) <= len(knocks)
    assert all("closed the connection before the login was over" in event.text for event in told)
    assert {event.source for event in told} == {"host", "gunicorn", "nginx"}


async def test_a_blind_pane_knows_when_its_host_is_tried_next(sshd_server: SshdServer) -> None:
    remote = SshRemote("web", host_of(sshd_server, port=free_port()))
    async with reading(remote, host=FOR_EVER) as sources:
        await sources.are(BLIND)
        (first, *_) = sources.turned(BLIND)
    assert "the connection was refused" in first.text
    assert 0 < float(first.fields["next"]) - first.at.utc <= 1.001  # it is told in milliseconds


@pytest.mark.usefixtures("quick")
async def test_after_a_lost_connection_all_are_back(special_sshd: StartSshd) -> None:
    server = special_sshd("")
    remote = SshRemote("web", host_of(server))
    sources: dict[str, str | Tunnel] = dict.fromkeys(("host", "gunicorn", "nginx"), FOR_EVER)
    sources["redis"] = (server.host, server.port)
    async with reading(remote, **sources) as read:
        await read.are(LIVE, LIVE, LIVE, LIVE)
        assert [event.source for event in read.turned(LIVE)] == list(sources), "at first in their order"
        for _ in range(3):
            await read.are(LIVE, LIVE, LIVE, LIVE)
            read.told.clear()
            cut(server)
            assert await becomes_true(lambda: len({event.source for event in read.turned(BLIND)}) == 4)
            assert await becomes_true(lambda: len({event.source for event in read.turned(LIVE)}) == 4)
            (redis, *_) = [event.text for event in read.turned(BLIND) if event.source == "redis"]
            assert redis.startswith("the connection to web"), "the database is not to blame"


async def test_a_host_that_was_down_for_seconds_is_soon_back(special_sshd: StartSshd) -> None:
    server = special_sshd("")
    remote = SshRemote("web", host_of(server))
    async with reading(remote, host=FOR_EVER, nginx=FOR_EVER) as sources:
        await sources.are(LIVE, LIVE)
        down = time.monotonic()
        server.stop()
        await sources.are(BLIND, BLIND)
        assert await becomes_true(lambda: all("the connection was refused" in why for why in sources.reasons))
        await asyncio.sleep(3)
        server.start()
        await sources.are(LIVE, LIVE)
        pauses = [float(event.fields["next"]) - event.at.utc for event in sources.turned(BLIND)]
    # Not by this machine's pace: how soon it is tried again is told each time.
    assert max(pauses) <= max(backoff.FIRST, backoff.SHARE * (time.monotonic() - down)) + 0.001


@pytest.mark.usefixtures("quick")
async def test_a_frozen_host_is_noticed_and_back_when_it_thaws(
    special_sshd: StartSshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_module, "KEEPALIVE", 0.5)
    server = special_sshd("")
    remote = SshRemote("web", host_of(server, connect_timeout=3.0))
    async with reading(remote, host=FOR_EVER, nginx=FOR_EVER) as sources:
        await sources.are(LIVE, LIVE)
        listener = psutil.Process(server.process.pid)
        listener.suspend()
        frozen = [listener, *listener.children()]
        for process in frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        try:
            # Accepted by the kernel, and nothing said.
            assert await becomes_true(lambda: all("no answer within" in why for why in sources.reasons))
        finally:
            for process in frozen:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()
        await sources.are(LIVE, LIVE)
        texts = [event.text for event in sources.turned(BLIND)]
        assert any("was lost: it was closed there, or nothing answered for 1.5 s" in text for text in texts)


@pytest.mark.usefixtures("quick")
async def test_a_host_with_another_key_is_refused_until_that_is_mended(
    special_sshd: StartSshd, tmp_path: Path
) -> None:
    server = special_sshd("")
    remote = SshRemote("web", host_of(server))
    key, aside = server.folder / "host_key", tmp_path / "aside"
    async with reading(remote, host=FOR_EVER, nginx=FOR_EVER) as sources:
        await sources.are(LIVE, LIVE)
        shutil.move(key, aside)
        make_key(key)
        server.restart()
        assert await becomes_true(lambda: all("has changed" in why for why in sources.reasons))
        assert "ssh-keygen -R" in sources.reasons[0]
        shutil.move(aside, key)
        server.restart()
        await sources.are(LIVE, LIVE)


@pytest.mark.usefixtures("quick")
async def test_a_failure_of_one_source_is_its_own(special_sshd: StartSshd) -> None:
    remote = SshRemote("web", host_of(special_sshd("")))
    async with reading(remote, host=FOR_EVER, gunicorn="exit 1", nginx=FOR_EVER) as sources:
        assert await becomes_true(lambda: len(sources.turned(BLIND)) >= 3)
        assert {event.source for event in sources.turned(BLIND)} == {"gunicorn"}
        assert sources.sinks["host"].health is sources.sinks["nginx"].health is LIVE


async def test_a_source_that_waits_for_its_own_next_try_is_back_with_the_host(
    special_sshd: StartSshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source that failed long ago does not sleep on while its host comes back."""
    server = special_sshd("")
    remote = SshRemote("web", host_of(server))
    there = tmp_path / "there"
    async with reading(remote, host=FOR_EVER, nginx=f"test -e {there} && sleep 1000") as sources:
        await sources.are(LIVE, BLIND)
        monkeypatch.setattr(backoff, "FIRST", 1000.0)
        monkeypatch.setattr(backoff, "LAST", 1000.0)
        failed = len(sources.turned(BLIND))
        assert await becomes_true(lambda: len(sources.turned(BLIND)) > failed)  # now it waits 1000 s
        there.touch()
        monkeypatch.setattr(backoff, "LAST", 0.1)
        monkeypatch.setattr(backoff, "FIRST", 0.1)
        cut(server)
        await sources.are(LIVE, LIVE)


async def test_who_does_not_wait_is_told_at_once_what_is_known(sshd_server: SshdServer) -> None:
    remote = SshRemote("web", host_of(sshd_server, port=free_port()))
    async with reading(remote, host=FOR_EVER) as sources:
        await sources.are(BLIND)
        with pytest.raises(Exception, match="the connection was refused"):
            await remote.run("true")


async def test_a_defect_while_connecting_is_told_in_the_pane(
    sshd_server: SshdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: SshRemote) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr(SshRemote, "_connect", broken)
    async with reading(SshRemote("web", host_of(sshd_server)), host=FOR_EVER) as sources:
        await sources.are(BLIND)
        assert "has a defect: KeyError: 'surprise'" in sources.reasons[0]
