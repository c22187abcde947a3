"""What is out of order on a host is told with its figure; lines that make no sense are no trouble."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._host_reading import Reading
from collectors._host_rules import RULES
from collectors._kernel import Kernel
from collectors.host import Figures

from .fuzzing import fuzz
from .hosting import SYSTEMS, config


@pytest.mark.parametrize(
    ("signal", "before", "after"),
    [
        ("steal_high", "stat\tcpu 0 0 0 0 0 0 0 0", "stat\tcpu 50 0 0 40 0 0 0 10"),
        ("cpu_saturated", "stat\tcpu 0 0 0 0 0 0 0 0", "stat\tcpu 95 0 0 5 0 0 0 0"),
        ("swapping", "vmstat\tpswpin 0\nvmstat\tpswpout 0", "vmstat\tpswpin 0\nvmstat\tpswpout 9"),
        ("oom_kill", "vmstat\toom_kill 1", "vmstat\toom_kill 2"),
        ("memory_low", "", "meminfo\tMemTotal: 100 kB\nmeminfo\tMemAvailable: 9 kB"),
        ("too_many_files", "", "sys/fs/file-nr\t95 0 100"),
        ("conntrack_full", "", "conntrack\t95\nconntrack_max\t100"),
    ],
)
def test_what_is_out_of_order_on_a_host_is_told_with_its_figure(signal: str, before: str, after: str) -> None:
    kernel = Kernel()
    assert kernel.read(Reading.parse(f"uptime\t1.0 1\n{before}")).alarms == []
    (alarm,) = kernel.read(Reading.parse(f"uptime\t2.0 1\n{after}")).alarms
    assert alarm.signal == signal
    assert alarm.figure > 0
    assert f"{alarm.figure:.0f}"[0].isdigit()
    assert signal in RULES


def test_a_busy_disk_is_told_and_named() -> None:
    figures = Figures(config())
    line = "diskstats\t 8 0 sda {0} 0 {0} {0} 0 0 0 0 0 {0} 0"
    figures.read(Reading.parse("uptime\t1 1\n" + line.format(0)))
    (alarm,) = figures.read(Reading.parse("uptime\t2 1\n" + line.format(950))).alarms
    assert (alarm.signal, alarm.subject) == ("disk_saturated", "sda")
    assert alarm.text == "disk sda is 95 % busy, an answer takes 1.0 ms"


def test_a_full_file_system_of_which_nothing_more_is_heard_is_not_said_to_be_full() -> None:
    figures = Figures(config())
    df = "df\t/dev/sdb 100 97 3 97% /data"
    said = [
        figures.read(Reading.parse(f"uptime\t{at} 1\n{lines}"))
        for at, lines in ((10, df), (40, df), (100, ""), (131, ""))
    ]
    assert ["filesystem" in told.values for told in said] == [True, True, True, False]
    assert [len(told.alarms) for told in said] == [1, 1, 1, 0]


def test_counters_that_begin_anew_give_no_rate() -> None:
    kernel = Kernel()
    kernel.read(Reading.parse("uptime\t1000 1\nvmstat\toom_kill 50\nstat\tcpu 500 0 0 500 0 0 0 0"))
    values = kernel.read(Reading.parse("uptime\t5 1\nvmstat\toom_kill 0\nstat\tcpu 5 0 0 5 0 0 0 0")).values
    assert "oom_kills" not in values
    assert "cpu" not in values


def test_a_count_of_waiting_that_goes_back_a_little_leaves_the_processor_known() -> None:
    kernel = Kernel()
    kernel.read(Reading.parse("uptime\t1 1\nstat\tcpu 100 0 0 500 30 0 0 0"))
    values = kernel.read(Reading.parse("uptime\t2 1\nstat\tcpu 150 0 0 550 29 0 0 0")).values
    assert (values["cpu"], values["iowait"]) == (50, 0)


LINES = sorted(
    {
        line
        for system in SYSTEMS.glob("*.txt")
        for line in system.read_text().splitlines()
        if line and not line.startswith(("==>", "#"))
    }
)
FILES = ["stat", "meminfo", "vmstat", "loadavg", "uptime", "pressure/cpu", "net/netstat", "net/snmp"]
FILES += ["net/sockstat", "net/dev", "diskstats", "sys/fs/file-nr", "conntrack", "conntrack_max", "net/tcp"]
FILES += [
    "net/unix",
    "ss",
    "df",
    "all",
    "pids",
    "pid",
    "more",
    "boxes",
    "box/web/net/tcp",
    "box/web/cpu.stat",
]
FILES += ["shell", "box/web/net/netstat", "box//", "box/x", ""]


@fuzz
@given(st.lists(st.tuples(st.sampled_from(FILES), st.sampled_from(LINES) | st.text() | st.just("tw"))))
def test_lines_in_the_wrong_place_are_passed_over(lines: list[tuple[str, str]]) -> None:
    figures = Figures(config(processes=["gunicorn"]))
    for uptime in (1, 2):
        text = "\n".join([f"uptime\t{uptime} 1", *(f"{file}\t{line}" for file, line in lines)])
        result = figures.read(Reading.parse(text))
        assert all(map(math.isfinite, result.values.values()))


@fuzz
@given(st.binary())
def test_any_bytes_are_a_reading(data: bytes) -> None:
    figures = Figures(config(processes=["gunicorn"]))
    figures.read(Reading.parse(data.decode(errors="replace")))
    figures.read(Reading.parse(data.decode(errors="replace")))
