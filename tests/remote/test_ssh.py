"""A host over SSH: one connection, found again when lost, and a clear word when it cannot be had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import psutil
import pytest

from rampdeck.demo.process import free_port
from rampdeck.demo.sshd import SshdServer
from rampdeck.errors import (
    HostUnreachable,
)
from rampdeck.remote import ssh as ssh_module
from rampdeck.remote.ssh import SshRemote
from tests.hosts import becomes_true, commands, host_of, running
from tests.remote.conftest import refused_by
from tests.remote.operators import cut_off

StartSshd = Callable[[str], SshdServer]


def sessions(server: SshdServer) -> list[psutil.Process]:
    """Return the processes of sshd that serve a connection."""
    return psutil.Process(server.process.pid).children()


@asynccontextmanager
async def server_that(
    behaves: Callable[[asyncio.StreamWriter], None],
) -> AsyncIterator[tuple[int, list[int]]]:
    """Accept connections and treat each; yields the port and the list of the connections' ports."""
    writers: list[asyncio.StreamWriter] = []
    seen: list[int] = []

    def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        seen.append(writer.get_extra_info("peername")[1])
        behaves(writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], seen
    finally:
        server.close()
        for writer in writers:
            writer.close()


class TestUnreachable:
    async def test_a_port_where_nobody_listens(self, sshd_server: SshdServer) -> None:
        error = await refused_by(SshRemote("web", host_of(sshd_server, port=free_port())))
        assert isinstance(error, HostUnreachable)
        assert "refused" in error.why
        assert "sshd" in error.fix

    async def test_a_name_that_does_not_exist(self, sshd_server: SshdServer) -> None:
        error = await refused_by(SshRemote("web", host_of(sshd_server, address="nowhere.invalid")))
        assert isinstance(error, HostUnreachable)
        assert "name is unknown" in error.why
        assert "[hosts.web]" in error.fix

    async def test_a_server_that_accepts_and_says_nothing(self, sshd_server: SshdServer) -> None:
        async with server_that(lambda _: None) as (port, _):
            error = await refused_by(SshRemote("web", host_of(sshd_server, port=port, connect_timeout=0.5)))
        assert isinstance(error, HostUnreachable)
        assert "no answer within 0.5 s" in error.why

    async def test_a_server_that_hangs_up(self, sshd_server: SshdServer) -> None:
        async with server_that(lambda writer: writer.close()) as (port, _):
            error = await refused_by(SshRemote("web", host_of(sshd_server, port=port)))
        assert isinstance(error, HostUnreachable)
        assert "closed the connection before the login was over" in error.why

    async def test_a_server_that_speaks_no_ssh(self, sshd_server: SshdServer) -> None:
        def greet(writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 200)
            writer.close()

        async with server_that(greet) as (port, _):
            error = await refused_by(SshRemote("web", host_of(sshd_server, port=port)))
        assert isinstance(error, HostUnreachable)

    async def test_all_sources_of_a_host_wait_for_one_attempt(self, sshd_server: SshdServer) -> None:
        async with server_that(lambda _: None) as (port, seen):
            remote = SshRemote("web", host_of(sshd_server, port=port, connect_timeout=0.5))
            outcomes = await asyncio.gather(
                *(remote.run("true") for _ in range(2)),
                *(remote.stream("true").__aenter__() for _ in range(5)),
                return_exceptions=True,
            )
            assert len(seen) == 1
        assert [type(outcome) for outcome in outcomes] == [HostUnreachable] * 7

    async def test_one_who_stops_waiting_does_not_end_the_attempt_for_others(
        self, sshd_server: SshdServer
    ) -> None:
        remote = SshRemote("web", host_of(sshd_server))
        first, second = (asyncio.create_task(remote.run("echo in")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).stdout == b"in\n"
        await remote.close()


class TestOneConnection:
    async def test_all_sources_of_a_host_share_it(self, ssh: SshRemote, sshd_server: SshdServer) -> None:
        before = set(sessions(sshd_server))
        async with AsyncExitStack() as streams:
            opened = [streams.enter_async_context(ssh.stream("sleep 60")) for _ in range(5)]
            await asyncio.gather(*opened)
            assert (await ssh.run("echo in")).stdout == b"in\n"
            assert len(set(sessions(sshd_server)) - before) == 1

    async def test_closing_it_ends_everything_on_the_host(self, ssh: SshRemote, marker: str) -> None:
        async with ssh.stream(f"sleep 1000; : {marker}") as stream:
            assert await becomes_true(lambda: bool(commands(marker)))
            await ssh.close()
            assert await becomes_true(lambda: not running(marker))
            assert (await stream.wait()).status == -1

    async def test_an_sshd_that_was_down_is_found_again(self, special_sshd: StartSshd) -> None:
        server = special_sshd("")
        remote = SshRemote("web", host_of(server))
        assert (await remote.run("echo one")).stdout == b"one\n"
        server.stop()
        with pytest.raises(HostUnreachable):
            await remote.run("echo two")
        server.start()
        assert (await remote.run("echo three")).stdout == b"three\n"
        await remote.close()

    async def test_a_connection_killed_in_the_middle_is_told_and_made_anew(
        self, special_sshd: StartSshd, marker: str
    ) -> None:
        server = special_sshd("")
        remote = SshRemote("web", host_of(server))
        async with remote.stream(f"echo begun; sleep 1000; : {marker}") as stream:
            chunks = aiter(stream.chunks())
            assert await anext(chunks) == b"begun\n"
            short = asyncio.create_task(remote.run(f"sleep 1000; : {marker}", timeout=60))
            assert await becomes_true(lambda: len(commands(marker)) == 1)
            cut_off(server)
            assert [chunk async for chunk in chunks] == []
            assert (await stream.wait()).status == -1
            with pytest.raises(HostUnreachable, match="was lost"):
                await short
            assert await becomes_true(lambda: not running(marker))
            assert (await remote.run("echo again")).stdout == b"again\n"
        await remote.close()

    async def test_a_host_that_falls_silent_is_noticed(
        self, special_sshd: StartSshd, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ssh_module, "KEEPALIVE", 0.2)
        server = special_sshd("")
        remote = SshRemote("web", host_of(server))
        async with remote.stream("sleep 60") as stream:
            # Who only looked whether it listens is still on the way out.
            assert await becomes_true(lambda: len(sessions(server)) == 1)
            (session,) = sessions(server)
            session.suspend()
            try:
                with pytest.raises(HostUnreachable, match="was lost"):
                    await remote.run("echo unheard")
                assert (await stream.wait()).status == -1
            finally:
                session.resume()
        await remote.close()
