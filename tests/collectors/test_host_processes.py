"""The workers of a real Gunicorn are shown, each with what it takes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._host_reading import Reading
from collectors._processes import Process, Processes
from collectors.host import Figures, HostCollector
from rampdeck.demo.process import ServerProcess, free_port, tcp_answers
from rampdeck.demo.servers import Server
from rampdeck.model import Health, Sample, Value
from rampdeck.pace import Ticks

from .fuzzing import fuzz
from .hosting import config, running
from .watching import watching

APP = """
import os

kept = []

def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    if environ["PATH_INFO"] == "/spin":
        while True:
            pass
    if environ["PATH_INFO"] == "/keep":
        kept.append(b"x" * 50_000_000)
    while environ["PATH_INFO"] == "/open" and len(os.listdir("/proc/self/fd")) < 98:
        kept.append(open(__file__))
    return [b"ok"]
"""
NAME = f"gunicorn-{os.getpid()}"
"""A program of this run's own: other runs on this machine have their Gunicorns too."""


class Gunicorn(Server):
    """Gunicorn with two workers that may have 100 files open."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        (folder / "app.py").write_text(APP)
        (folder / NAME).write_text("from gunicorn.app.wsgiapp import run\n\nrun()\n")
        bind = ["-w", "2", "-b", f"127.0.0.1:{self.port}", "--timeout", "300", "--chdir", str(folder)]
        command = ["prlimit", "--nofile=100", sys.executable, str(folder / NAME), *bind, "app:application"]
        # To stop it, SIGQUIT: a worker that spins does not hear of SIGTERM.
        self.process = ServerProcess("Gunicorn", command, folder / "log", stop_signal=signal.SIGQUIT)

    def answers(self) -> bool:
        return tcp_answers(self.port) and self.process.log.read_text().count("Booting worker") == 2

    def ask(self, path: str) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            assert answer.read() == b"ok"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five readings a second."""
    monkeypatch.setattr("collectors.host.Ticks", partial(Ticks, 0.2))


@pytest.fixture
def gunicorn(tmp_path: Path) -> Iterator[Gunicorn]:
    with Gunicorn(tmp_path) as server:
        yield server


@pytest.fixture
def host() -> HostCollector:
    return HostCollector(config(processes=[NAME]))


def workers(sample: Sample) -> dict[int, Mapping[str, Value]]:
    return {int(row["pid"] or 0): row for row in sample.rows if row["_table"] == "workers"}


async def test_master_and_workers_are_shown_with_what_they_take(
    host: HostCollector, gunicorn: Gunicorn
) -> None:
    master = psutil.Process(gunicorn.process.pid)
    async with watching(host) as watch:
        sample = await watch.sample(
            lambda sample: (
                len(found := workers(sample)) == 3
                and all(row["kind"] == "PSS" for row in found.values())
                and found[master.pid]["files"] == master.num_fds()
            )
        )
    found = workers(sample)
    assert set(found) == {master.pid, *(child.pid for child in master.children())}
    assert {row["role"] for row in found.values()} == {"master", "worker"}
    assert found[master.pid]["role"] == "master"
    assert sample.values["workers"] == 2
    assert found[master.pid]["threads"] == master.num_threads()
    for row in found.values():
        assert 1_000_000 < float(row["memory"] or 0) < 200_000_000
    assert sample.values["worker_memory"] == pytest.approx(
        max(float(row["memory"] or 0) for row in found.values()), abs=1
    )


async def test_a_worker_that_spins_takes_a_core(host: HostCollector, gunicorn: Gunicorn) -> None:
    async with watching(host) as watch:
        with closing(socket.create_connection(("127.0.0.1", gunicorn.port))) as client:
            client.sendall(b"GET /spin HTTP/1.0\r\n\r\n")
            sample = await watch.sample(lambda sample: sample.values.get("worker_cpu", 0) > 40)
    spinning = max(workers(sample).values(), key=lambda row: float(row["cpu"] or 0))
    assert spinning["role"] == "worker"
    assert sample.values["workers_cpu"] >= sample.values["worker_cpu"]


async def test_a_worker_that_grows_is_the_largest(host: HostCollector, gunicorn: Gunicorn) -> None:
    gunicorn.ask("/keep")
    async with watching(host) as watch:
        sample = await watch.sample(lambda sample: sample.values.get("worker_memory", 0) > 50_000_000)
    largest = max(workers(sample).values(), key=lambda row: float(row["memory"] or 0))
    assert largest["role"] == "worker"


async def test_a_worker_that_may_open_no_more_files_is_told(host: HostCollector, gunicorn: Gunicorn) -> None:
    gunicorn.ask("/open")
    async with watching(host) as watch:
        sample = await watch.sample(lambda sample: sample.values.get("worker_files", 0) > 90)
        (event,) = (it for it in watch.events if it.fields.get("signal") == "too_many_files")
    (row,) = (row for row in workers(sample).values() if row["_health"] is Health.BLIND)
    assert event.fields["pid"] == row["pid"]
    assert "of 100 files open" in event.text


