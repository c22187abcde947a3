"""A host over SSH: one connection, found again when lost, and a clear word when it cannot be had."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import psutil
import pytest

from rampdeck.demo.process import free_port
from rampdeck.demo.sshd import SshdServer
from rampdeck.errors import (
    CommandFailed,
    HostUnreachable,
    TunnelRefused,
)
from rampdeck.remote import ssh as ssh_module
from rampdeck.remote.ssh import SshRemote
from tests.hosts import becomes_true, commands, host_of, running
from tests.remote.conftest import refused_by

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
            for session in sessions(server):
                session.kill()
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
            (session,) = sessions(server)
            session.suspend()
            try:
                with pytest.raises(HostUnreachable, match="was lost"):
                    await remote.run("echo unheard")
                assert (await stream.wait()).status == -1
            finally:
                session.resume()
        await remote.close()

    async def test_a_session_too_many_is_explained_and_the_others_go_on(
        self, special_sshd: StartSshd
    ) -> None:
        remote = SshRemote("web", host_of(special_sshd("MaxSessions 2")))
        async with remote.stream("cat", stdin=True) as first, remote.stream("sleep 60"):
            with pytest.raises(CommandFailed, match="MaxSessions") as caught:
                await remote.run("journalctl -f")
            assert 'cannot start "journalctl -f" on web' in caught.value.what
            await first.write(b"still here\n")
            assert await anext(aiter(first.chunks())) == b"still here\n"
        assert (await remote.run("echo free")).stdout == b"free\n"
        await remote.close()

    async def test_nothing_stays_on_any_host_when_this_process_is_killed(
        self, sshd_server: SshdServer, marker: str
    ) -> None:
        program = f"""
from rampdeck import loop
import asyncio
from rampdeck.config import HostConfig
from rampdeck.remote.local import LocalRemote
from rampdeck.remote.ssh import SshRemote

async def main():
    ssh = SshRemote("web", HostConfig.model_validate_json({host_of(sshd_server).model_dump_json()!r}))
    command = "sleep 1000; : '{marker}'"
    async with ssh.stream(command), ssh.stream(command, stdin=True), LocalRemote().stream(command):
        print("ready", flush=True)
        await asyncio.sleep(1000)

loop.run(main())
"""
        pipe = subprocess.PIPE
        with subprocess.Popen([sys.executable, "-c", program], stdout=pipe) as ours:
            assert ours.stdout
            ready = ours.stdout.readline()
            begun = await becomes_true(lambda: len(commands(marker)) == 3)
            os.kill(ours.pid, signal.SIGKILL)
        assert (ready, begun) == (b"ready\n", True)
        assert await becomes_true(lambda: not running(marker))


class TestTunnel:
    async def test_a_port_of_the_host_is_reached_through_it(self, ssh: SshRemote) -> None:
        def greet(writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello\n")

        async with server_that(greet) as (port, seen), ssh.tunnel("127.0.0.1", port) as (host, local):
            assert (host, local != port) == ("127.0.0.1", True)
            reader, writer = await asyncio.open_connection(host, local)
            assert await reader.readline() == b"hello\n"
            assert len(seen) == 2  # the trial, and this one
            writer.close()
            await writer.wait_closed()

    async def test_it_is_closed_when_left(self, ssh: SshRemote) -> None:
        async with server_that(lambda _: None) as (port, _):
            async with ssh.tunnel("127.0.0.1", port) as (host, local):
                pass
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(host, local)

    async def test_a_port_where_nobody_listens_is_told_at_once(self, ssh: SshRemote) -> None:
        port = free_port()
        with pytest.raises(TunnelRefused, match="nothing answers there") as caught:
            await ssh.tunnel("127.0.0.1", port).__aenter__()
        assert caught.value.what == f"no tunnel through staging to 127.0.0.1:{port}"

    async def test_forbidden_forwarding_is_told_at_once(
        self, special_sshd: StartSshd, sshd_server: SshdServer
    ) -> None:
        remote = SshRemote("web", host_of(special_sshd("AllowTcpForwarding no")))
        with pytest.raises(TunnelRefused, match=r"forbids forwarding.*AllowTcpForwarding"):
            await remote.tunnel("127.0.0.1", sshd_server.port).__aenter__()
        assert (await remote.run("echo in")).stdout == b"in\n"
        await remote.close()
