"""Forwards through a host: to a port and to a unix socket, and why there are none."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath

import pytest

from rampdeck.demo.process import free_port
from rampdeck.demo.sshd import SshdServer
from rampdeck.errors import TunnelRefused
from rampdeck.model import Health
from rampdeck.remote.ssh import SshRemote
from tests.hosts import host_of

from .sources import reading
from .test_ssh import server_that

StartSshd = Callable[[str], SshdServer]


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

    @pytest.mark.parametrize(
        ("setting", "option"),
        [("AllowTcpForwarding no", ""), ("PermitOpen 127.0.0.1:1", ""), ("", "no-port-forwarding ")],
    )
    async def test_where_it_is_forbidden_tunnels_say_so_at_once_and_all_others_work(
        self, special_sshd: StartSshd, setting: str, option: str
    ) -> None:
        server = special_sshd(setting)
        keys = server.folder / "authorized_keys"
        keys.write_text(option + keys.read_text())
        remote = SshRemote("web", host_of(server))
        tunnel = (server.host, server.port)
        async with reading(remote, postgres=tunnel, host="sleep 1000", redis=tunnel) as sources:
            await sources.are(Health.BLIND, Health.LIVE, Health.BLIND)
            assert "the host forbids forwarding. Allow it in its sshd_config" in sources.reasons[0]


@asynccontextmanager
async def greeting(path: Path) -> AsyncIterator[None]:
    """Listen at a unix socket of the host and greet."""

    writers: list[asyncio.StreamWriter] = []

    def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(b"hello\n")
        writer.close()

    server = await asyncio.start_unix_server(greet, path)
    try:
        yield
    finally:
        server.close()
        await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, empty."""
    folder = tmp_path / "t"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


class TestSocket:
    async def test_a_socket_of_the_host_is_reached_under_its_own_name(
        self, ssh: SshRemote, tmp_path: Path, temporary: Path
    ) -> None:
        far = tmp_path / ".s.PGSQL.5432"
        async with greeting(far), ssh.tunnel_socket(PurePosixPath(far)) as near:
            assert (near.name, near != far) == (far.name, True)
            assert (near.parent.stat().st_mode & 0o777, near.parent.parent) == (0o700, temporary)
            reader, writer = await asyncio.open_unix_connection(near)
            assert await reader.readline() == b"hello\n"
            writer.close()
            await writer.wait_closed()
        assert list(temporary.iterdir()) == []

    async def test_nothing_is_left_behind_when_its_reader_is_cancelled(
        self, ssh: SshRemote, tmp_path: Path, temporary: Path
    ) -> None:
        reached = asyncio.Event()

        async def read() -> None:
            async with ssh.tunnel_socket(PurePosixPath(tmp_path / "far")):
                reached.set()
                await asyncio.sleep(1000)

        async with greeting(tmp_path / "far"):
            task = asyncio.create_task(read())
            await reached.wait()
            task.cancel()
            await asyncio.wait([task])
        assert list(temporary.iterdir()) == []

    async def test_a_socket_that_is_not_there_is_told(self, ssh: SshRemote, tmp_path: Path) -> None:
        with pytest.raises(TunnelRefused, match="there is no such socket"):
            await ssh.tunnel_socket(PurePosixPath(tmp_path / "it's gone")).__aenter__()

    async def test_a_socket_that_nobody_listens_at_is_told(self, ssh: SshRemote, tmp_path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(tmp_path / "dead"))
        with pytest.raises(TunnelRefused, match="or nobody listens there"):
            await ssh.tunnel_socket(PurePosixPath(tmp_path / "dead")).__aenter__()

    async def test_where_it_is_forbidden_it_says_what_to_allow(
        self, special_sshd: StartSshd, tmp_path: Path, temporary: Path
    ) -> None:
        remote = SshRemote("web", host_of(special_sshd("AllowStreamLocalForwarding no")))
        async with greeting(tmp_path / "far"):
            with pytest.raises(
                TunnelRefused, match=r"forbids forwarding to sockets.*AllowStreamLocalForwarding"
            ):
                await remote.tunnel_socket(PurePosixPath(tmp_path / "far")).__aenter__()
        assert (await remote.run("echo in")).stdout == b"in\n"
        assert list(temporary.iterdir()) == []
        await remote.close()

    async def test_a_folder_too_deep_for_a_socket_is_told(
        self, ssh: SshRemote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deep = tmp_path / ("d" * 100)
        deep.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(deep))
        async with greeting(tmp_path / "far"):
            with pytest.raises(TunnelRefused, match="Set TMPDIR to a shorter folder"):
                await ssh.tunnel_socket(PurePosixPath(tmp_path / "far")).__aenter__()
            await ssh.run("true")  # by then the trial has been taken and is over
        assert list(deep.iterdir()) == []
