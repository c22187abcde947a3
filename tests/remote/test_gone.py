"""Nothing of ours runs on a host once the cockpit is gone, however it went."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from rampdeck.demo.sshd import SshdServer
from tests.hosts import becomes_true, commands, host_of, running

StartSshd = Callable[[str], SshdServer]

READING = """
from rampdeck import loop
import asyncio
from rampdeck.collector import Sink
from rampdeck.config import HostConfig
from rampdeck.remote.ssh import SshRemote
from rampdeck.supervise import supervise
from collectors.gunicorn import GunicornCollector
from collectors.host import HostCollector
from collectors.nginx import NginxCollector

TABLES = [
    (HostCollector, {{"kind": "host"}}),
    (GunicornCollector, {{"kind": "gunicorn", "unit": "rampdeck-test"}}),
    (NginxCollector, {{"kind": "nginx", "access_log": {access!r}, "error_log": {error!r}}}),
]

async def short(remote):
    while True:
        await remote.run("sleep 0.3")

async def main():
    remote = SshRemote("web", HostConfig.model_validate_json({host!r}))
    tasks = [asyncio.create_task(short(remote))]
    for kind, table in TABLES:
        config = kind.Config.model_validate(table)
        sink = Sink(config.source, lambda item: None)
        tasks.append(asyncio.create_task(supervise(kind(config), remote, sink, len(tasks))))
    print("reading", flush=True)
    await asyncio.sleep(1000)

loop.run(main())
"""


PARTS = ("journalctl", "access.log", "error.log", "read -r _", "sleep 0.3")


def started_by(sshd: str) -> list[str]:
    """Return the command lines of all that an sshd started, wherever it is in the process table by now."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            if process.environ().get("RAMPDECK_TEST") == sshd and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.info["cmdline"] or ()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.fixture
def name() -> str:
    """A word in the environment of everything that the host runs for us, and of nothing else."""
    return uuid.uuid4().hex


@contextmanager
def cockpit(server: SshdServer, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Read a host in a process of its own: a shell, a journal, two logs, and short commands."""
    logs = {"access": folder / "access.log", "error": folder / "error.log"}
    for log in logs.values():
        log.touch()
    texts = {kind: str(log) for kind, log in logs.items()}
    program = READING.format(host=host_of(server).model_dump_json(), **texts)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"reading\n"
            yield process
        finally:
            process.kill()


async def reads(name: str) -> None:
    """Wait until all of it is under way on the host."""

    def under_way() -> bool:
        found = "\n".join(started_by(name))
        return all(
            part in found for part in ("journalctl", "access.log", "error.log", "read -r _", "sleep 0.3")
        )

    assert await becomes_true(under_way), started_by(name)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_nothing_runs_on_when_the_cockpit_is_killed(
    special_sshd: StartSshd, tmp_path: Path, name: str, how: signal.Signals
) -> None:
    server = special_sshd(f"SetEnv RAMPDECK_TEST={name}")
    with cockpit(server, tmp_path) as ours:
        await reads(name)
        os.kill(ours.pid, how)
    assert await becomes_true(lambda: not started_by(name)), started_by(name)


async def test_nothing_runs_on_when_a_silent_connection_is_given_up_by_sshd(
    special_sshd: StartSshd, tmp_path: Path, name: str
) -> None:
    """A frozen cockpit sends nothing, as a cable that was pulled: sshd's own question ends it."""
    server = special_sshd(f"SetEnv RAMPDECK_TEST={name}\nClientAliveInterval 1\nClientAliveCountMax 1")
    with cockpit(server, tmp_path) as ours:
        await reads(name)
        os.kill(ours.pid, signal.SIGSTOP)
        assert await becomes_true(lambda: not started_by(name)), started_by(name)


async def test_nothing_runs_on_here_either_when_the_cockpit_is_killed(
    sshd_server: SshdServer, marker: str
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
