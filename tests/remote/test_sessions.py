"""A host that gives few sessions: the first sources get them, the others say who has them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from rampdeck import backoff
from rampdeck.demo.sshd import SshdServer
from rampdeck.errors import NoSession
from rampdeck.model import Health
from rampdeck.remote.ssh import SshRemote
from tests.hosts import becomes_true, commands, host_of

from .sources import reading

StartSshd = Callable[[str], SshdServer]
LIVE, BLIND = Health.LIVE, Health.BLIND
FOR_EVER = "sleep 1000"


async def test_two_sessions_go_to_the_first_two_sources_and_tunnels_need_none(
    special_sshd: StartSshd,
) -> None:
    server = special_sshd("MaxSessions 2")
    remote = SshRemote("web", host_of(server))
    tunnel = (server.host, server.port)
    async with reading(remote, host=FOR_EVER, gunicorn=FOR_EVER, nginx=FOR_EVER, postgres=tunnel) as sources:
        await sources.are(LIVE, LIVE, BLIND, LIVE)
        reason = sources.sinks["nginx"].reason
    assert reason.startswith("web has no session left: "), (
        "what it means comes first: a pane may cut the rest"
    )
    assert "no more than 2 sessions" in reason
    assert "host, gunicorn have them" in reason
    assert "Set MaxSessions 10 in its sshd_config, or read fewer sources on web" in reason


async def test_one_session_is_one_pane(special_sshd: StartSshd) -> None:
    remote = SshRemote("web", host_of(special_sshd("MaxSessions 1")))
    async with reading(remote, host=FOR_EVER, gunicorn=FOR_EVER) as sources:
        await sources.are(LIVE, BLIND)
        assert "no more than 1 session," in sources.reasons[1]
        assert "host has it" in sources.reasons[1]


async def test_a_host_without_any_session_says_so(special_sshd: StartSshd) -> None:
    remote = SshRemote("web", host_of(special_sshd("MaxSessions 0")))
    async with reading(remote, host=FOR_EVER) as sources:
        await sources.are(BLIND)
        assert "gives a connection no session" in sources.reasons[0]


async def test_the_first_of_those_who_wait_gets_a_session_as_soon_as_it_is_given_back(
    special_sshd: StartSshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = SshRemote("web", host_of(special_sshd("MaxSessions 2")))
    sources = {"host": FOR_EVER, "gunicorn": FOR_EVER, "nginx": FOR_EVER, "caddy": FOR_EVER}
    monkeypatch.setattr(backoff, "FIRST", 1000.0)  # not by time
    monkeypatch.setattr(backoff, "LAST", 1000.0)
    async with reading(remote, **sources) as read:
        await read.are(LIVE, LIVE, BLIND, BLIND)
        await read.stop("host")
        await read.are(LIVE, LIVE, LIVE, BLIND)
        assert await becomes_true(lambda: "gunicorn, nginx have them" in read.sinks["caddy"].reason)


async def test_a_source_with_two_streams_is_counted_twice(special_sshd: StartSshd) -> None:
    remote = SshRemote("web", host_of(special_sshd("MaxSessions 2")))
    async with remote.stream("sleep 1000"), remote.stream("sleep 1000"):
        with pytest.raises(NoSession, match=r'"sleep 1000" \(2\) have them'):
            await remote.run("true")
    assert (await remote.run("echo free")).stdout == b"free\n"
    await remote.close()


async def test_a_short_command_waits_for_another_and_leaves_streams_alone(special_sshd: StartSshd) -> None:
    remote = SshRemote("web", host_of(special_sshd("MaxSessions 2")))
    async with remote.stream("cat", stdin=True) as stream:
        done = await asyncio.gather(*(remote.run(f"sleep 0.1; echo {number}") for number in range(4)))
        assert [one.stdout for one in done] == [b"0\n", b"1\n", b"2\n", b"3\n"]
        await stream.write(b"still here\n")
        assert await anext(aiter(stream.chunks())) == b"still here\n"
    await remote.close()


async def test_a_stream_waits_for_a_short_command(
    special_sshd: StartSshd, marker: str, tmp_path: Path
) -> None:
    remote, go = SshRemote("web", host_of(special_sshd("MaxSessions 1"))), tmp_path / "go"

    async def follow() -> bytes:
        async with remote.stream("echo begun") as stream:
            return await anext(aiter(stream.chunks()))

    command = f"until test -e {go}; do sleep 0.05; done; echo done; : {marker}"
    short = asyncio.create_task(remote.run(command, timeout=60))
    assert await becomes_true(lambda: bool(commands(marker)))
    stream = asyncio.create_task(follow())
    await asyncio.sleep(0.3)
    assert not stream.done(), "there is no session for it yet"
    go.touch()
    assert await stream == b"begun\n"
    assert (await short).stdout == b"done\n"
    await remote.close()


async def test_eight_at_once_is_the_most(sshd_server: SshdServer) -> None:
    remote = SshRemote("web", host_of(sshd_server))
    async with AsyncExitStack() as streams:
        for _ in range(8):
            await streams.enter_async_context(remote.stream("sleep 1000"))
        with pytest.raises(
            NoSession, match="Rampdeck takes no more than 8 sessions of a connection"
        ) as caught:
            await remote.stream("sleep 1000").__aenter__()
        assert caught.value.fix == "Read fewer sources on web."
    await remote.close()
