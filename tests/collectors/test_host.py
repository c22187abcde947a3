"""The hosts pane tells what the kernel of a real host tells."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path

import psutil
import pytest
from pydantic import ValidationError

from collectors._host_script import script
from collectors.host import HostCollector
from rampdeck.demo.sshd import SshdServer
from rampdeck.model import Event, Health, Sample, Value
from rampdeck.pace import Ticks
from rampdeck.remote import Stream
from rampdeck.remote.local import LocalRemote

from .hosting import System, config, stand_in
from .watching import Watch, failure, over_ssh, until, watching

NAMES = {metric.name for metric in HostCollector.metrics}
TOOLS = ("sh", "awk", "cat", "grep", "getconf", "sleep", "df")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five readings a second, and new tries soon."""
    monkeypatch.setattr("collectors.host.Ticks", partial(Ticks, 0.2))
    monkeypatch.setattr("rampdeck.backoff.FIRST", 0.2)


@pytest.fixture
def host() -> HostCollector:
    return HostCollector(config(processes=["python3", "python"], paths=["/"]))


def rows(sample: Sample, table: str) -> list[Mapping[str, Value]]:
    return [row for row in sample.rows if row["_table"] == table]


async def signalled(watch: Watch, signal: str, subject: str = "", *, over: bool = False) -> Event:
    """Wait for the event that a state began, or that it is over; others on this machine have theirs."""

    def found() -> Event | None:
        events = (event for event in watch.events if event.fields.get("signal") == signal)
        mine = (event for event in events if subject in ("", event.fields.get("subject")))
        return next((event for event in mine if (event.fields.get("state") == "over") == over), None)

    return await until(found)


async def test_every_value_is_a_metric_and_the_host_s_own_are_all_there(host: HostCollector) -> None:
    expected = {name for name in NAMES if not name.startswith("container")}
    if not Path("/proc/pressure").exists():
        expected = {name for name in expected if "pressure" not in name}
    if not Path("/proc/sys/net/netfilter/nf_conntrack_count").exists():
        expected.discard("conntrack")
    if not psutil.swap_memory().total:
        expected.discard("swap")
    async with watching(host) as watch:
        full = await watch.sample(lambda sample: set(sample.values) >= expected)
    assert all(set(sample.values) <= NAMES for sample in watch.samples)
    assert full.values["cores"] == os.cpu_count()
    assert 0 < full.values["memory_available"] < psutil.virtual_memory().total
    assert 0 < full.values["memory"] < 100
    shares = ("user", "system", "steal")
    assert full.values["cpu"] == pytest.approx(sum(full.values[name] for name in shares), abs=0.01)


async def test_every_row_fits_the_table_that_it_names(host: HostCollector) -> None:
    columns = {table.key: {column.key for column in table.columns} for table in host.view.tables}
    async with watching(host) as watch:
        sample = await watch.sample(lambda sample: len({row["_table"] for row in sample.rows}) >= 4)
    for row in sample.rows:
        assert {key for key in row if not key.startswith("_")} == columns[str(row["_table"])]


async def test_the_file_system_is_as_full_as_it_is(host: HostCollector) -> None:
    async with watching(host) as watch:
        sample = await watch.sample(lambda sample: "filesystem" in sample.values)
    (row,) = rows(sample, "filesystems")
    assert row["mount"] == "/"
    assert sample.values["filesystem"] == pytest.approx(psutil.disk_usage("/").percent, abs=2)


async def test_what_goes_through_an_interface_is_counted(host: HostCollector) -> None:
    async with watching(host) as watch:
        with (
            closing(socket.create_server(("127.0.0.1", 0))) as server,
            closing(socket.create_connection(server.getsockname())) as client,
            closing(server.accept()[0]) as other,
        ):

            def carried(sample: Sample) -> bool:
                client.sendall(b"x" * 100_000)
                other.recv(200_000)
                return any(row["interface"] == "lo" and row["in"] for row in rows(sample, "network"))

            await watch.sample(carried)


