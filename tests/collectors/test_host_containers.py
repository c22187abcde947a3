"""Containers and units: limits, throttling and kills, from real control groups where they can be made."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._cgroups import ControlGroups
from collectors._host_reading import Reading
from collectors.host import HostCollector
from rampdeck.model import Event, Health, Sample, Value
from rampdeck.pace import Ticks

from .fuzzing import fuzz
from .hosting import CONTAINER_ID, config, running, says, stand_in
from .watching import until, watching

CGROUPS = Path("/sys/fs/cgroup")
PARENT = f"rampdeck-test-{os.getpid()}"
GROUP = f"{PARENT}/{CONTAINER_ID}"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five readings a second."""
    monkeypatch.setattr("collectors.host.Ticks", partial(Ticks, 0.2))


class Groups:
    """A container's control groups as a runtime makes them: one, or of version 1 one for each resource."""

    def __init__(self) -> None:
        self.unified = (CGROUPS / "cgroup.controllers").exists()
        kinds = [""] if self.unified else ["cpu", "cpuacct", "memory", "pids"]
        self.folders = {kind: CGROUPS / kind / GROUP for kind in kinds}

    def make(self) -> None:
        for folder in self.folders.values():
            folder.mkdir(parents=True)
        if self.unified:
            for folder in (CGROUPS, CGROUPS / PARENT):
                (folder / "cgroup.subtree_control").write_text("+cpu +memory +pids")

    def remove(self) -> None:
        for folder in self.folders.values():
            for group in (folder, folder.parent):
                if group.exists():
                    _remove(group)

    def limit_cpu(self, share: float) -> None:
        if self.unified:
            self._write("", "cpu.max", f"{share * 100_000:.0f} 100000")
        else:
            self._write("cpu", "cpu.cfs_period_us", "100000")
            self._write("cpu", "cpu.cfs_quota_us", f"{share * 100_000:.0f}")

    def limit_memory(self, most: int) -> None:
        name = "memory.max" if self.unified else "memory.limit_in_bytes"
        self._write("" if self.unified else "memory", name, str(most))

    def enter(self, pid: int) -> None:
        for folder in self.folders.values():
            (folder / "cgroup.procs").write_text(str(pid))

    def _write(self, kind: str, name: str, text: str) -> None:
        (self.folders[kind] / name).write_text(text)


def _remove(group: Path) -> None:
    """Remove a control group; its last process may still be on its way out."""
    for _ in range(200):
        try:
            group.rmdir()
        except OSError:
            time.sleep(0.02)
        else:
            return


@pytest.fixture
def groups() -> Iterator[Groups]:
    found = Groups()
    try:
        found.make()
        found.limit_cpu(0.5)
        found.limit_memory(100_000_000)
    except OSError as error:
        found.remove()
        pytest.skip(f"no control group can be made here: {error}")
    yield found
    found.remove()


