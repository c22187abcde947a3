"""The dead-man's switch: when the cockpit dies, stands still or loses its terminal, the load stops.

Here a time is what is promised: two seconds. So the requests are counted then, and some seconds later.
"""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.run.conftest import ROOT, Project, environment
from tests.run.test_headless import SETTLED
from tests.run.test_remote_workers import OURS, arguments, configured, host, there
from tests.run.test_terminal import Terminal, terminal
from tests.run.test_workers import count_of, events_of, free_port, site, until, workers_of

__all__ = ["configured", "host", "site", "terminal", "there"]

PROMISE = 2.0
NAP = 0.02
LONGER = 2.0
LET_GO = "a worker stopped its users by itself, because the cockpit was not there"
STUBBORN = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def home(self):
        try:
            self.client.get("/")
        except:
            pass

    def on_stop(self):
        while True:
            self.client.get("/bye")
"""
SPINNING = """
from gevent.monkey import get_original
from locust import User, task

class Visitor(User):
    @task
    def home(self):
        host, port = self.host.removeprefix("http://").split(":")
        connection = get_original("socket", "socket")()
        connection.connect((host, int(port)))
        while True:
            connection.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
            connection.recv(1000)
"""


def load(project: Project, *more: str) -> tuple[str, ...]:
    given = ("run", "--headless", "-H", project.site, "-u", "6", "-r", "20", "-t", "10m")
    return (*given, "--json-file", "out.json", *more)


def begun(project: Project, cockpit: subprocess.Popen[str], more: int = 40) -> None:
    enough = count_of(project.site) + more
    until(lambda: count_of(project.site) > enough or cockpit.poll() is not None)
    assert cockpit.poll() is None, cockpit.communicate()


def falls_silent(project: Project) -> None:
    """Wait as long as is promised; no request comes from then on."""
    wait_for_the_promise()
    count = count_of(project.site)
    time.sleep(LONGER)
    assert count_of(project.site) == count


def wait_for_the_promise() -> None:
    """Wait as long as is promised, in naps: each is as much longer as this machine lets everybody wait."""
    for _ in range(round(PROMISE / NAP)):
        time.sleep(NAP)


@contextmanager
def by_hand(project: Project, port: int) -> Iterator[subprocess.Popen[str]]:
    """A worker that somebody starts: no pipe leads to it, and no guard runs beside it."""
    master = ("--master-host", "127.0.0.1", "--master-port", str(port))
    with project.start("worker", *master, "-f", "locustfile.py", stderr=subprocess.DEVNULL) as worker:
        try:
            yield worker
        finally:
            worker.kill()


def waiting(port: int) -> tuple[str, ...]:
    """The options of a cockpit that waits for one worker at a port of this machine."""
    here = ("--master-bind-host", "127.0.0.1", "--master-bind-port", str(port))
    return ("--master", "--expect-workers", "1", *here)


@contextmanager
def running(project: Project, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A run, until it makes load; killed in the end."""
    with project.start(*load(project, *more)) as cockpit:
        try:
            yield cockpit
        finally:
            cockpit.send_signal(signal.SIGCONT)
            cockpit.kill()
            cockpit.wait()


# -- the cockpit is killed


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_killed_cockpit_leaves_no_load_and_no_process(project: Project, workers: str) -> None:
    with running(project, "--workers", workers) as cockpit:
        begun(project, cockpit)
        family = psutil.Process(cockpit.pid).children(recursive=True)
        assert bool(family) is (workers != "0")
        cockpit.kill()
        falls_silent(project)
        assert not psutil.wait_procs(family, timeout=60)[1]


@pytest.mark.parametrize("command", [OURS, "no-such-program worker"], ids=["ours", "plain locust"])
def test_a_killed_cockpit_leaves_no_load_in_workers_that_it_started_over_ssh(
    project: Project, configured: Callable[..., None], command: str
) -> None:
    configured(command)
    with project.start(*arguments(project)) as cockpit:
        try:
            begun(project, cockpit)
        finally:
            cockpit.kill()
        falls_silent(project)
        cockpit.communicate()


