"""Keys that live in the agent only, and certificates of users and hosts, made with OpenSSH's own tools."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rampdeck.demo.sshd import SshdServer, make_key
from rampdeck.errors import HostKeyRefused, LoginRefused
from rampdeck.remote.login import Surroundings
from rampdeck.remote.ssh import SshRemote
from tests.hosts import host_of
from tests.remote.conftest import refused_by
from tests.remote.operators import PASSPHRASE, Operator, StartSshd, locked


def keygen(*arguments: object) -> None:
    subprocess.run(["ssh-keygen", "-q", *map(str, arguments)], check=True, stderr=subprocess.DEVNULL)


def add(*arguments: object) -> None:
    subprocess.run(["ssh-add", "-q", *map(str, arguments)], check=True, stderr=subprocess.DEVNULL)


async def lets_in(remote: SshRemote) -> bool:
    done = await remote.run("echo in")
    await remote.close()
    return done.stdout == b"in\n"


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """The key that signs other keys."""
    make_key(tmp_path / "authority")
    return tmp_path / "authority"


@pytest.fixture
def trusting_sshd(special_sshd: StartSshd, authority: Path) -> SshdServer:
    """An sshd that knows no user's key, only who signs them."""
    return special_sshd(f"TrustedUserCAKeys {authority}.pub\nAuthorizedKeysFile none")


def signed(key: Path, authority: Path, user: str, validity: str = "+1h") -> Path:
    """Make a key pair whose public half the authority has signed for a user."""
    make_key(key)
    keygen("-s", authority, "-I", "a person", "-n", user, "-V", validity, f"{key}.pub")
    return key