@contextmanager
def inside(groups: Groups, code: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run Python in the groups; it begins when it is in."""
    command = [sys.executable, "-c", f"input()\n{code}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin
        try:
            groups.enter(process.pid)
            process.stdin.write(b"\n")
            process.stdin.flush()
            yield process
        finally:
            process.kill()


def container(sample: Sample, name: str = "web") -> Mapping[str, Value]:
    return next((row for row in sample.rows if row.get("container") == name and "quota" in row), {})


@contextmanager
def docker(folder: Path, monkeypatch: pytest.MonkeyPatch, pid: int) -> Iterator[HostCollector]:
    """Put a stand-in for Docker into PATH that knows one container, of that process."""
    monkeypatch.setenv("PATH", stand_in(folder / "bin", says(f"{CONTAINER_ID} {pid} host /web")))
    yield HostCollector(config(containers=["web"]))


async def test_a_container_that_has_used_up_its_processor_is_throttled(
    groups: Groups, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups.limit_cpu(0.2)
    with inside(groups, "while True: pass") as process, docker(tmp_path, monkeypatch, process.pid) as host:
        async with watching(host) as watch:
            sample = await watch.sample(lambda sample: sample.values.get("containers_throttled", 0) > 50)
            event = await until(
                lambda: next((it for it in watch.events if it.fields.get("signal") == "throttled"), None)
            )
    row = container(sample)
    assert row["quota"] == 20
    assert row["_health"] is Health.BLIND
    assert 0 < float(row["cpu"] or 0) < 60
    assert sample.values["container_cpu"] > 50
    assert event.fields["subject"] == "web"
    assert "it may use 0.2 of the host's" in event.text


async def test_a_process_that_a_container_s_limit_kills_is_counted(
    groups: Groups, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with inside(groups, "input()") as process, docker(tmp_path, monkeypatch, process.pid) as host:
        async with watching(host) as watch:
            before = await watch.sample(lambda sample: sample.values.get("container_oom_kills") == 0)
            with inside(groups, "x = b'x' * 300_000_000\ninput()") as victim:
                sample = await watch.sample(lambda sample: sample.values.get("container_oom_kills", 0) == 1)
                assert victim.wait(20) == -9
            told = [event for event in watch.events if event.fields.get("signal") == "oom_kill"]
    assert container(before)["memory_limit"] == pytest.approx(100_000_000, abs=4096)
    assert container(sample)["oom_kills"] == 1
    assert [event.fields["subject"] for event in told] == ["web"]
    assert "web: a process was killed" in told[0].text


async def test_the_memory_of_a_container_is_what_it_takes(
    groups: Groups, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "x = b'x' * 70_000_000\nimport time\ntime.sleep(60)"
    with inside(groups, code) as process, docker(tmp_path, monkeypatch, process.pid) as host:
        async with watching(host) as watch:
            sample = await watch.sample(lambda sample: sample.values.get("container_memory", 0) > 65)
    assert sample.values["container_memory"] < 100


async def test_a_container_that_was_started_anew_is_found_again(
    groups: Groups, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = tmp_path / "answers"
    program = f"cat {answers}"
    with inside(groups, "input()\ninput()") as first, inside(groups, "input()\ninput()") as second:
        answers.write_text(f"{CONTAINER_ID} {first.pid} host /web\n")
        monkeypatch.setenv("PATH", stand_in(tmp_path / "bin", program))
        async with watching(HostCollector(config(containers=["web"]))) as watch:
            await watch.sample(lambda sample: bool(container(sample)))
            answers.write_text(f"{CONTAINER_ID} {second.pid} host /again\n")
            first.kill()
            first.wait()
            await watch.sample(lambda sample: bool(container(sample, "again")))
            assert watch.sink.health is Health.LIVE


OVERFLOWING = """
import fcntl, socket, struct
with socket.socket() as up:
    fcntl.ioctl(up, 0x8914, struct.pack("16sH14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
server = socket.create_server(("127.0.0.1", 8000), backlog=3)
print("listening", flush=True)
while True:
    input()
    clients = []
    for _ in range(12):
        clients.append(socket.socket())
        clients[-1].setblocking(False)
        clients[-1].connect_ex(("127.0.0.1", 8000))
"""
"""A container's program that accepts nobody, in a network of its own."""


async def test_connections_that_wait_or_are_thrown_away_in_a_container_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["unshare", "--net", sys.executable, "-c", OVERFLOWING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            if not process.stdout.readline():
                pytest.skip("no network of its own can be made here: it takes root")
            inspected = says(f"{CONTAINER_ID} {process.pid} bridge /web")
            monkeypatch.setenv("PATH", stand_in(tmp_path / "bin", inspected))
            async with watching(HostCollector(config(containers=["web"]))) as watch:
                await watch.sample(lambda sample: bool(listener(sample)))
                process.stdin.write("\n")
                process.stdin.flush()
                sample = await watch.sample(lambda sample: listener(sample).get("queue") == 4)
                # Of the container: what the kernel counts for the whole machine may be another test's.
                event = await until(lambda: next((it for it in watch.events if overflow_of(it, "web")), None))
        finally:
            process.kill()
    assert listener(sample)["listener"] == "127.0.0.1:8000"
    assert "nobody accepted them in time" in event.text
    assert sample.values["listen_queue"] >= 4


def overflow_of(event: Event, subject: str) -> bool:
    return (event.fields.get("signal"), event.fields.get("subject")) == ("listen_overflow", subject)


def listener(sample: Sample) -> Mapping[str, Value]:
    return next((row for row in sample.rows if row.get("container") == "web" and "listener" in row), {})


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (
            "echo 'permission denied while trying to connect to the Docker daemon socket' >&2; exit 1",
            "permission",
        ),
        (f"echo {CONTAINER_ID} 0 bridge /web", "web does not run"),
        ("echo 'Error: No such container: web' >&2; exit 1", "No such container: web"),
        ("printf '\\033[2J\\377 nonsense\\n'", "nonsense"),
        ("echo '* /etc/*'", "* /etc/*"),
    ],
)
async def test_what_docker_cannot_say_is_said_in_the_pane(
    answers: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", stand_in(tmp_path / "bin", answers))
    async with watching(HostCollector(config(containers=["web"]))) as watch:
        reason = await watch.health(Health.WARNING)
        sample = await watch.sample(lambda sample: "cpu" in sample.values)
    assert said in reason
    assert reason.isprintable()
    assert "containers" not in sample.values


async def test_docker_that_hangs_keeps_no_reading_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.host.RUNTIME_TIMEOUT", 1.0)
    monkeypatch.setenv("PATH", stand_in(tmp_path / "bin", "sleep 600"))
    async with watching(HostCollector(config(containers="all"))) as watch:
        reason = await watch.health(Health.WARNING)
        await watch.sample(lambda sample: "cpu" in sample.values)
    assert reason == "containers: what lists them (docker or podman) does not answer"


def boxes(count: int, turn: int, throttled: int) -> Reading:
    """Return what is told of many containers of which some have their turn."""
    files = {f"box/{place}/is": ["2"] for place in range(count)}
    for place in range(turn, count, 3):
        lines = [f"nr_periods {100 * throttled}", f"nr_throttled {50 * throttled}"]
        files |= {f"box/{place}/cpu.stat": lines, f"box/{place}/memory.events": [f"oom_kill {throttled}"]}
    return Reading({"uptime": [f"{throttled} 0"], **files})


def test_of_many_containers_each_stays_shown_while_others_have_their_turn() -> None:
    groups = ControlGroups()
    told = [groups.read(boxes(20, second % 3, second)) for second in range(1, 10)]
    assert [len(it.rows) for it in told[2:]] == [20] * 7
    assert [it.values["containers_throttled"] for it in told[5:]] == [50] * 4
    assert all(len([a for a in it.alarms if a.signal == "throttled"]) == 20 for it in told[5:])
    # Three seconds brought three kills each: told with the turn, not again in between.
    kills = sum(alarm.figure for it in told[6:] for alarm in it.alarms if alarm.signal == "oom_kill")
    assert kills == 20 * 3


def test_kills_in_a_container_that_was_started_anew_are_counted_too() -> None:
    groups = ControlGroups()
    counts = [3, 0, 1]
    rows = [
        groups.read(
            Reading(
                {
                    "uptime": [f"{second} 0"],
                    "box/web/is": ["2"],
                    "box/web/memory.events": [f"oom_kill {count}"],
                }
            )
        ).rows[0]
        for second, count in enumerate(counts, 1)
    ]
    assert [row["oom_kills"] for row in rows] == [0, 0, 1]


def test_podman_is_asked_where_there_is_no_docker(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    stand_in(folder, says(f"{CONTAINER_ID} {os.getpid()} host web"), "podman")
    for name in ("sh", "awk", "grep", "sleep"):
        (folder / name).symlink_to(Path("/usr/bin") / name)
    with running(config(containers="all"), path=str(folder)) as run:
        reading = run.read_until("boxes")
    assert list(reading.boxes()) == ["web"]


FILES = ["cpu.stat", "cpu.max", "memory.max", "memory.current", "memory.stat", "io.stat", "blkio", "is"]
FILES += ["cpu.cfs_quota_us", "cpu.cfs_period_us", "memory.events", "pids.max", "net/tcp", "net/netstat"]
WORDS = st.text() | st.sampled_from(["max 100000", "0 0", "-1", "nr_periods 0", "nan inf", "8:0 rbytes=x"])


@fuzz
@given(st.lists(st.tuples(st.sampled_from(FILES), WORDS)), st.lists(st.tuples(st.sampled_from(FILES), WORDS)))
def test_files_that_make_no_sense_are_passed_over(
    first: list[tuple[str, str]], then: list[tuple[str, str]]
) -> None:
    groups = ControlGroups()
    for place, lines in enumerate((first, then)):
        text = "\n".join(f"box/web/{file}\t{line}" for file, line in lines)
        told = groups.read(Reading.parse(f"uptime\t{place + 1}\n{text}"))
    assert all(isinstance(value, float) for value in told.values.values())
