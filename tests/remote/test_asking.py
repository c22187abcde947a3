"""What only the operator knows: passwords and passphrases are asked for, and kept nowhere but in memory."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rampdeck import backoff
from rampdeck.config import HostConfig
from rampdeck.demo.sshd import SshdServer, make_key
from rampdeck.errors import HostKeyRefused, LoginRefused, RemoteError, UsageError
from rampdeck.model import Health
from rampdeck.remote.asking import Asker, Wants
from rampdeck.remote.hosts import Hosts
from tests.hosts import becomes_true, host_of
from tests.remote.operators import PASSPHRASE, PASSWORD, Operator, cut_off, locked, sessions, with_password
from tests.remote.sources import reading

StartPasswordSshd = Callable[[str], SshdServer]
PASSWORD_ONLY = "AuthenticationMethods password\nPasswordAuthentication yes\nPermitRootLogin yes"
PAM_ONLY = (
    "AuthenticationMethods keyboard-interactive\nKbdInteractiveAuthentication yes\nUsePAM yes\n"
    "PermitRootLogin yes"
)
KEY_AND_CODE = PAM_ONLY.replace("keyboard-interactive", "publickey,keyboard-interactive")
EITHER = PAM_ONLY.replace("keyboard-interactive", "any") + "\nPasswordAuthentication yes"


@pytest.fixture
def password_sshd(tmp_path: Path) -> Iterator[StartPasswordSshd]:
    """Start an sshd that knows a password; its configuration begins with the given lines."""
    started: list[SshdServer] = []

    def start(lines: str) -> SshdServer:
        server = with_password(SshdServer.create(tmp_path), tmp_path)
        conf = server.folder / "sshd_config"
        conf.write_text(f"{lines}\n{conf.read_text()}")
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


def hosts_of(server: SshdServer, asker: Asker | None, **changes: object) -> Hosts:
    """Return a configuration with one host, `web`."""
    return Hosts({"web": host_of(server, **changes)}, asker)


async def said_by(hosts: Hosts, name: str = "web") -> str:
    """Return what a person reads when the host is used."""
    done = await hosts.remote(name).run("echo in")
    return done.stdout.decode().strip()


async def refused_by(hosts: Hosts, name: str = "web") -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await hosts.remote(name).run("true")
    return caught.value


def failures(server: SshdServer) -> int:
    """Return how many wrong passwords the server has noted."""
    log = (server.folder / "sshd.log").read_text()
    return len(re.findall("Failed password|PAM: Authentication failure", log))


async def cut(hosts: Hosts, server: SshdServer) -> None:
    """End every connection to the server, as a reboot or a firewall would."""
    cut_off(server)
    remote = hosts.remote("web")
    assert await becomes_true(lambda: not remote.connected)  # type: ignore[attr-defined]


class TestPassphrase:
    async def test_a_locked_key_is_asked_for_and_opens_the_way(
        self, sshd_server: SshdServer, tmp_path: Path
    ) -> None:
        operator, key = Operator(PASSPHRASE), locked(sshd_server.client_key, tmp_path)
        hosts = hosts_of(sshd_server, operator, identity_file=key)
        assert await said_by(hosts) == "in"
        (question,) = operator.asked
        assert (question.wants, question.file, question.host) == (Wants.PASSPHRASE, str(key), "web")
        assert question.user == sshd_server.user
        await hosts.close()

    async def test_it_is_not_asked_again_after_the_connection_was_cut(
        self, special_sshd: Callable[[str], SshdServer], tmp_path: Path
    ) -> None:
        server = special_sshd("")
        hosts = hosts_of(server, Operator(PASSPHRASE), identity_file=locked(server.client_key, tmp_path))
        assert await said_by(hosts) == "in"
        await cut(hosts, server)
        assert await said_by(hosts) == "in"
        await hosts.close()

    async def test_a_key_in_the_old_pem_format_works_too(
        self, special_sshd: Callable[[str], SshdServer], tmp_path: Path
    ) -> None:
        server, key = special_sshd(""), tmp_path / "old"
        command = ["ssh-keygen", "-q", "-t", "rsa", "-m", "PEM", "-N", PASSPHRASE, "-f", str(key)]
        subprocess.run(command, check=True)
        (server.folder / "authorized_keys").write_text((tmp_path / "old.pub").read_text())
        (tmp_path / "old.pub").unlink()
        hosts = hosts_of(server, Operator("wrong", PASSPHRASE), identity_file=key)
        assert await said_by(hosts) == "in"
        await hosts.close()

    async def test_a_wrong_one_is_said_and_asked_for_again(
        self, sshd_server: SshdServer, tmp_path: Path
    ) -> None:
        operator = Operator("wrong", PASSPHRASE)
        hosts = hosts_of(sshd_server, operator, identity_file=locked(sshd_server.client_key, tmp_path))
        assert await said_by(hosts) == "in"
        assert [question.attempt for question in operator.asked] == [1, 2]
        assert "does not open the key" in operator.asked[1].refused
        await hosts.close()

    async def test_one_file_of_many_hosts_is_asked_for_once(
        self, sshd_server: SshdServer, tmp_path: Path
    ) -> None:
        operator, key = Operator(PASSPHRASE), locked(sshd_server.client_key, tmp_path)
        # Different names of one machine, so that the logins are under way at the same time.
        tables = {
            name: host_of(sshd_server, address=address, identity_file=key)
            for name, address in (("web", "127.0.0.1"), ("db", "127.0.0.1"))
        }
        hosts = Hosts(tables, operator)
        assert set(await asyncio.gather(said_by(hosts, "web"), said_by(hosts, "db"))) == {"in"}
        assert len(operator.asked) == 1
        await hosts.close()

    async def test_who_leaves_the_question_leaves_all_hosts_with_that_key_out(
        self, sshd_server: SshdServer, tmp_path: Path
    ) -> None:
        table = host_of(sshd_server, identity_file=locked(sshd_server.client_key, tmp_path))
        operator = Operator(None, PASSPHRASE)
        hosts = Hosts({"web": table, "db": table}, operator)
        assert "no right passphrase" in (await refused_by(hosts, "web")).why
        assert "no right passphrase" in (await refused_by(hosts, "db")).why
        assert list(hosts.left_out) == ["web", "db"]
        hosts.log_in("db")
        assert await becomes_true(lambda: list(hosts.left_out) == ["web"])
        assert await said_by(hosts, "db") == "in"
        await hosts.close()

    async def test_a_login_by_hand_does_not_wait_for_the_next_try(
        self, sshd_server: SshdServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backoff, "FIRST", 1000.0)
        monkeypatch.setattr(backoff, "LAST", 1000.0)
        operator = Operator(None, None, PASSPHRASE)
        hosts = hosts_of(sshd_server, operator, identity_file=locked(sshd_server.client_key, tmp_path))
        async with reading(hosts.remote("web"), host="sleep 1000") as sources:
            await sources.are(Health.BLIND)
            hosts.log_in("web")
            assert await becomes_true(lambda: len(sources.turned(Health.BLIND)) == 2), "it failed again: said"
            hosts.log_in("web")
            await sources.are(Health.LIVE)
        await hosts.close()

    async def test_without_text_the_next_way_is_tried(
        self, password_sshd: StartPasswordSshd, tmp_path: Path
    ) -> None:
        server = password_sshd("AuthenticationMethods any\nPasswordAuthentication yes\nPermitRootLogin yes")
        operator = Operator("", PASSWORD)
        hosts = hosts_of(server, operator, identity_file=locked(server.client_key, tmp_path))
        assert await said_by(hosts) == "in"
        assert [question.wants for question in operator.asked] == [Wants.PASSPHRASE, Wants.PASSWORD]
        await hosts.close()

    async def test_a_key_that_the_host_would_not_take_is_not_asked_for(
        self, sshd_server: SshdServer, tmp_path: Path
    ) -> None:
        make_key(tmp_path / "stranger")
        key = locked(tmp_path / "stranger", tmp_path)
        hosts = hosts_of(sshd_server, Operator(), identity_file=key)
        error = await refused_by(hosts)
        assert isinstance(error, LoginRefused)
        assert f"accepts neither {key}" in error.why
        await hosts.close()

    async def test_usual_keys_and_those_of_ssh_config_are_asked_for(
        self, sshd_server: SshdServer, home: Path
    ) -> None:
        locked(sshd_server.client_key, home / ".ssh", name="id_ed25519")
        hosts = hosts_of(sshd_server, Operator(PASSPHRASE), identity_file=None)
        assert await said_by(hosts) == "in"
        await hosts.close()
        key = locked(sshd_server.client_key, home / ".ssh", name="staging", passphrase="another one")
        (home / ".ssh" / "id_ed25519").unlink()
        (home / ".ssh" / "config").write_text("Host *\n IdentityFile ~/.ssh/staging\n")
        operator = Operator("another one")
        hosts = hosts_of(sshd_server, operator, identity_file=None)
        assert await said_by(hosts) == "in"
        assert operator.asked[0].file == str(key)
        await hosts.close()

    async def test_without_a_screen_it_comes_from_the_environment(
        self, sshd_server: SshdServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KEY_PASSPHRASE", PASSPHRASE)
        key = locked(sshd_server.client_key, tmp_path)
        hosts = hosts_of(sshd_server, None, identity_file=key, passphrase_env="KEY_PASSPHRASE")
        assert await said_by(hosts) == "in"
        await hosts.close()

    async def test_a_wrong_one_of_the_environment_is_tried_once(
        self, sshd_server: SshdServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KEY_PASSPHRASE", "long since changed")
        key = locked(sshd_server.client_key, tmp_path)
        hosts = hosts_of(sshd_server, None, identity_file=key, passphrase_env="KEY_PASSPHRASE")
        error = await refused_by(hosts)
        assert "no right passphrase" in error.why
        assert "KEY_PASSPHRASE" in error.why
        assert "long since changed" not in str(error)
        await hosts.close()


class TestPassword:
    @pytest.mark.parametrize("lines", [PASSWORD_ONLY, PAM_ONLY, EITHER], ids=["password", "PAM", "either"])
    async def test_it_is_asked_for_and_opens_the_way_once_and_for_all(
        self, password_sshd: StartPasswordSshd, lines: str
    ) -> None:
        operator = Operator(PASSWORD)
        server = password_sshd(lines)
        hosts = hosts_of(server, operator, identity_file=None)
        assert await said_by(hosts) == "in"
        assert [question.wants for question in operator.asked] == [Wants.PASSWORD]
        await cut(hosts, server)
        assert await said_by(hosts) == "in"
        await hosts.close()

    @pytest.mark.parametrize("lines", [PASSWORD_ONLY, PAM_ONLY, EITHER], ids=["password", "PAM", "either"])
    async def test_after_three_wrong_ones_the_host_is_left_alone_until_asked_for(
        self, password_sshd: StartPasswordSshd, lines: str
    ) -> None:
        operator = Operator("one", "two", "three", PASSWORD)
        server = password_sshd(lines)
        hosts = hosts_of(server, operator, identity_file=None)
        error = await refused_by(hosts)
        assert [question.attempt for question in operator.asked] == [1, 2, 3]
        assert [question.refused for question in operator.asked] == ["", *["the host did not accept it"] * 2]
        assert "3 answers were refused" in error.why
        assert '"Log in to web"' in error.fix
        assert failures(server) == 3
        assert isinstance(await refused_by(hosts), LoginRefused)
        assert failures(server) == 3
        assert list(hosts.left_out) == ["web"]
        hosts.log_in("web")
        assert await becomes_true(lambda: len(operator.asked) == 4)
        assert await said_by(hosts) == "in"
        assert not hosts.left_out
        await hosts.close()

    async def test_who_leaves_the_question_is_not_asked_again(self, password_sshd: StartPasswordSshd) -> None:
        operator = Operator(None)
        hosts = hosts_of(password_sshd(EITHER), operator, identity_file=None)
        for _ in range(2):
            error = await refused_by(hosts)
            assert "left unanswered" in error.why
        assert len(operator.asked) == 1
        await hosts.close()

    async def test_a_second_factor_after_the_key(self, password_sshd: StartPasswordSshd) -> None:
        operator = Operator(PASSWORD)
        hosts = hosts_of(password_sshd(KEY_AND_CODE), operator)
        assert await said_by(hosts) == "in"
        assert len(operator.asked) == 1
        await hosts.close()

    async def test_the_time_of_a_question_counts_for_no_limit(self, password_sshd: StartPasswordSshd) -> None:
        operator = Operator(PASSWORD)
        operator.may_answer.clear()
        hosts = hosts_of(password_sshd(PASSWORD_ONLY), operator, identity_file=None, connect_timeout=4.0)
        login = asyncio.create_task(said_by(hosts))
        assert await becomes_true(lambda: bool(operator.asked))
        await asyncio.sleep(4.5)
        assert not login.done()
        operator.may_answer.set()
        assert await login == "in"
        await hosts.close()

    async def test_a_host_that_closes_meanwhile_gets_the_answer_on_a_new_connection(
        self, password_sshd: StartPasswordSshd
    ) -> None:
        operator = Operator(PASSWORD)
        operator.may_answer.clear()
        server = password_sshd(f"{PASSWORD_ONLY}\nLoginGraceTime 4")
        hosts = hosts_of(server, operator, identity_file=None)
        login = asyncio.create_task(said_by(hosts))
        assert await becomes_true(lambda: bool(sessions(server)) and bool(operator.asked))
        assert await becomes_true(lambda: not sessions(server))
        await asyncio.sleep(0.2)
        assert not login.done()
        operator.may_answer.set()
        assert await login == "in"
        assert len(operator.asked) == 1
        await hosts.close()

    async def test_an_open_question_keeps_nobody_from_leaving(self, password_sshd: StartPasswordSshd) -> None:
        operator = Operator(PASSWORD)
        operator.may_answer.clear()
        server = password_sshd(PASSWORD_ONLY)
        hosts = hosts_of(server, operator, identity_file=None)
        login = asyncio.create_task(said_by(hosts))
        assert await becomes_true(lambda: bool(operator.asked))
        await hosts.close()
        assert await becomes_true(lambda: login.done() and not sessions(server))
        assert login.cancelled()

    async def test_without_a_screen_it_comes_from_a_file_and_a_wrong_one_is_tried_once(
        self, password_sshd: StartPasswordSshd, tmp_path: Path
    ) -> None:
        (tmp_path / "password").write_text(f"{PASSWORD}\n")
        server = password_sshd(EITHER)
        hosts = hosts_of(server, None, identity_file=None, password_file=tmp_path / "password")
        assert await said_by(hosts) == "in"
        await hosts.close()
        (tmp_path / "password").write_text("stale\n")
        hosts = hosts_of(server, None, identity_file=None, password_file=tmp_path / "password")
        error = await refused_by(hosts)
        assert f"did not accept the password of {tmp_path / 'password'}" in error.why
        assert isinstance(await refused_by(hosts), LoginRefused)
        assert failures(server) == 1
        await hosts.close()

    async def test_without_a_screen_and_a_password_the_refusal_says_what_would_help(
        self, password_sshd: StartPasswordSshd
    ) -> None:
        hosts = hosts_of(password_sshd(EITHER), None, identity_file=None)
        error = await refused_by(hosts)
        assert "would take keyboard-interactive or password" in error.why
        assert "password_env in [hosts.web]" in error.fix
        await hosts.close()

    async def test_a_host_with_the_wrong_key_gets_no_password(
        self, password_sshd: StartPasswordSshd, tmp_path: Path
    ) -> None:
        server, known_hosts = password_sshd(PASSWORD_ONLY), tmp_path / "known_hosts"
        known_hosts.write_text(f"[127.0.0.1]:{server.port} {make_key(tmp_path / 'other')}\n")
        hosts = hosts_of(server, Operator(), identity_file=None, known_hosts=known_hosts)
        assert isinstance(await refused_by(hosts), HostKeyRefused)
        await hosts.close()


def test_a_secret_that_is_named_but_not_there_is_told_before_the_run() -> None:
    hosts = Hosts({"web": HostConfig(password_env="NO_SUCH_VARIABLE")})
    with pytest.raises(UsageError, match=r"password in \[hosts.web\].*NO_SUCH_VARIABLE is not set"):
        hosts.check("web")
