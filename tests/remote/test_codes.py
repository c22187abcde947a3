"""One-time codes and whatever else a host asks in its own words (keyboard-interactive, RFC 4256).

Debian has no PAM module that asks two things without set-up of the machine, so the host is asyncssh's server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import asyncssh
import pytest

from rampdeck.config import HostConfig
from rampdeck.demo.process import free_port
from rampdeck.demo.sshd import make_key
from rampdeck.errors import LoginRefused
from rampdeck.remote.asking import Wants
from rampdeck.remote.hosts import Hosts
from tests.hosts import becomes_true
from tests.remote.operators import PASSWORD, Operator
from tests.remote.test_asking import refused_by, said_by

Prompts = Sequence[tuple[str, bool]]


class Asking(asyncssh.SSHServer):
    """Asks its prompts, all at once, and lets in whoever gives the answers that are due."""

    def __init__(
        self, prompts: Prompts, due: list[list[str]], connections: list[asyncssh.SSHServerConnection]
    ) -> None:
        self._prompts = prompts
        self._due = due
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connections.append(conn)

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002
        return True

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(self, *_: str) -> tuple[str, str, str, Prompts]:
        return "", "Staging gate", "", self._prompts

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:  # noqa: ARG002
        if list(responses) == self._due[0]:
            self._due.pop(0)
            return True
        return False


class Host:
    """A host that asks; ``due`` are the right answers of each login to come."""

    def __init__(self, port: int, known_hosts: Path) -> None:
        self.due: list[list[str]] = []
        self.connections: list[asyncssh.SSHServerConnection] = []
        self.config = HostConfig(address="127.0.0.1", port=port, user="deploy", known_hosts=known_hosts)

    async def cut(self) -> None:
        for connection in self.connections:
            connection.abort()
            await connection.wait_closed()


Start = Callable[[Prompts], Awaitable[Host]]


@pytest.fixture
async def asking_host(tmp_path: Path) -> AsyncIterator[Start]:
    listeners: list[asyncssh.SSHAcceptor] = []

    async def answer(process: asyncssh.SSHServerProcess[str]) -> None:
        process.stdout.write("in\n")
        process.exit(0)

    async def start(prompts: Prompts) -> Host:
        port = free_port()
        (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{port} {make_key(tmp_path / 'host_key')}\n")
        host = Host(port, tmp_path / "known_hosts")
        listeners.append(
            await asyncssh.create_server(
                lambda: Asking(prompts, host.due, host.connections), "127.0.0.1", port,
                server_host_keys=[str(tmp_path / "host_key")], process_factory=answer,
            )
        )  # fmt: skip
        return host

    yield start
    for listener in listeners:
        listener.close()
        await listener.wait_closed()


async def test_password_and_code_are_asked_in_the_hosts_words_and_only_the_password_is_kept(
    asking_host: Start,
) -> None:
    host = await asking_host([("Password: ", False), ("Verification code: ", True)])
    host.due += [[PASSWORD, "111111"], [PASSWORD, "222222"]]
    operator = Operator(PASSWORD, "111111", "222222")
    hosts = Hosts({"web": host.config}, operator)
    assert await said_by(hosts) == "in"
    password, code = operator.asked
    assert (password.wants, password.echo) == (Wants.PASSWORD, False)
    assert (code.wants, code.prompt, code.note, code.echo) == (
        Wants.REPLY, "Verification code: ", "Staging gate", True,
    )  # fmt: skip
    await host.cut()
    remote = hosts.remote("web")
    assert await becomes_true(lambda: not remote.connected)  # type: ignore[attr-defined]
    assert await said_by(hosts) == "in"
    assert [question.prompt for question in operator.asked[2:]] == ["Verification code: "]
    await hosts.close()


async def test_a_question_for_a_new_password_is_not_answered_with_the_old_one(asking_host: Start) -> None:
    host = await asking_host([("New password: ", False), ("Retype new password: ", False)])
    host.due += [["fresh", "fresh"]]
    operator = Operator("fresh", "fresh")
    hosts = Hosts({"web": host.config}, operator)
    assert await said_by(hosts) == "in"
    assert [question.wants for question in operator.asked] == [Wants.REPLY] * 2
    await hosts.close()


async def test_a_wrong_code_is_asked_for_again_with_the_reason(asking_host: Start) -> None:
    host = await asking_host([("Code: ", False)])
    host.due += [["222222"]]
    operator = Operator("111111", "222222")
    hosts = Hosts({"web": host.config}, operator)
    assert await said_by(hosts) == "in"
    assert operator.asked[1].refused == "the host did not accept it"
    await hosts.close()


async def test_an_empty_answer_is_an_answer(asking_host: Start) -> None:
    host = await asking_host([("Press enter when you have approved it: ", True)])
    host.due += [[""]]
    hosts = Hosts({"web": host.config}, Operator(""))
    assert await said_by(hosts) == "in"
    await hosts.close()


async def test_a_host_that_asks_without_end_gets_nothing(asking_host: Start) -> None:
    host = await asking_host([(f"Question {number}: ", True) for number in range(40)])
    host.due += [["never"]]
    operator = Operator()
    hosts = Hosts({"web": host.config}, operator)
    assert isinstance(await refused_by(hosts), LoginRefused)
    assert operator.asked == []
    await hosts.close()


async def test_a_password_of_the_environment_answers_no_other_question(
    asking_host: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST_PASSWORD", PASSWORD)
    host = await asking_host([("Verification code: ", False)])
    host.due += [[PASSWORD]]
    hosts = Hosts({"web": host.config.model_copy(update={"password_env": "HOST_PASSWORD"})})
    assert isinstance(await refused_by(hosts), LoginRefused)
    assert len(host.due) == 1
    await hosts.close()
