"""Running the program as a user does: in a process of its own, in a folder of its own."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rampdeck.errors import SessionError
from rampdeck.model import Event, EventKind, RequestBatch
from rampdeck.store import SessionReader

ROOT = Path(__file__).parents[2]
LOCUSTFILE = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.1)

    @task
    def home(self):
        self.client.get("/")
"""
ANY_MACHINE = """
[generator]
delay = 10_000
lag = 10_000
cpu = 10_000
memory = 1_000
littles_law = 1_000
steal = 1_000
"""
"""Limits that a busy machine keeps as well: whatever else it has to do is not what is tested."""
SERVER = """
import asyncio, sys

async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            await asyncio.sleep(0.01)
            broken = head.split(b" ", 2)[1].startswith(b"/broken")
            status = b"500 Oops" if broken else b"200 OK"
            writer.write(b"HTTP/1.1 " + status + b"\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    except Exception:
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@contextmanager
def serving(program: str) -> Iterator[str]:
    """A small web server, by a program that prints its port; yields its address."""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """A small web server on loopback; its address."""
    with serving(SERVER) as address:
        yield address


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for something that comes about sooner or later, on a busy machine later."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come about in time"
        time.sleep(0.05)


@dataclass
class Project:
    """A user's folder with a locustfile, and the program run in it."""

    folder: Path
    site: str

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(textwrap.dedent(text))
        return path

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        usual: dict[str, Any] = {
            "env": environment(),
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
        return subprocess.Popen(self.command(*arguments), cwd=self.folder, text=True, **(usual | options))

    def run(
        self, *arguments: str, seconds: float = 60, open_files: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        limit = None if open_files is None else partial(_limit_open_files, open_files)
        with self.start(*arguments, preexec_fn=limit) as process:
            try:
                out, err = process.communicate(timeout=seconds)
            finally:
                process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def demo(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the demo headless; anew where the machine was too busy to make the load.

        A generator at its limit is told by tests of its own.
        """
        busy = re.compile(
            r"^  - .*(the generator|the whole program stood still|the hypervisor)", re.MULTILINE
        )
        for _ in range(2):
            done = self.run("demo", "--headless", *arguments, seconds=180)
            if not busy.search(done.stderr):
                return done
            shutil.rmtree(self.folder / "rampdeck-sessions")
        return self.run("demo", "--headless", *arguments, seconds=180)

    def headless(
        self, *arguments: str, seconds: float = 60, open_files: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        given = ("run", "--headless", "-H", self.site, "--json-file", "out.json", *arguments)
        return self.run(*given, seconds=seconds, open_files=open_files)

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "rampdeck", *arguments]

    @property
    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "out.json").read_text())
        return found

    @property
    def result_of_record(self) -> dict[str, Any]:
        """What the record of the only session says."""
        found: dict[str, Any] = json.loads((self.session / "record.json").read_text())
        return found

    def so_far(self) -> list[object]:
        """What stands in the session of a run that goes on; nothing as long as it has none."""
        found = list(self.folder.glob("rampdeck-sessions/*/session.sqlite"))
        try:
            with SessionReader(found[0]) as reader:
                return list(reader.items())
        except (IndexError, SessionError):  # its tables come with the first commit
            return []

    def recorded(self) -> int:
        """How many requests that succeeded stand in the session so far."""
        batches = [item for item in self.so_far() if isinstance(item, RequestBatch)]
        return sum(stats.successes.count for batch in batches for stats in batch.entries)

    def stops(self) -> bool:
        """Whether it stands in the session that the operator stopped the load."""
        return any(
            isinstance(item, Event) and item.kind is EventKind.KEY and item.text == "stop"
            for item in self.so_far()
        )

    @property
    def session(self) -> Path:
        """The folder of the only session."""
        (session,) = (self.folder / "rampdeck-sessions").iterdir()
        return session


def _limit_open_files(number: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def project(tmp_path: Path, site: str) -> Project:
    project = Project(tmp_path, site)
    project.write("locustfile.py", LOCUSTFILE)
    return project
