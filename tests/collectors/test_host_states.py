"""What is wrong with a host is told when it begins and once when it is over; nonsense is no trouble."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import _states
from collectors._host_reading import Reading
from collectors._kernel import Kernel
from collectors._states import Alarm, States
from collectors.host import Figures
from rampdeck.model import Event, Severity

from .fuzzing import fuzz
from .hosting import SYSTEMS, config
from .watching import Watch


def told(watch: Watch) -> list[Event]:
    return [event for event in watch.events if "signal" in event.fields]


def seconds(states: States, watch: Watch, times: Iterable[float], *alarms: Alarm) -> None:
    for at in times:
        states.read(at, alarms, watch.sink)


def steal(share: float) -> Alarm:
    return Alarm("host.steal", share, " %", f"{share:.0f} % stolen")


def test_a_state_is_told_when_it_has_lasted_and_once_when_it_is_over() -> None:
    watch, states = Watch("host"), States()
    seconds(states, watch, range(3), steal(6))
    assert told(watch) == []
    seconds(states, watch, range(3, 20), steal(9))
    (began,) = told(watch)
    assert (began.text, began.severity) == ("9 % stolen", Severity.WARNING)
    assert began.fields == {"signal": "host.steal", "figure": "9"}
    seconds(states, watch, range(20, 60))
    _, over = told(watch)
    assert over.text == "steal is over after 19 s; at most 9 %"
    assert over.severity is Severity.NOTICE
    assert over.fields == {"signal": "host.steal", "over": "yes", "seconds": "19.0", "most": "9"}


def test_a_moment_s_rest_does_not_end_it() -> None:
    watch, states = Watch("host"), States()
    for start in range(0, 50, 10):
        seconds(states, watch, range(start, start + 5), steal(9))
        seconds(states, watch, range(start + 5, start + 10))
    assert len(told(watch)) == 1


def test_what_is_short_is_no_state() -> None:
    watch, states = Watch("host"), States()
    for start in range(0, 50, 10):
        seconds(states, watch, range(start, start + 2), steal(9))
        seconds(states, watch, range(start + 2, start + 10))
    assert told(watch) == []


def test_several_of_a_kind_are_told_apart() -> None:
    watch, states = Watch("host"), States()
    disks = [Alarm("host.disk_full", 99, " %", f"{name} is full", name) for name in ("/", "/var")]
    seconds(states, watch, [1], *disks)
    seconds(states, watch, range(2, 30), disks[0])
    assert [event.fields["subject"] for event in told(watch)] == ["/", "/var", "/var"]
    assert told(watch)[2].text.startswith("disk full of /var is over after 0 s")


def test_every_kill_is_told() -> None:
    watch, states = Watch("host"), States()
    seconds(states, watch, [1, 2], Alarm("host.oom_kill", 1, "", "a process was killed"))
    assert [event.severity for event in told(watch)] == [Severity.ERROR] * 2


@pytest.mark.parametrize(
    ("signal", "before", "after"),
    [
        ("host.steal", "stat\tcpu 0 0 0 0 0 0 0 0", "stat\tcpu 50 0 0 40 0 0 0 10"),
        ("host.cpu_saturated", "stat\tcpu 0 0 0 0 0 0 0 0", "stat\tcpu 95 0 0 5 0 0 0 0"),
        ("host.swapping", "vmstat\tpswpin 0\nvmstat\tpswpout 0", "vmstat\tpswpin 0\nvmstat\tpswpout 9"),
        ("host.oom_kill", "vmstat\toom_kill 1", "vmstat\toom_kill 2"),
        ("host.memory_low", "", "meminfo\tMemTotal: 100 kB\nmeminfo\tMemAvailable: 9 kB"),
        ("host.too_many_files", "", "sys/fs/file-nr\t95 0 100"),
        ("host.conntrack_full", "", "conntrack\t95\nconntrack_max\t100"),
    ],
)
def test_what_is_out_of_order_on_a_host_is_told_with_its_figure(signal: str, before: str, after: str) -> None:
    kernel = Kernel()
    assert kernel.read(Reading.parse(f"uptime\t1.0 1\n{before}")).alarms == []
    (alarm,) = kernel.read(Reading.parse(f"uptime\t2.0 1\n{after}")).alarms
    assert alarm.signal == signal
    assert alarm.figure > 0
    assert f"{alarm.figure:.0f}"[0].isdigit()
    assert signal in _states.RULES


def test_a_busy_disk_is_told_and_named() -> None:
    figures = Figures(config())
    line = "diskstats\t 8 0 sda {0} 0 {0} {0} 0 0 0 0 0 {0} 0"
    figures.read(Reading.parse("uptime\t1 1\n" + line.format(0)))
    (alarm,) = figures.read(Reading.parse("uptime\t2 1\n" + line.format(950))).alarms
    assert (alarm.signal, alarm.subject) == ("host.disk_busy", "sda")
    assert alarm.text == "disk sda is 95 % busy, an answer takes 1.0 ms"


def test_counters_that_begin_anew_give_no_rate() -> None:
    kernel = Kernel()
    kernel.read(Reading.parse("uptime\t1000 1\nvmstat\toom_kill 50\nstat\tcpu 500 0 0 500 0 0 0 0"))
    values = kernel.read(Reading.parse("uptime\t5 1\nvmstat\toom_kill 0\nstat\tcpu 5 0 0 5 0 0 0 0")).values
    assert "oom_kills" not in values
    assert "cpu" not in values


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