@pytest.mark.parametrize("scenario", ["", STUBBORN], ids=["", "stubborn"])
def test_a_killed_cockpit_leaves_no_load_in_a_worker_that_somebody_started(
    project: Project, scenario: str
) -> None:
    if scenario:
        project.write("locustfile.py", scenario)
    port = free_port()
    with by_hand(project, port) as worker, running(project, *waiting(port)) as cockpit:
        begun(project, cockpit)
        assert worker.poll() is None
        cockpit.kill()
        falls_silent(project)


# -- the cockpit stands still, or cannot be reached


def test_without_a_word_of_a_frozen_cockpit_its_workers_stop_and_the_level_is_not_trusted(
    project: Project,
) -> None:
    project.write("rampdeck.toml", SETTLED)
    with running(project, "--workers", "2") as cockpit:
        begun(project, cockpit)
        cockpit.send_signal(signal.SIGSTOP)
        falls_silent(project)
        cockpit.send_signal(signal.SIGCONT)
        begun(project, cockpit)  # it orders them anew
        assert len(workers_of(cockpit)) == 2
        cockpit.send_signal(signal.SIGTERM)
        _, err = cockpit.communicate(timeout=60)
    assert cockpit.returncode == 4, err
    assert f"step 1 (6 users): {LET_GO}" in project.result["reasons"]
    assert project.result["total"]["failures"] == 0
    for worker in ("local-1", "local-2"):
        assert any(f"worker {worker} stopped its users" in text for text in events_of(project))


def test_users_come_back_one_after_the_other_when_all_were_gone(project: Project) -> None:
    project.write("rampdeck.toml", SETTLED)
    slowly = ("-u", "6", "-r", "0.5")
    with running(project, "--workers", "2", *slowly) as cockpit:
        begun(project, cockpit, 200)
        cockpit.send_signal(signal.SIGSTOP)
        falls_silent(project)
        cockpit.send_signal(signal.SIGCONT)
        count, since = count_of(project.site), time.monotonic()
        time.sleep(2.5)
        passed, made = time.monotonic() - since, count_of(project.site) - count
        # Of one user, then two, at 10 requests a second; all six together would make twice as many.
        assert made < 24 * passed


def test_a_frozen_cockpit_leaves_no_load_in_workers_over_ssh(
    project: Project, configured: Callable[..., None]
) -> None:
    configured(OURS)
    with project.start(*arguments(project)) as cockpit:
        try:
            begun(project, cockpit)
            cockpit.send_signal(signal.SIGSTOP)
            falls_silent(project)
        finally:
            cockpit.kill()
            cockpit.communicate()


def test_a_network_that_is_gone_stops_the_load(project: Project) -> None:
    port = free_port()
    relay = [sys.executable, str(ROOT / "tests/relay.py"), str(port)]
    with subprocess.Popen(relay, stdout=subprocess.PIPE, text=True) as way:
        assert way.stdout is not None
        there = int(way.stdout.readline())
        try:
            with running(project, *waiting(port)) as cockpit, by_hand(project, there) as worker:
                begun(project, cockpit)
                way.send_signal(signal.SIGSTOP)
                falls_silent(project)
                assert worker.poll() is None
                cockpit.wait(timeout=60)
        finally:
            way.kill()
    assert cockpit.returncode == 5, "its only worker is lost to it"


def test_a_cockpit_that_is_only_busy_keeps_its_workers(project: Project) -> None:
    project.write("rampdeck.toml", SETTLED)
    busy = """
import os
import gevent
from gevent.monkey import get_original

def stand():
    while True:
        get_original("time", "sleep")(0.5)
        gevent.sleep(0.5)

if "RAMPDECK_WORKER" not in os.environ:
    gevent.spawn(stand)
"""
    project.write("locustfile.py", busy + (project.folder / "locustfile.py").read_text())
    with running(project, "--workers", "1") as cockpit:
        begun(project, cockpit, 300)
        cockpit.send_signal(signal.SIGTERM)
        _, err = cockpit.communicate(timeout=60)
    assert cockpit.returncode == 4, err
    assert not any("by itself" in text for text in events_of(project))


