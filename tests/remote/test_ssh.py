"""A host over SSH: one connection, found again when lost, and a clear word when it cannot be had."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psutil
import pytest

from rampdeck.config import HostConfig
from rampdeck.demo.process import free_port
from rampdeck.demo.sshd import SshdServer, make_key
from rampdeck.errors import (
    CommandFailed,
    HostKeyRefused,
    HostUnreachable,
    LoginRefused,
    RemoteError,
    TunnelRefused,
)
from rampdeck.remote import ssh as ssh_module
from rampdeck.remote.ssh import SshRemote
from tests.hosts import becomes_true, commands, host_of, running

StartSshd = Callable[[str], SshdServer]


def sessions(server: SshdServer) -> list[psutil.Process]:
    """Return the processes of sshd that serve a connection."""
    return psutil.Process(server.process.pid).children()


def fingerprint(public_key: Path) -> str:
    return subprocess.check_output(["ssh-keygen", "-lf", str(public_key)], text=True).split()[1]


async def refused_by(remote: SshRemote) -> RemoteError:
    """Return the error that a person would read when the host is used."""
    with pytest.raises(RemoteError) as caught:
        await remote.run("true")
    await remote.close()
    return caught.value


class TestHostKeys:
    async def test_an_unknown_key_is_refused_with_its_fingerprint_and_what_to_do(
        self, sshd_server: SshdServer, home: Path
    ) -> None:
        assert not (home / ".ssh" / "known_hosts").exists()
        error = await refused_by(SshRemote("web", host_of(sshd_server, known_hosts=None)))
        assert isinstance(error, HostKeyRefused)
        assert fingerprint(sshd_server.folder / "host_key.pub") in error.why
        assert f"ssh-keyscan -p {sshd_server.port} 127.0.0.1 >> ~/.ssh/known_hosts" in error.fix

    async def test_a_person_who_does_as_told_gets_in(self, sshd_server: SshdServer, home: Path) -> None:
        config = host_of(sshd_server, known_hosts=None)
        error = await refused_by(SshRemote("web", config))
        subprocess.run(
            ["sh", "-c", error.fix.split("then ")[1]],
            check=True,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"HOME": str(home)},
        )
        remote = SshRemote("web", config)
        assert (await remote.run("echo in")).stdout == b"in\n"
        await remote.close()

    @pytest.mark.parametrize(
        "line",
        ["UserKnownHostsFile none", "UserKnownHostsFile /dev/null", "StrictHostKeyChecking no"],
    )
    async def test_no_line_in_ssh_config_switches_the_check_off(
        self, sshd_server: SshdServer, home: Path, line: str
    ) -> None:
        (home / ".ssh" / "config").write_text(f"{line}\n")
        error = await refused_by(SshRemote("web", host_of(sshd_server, known_hosts=None)))
        assert isinstance(error, HostKeyRefused)
        assert "127.0.0.1 >> ~/.ssh/known_hosts" in error.fix

    async def test_a_changed_key_is_refused_with_both_fingerprints(
        self, sshd_server: SshdServer, tmp_path: Path
    ) -> None:
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(f"[127.0.0.1]:{sshd_server.port} {make_key(tmp_path / 'other')}\n")
        error = await refused_by(SshRemote("web", host_of(sshd_server, known_hosts=known_hosts)))
        assert isinstance(error, HostKeyRefused)
        assert "has changed" in error.what
        assert fingerprint(sshd_server.folder / "host_key.pub") in error.why
        assert fingerprint(tmp_path / "other.pub") in error.why
        assert f"ssh-keygen -R '[127.0.0.1]:{sshd_server.port}' -f {known_hosts}" in error.fix

    async def test_a_key_that_changed_its_type_is_refused_too(
        self, sshd_server: SshdServer, tmp_path: Path
    ) -> None:
        key = tmp_path / "other"
        subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(key)], check=True)
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(f"[127.0.0.1]:{sshd_server.port} {Path(f'{key}.pub').read_text()}")
        error = await refused_by(SshRemote("web", host_of(sshd_server, known_hosts=known_hosts)))
        assert isinstance(error, HostKeyRefused)
        assert "has changed" in error.what

    async def test_a_known_hosts_file_that_is_not_there_knows_nobody(
        self, sshd_server: SshdServer, tmp_path: Path
    ) -> None:
        missing = tmp_path / "missing"
        error = await refused_by(SshRemote("web", host_of(sshd_server, known_hosts=missing)))
        assert isinstance(error, HostKeyRefused)
        assert error.fix.endswith(f">> {missing}")

    async def test_a_broken_known_hosts_file_is_named(self, sshd_server: SshdServer, tmp_path: Path) -> None:
        broken = tmp_path / "broken"
        broken.write_text("rubbish\n")
        error = await refused_by(SshRemote("web", host_of(sshd_server, known_hosts=broken)))
        assert isinstance(error, HostKeyRefused)
        assert str(broken) in str(error)


class TestLogin:
    async def test_a_key_that_the_host_does_not_know_is_refused(
        self, sshd_server: SshdServer, tmp_path: Path
    ) -> None:
        make_key(tmp_path / "stranger")
        error = await refused_by(SshRemote("web", host_of(sshd_server, identity_file=tmp_path / "stranger")))
        assert isinstance(error, LoginRefused)
        assert f"does not let {sshd_server.user} in" in error.what
        assert "stranger" in error.why
        assert "[hosts.web]" in error.fix

    async def test_without_any_key_the_login_is_refused(self, sshd_server: SshdServer) -> None:
        error = await refused_by(SshRemote("web", host_of(sshd_server, identity_file=None)))
        assert isinstance(error, LoginRefused)

    async def test_a_key_with_a_passphrase_is_not_asked_for_but_explained(
        self, sshd_server: SshdServer, tmp_path: Path
    ) -> None:
        key = locked(sshd_server, tmp_path)
        error = await refused_by(SshRemote("web", host_of(sshd_server, identity_file=key)))
        assert isinstance(error, LoginRefused)
        assert "has a passphrase" in error.why
        assert f"ssh-add {key}" in error.fix

    @pytest.mark.usefixtures("agent")
    async def test_a_key_with_a_passphrase_works_through_the_agent(
        self, sshd_server: SshdServer, tmp_path: Path
    ) -> None:
        subprocess.run(["ssh-add", "-q", str(sshd_server.client_key)], check=True, stderr=subprocess.DEVNULL)
        remote = SshRemote("web", host_of(sshd_server, identity_file=locked(sshd_server, tmp_path)))
        assert (await remote.run("echo in")).stdout == b"in\n"
        await remote.close()

    async def test_a_key_file_that_is_not_there_is_named(
        self, sshd_server: SshdServer, tmp_path: Path
    ) -> None:
        error = await refused_by(SshRemote("web", host_of(sshd_server, identity_file=tmp_path / "missing")))
        assert isinstance(error, LoginRefused)
        assert f"{tmp_path / 'missing'}: No such file" in error.why

    async def test_a_file_that_is_no_key_is_named(self, sshd_server: SshdServer, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("no key\n")
        error = await refused_by(SshRemote("web", host_of(sshd_server, identity_file=tmp_path / "text")))
        assert isinstance(error, LoginRefused)
        assert str(tmp_path / "text") in error.why

    async def test_what_is_not_given_comes_from_ssh_config(self, sshd_server: SshdServer, home: Path) -> None:
        (home / ".ssh" / "config").write_text(
            f"Host staging\n HostName {sshd_server.host}\n Port {sshd_server.port}\n"
            f" User {sshd_server.user}\n IdentityFile {sshd_server.client_key}\n"
            f" UserKnownHostsFile {sshd_server.known_hosts} /missing\n"
            " ForwardAgent yes\n RequestTTY force\n"
        )
        remote = SshRemote("staging", HostConfig())
        assert (await remote.run("tty; echo in")).stdout == b"not a tty\nin\n"
        await remote.close()

    async def test_a_broken_ssh_config_is_named(self, sshd_server: SshdServer, home: Path) -> None:
        (home / ".ssh" / "config").write_text("Port many\n")
        error = await refused_by(SshRemote("web", host_of(sshd_server, port=None)))
        assert ".ssh/config line 1: Invalid Port" in error.why


def locked(server: SshdServer, folder: Path) -> Path:
    """Return a copy of the client key that has a passphrase."""
    key = folder / "locked"
    shutil.copy(server.client_key, key)
    change = ["ssh-keygen", "-q", "-p", "-N", "a secret", "-f", str(key)]
    subprocess.run(change, check=True, stdout=subprocess.DEVNULL)
    return key


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An agent of the test's own."""
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
    while not path.exists():
        assert process.poll() is None
    yield
    process.terminate()
    process.wait()


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
