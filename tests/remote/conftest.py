"""A person's empty home, and a real host to reach from it."""

from __future__ import annotations

import contextlib
import subprocess
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from rampdeck.demo.sshd import SshdServer
from rampdeck.errors import RemoteError
from rampdeck.remote import Remote
from rampdeck.remote.local import LocalRemote
from rampdeck.remote.ssh import SshRemote
from tests.hosts import host_of


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without keys, configuration, known hosts or agent."""
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return folder


@pytest.fixture
def special_sshd(tmp_path: Path) -> Iterator[Callable[[str], SshdServer]]:
    """Start an sshd of its own whose configuration begins with the given lines (the first value wins)."""
    with contextlib.ExitStack() as servers:

        def start(lines: str = "") -> SshdServer:
            server = SshdServer.create(tmp_path)
            conf = server.folder / "sshd_config"
            conf.write_text(f"{lines}\n{conf.read_text()}")
            return servers.enter_context(server)

        yield start


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An ssh-agent of the test's own, empty."""
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
    while not path.exists():
        assert process.poll() is None
    yield
    process.terminate()
    process.wait()


@pytest.fixture
async def ssh(sshd_server: SshdServer) -> AsyncIterator[SshRemote]:
    """The staging host, over SSH."""
    remote = SshRemote("staging", host_of(sshd_server))
    yield remote
    await remote.close()


@pytest.fixture(params=["ssh", "local"])
async def remote(request: pytest.FixtureRequest, sshd_server: SshdServer) -> AsyncIterator[Remote]:
    """A host of each kind in turn: what is promised of one holds for the other."""
    remote: Remote = LocalRemote() if request.param == "local" else SshRemote("web", host_of(sshd_server))
    yield remote
    await remote.close()


@pytest.fixture
def marker() -> str:
    """A word that no other command line of this machine has."""
    return f"marker-{uuid.uuid4().hex}"


async def refused_by(remote: SshRemote) -> RemoteError:
    """Return the error that a person would read when the host is used."""
    with pytest.raises(RemoteError) as caught:
        await remote.run("true")
    await remote.close()
    return caught.value