async def test_a_new_worker_is_seen_in_place_of_the_one_that_went(
    host: HostCollector, gunicorn: Gunicorn
) -> None:
    async with watching(host) as watch:
        before = workers(await watch.sample(lambda sample: len(workers(sample)) == 3))
        gone = next(pid for pid, row in before.items() if row["role"] == "worker")
        os.kill(gone, signal.SIGKILL)
        sample = await watch.sample(lambda sample: gone not in (found := workers(sample)) and len(found) == 3)
    (new,) = set(workers(sample)) - set(before)
    assert workers(sample)[new]["role"] == "worker"


def test_without_root_a_stranger_s_workers_are_shown_by_what_everybody_may_read(gunicorn: Gunicorn) -> None:
    if os.geteuid():
        pytest.skip("only root can be somebody else")
    wanted = config(processes=[NAME], paths=["/"])
    figures = Figures(wanted)
    stranger = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh")
    with running(wanted, shell=stranger) as run:
        figures.read(run.read_until("pids", "more", "df"))
        time.sleep(0.2)  # the kernel counts in hundredths
        told = figures.read(run.read())
    found = [row for row in told.rows if row["_table"] == "workers"]
    assert len(found) == 3
    assert {(row["kind"], row["files"]) for row in found} == {("RSS", None)}
    assert all(float(row["memory"] or 0) > 1_000_000 for row in found)
    assert {"cpu", "memory", "disk_busy", "listen_overflows", "filesystem", "worker_cpu"} <= set(told.values)


async def test_workers_that_are_spawned_are_counted_without_python_s_own_helper(tmp_path: Path) -> None:
    """As `uvicorn --workers` has them: their command lines name no program."""
    name = f"spawning-{os.getpid()}"
    program = tmp_path / name
    program.write_text(
        "import multiprocessing, sys, time\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    for _ in range(2):\n"
        "        context.Process(target=time.sleep, args=(600,), daemon=True).start()\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, str(program)], stdin=subprocess.PIPE) as process:
        async with watching(HostCollector(config(processes=[name]))) as watch:
            # Python's helper is there before the second worker, and known to be none a little later.
            sample = await watch.sample(
                lambda sample: roles(sample) == ["child", "master", "worker", "worker"]
            )
        assert process.stdin
        process.stdin.close()
    assert sample.values["workers"] == 2


def roles(sample: Sample) -> list[str]:
    return sorted(str(row["role"]) for row in workers(sample).values())


async def test_who_only_has_the_name_among_its_arguments_is_no_worker(
    host: HostCollector, tmp_path: Path
) -> None:
    (tmp_path / NAME).touch()
    with subprocess.Popen(["tail", "-f", str(tmp_path / NAME)], stdout=subprocess.DEVNULL) as process:
        try:
            async with watching(host) as watch:
                sample = await watch.sample(lambda sample: "workers" in sample.values)
        finally:
            process.kill()
    assert sample.values["workers"] == 0
    assert workers(sample) == {}


def test_gunicorn_and_uvicorn_are_looked_for_unless_others_are_named() -> None:
    assert HostCollector.Config.model_validate({"kind": "host"}).model_dump()["processes"] == (
        "gunicorn",
        "uvicorn",
    )


TAIL = " S 1 5 5 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 3 0 700 1000 25 18446744073709551615"


@pytest.mark.parametrize("name", ["gunicorn", "gunicorn: worke", "a) S 1 (b", "", "\x1b[2J"])
def test_a_process_may_be_called_anything(name: str) -> None:
    process = Process.of(f"42 ({name}){TAIL}")
    assert process == Process(42, name, 1, 200, 3, 700, 25)


def reading(pid: int, ticks: int, started: int, uptime: float) -> Reading:
    line = f"{pid} (gunicorn) S 1 5 5 0 -1 0 1 0 0 0 {ticks} 0 0 0 20 0 3 0 {started} 1000 25 0"
    return Reading({"uptime": [f"{uptime} 0"], "pid": [line], "pids": []})


def test_a_process_id_that_is_used_again_is_another_process() -> None:
    processes = Processes(("gunicorn",))
    processes.read(reading(42, 1_000, 100, 50))
    assert processes.read(reading(42, 1_100, 100, 51)).values["worker_cpu"] == 100
    assert "worker_cpu" not in processes.read(reading(42, 1_200, 5_150, 52)).values


@fuzz
@given(st.lists(st.tuples(st.sampled_from(["pid", "more", "helper"]), st.text())))
def test_lines_that_make_no_sense_are_passed_over(lines: list[tuple[str, str]]) -> None:
    text = "\n".join(f"{file}\t{line}" for file, line in [("pids", ""), *lines])
    told = Processes(("gunicorn",)).read(Reading.parse(text))
    assert told.values["workers"] >= 0
