"""What a host runs for us works on the systems that people have, and its figures are right on each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from collectors._host_reading import Told
from collectors.host import Figures, HostCollectorConfig
from rampdeck.model import Health, Value

from .hosting import CONTAINER_ID, Running, System, config, running, says, stand_in

AWKS = ("mawk", "gawk", "busybox", "original-awk")
SHELLS = (("dash",), ("bash",), ("busybox", "sh"))


def path_with(folder: Path, awk: str, rest: str) -> str:
    """Return a PATH on which `awk` is that one."""
    program = shutil.which(awk)
    if program is None:
        pytest.skip(f"no {awk} on this machine")
    folder.mkdir(exist_ok=True)
    (folder / "awk").write_text(f'#!/bin/sh\nexec {program} {"awk" if awk == "busybox" else ""} "$@"\n')
    (folder / "awk").chmod(0o755)
    return f"{folder}:{rest}"


def two_readings(run: Running, system: System, wanted: HostCollectorConfig) -> tuple[Told, Told]:
    """Return the figures of a reading and of one ten seconds later."""
    figures = Figures(wanted)
    before = figures.read(run.read_until("boxes"))
    system.ten_seconds_pass()
    return before, figures.read(run.read())


def row(told: Told, table: str, **cells: Value) -> Mapping[str, Value]:
    """Return the only row of a table with these cells."""
    (found,) = (it for it in told.rows if it["_table"] == table and cells.items() <= it.items())
    return found


def names(told: Told, table: str, column: str) -> list[Value]:
    return [it[column] for it in told.rows if it["_table"] == table]


def ubuntu(folder: Path, awk: str = "", shell: Sequence[str] = ("sh",)) -> tuple[Told, Told]:
    system, wanted = (
        System("ubuntu-24.04", folder / "system"),
        config(containers="all", units=["gunicorn.service"]),
    )
    path = stand_in(folder / "bin", says(f"{CONTAINER_ID} 4242 bridge /web"))
    stand_in(folder / "bin", f"cat {system.ss}", "ss")
    if awk:
        path = path_with(folder / "awk", awk, path)
    if shutil.which(shell[0]) is None:
        pytest.skip(f"no {shell[0]} on this machine")
    with running(wanted, system, shell, path) as run:
        return two_readings(run, system, wanted)


@pytest.mark.parametrize("awk", AWKS)
def test_every_awk_tells_the_same(awk: str, tmp_path: Path) -> None:
    before, after = ubuntu(tmp_path, awk)
    assert before.values["load1"] == 3.5
    assert after.values == UBUNTU
    assert len(names(after, "containers", "container")) == 2


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_every_shell_tells_the_same(shell: Sequence[str], tmp_path: Path) -> None:
    _, after = ubuntu(tmp_path, shell=shell)
    assert after.values == UBUNTU


UBUNTU = {
    "load1": 3.5,
    "cores": float(os.cpu_count() or 0),
    "run_queue": 4,
    "blocked": 2,
    "cpu": pytest.approx(50),  # of 2000 ticks: 800 idle, 200 waiting
    "user": pytest.approx(25),
    "system": pytest.approx(20),
    "interrupts": pytest.approx(5),
    "iowait": pytest.approx(10),
    "steal": pytest.approx(5),
    "pressure_cpu": 12.5,
    "pressure_cpu_full": 0,
    "pressure_memory": 1,
    "pressure_memory_full": 0.5,
    "pressure_io": 7,
    "pressure_io_full": 6,
    "memory": pytest.approx(75),
    "memory_available": 2_000_000 * 1024,
    "swap": pytest.approx(25),
    "swap_in": pytest.approx(2 * os.sysconf("SC_PAGESIZE")),
    "swap_out": 0,
    "oom_kills": 2,
    "files": pytest.approx(50),
    "conntrack": pytest.approx(50),
    "tcp_established": 42,
    "tcp_time_wait": 311,
    "tcp_retransmits": pytest.approx(2),
    "listen_queue": 7,  # the container's
    "listen_full": 50,  # of four at the unix socket, of two at the last one
    "listen_overflows": pytest.approx(6),  # one a second on the host, five in the container
    "listen_drops": pytest.approx(6),
    "disk_busy": pytest.approx(95),
    "disk_await": pytest.approx(3.5),  # 700 ms for 200
    "disk_read": pytest.approx(104_857.6),
    "disk_write": pytest.approx(104_857.6),
    "network_in": pytest.approx(10_000),
    "network_out": pytest.approx(20_000),
    "network_drops": pytest.approx(2),
    "network_errors": pytest.approx(1),
    "containers": 2,
    "container_cpu": pytest.approx(90),  # 0.45 of 0.5 processors
    "containers_throttled": pytest.approx(60),
    "container_memory": pytest.approx(64),  # without the inactive files
    "container_pids": pytest.approx(25),
    "container_oom_kills": 2,
}


def test_a_container_is_shown_with_its_limits_and_its_sockets(tmp_path: Path) -> None:
    before, after = ubuntu(tmp_path)
    web = row(after, "containers", container="web")
    assert web == {
        "_table": "containers",
        "_health": Health.BLIND,
        "container": "web",
        "cpu": pytest.approx(45),
        "quota": 50,
        "throttled": pytest.approx(60),
        "memory": 320_000_000,
        "memory_limit": 500_000_000,
        "memory_share": pytest.approx(64),
        "oom_kills": 2,
        "pids": 25,
        "read": pytest.approx(1_000),
        "written": pytest.approx(2_000),
    }
    assert row(before, "containers", container="web")["throttled"] is None
    assert row(after, "listeners", container="web")["queue"] == 7
    kinds = {(alarm.signal, alarm.subject) for alarm in after.alarms}
    assert {("throttled", "web"), ("oom_kill", "web"), ("listen_overflow", "web")} <= kinds
    assert ("oom_kill", "") not in kinds


def test_a_unit_without_limits_has_none(tmp_path: Path) -> None:
    _, after = ubuntu(tmp_path)
    unit = row(after, "containers", container="gunicorn.service")
    assert unit["memory"] == 150_000_000
    assert [unit[name] for name in ("quota", "memory_limit", "memory_share", "throttled")] == [None] * 4
    assert unit["_health"] is Health.LIVE


def test_disks_are_whole_ones_and_interfaces_those_that_carry_something(tmp_path: Path) -> None:
    _, after = ubuntu(tmp_path)
    assert sorted(map(str, names(after, "disks", "disk"))) == ["dm-0", "dm-10", "nvme0n1"]
    assert names(after, "network", "interface") == ["ens5", "lo", "docker0"]


def test_a_listener_is_shown_with_its_backlog_and_as_ss_names_it(tmp_path: Path) -> None:
    _, after = ubuntu(tmp_path)
    found = {it["listener"]: (it["queue"], it["backlog"]) for it in after.rows if it.get("container") == ""}
    assert found == {
        "127.0.0.1:8000": (3, 2048),
        "127.0.0.53%lo:53": (0, 4096),
        "*:80": (0, 511),
        "[::ffff:127.0.0.1]:8081": (1, 2),
        "/run/gunicorn.sock": (2, 4),
    }


def test_without_ss_a_listener_is_shown_without_its_backlog(tmp_path: Path) -> None:
    system = System("ubuntu-24.04", tmp_path / "system")
    with running(config(), system, path=stand_in(tmp_path / "bin", "exit 1", "ss")) as run:
        told = Figures(config()).read(run.read())
    found = {it["listener"]: (it["queue"], it["backlog"]) for it in told.rows if "listener" in it}
    assert found["127.0.0.1:8000"] == (3, None)
    assert found["[::]:80"] == (0, None)
    assert found["/run/gunicorn.sock"] == (2, None)
    assert "listen_full" not in told.values


def test_rhel_with_podman_and_the_older_control_groups(tmp_path: Path) -> None:
    system, wanted = System("rhel-8", tmp_path / "system"), config(containers=["app"])
    path = stand_in(tmp_path / "bin", says(f"{CONTAINER_ID} 77 bridge app"), "docker")
    with running(wanted, system, path=path) as run:
        _, after = two_readings(run, system, wanted)
    app = row(after, "containers")
    assert app["cpu"] == pytest.approx(150)
    assert app["quota"] == 150
    assert app["throttled"] == pytest.approx(30)
    assert (app["memory"], app["memory_limit"]) == (200_000_000, 400_000_000)
    assert app["read"] == pytest.approx(500)
    assert after.values["cpu"] == 50
    assert not [name for name in after.values if name.startswith(("pressure", "swap_used", "conntrack"))]
    assert "swap" not in after.values
    assert names(after, "disks", "disk") == ["sda", "dm-0"]


def test_alpine_with_nothing_but_busybox(tmp_path: Path) -> None:
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("no busybox on this machine")
    folder = tmp_path / "bin"
    stand_in(folder, says(f"{CONTAINER_ID} 88 bridge /web"))
    for name in ("sh", "awk", "grep", "sed", "df", "sleep", "cat", "nproc", "printf"):
        (folder / name).symlink_to(busybox)
    system, wanted = System("alpine-3.20", tmp_path / "system"), config(containers=["web"], processes=["sh"])
    with running(wanted, system, (str(folder / "sh"),), str(folder)) as run:
        _, after = two_readings(run, system, wanted)
    web = row(after, "containers")
    assert web["cpu"] == pytest.approx(50)
    assert web["quota"] is None
    assert web["memory_share"] == pytest.approx(96)
    assert {alarm.signal for alarm in after.alarms} >= {"container_memory_low", "memory_low"}
    assert after.values["cpu"] == 100
