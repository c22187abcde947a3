"""Hosts behind a jump host: one connection over there for all, its key verified like any other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from rampdeck.config import HostConfig
from rampdeck.demo.process import free_port
from rampdeck.demo.sshd import SshdServer, make_key
from rampdeck.errors import (
    HostKeyRefused,
    HostUnreachable,
    LoginRefused,
    RemoteError,
    TunnelRefused,
    UsageError,
)
from rampdeck.remote.hosts import Hosts
from tests.hosts import becomes_true, commands, host_of, running
from tests.remote.operators import PASSPHRASE, Operator, StartSshd, cut_off, locked


@pytest.fixture
def bastion(special_sshd: StartSshd) -> SshdServer:
    """The host that stands in front; the staging host is the tests' usual one."""
    return special_sshd("")


def sessions(server: SshdServer) -> int:
    """Return how many connections a server has."""
    return len(psutil.Process(server.process.pid).children())


async def has(server: SshdServer, connections: int) -> bool:
    """Wait until a server has so many; who only looked whether it listens is still on the way out."""
    return await becomes_true(lambda: sessions(server) == connections)


async def said_by(hosts: Hosts, name: str) -> str:
    done = await hosts.remote(name).run('echo "$SSH_CONNECTION"')
    return done.stdout.decode().strip()


async def refused_by(hosts: Hosts, name: str) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await hosts.remote(name).run("true")
    await hosts.close()
    return caught.value


async def test_hosts_behind_it_share_one_connection_to_it(
    bastion: SshdServer, sshd_server: SshdServer
) -> None:
    behind = host_of(sshd_server, jump="bastion")
    hosts = Hosts({"bastion": host_of(bastion), "web": behind, "db": behind})
    assert all(await asyncio.gather(said_by(hosts, "web"), said_by(hosts, "db"), said_by(hosts, "bastion")))
    assert await has(bastion, 1)
    await hosts.close()
    assert await has(bastion, 0)


async def test_a_jump_host_over_a_jump_host(
    special_sshd: StartSshd, sshd_server: SshdServer, tmp_path: Path
) -> None:
    (tmp_path / "second").mkdir()
    bastion = special_sshd("")
    with SshdServer.create(tmp_path / "second") as second:
        tables = {
            "bastion": host_of(bastion),
            "inner": host_of(second, jump="bastion"),
            "web": host_of(sshd_server, jump="inner"),
        }
        hosts = Hosts(tables)
        assert await said_by(hosts, "web")
        assert await has(bastion, 1)
        assert await has(second, 1)
        await hosts.close()


async def test_streams_and_tunnels_go_through_and_end_with_it(
    bastion: SshdServer, sshd_server: SshdServer, marker: str
) -> None:
    hosts = Hosts({"bastion": host_of(bastion), "web": host_of(sshd_server, jump="bastion")})
    web = hosts.remote("web")
    async with web.tunnel("127.0.0.1", sshd_server.port) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        assert (await reader.readline()).startswith(b"SSH-2.0")
        writer.close()
        await writer.wait_closed()
    async with web.stream(f"sleep 1000; : {marker}"):
        assert await becomes_true(lambda: bool(commands(marker)))
        await hosts.close()
        assert await becomes_true(lambda: not running(marker))


async def test_when_the_jump_host_was_cut_off_the_way_is_made_anew(
    bastion: SshdServer, sshd_server: SshdServer
) -> None:
    hosts = Hosts({"bastion": host_of(bastion), "web": host_of(sshd_server, jump="bastion")})
    web = hosts.remote("web")
    async with web.stream("echo begun; sleep 1000") as stream:
        assert await anext(aiter(stream.chunks())) == b"begun\n"
        cut_off(bastion)
        assert (await stream.wait()).status == -1
    assert await said_by(hosts, "web")
    await hosts.close()


class TestSshConfig:
    """`ProxyJump` in ~/.ssh/config."""

    def write(self, home: Path, bastion: SshdServer, more: str = "") -> None:
        (home / ".ssh" / "config").write_text(
            f"{more}\nHost gate\n HostName {bastion.host}\n Port {bastion.port}\n User {bastion.user}\n"
            f" IdentityFile {bastion.client_key}\n UserKnownHostsFile {bastion.known_hosts}\n"
            "Host 127.0.0.1\n ProxyJump gate\n"
        )

    async def test_it_leads_to_the_host(
        self, bastion: SshdServer, sshd_server: SshdServer, home: Path
    ) -> None:
        self.write(home, bastion)
        hosts = Hosts({"web": host_of(sshd_server), "db": host_of(sshd_server)})
        assert all([await said_by(hosts, "web"), await said_by(hosts, "db")])
        assert await has(bastion, 1)
        await hosts.close()

    async def test_a_host_of_ours_by_that_name_is_the_one(
        self, bastion: SshdServer, sshd_server: SshdServer, home: Path
    ) -> None:
        (home / ".ssh" / "config").write_text("Host web.staging\n HostName 127.0.0.1\n ProxyJump gate\n")
        hosts = Hosts({"gate": host_of(bastion), "web": host_of(sshd_server, address="web.staging")})
        assert all([await said_by(hosts, "web"), await said_by(hosts, "gate")])
        assert await has(bastion, 1)
        await hosts.close()

    async def test_user_and_port_stand_in_it_too_and_it_may_be_a_chain(
        self, bastion: SshdServer, sshd_server: SshdServer, home: Path
    ) -> None:
        known = home / "known_hosts"
        known.write_text(bastion.known_hosts.read_text() + sshd_server.known_hosts.read_text())
        keys = home / "authorized_keys"
        keys.write_text("")
        (home / ".ssh" / "config").write_text(
            f"Host *\n IdentityFile {bastion.client_key}\n IdentityFile {sshd_server.client_key}\n"
            f" UserKnownHostsFile {known}\nHost web.staging\n HostName 127.0.0.1\n"
            f" ProxyJump {bastion.user}@127.0.0.1:{bastion.port},ssh://{bastion.user}@127.0.0.1:{bastion.port}\n"
        )
        table = HostConfig(address="web.staging", port=sshd_server.port)
        hosts = Hosts({"web": table})
        assert await said_by(hosts, "web")
        assert await has(bastion, 2)
        await hosts.close()

    async def test_an_unknown_key_of_the_jump_host_is_refused_whatever_the_file_says(
        self, bastion: SshdServer, sshd_server: SshdServer, home: Path
    ) -> None:
        self.write(home, bastion, "Host *\n UserKnownHostsFile none\n StrictHostKeyChecking no\n")
        error = await refused_by(Hosts({"web": host_of(sshd_server)}), "web")
        assert isinstance(error, HostKeyRefused)
        assert "over gate: the host key of gate" in error.what
        assert await has(bastion, 0)

    async def test_a_jump_host_that_the_file_sends_over_itself_is_reached_directly(
        self, bastion: SshdServer, sshd_server: SshdServer, home: Path
    ) -> None:
        self.write(home, bastion, "Host *\n ProxyJump gate\n")
        hosts = Hosts({"web": host_of(sshd_server)})
        assert await said_by(hosts, "web")
        await hosts.close()

    async def test_a_circle_is_told(self, home: Path) -> None:
        (home / ".ssh" / "config").write_text(
            "Host a\n ProxyJump b\nHost b\n ProxyJump c\nHost c\n ProxyJump a\n"
        )
        error = await refused_by(Hosts({"a": HostConfig()}), "a")
        assert "in a circle" in str(error)