def queue_of(sample: Sample, name: str) -> int:
    listeners = rows(sample, "listeners")
    return next((int(row["queue"] or 0) for row in listeners if str(row["listener"]).endswith(name)), 0)


async def test_connections_that_nobody_accepts_show_with_their_socket(host: HostCollector) -> None:
    with closing(socket.create_server(("127.0.0.1", 0), backlog=5)) as server, ExitStack() as clients:
        name = f"127.0.0.1:{server.getsockname()[1]}"
        async with watching(host) as watch:
            await watch.sample()
            for _ in range(4):
                clients.enter_context(closing(socket.create_connection(server.getsockname())))
            sample = await watch.sample(lambda sample: queue_of(sample, name) == 4)
            event = await signalled(watch, "listen_queue_full", name)
    assert sample.values["listen_queue"] >= 4
    assert sample.values["listen_full"] >= 80
    row = next(row for row in rows(sample, "listeners") if row["listener"] == name)
    assert row["queue"] == 4
    assert (row["backlog"], row["_health"]) == (5, Health.BLIND)
    assert event.text == f"4 of 5 connections wait at {name} for a worker"
    assert (event.fields["queue"], event.fields["backlog"]) == ("4", "5")


async def test_a_state_that_is_over_is_told_once(
    host: HostCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors._states.QUIET", 1.0)
    with closing(socket.create_server(("127.0.0.1", 0), backlog=2)) as server:
        name = f"127.0.0.1:{server.getsockname()[1]}"
        async with watching(host) as watch:
            with ExitStack() as clients:
                for _ in range(3):
                    clients.enter_context(closing(socket.create_connection(server.getsockname())))
                await signalled(watch, "listen_queue_full", name)
                for _ in range(3):
                    server.accept()[0].close()
            over = await signalled(watch, "listen_queue_full", name, over=True)
    assert over.text.startswith(f"listen queue full of {name}: over after")
    told = [event for event in watch.events if event.fields.get("subject") == name]
    assert len(told) == 2


async def test_a_unix_socket_is_a_listener_too(host: HostCollector, tmp_path: Path) -> None:
    path = str(tmp_path / "gunicorn.sock")
    async with watching(host) as watch:
        with closing(socket.socket(socket.AF_UNIX)) as server, ExitStack() as clients:
            server.bind(path)
            server.listen(3)
            for _ in range(2):
                client = clients.enter_context(closing(socket.socket(socket.AF_UNIX)))
                client.connect(path)
            await watch.sample(lambda sample: queue_of(sample, path) == 2)
            server.accept()[0].close()
            await watch.sample(lambda sample: queue_of(sample, path) == 1)


async def test_connections_dropped_for_a_full_queue_are_counted_and_the_socket_is_named(
    host: HostCollector,
) -> None:
    async with watching(host) as watch:
        await watch.sample(lambda sample: "listen_overflows" in sample.values)
        with closing(socket.create_server(("127.0.0.1", 0), backlog=1)) as server, ExitStack() as clients:
            for _ in range(8):
                client = clients.enter_context(closing(socket.socket()))
                client.setblocking(False)
                with suppress(BlockingIOError):
                    client.connect(server.getsockname())
            await watch.sample(lambda sample: sample.values.get("listen_overflows", 0) > 0)
            event = await signalled(watch, "listen_overflow")
            name = "{}:{}".format(*server.getsockname())
            dropped = await watch.sample(
                lambda sample: any(it["listener"] == name and it["drops"] for it in rows(sample, "listeners"))
            )
    assert int(event.fields["overflows"]) > 0
    # The kernel counts for the whole machine, and other tests may keep somebody waiting at the same time.
    busy = {
        it["listener"]
        for sample in watch.samples
        for it in rows(sample, "listeners")
        if it["queue"] or it["drops"]
    }
    assert event.fields["listener"] in busy
    assert name in busy
    assert "nobody accepted them in time" in event.text
    assert next(it["queue"] for it in rows(dropped, "listeners") if it["listener"] == name) == 2
    assert dropped.values["listen_queue"] >= 2


async def test_a_host_without_ss_is_read_all_the_same(
    host: HostCollector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in TOOLS:
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    stand_in(tmp_path, "exit 127", "ss")
    monkeypatch.setenv("PATH", str(tmp_path))
    async with watching(host) as watch:
        with (
            closing(socket.create_server(("127.0.0.1", 0))) as server,
            closing(socket.create_connection(server.getsockname())),
        ):
            await watch.sample(lambda sample: queue_of(sample, f":{server.getsockname()[1]}") == 1)


async def test_a_host_without_awk_says_what_to_install(
    host: HostCollector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sh", "cat", "grep"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(tmp_path))
    host.script = host.script.replace(":/usr/sbin:/sbin", "")  # where /sbin is /usr/bin, too
    assert "there is no awk: install mawk, gawk or busybox" in await failure(host)


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


async def test_nothing_of_it_stays_behind(host: HostCollector) -> None:
    async with watching(host) as watch:
        await watch.sample(lambda sample: "workers" in sample.values)
        (shell,) = (child for child in psutil.Process().children() if "pswpin" in " ".join(child.cmdline()))
        family = await until(
            lambda: found if len(found := [shell, *shell.children(recursive=True)]) > 3 else None
        )
    await until(lambda: all(map(gone, family)) or None)


def gone(process: psutil.Process) -> bool:
    """Say whether a process has ended; it may do so while it is asked."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Listening(LocalRemote):
    """This machine, which notes what it is asked to run."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    @asynccontextmanager
    async def _running(self, command: str, *, stdin: bool, short: bool) -> AsyncIterator[Stream]:
        self.asked.append(command)
        async with super()._running(command, stdin=stdin, short=short) as stream:
            yield stream


async def test_what_is_told_beforehand_is_what_is_run() -> None:
    host = HostCollector(config(containers="all", units=["gunicorn.service"], processes=["gunicorn"]))
    remote = Listening()
    async with watching(host, remote) as watch:
        await watch.sample(lambda sample: "cpu" in sample.values)
    assert tuple(remote.asked) == host.asks()[:1], "the other one is asked for the facts"
    assert all(
        name in host.asks()[0] for name in ("docker", "podman", "ss -lntxm", "df -Pk", "gunicorn.service")
    )


async def test_a_host_that_is_a_container_itself_says_so(host: HostCollector, tmp_path: Path) -> None:
    system = System("alpine-3.20", tmp_path)
    (system.proc / "self").mkdir()
    (system.proc / "self" / "mounts").write_text("lxcfs /proc/stat fuse.lxcfs rw,nosuid,nodev 0 0\n")
    host.script = script(config(), str(system.proc), str(system.cgroups))
    async with watching(host) as watch:
        event = await signalled(watch, "inside_container")
    assert "this host is itself a container (lxc)" in event.text


@pytest.mark.parametrize(
    "keys",
    [
        {"containers": ["web; rm -rf /"]},
        {"containers": ["-f"]},
        {"units": ["$(id).service"]},
        {"processes": ["a b"]},
        {"paths": ["../etc"]},
        {"paths": ["/srv/$(id)"]},
    ],
)
def test_a_name_that_a_shell_would_take_for_more_is_refused(keys: dict[str, list[str]]) -> None:
    with pytest.raises(ValidationError):
        config(**keys)


async def test_a_host_that_was_rebooted_says_so_and_one_that_runs_on_does_not(tmp_path: Path) -> None:
    system = System("ubuntu-24.04", tmp_path)
    wanted = config()
    host = HostCollector(wanted)
    host.script = script(wanted, str(system.proc), str(system.cgroups))
    async with watching(host) as watch:
        await watch.sample()
        sample = await watch.sample()
        assert sample.values["rebooted"] == 0
        (tmp_path / "uptime").write_text("0.05 0.10\n")
        (tmp_path / "uptime").rename(system.proc / "uptime")  # in one step: it is read all the time
        event = await signalled(watch, "rebooted")
    assert event.text == f"{LocalRemote().host} was rebooted: it has been up for 0 s"