class TestAgent:
    @pytest.mark.usefixtures("agent")
    async def test_a_key_that_is_in_the_agent_only_opens_the_way(
        self, special_sshd: StartSshd, tmp_path: Path
    ) -> None:
        server, key = special_sshd(""), tmp_path / "key"
        (server.folder / "authorized_keys").write_text(make_key(key) + "\n")
        add(key)
        key.unlink()
        assert await lets_in(SshRemote("web", host_of(server, identity_file=None)))

    @pytest.mark.usefixtures("agent")
    async def test_nothing_is_asked_where_the_agent_has_the_key(
        self, sshd_server: SshdServer, tmp_path: Path
    ) -> None:
        add(sshd_server.client_key)
        config = host_of(sshd_server, identity_file=locked(sshd_server.client_key, tmp_path))
        assert await lets_in(SshRemote("web", config, around=Surroundings(Operator())))

    @pytest.mark.usefixtures("agent")
    async def test_too_many_keys_in_it_are_told(self, sshd_server: SshdServer, tmp_path: Path) -> None:
        for number in range(8):
            make_key(tmp_path / f"key{number}")
            add(tmp_path / f"key{number}")
        error = await refused_by(SshRemote("web", host_of(sshd_server)))
        assert isinstance(error, LoginRefused)
        assert "MaxAuthTries" in error.why
        assert "IdentitiesOnly" in error.fix

    async def test_an_agent_that_is_gone_keeps_nobody_out(
        self, sshd_server: SshdServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nowhere"))
        assert await lets_in(SshRemote("web", host_of(sshd_server)))


class TestUserCertificate:
    async def test_beside_the_key_file(
        self, trusting_sshd: SshdServer, authority: Path, tmp_path: Path
    ) -> None:
        key = signed(tmp_path / "id", authority, trusting_sshd.user)
        assert await lets_in(SshRemote("web", host_of(trusting_sshd, identity_file=key)))

    async def test_of_a_key_with_a_passphrase(
        self, trusting_sshd: SshdServer, authority: Path, tmp_path: Path
    ) -> None:
        key = signed(tmp_path / "id", authority, trusting_sshd.user)
        keygen("-p", "-N", PASSPHRASE, "-f", key)
        operator = Operator(PASSPHRASE)
        config = host_of(trusting_sshd, identity_file=key)
        assert await lets_in(SshRemote("web", config, around=Surroundings(operator)))
        assert len(operator.asked) == 1

    async def test_that_ssh_config_names(
        self, trusting_sshd: SshdServer, authority: Path, tmp_path: Path, home: Path
    ) -> None:
        key = signed(tmp_path / "id", authority, trusting_sshd.user)
        certificate = (tmp_path / "id-cert.pub").rename(tmp_path / "elsewhere.pub")
        (home / ".ssh" / "config").write_text(f"CertificateFile {certificate}\nIdentityFile {key}\n")
        assert await lets_in(SshRemote("web", host_of(trusting_sshd, identity_file=None)))

    @pytest.mark.usefixtures("agent")
    async def test_in_the_agent(self, trusting_sshd: SshdServer, authority: Path, tmp_path: Path) -> None:
        add(signed(tmp_path / "id", authority, trusting_sshd.user))
        assert await lets_in(SshRemote("web", host_of(trusting_sshd, identity_file=None)))

    async def test_that_has_expired_is_told(
        self, trusting_sshd: SshdServer, authority: Path, tmp_path: Path
    ) -> None:
        key = signed(tmp_path / "id", authority, trusting_sshd.user, "-2h:-1h")
        error = await refused_by(SshRemote("web", host_of(trusting_sshd, identity_file=key)))
        assert isinstance(error, LoginRefused)
        assert f"{key}-cert.pub" in error.why
        assert "expired" in error.why

    async def test_of_somebody_else_is_told(
        self, trusting_sshd: SshdServer, authority: Path, tmp_path: Path
    ) -> None:
        key = signed(tmp_path / "id", authority, "somebody-else")
        error = await refused_by(SshRemote("web", host_of(trusting_sshd, identity_file=key)))
        assert "principal" in error.why


class TestHostCertificate:
    @pytest.fixture
    def signed_sshd(self, special_sshd: StartSshd, authority: Path) -> SshdServer:
        """An sshd whose host key the authority has signed for 127.0.0.1."""
        server = special_sshd("")
        server.stop()
        key = server.folder / "host_key"
        keygen("-s", authority, "-I", "a host", "-h", "-n", "127.0.0.1", f"{key}.pub")
        conf = server.folder / "sshd_config"
        conf.write_text(f"HostCertificate {key}-cert.pub\n{conf.read_text()}")
        server.start()
        return server

    async def test_of_a_trusted_authority_makes_the_host_known(
        self, signed_sshd: SshdServer, authority: Path, tmp_path: Path
    ) -> None:
        known = tmp_path / "known_hosts"
        known.write_text(
            f"@cert-authority [127.0.0.1]:{signed_sshd.port} {Path(f'{authority}.pub').read_text()}"
        )
        assert await lets_in(SshRemote("web", host_of(signed_sshd, known_hosts=known)))

    async def test_of_an_authority_that_nobody_trusts_is_refused_with_the_line_that_helps(
        self, signed_sshd: SshdServer, tmp_path: Path
    ) -> None:
        known = tmp_path / "known_hosts"
        config = host_of(signed_sshd, known_hosts=known)
        error = await refused_by(SshRemote("web", config))
        assert isinstance(error, HostKeyRefused)
        assert "who signed the host key" in error.what
        known.write_text(error.fix.split("the line: ")[1] + "\n")
        assert await lets_in(SshRemote("web", config))

    async def test_that_is_not_for_this_host_is_refused(
        self, signed_sshd: SshdServer, authority: Path, tmp_path: Path
    ) -> None:
        signed_sshd.stop()
        key = signed_sshd.folder / "host_key"
        keygen("-s", authority, "-I", "a host", "-h", "-n", "elsewhere.example", f"{key}.pub")
        signed_sshd.start()
        known = tmp_path / "known_hosts"
        known.write_text(
            f"@cert-authority [127.0.0.1]:{signed_sshd.port} {Path(f'{authority}.pub').read_text()}"
        )
        error = await refused_by(SshRemote("web", host_of(signed_sshd, known_hosts=known)))
        assert isinstance(error, HostKeyRefused)
        assert "principal" in str(error)

    async def test_a_host_known_by_its_plain_key_stays_known(self, signed_sshd: SshdServer) -> None:
        assert await lets_in(SshRemote("web", host_of(signed_sshd)))
