"""Who is let in, and who is believed: host keys are verified, and a refusal says what to do."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rampdeck.config import HostConfig
from rampdeck.demo.sshd import SshdServer, make_key
from rampdeck.errors import (
    HostKeyRefused,
    LoginRefused,
)
from rampdeck.remote.ssh import SshRemote
from tests.hosts import host_of
from tests.remote.conftest import refused_by
from tests.remote.operators import locked

StartSshd = Callable[[str], SshdServer]


def fingerprint(public_key: Path) -> str:
    return subprocess.check_output(["ssh-keygen", "-lf", str(public_key)], text=True).split()[1]


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
        key = locked(sshd_server.client_key, tmp_path)
        error = await refused_by(SshRemote("web", host_of(sshd_server, identity_file=key)))
        assert isinstance(error, LoginRefused)
        assert "has a passphrase" in error.why
        assert f"ssh-add {key}" in error.fix

    @pytest.mark.usefixtures("agent")
    async def test_a_key_with_a_passphrase_works_through_the_agent(
        self, sshd_server: SshdServer, tmp_path: Path
    ) -> None:
        subprocess.run(["ssh-add", "-q", str(sshd_server.client_key)], check=True, stderr=subprocess.DEVNULL)
        remote = SshRemote(
            "web", host_of(sshd_server, identity_file=locked(sshd_server.client_key, tmp_path))
        )
        assert (await remote.run("echo in")).stdout == b"in\n"
        await remote.close()

    async def test_a_key_file_that_is_not_there_is_named(
        self, sshd_server: SshdServer, tmp_path: Path
    ) -> None:
        error = await refused_by(SshRemote("web", host_of(sshd_server, identity_file=tmp_path / "missing")))
        assert isinstance(error, LoginRefused)
        assert f"{tmp_path / 'missing'}: No such file" in error.why

    async def test_a_key_file_of_ssh_config_that_is_not_there_is_named(
        self, sshd_server: SshdServer, home: Path
    ) -> None:
        (home / ".ssh" / "config").write_text("IdentityFile ~/.ssh/moved-away\n")
        error = await refused_by(SshRemote("web", host_of(sshd_server, identity_file=None)))
        assert "moved-away: No such file" in error.why
        assert "~/.ssh/config" in error.fix

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
