"""However a stack ends, no process, no port and no folder of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from rampdeck.demo import supervisor
from rampdeck.demo.info import DemoInfo
from rampdeck.demo.process import make_folder
from rampdeck.demo.stack import DemoStack
from rampdeck.errors import DemoError
from tests.demo.browser import Browser
from tests.demo.traces import Traces

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = Path(__file__).parents[2]
COCKPIT = """
from gevent import monkey
monkey.patch_all()
import time
from rampdeck.demo.stack import DemoStack
print(DemoStack().start().to_json(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for temporary folders, which must be empty again."""
    folder = make_folder("rampdeck-tests-")
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    folder.rmdir()


def test_a_cockpit_that_is_killed_leaves_nothing(temporary: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", COCKPIT], cwd=HOME, stdout=subprocess.PIPE) as cockpit:
        assert cockpit.stdout is not None
        traces = Traces.of(DemoInfo.from_json(cockpit.stdout.readline()))
        cockpit.kill()
    assert traces.left() == []


def test_sigterm_ends_a_stack_that_is_in_use(temporary: Path) -> None:
    with DemoStack(without=["postgres"]) as info:
        Browser(info.url).log_in(info.users)
        traces = Traces.of(info)
        os.kill(info.supervisor, signal.SIGTERM)
        assert traces.left() == []


def test_a_killed_supervisor_leaves_no_server_and_stop_removes_its_folder(temporary: Path) -> None:
    stack = DemoStack(without=("nginx", "redis", "postgres"))
    info = stack.start()
    traces = Traces.of(info)
    os.kill(info.supervisor, signal.SIGKILL)
    stack.stop()
    assert traces.left() == []


def test_a_stack_that_is_stopped_while_it_starts_leaves_nothing(temporary: Path) -> None:
    command = [sys.executable, "-m", "rampdeck.demo"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=HOME, stdin=pipe, stdout=pipe, stderr=pipe) as supervisor:
        assert supervisor.stderr is not None
        assert supervisor.stdin is not None
        while b"Filling the shop" not in supervisor.stderr.readline():
            pass
        servers = psutil.Process(supervisor.pid).children(recursive=True)
        assert len(servers) > 4
        supervisor.stdin.close()
        assert supervisor.wait(20) == 0
    assert not any(server.is_running() for server in servers)
    assert list(temporary.iterdir()) == []


def test_a_machine_with_nothing_but_python_runs_the_shop_and_says_what_is_missing(temporary: Path) -> None:
    parts = ("nginx", "postgres", "redis", "journal", "openssh")
    with DemoStack(without=parts) as info:
        assert set(info.missing) == set(parts)
        assert (info.nginx, info.postgres, info.redis, info.gunicorn.journal) == (None, None, None, None)
        assert info.ssh.software.startswith("AsyncSSH_")
        assert info.gunicorn.log
        assert "Booting worker" in info.gunicorn.log.read_text()
        browser = Browser(info.url)
        browser.log_in(info.users)
        assert browser.get("/static/shop/shop.css").status == 200
        assert browser.post("/orders/new/", product=1, quantity=1).path.startswith("/orders/5001/")
        note = subprocess.check_output(info.release["database"], shell=True, text=True)
        assert note.startswith("200 users, 5 001 orders, ")
        traces = Traces.of(info)
    assert traces.left() == []


def test_a_program_that_is_not_installed_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        supervisor, "find_program", lambda name: None if name == "nginx" else f"/usr/bin/{name}"
    )
    missing = supervisor.missing_parts(())
    assert list(missing) == ["nginx"]
    assert "apt-get install nginx-light" in missing["nginx"]


def test_a_stack_that_cannot_start_says_why(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shadow = make_folder("rampdeck-tests-")
    (shadow / "django.py").write_text("raise ImportError('this Django is broken')")
    monkeypatch.setenv("PYTHONPATH", str(shadow))
    with pytest.raises(DemoError, match="this Django is broken"):
        DemoStack(without=("postgres",)).start()
    (shadow / "django.py").unlink()
    shadow.rmdir()


def test_a_start_removes_the_folder_of_a_supervisor_that_was_killed_with_its_cockpit(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    stale, running, other = (temporary / name for name in ("rampdeck-demo-a", "rampdeck-demo-b", "other"))
    for folder in (stale, running, other):
        folder.mkdir()
        os.utime(folder, (0, 0))
    lock = supervisor.lock_folder(running)
    supervisor.remove_stale_folders()
    assert sorted(temporary.iterdir()) == [other, running]
    os.close(lock)
    running.rmdir()
    other.rmdir()