class TestFailures:
    async def test_a_jump_host_that_is_down_is_named(self, sshd_server: SshdServer) -> None:
        port = free_port()
        tables = {
            "bastion": host_of(sshd_server, port=port),
            "web": host_of(sshd_server, jump="bastion"),
        }
        error = await refused_by(Hosts(tables), "web")
        assert isinstance(error, HostUnreachable)
        assert "no way to web" in error.what
        assert f"over bastion: bastion (127.0.0.1 port {port}) cannot be reached" in error.what
        assert "[hosts.bastion]" in error.fix

    async def test_a_jump_host_that_lets_nobody_in_is_named(
        self, bastion: SshdServer, sshd_server: SshdServer, tmp_path: Path
    ) -> None:
        make_key(tmp_path / "stranger")
        tables = {
            "bastion": host_of(bastion, identity_file=tmp_path / "stranger"),
            "web": host_of(sshd_server, jump="bastion"),
        }
        error = await refused_by(Hosts(tables), "web")
        assert isinstance(error, LoginRefused)
        assert "over bastion: bastion" in error.what

    async def test_a_jump_host_that_forbids_forwarding_is_named(
        self, special_sshd: StartSshd, sshd_server: SshdServer
    ) -> None:
        bastion = special_sshd("AllowTcpForwarding no")
        tables = {"bastion": host_of(bastion), "web": host_of(sshd_server, jump="bastion")}
        error = await refused_by(Hosts(tables), "web")
        assert isinstance(error, TunnelRefused)
        assert "bastion forbids forwarding" in error.why
        assert "web" in error.what

    async def test_a_host_that_is_down_behind_it_is_not_the_jump_hosts_fault(
        self, bastion: SshdServer, sshd_server: SshdServer
    ) -> None:
        tables = {"bastion": host_of(bastion), "web": host_of(sshd_server, jump="bastion", port=free_port())}
        error = await refused_by(Hosts(tables), "web")
        assert isinstance(error, HostUnreachable)
        assert "cannot be reached over bastion" in error.what
        assert "nothing answers there, seen from bastion" in error.why

    async def test_the_key_of_the_host_behind_it_is_verified(
        self, bastion: SshdServer, sshd_server: SshdServer
    ) -> None:
        tables = {
            "bastion": host_of(bastion),
            "web": host_of(sshd_server, jump="bastion", known_hosts=bastion.known_hosts),
        }
        error = await refused_by(Hosts(tables), "web")
        assert isinstance(error, HostKeyRefused)
        assert error.what.startswith("the host key of web")

    async def test_its_questions_are_asked_once_for_all_behind_it(
        self, bastion: SshdServer, sshd_server: SshdServer, tmp_path: Path
    ) -> None:
        operator, behind = Operator(PASSPHRASE), host_of(sshd_server, jump="bastion")
        key = locked(bastion.client_key, tmp_path)
        tables = {"bastion": host_of(bastion, identity_file=key), "web": behind, "db": behind}
        hosts = Hosts(tables, operator)
        assert all(await asyncio.gather(said_by(hosts, "web"), said_by(hosts, "db")))
        assert [question.host for question in operator.asked] == ["bastion"]
        await hosts.close()


class TestTable:
    def test_a_jump_host_must_be_in_the_file(self) -> None:
        with pytest.raises(UsageError, match=r'\[hosts.web\].*no such host; did you mean "bastion"\?'):
            Hosts({"bastion": HostConfig(), "web": HostConfig(jump="bastoin")})

    def test_this_machine_is_no_jump_host(self) -> None:
        with pytest.raises(UsageError, match="is this machine"):
            Hosts({"web": HostConfig(jump="local")})

    def test_a_circle_is_refused(self) -> None:
        with pytest.raises(UsageError, match="web over db over web"):
            Hosts({"web": HostConfig(jump="db"), "db": HostConfig(jump="web")})
