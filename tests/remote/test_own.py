"""A host that is connected anew: whether it was rebooted meanwhile, or lies elsewhere now."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rampdeck.demo.sshd import SshdServer
from rampdeck.errors import HostKeyRefused
from rampdeck.remote.own import Identity
from rampdeck.remote.ssh import SshRemote
from tests.hosts import host_of
from tests.remote.operators import cut_off

StartSshd = Callable[[str], SshdServer]
BEFORE = Identity("one-boot", "192.0.2.1")


@pytest.fixture
def boots(tmp_path: Path) -> Path:
    """What the host's kernel will say of its boot."""
    file = tmp_path / "boot_id"
    file.write_text("0d3f\n")
    return file


@pytest.fixture
def rebooting(special_sshd: StartSshd, tmp_path: Path, boots: Path) -> SshdServer:
    """A host whose `cat` shows another boot when the file of the test does: nobody can boot it here."""
    programs = tmp_path / "bin"
    programs.mkdir()
    script = f'case "$1" in *boot_id) exec /bin/cat {boots};; esac; exec /bin/cat "$@"'
    (programs / "cat").write_text(f"#!/bin/sh\n{script}\n")
    (programs / "cat").chmod(0o755)
    return special_sshd(f"SetEnv PATH={programs}:/usr/bin:/bin")


async def lose_connection(remote: SshRemote, server: SshdServer) -> None:
    """Let the connection be lost and made anew."""
    async with remote.stream("echo begun; sleep 1000") as stream:
        assert await anext(aiter(stream.chunks())) == b"begun\n"
        cut_off(server)
        assert (await stream.wait()).status == -1
    assert (await remote.run("echo in")).stdout == b"in\n"


async def test_a_reboot_is_told_once(rebooting: SshdServer, boots: Path) -> None:
    told: list[tuple[str, str]] = []
    remote = SshRemote("web", host_of(rebooting))
    remote.heed(lambda *news: told.append(news))
    await lose_connection(remote, rebooting)
    assert told == []
    boots.write_text("77aa\n")
    await lose_connection(remote, rebooting)
    await lose_connection(remote, rebooting)
    assert told == [("rebooted", "web was rebooted")]
    await remote.close()


async def test_a_name_that_leads_elsewhere_is_told_and_the_key_decides(
    special_sshd: StartSshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = special_sshd("")
    conf = server.folder / "sshd_config"
    conf.write_text(f"ListenAddress 127.0.0.2:{server.port}\n{conf.read_text()}")
    server.restart()
    key = server.known_hosts.read_text().split(" ", 1)[1]
    server.known_hosts.write_text(f"[web.test]:{server.port} {key}")
    addresses = ["127.0.0.1"]
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
        return resolve(addresses[0] if host == "web.test" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    told: list[tuple[str, str]] = []
    remote = SshRemote("web", host_of(server, address="web.test"))
    remote.heed(lambda *news: told.append(news))
    await lose_connection(remote, server)
    assert told == []
    addresses[0] = "127.0.0.2"
    await lose_connection(remote, server)
    ((signal, text),) = told
    assert signal == "address_changed"
    assert text.startswith("web is reached at 127.0.0.2 now, before it was at 127.0.0.1")
    server.known_hosts.write_text("")
    with pytest.raises(HostKeyRefused):
        await lose_connection(remote, server)
    await remote.close()


def test_what_cannot_be_known_is_no_news() -> None:
    assert list(Identity("", "").news("web", BEFORE)) == []
    assert list(BEFORE.news("web", Identity())) == []
    assert Identity("", "192.0.2.7").known_with(BEFORE) == Identity("one-boot", "192.0.2.7")
