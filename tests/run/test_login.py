"""Logging in to the hosts from the cockpit: asked once, and nothing of it is left anywhere."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from rampdeck.demo.sshd import SshdServer
from tests.remote.operators import PASSPHRASE, PASSWORD, cut_off, locked, with_password
from tests.run.conftest import Project
from tests.run.test_terminal import Terminal, terminal  # noqa: F401 - a fixture

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")

WRONG = "incorrect donkey 99"
PASSWORD_ONLY = "AuthenticationMethods password\nPasswordAuthentication yes\nPermitRootLogin yes\n"
TOML = """
[hosts.web]
address = "{web.host}"
port = {web.port}
user = "{web.user}"
identity_file = "{key}"
known_hosts = "{web.known_hosts}"

[hosts.db]
address = "{db.host}"
port = {db.port}
user = "{db.user}"
known_hosts = "{db.known_hosts}"
jump = "web"

[[collectors]]
kind = "host"
host = "web"

[[collectors]]
kind = "host"
host = "db"
"""


@pytest.fixture
def password_sshd(tmp_path: Path) -> Iterator[SshdServer]:
    """An sshd that takes nothing but a password."""
    folder = tmp_path / "password"
    folder.mkdir()
    server = with_password(SshdServer.create(folder), folder)
    conf = server.folder / "sshd_config"
    conf.write_text(PASSWORD_ONLY + conf.read_text())
    with server:
        yield server


def everything_in(session: Path) -> bytes:
    """Return whatever a session has left behind, the rows of its file included."""
    files = [path.read_bytes() for path in sorted(session.rglob("*")) if path.is_file()]
    with sqlite3.connect(session / "session.sqlite") as database:
        rows = "\n".join(database.iterdump())
    return b"\n".join([*files, rows.encode()])


def test_passphrase_and_password_are_asked_once_and_stand_nowhere(
    terminal: Terminal,  # noqa: F811
    project: Project,
    sshd_server: SshdServer,
    password_sshd: SshdServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(project.folder))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    key = locked(sshd_server.client_key, project.folder)
    project.write("rampdeck.toml", TOML.format(web=sshd_server, db=password_sshd, key=key))
    arguments = (
        "run",
        "-H",
        project.site,
        "--autostart",
        "-u",
        "2",
        "-c",
        "rampdeck.toml",
        "--logfile",
        "log.txt",
    )
    terminal.start(Project.command(*arguments))

    asked = terminal.until(lambda screen: "Passphrase of ~/locked" in screen)
    assert "READY" in asked, "an automatic start waits for the answer"
    terminal.keys("-l", PASSPHRASE)
    terminal.until(lambda screen: "•" * len(PASSPHRASE) in screen)
    terminal.keys("Enter")
    terminal.until(lambda screen: f"Password of {password_sshd.user} on db" in screen)
    terminal.keys("-l", WRONG)
    terminal.keys("Enter")
    terminal.until(lambda screen: "the host did not accept it · attempt 2 of 3" in screen)
    terminal.keys("-l", PASSWORD)
    terminal.keys("Enter")
    terminal.until(lambda screen: "RUNNING" in screen and "Password" not in screen)
    terminal.until(lambda screen: "sources ●5" in screen.splitlines()[0])

    cut_off(password_sshd)
    again = terminal.until(lambda screen: "blind for" in screen and "sources ●5" in screen.splitlines()[0])
    assert "Password of" not in again
    terminal.keys("C-p")
    terminal.until(lambda screen: "Search" in screen)
    terminal.keys("picture", "Enter")
    terminal.until(lambda screen: "The picture is in" in screen)
    terminal.keys("q")
    terminal.until(lambda screen: "Stop and quit" in screen)
    terminal.keys("y")
    last = terminal.until(lambda screen: "EXIT CODE" in screen)

    left = everything_in(project.session) + (project.folder / "log.txt").read_bytes() + last.encode()
    assert b"connection was lost" in left, "what is looked through is the session"
    for secret in (PASSPHRASE, PASSWORD, WRONG):
        assert secret.encode() not in left
    assert list(project.session.glob("*.svg"))


def test_without_a_screen_a_password_of_the_environment_stands_nowhere(
    project: Project, password_sshd: SshdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(project.folder))
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    table = TOML[TOML.index("[hosts.db]") : TOML.index("jump")] + 'password_env = "DB_PASSWORD"\n'
    source = '[[collectors]]\nkind = "host"\nhost = "db"\n'
    project.write("rampdeck.toml", table.format(db=password_sshd) + source)
    done = project.headless("-u", "1", "-t", "3s", "-c", "rampdeck.toml")
    assert "is blind" not in done.stderr
    left = everything_in(project.session) + done.stderr.encode() + done.stdout.encode()
    assert b"host@db" in left
    assert PASSWORD.encode() not in left
