"""The hosts pane tells what the kernel of a real host tells."""

from __future__ import annotations

import os
import shutil
import socket
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from collectors.host import HostCollector, HostCollectorConfig, Reading
from rampdeck.demo.sshd import SshdServer
from rampdeck.model import Health, Sample
from rampdeck.pace import Counters, Ticks

from .watching import over_ssh, watching

NAMES = {metric.name for metric in HostCollector.metrics}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five readings a second, and new tries soon."""
    monkeypatch.setattr("collectors.host.Ticks", partial(Ticks, 0.2))
    monkeypatch.setattr("rampdeck.collector.FIRST_RETRY", 0.2)


@pytest.fixture
def host() -> HostCollector:
    return HostCollector(HostCollectorConfig(kind="host"))


async def test_every_metric_has_a_value_and_every_value_is_a_metric(host: HostCollector) -> None:
    expected = NAMES if Path("/proc/pressure").exists() else {n for n in NAMES if "pressure" not in n}
    async with watching(host) as watch:
        full = await watch.sample(lambda sample: set(sample.values) == expected)
    assert all(set(sample.values) <= NAMES for sample in watch.samples)
    assert full.values["cores"] == os.cpu_count()
    assert 0 < full.values["memory_available"] < psutil.virtual_memory().total
    assert 0 < full.values["memory"] < 100
    shares = ("user", "system", "steal")
    assert full.values["cpu"] == pytest.approx(sum(full.values[name] for name in shares))


def queue_of(sample: Sample, name: str) -> int:
    return next((int(row["queue"] or 0) for row in sample.rows if str(row["listener"]).endswith(name)), 0)


async def test_connections_that_nobody_accepts_show_with_their_socket(host: HostCollector) -> None:
    async with watching(host) as watch:
        with closing(socket.create_server(("127.0.0.1", 0), backlog=5)) as server, ExitStack() as clients:
            port = server.getsockname()[1]
            for _ in range(4):
                clients.enter_context(closing(socket.create_connection(("127.0.0.1", port))))
            sample = await watch.sample(lambda sample: queue_of(sample, f":{port}") == 4)
    assert sample.values["listen_queue"] >= 4
    row = next(row for row in sample.rows if row["queue"] == 4)
    assert row["backlog"] == 5


async def test_a_unix_socket_is_a_listener_too(host: HostCollector, tmp_path: Path) -> None:
    path = str(tmp_path / "gunicorn.sock")
    async with watching(host) as watch:
        with (
            closing(socket.socket(socket.AF_UNIX)) as server,
            closing(socket.socket(socket.AF_UNIX)) as client,
        ):
            server.bind(path)
            server.listen(3)
            client.connect(path)
            await watch.sample(lambda sample: queue_of(sample, path) == 1)


async def test_connections_dropped_for_a_full_queue_are_counted(host: HostCollector) -> None:
    async with watching(host) as watch:
        await watch.sample(lambda sample: "listen_overflows" in sample.values)
        with closing(socket.create_server(("127.0.0.1", 0), backlog=1)) as server, ExitStack() as clients:
            for _ in range(8):
                client = clients.enter_context(closing(socket.socket()))
                client.setblocking(False)
                with suppress(BlockingIOError):
                    client.connect(server.getsockname())
            await watch.sample(lambda sample: sample.values["listen_overflows"] > 0)


async def test_a_host_without_ss_is_read_all_the_same(
    host: HostCollector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sh", "cat", "grep", "sed", "getconf"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(tmp_path))
    async with watching(host) as watch:
        with (
            closing(socket.create_server(("127.0.0.1", 0))) as server,
            closing(socket.create_connection(server.getsockname())),
        ):
            await watch.sample(lambda sample: queue_of(sample, f"port {server.getsockname()[1]}") == 1)


async def test_it_reads_over_ssh(host: HostCollector, sshd_server: SshdServer) -> None:
    async with over_ssh(sshd_server) as remote, watching(host, remote) as watch:
        sample = await watch.sample(lambda sample: "cpu" in sample.values)
    assert sample.values["cores"] == os.cpu_count()


async def test_when_its_shell_is_killed_the_source_says_so_and_comes_back(host: HostCollector) -> None:
    async with watching(host) as watch:
        await watch.sample()
        (shell,) = (child for child in psutil.Process().children() if "pswpin" in " ".join(child.cmdline()))
        for process in (*shell.children(recursive=True), shell):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        assert "the shell on local ended" in await watch.health(Health.BLIND)
        await watch.sample()


BEFORE = """stat:cpu  1000 0 500 8000 100 0 0 400 0 0
stat:procs_running 5
meminfo:MemTotal:       8000000 kB
meminfo:MemAvailable:   2000000 kB
vmstat:pswpin 10
vmstat:pswpout 20
vmstat:oom_kill 0
loadavg:3.50 2.00 1.00 5/300 4242
uptime:100.00 180.00
net/netstat:TcpExt: SyncookiesSent ListenOverflows ListenDrops
net/netstat:TcpExt: 1 10 12
pressure/cpu:some avg10=12.50 avg60=3.00 avg300=1.00 total=123
shell: cores 2
shell: page 16384"""
AFTER = """stat:cpu  1040 10 530 8080 120 5 5 410 0 0
vmstat:pswpin 12
vmstat:pswpout 20
vmstat:oom_kill 1
uptime:102.00 181.00
net/netstat:TcpExt: SyncookiesSent ListenOverflows ListenDrops
net/netstat:TcpExt: 1 16 18
shell: cores 2
shell: page 16384"""


def test_what_no_test_can_cause_is_worked_out_right() -> None:
    """Steal, a waiting disk, swap and the OOM killer, from the kernel's own words."""
    before, after, counters = Reading.parse(BEFORE), Reading.parse(AFTER), Counters()
    assert counters.read(100, before.totals) is None
    values = after.values(counters.read(102, after.totals))
    assert values["cpu"] == 50
    assert values["user"] == 25
    assert values["system"] == 20
    assert values["iowait"] == 10
    assert values["steal"] == 5
    assert values["swap_in"] == 16384
    assert values["oom_kills"] == 1
    assert values["listen_overflows"] == 3

    known = before.values(None)
    assert known["memory"] == 75
    assert known["pressure_cpu"] == 12.5
    assert known["run_queue"] == 4


def test_lines_that_make_no_sense_are_passed_over() -> None:
    reading = Reading.parse(
        "Welcome to web-1!\nstat:cpu x y\nloadavg:\ntcp LISTEN many 5 *:80\nuptime:7.5 1\n\x1b[2J\n"
    )
    assert reading.numbers == {"uptime": 7.5}
    assert reading.listeners == ()