# -- the cockpit loses its terminal


@pytest.mark.parametrize("scenario", ["", STUBBORN, SPINNING], ids=["", "stubborn", "spinning"])
@pytest.mark.parametrize("how", ["hang-up", "pipe"])
def test_a_run_without_a_screen_stops_with_what_it_was_started_from(
    project: Project, how: str, scenario: str
) -> None:
    if scenario:
        project.write("locustfile.py", scenario)
    with running(project) as cockpit:
        begun(project, cockpit)
        if how == "pipe":
            assert cockpit.stdout
            assert cockpit.stderr
            cockpit.stdout.close()
            cockpit.stderr.close()
        else:
            cockpit.send_signal(signal.SIGHUP)
        falls_silent(project)
        cockpit.wait(timeout=60)
    assert cockpit.returncode == 4
    assert any("the terminal was lost" in reason for reason in project.result_of_record["reasons"])


def test_with_workers_too(project: Project) -> None:
    project.write("locustfile.py", STUBBORN)
    with running(project, "--workers", "2") as cockpit:
        begun(project, cockpit)
        cockpit.send_signal(signal.SIGHUP)
        falls_silent(project)
        cockpit.wait(timeout=60)
    assert cockpit.returncode == 4


def test_one_that_is_told_to_ignore_a_hang_up_goes_on(project: Project) -> None:
    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with project.start(*load(project), preexec_fn=ignore) as cockpit:
        try:
            begun(project, cockpit)
            cockpit.send_signal(signal.SIGHUP)
            assert cockpit.stdout
            assert cockpit.stderr
            cockpit.stdout.close()
            cockpit.stderr.close()
            time.sleep(PROMISE)
            begun(project, cockpit, 100)
        finally:
            cockpit.kill()


@contextmanager
def in_terminal(project: Project, *how: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A run in a terminal of which no signal comes, and that nobody reads; with the other end of it."""
    ours, its = pty.openpty()
    given = ("run", *how, "-H", project.site, "-u", "6", "-r", "20", "-t", "10m")
    env = environment() | {"TERM": "xterm-256color"}
    ends = {"stdin": its, "stdout": its, "stderr": its, "start_new_session": True, "env": env}
    with project.start(*given, **ends) as cockpit:
        os.close(its)
        try:
            yield cockpit, ours
        finally:
            cockpit.kill()


@pytest.mark.parametrize("how", ["--headless", "--autostart"])
def test_a_terminal_that_stands_still_is_there_and_one_that_is_closed_is_not(
    project: Project, how: str
) -> None:
    with in_terminal(project, how) as (cockpit, ours):
        begun(project, cockpit)
        time.sleep(PROMISE)
        begun(project, cockpit, 100)
        os.closerange(ours, ours + 1)  # gevent's own close() would do it later
        falls_silent(project)
        cockpit.wait(timeout=60)
    assert cockpit.returncode == 4
    assert any("the terminal was lost" in reason for reason in project.result_of_record["reasons"])


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
@pytest.mark.parametrize("scenario", ["", SPINNING], ids=["", "spinning"])
def test_a_cockpit_whose_terminal_is_killed_makes_no_load(
    project: Project, terminal: Terminal, scenario: str
) -> None:
    if scenario:
        project.write("locustfile.py", scenario)
    terminal.start(project.command("run", "-H", project.site, "--autostart", "-u", "6", "-r", "20"))
    until(lambda: count_of(project.site) > 40)
    terminal.close()
    falls_silent(project)
    until(lambda: (project.session / "record.md").exists())
