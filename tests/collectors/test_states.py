"""A state of a server is told when it begins, and once when it is over."""

from __future__ import annotations

from collections.abc import Iterable

from collectors._host_rules import RULES
from collectors._states import Alarm, States
from rampdeck.model import Event, Severity

from .watching import Watch


def told(watch: Watch) -> list[Event]:
    return [event for event in watch.events if "signal" in event.fields]


def seconds(states: States, watch: Watch, times: Iterable[float], *alarms: Alarm) -> None:
    for at in times:
        states.read(at, alarms, watch.sink)


def steal(share: float) -> Alarm:
    return Alarm("steal_high", f"{share:.0f} % stolen", share, " %")


def test_a_state_is_told_when_it_has_lasted_and_once_when_it_is_over() -> None:
    watch, states = Watch("host"), States(RULES)
    seconds(states, watch, range(3), steal(6))
    assert told(watch) == []
    seconds(states, watch, range(3, 20), steal(9))
    (began,) = told(watch)
    assert (began.text, began.severity) == ("9 % stolen", Severity.WARNING)
    assert began.fields == {"signal": "steal_high", "state": "began", "figure": "9"}
    seconds(states, watch, range(20, 60))
    _, over = told(watch)
    assert over.text == "steal high: over after 19 s; at most 9 %"
    assert over.severity is Severity.NOTICE
    assert over.fields == {"signal": "steal_high", "state": "over", "seconds": "19.0", "most": "9"}


def test_a_moment_s_rest_does_not_end_it() -> None:
    watch, states = Watch("host"), States(RULES)
    for start in range(0, 50, 10):
        seconds(states, watch, range(start, start + 5), steal(9))
        seconds(states, watch, range(start + 5, start + 10))
    assert len(told(watch)) == 1


def test_what_is_short_is_no_state() -> None:
    watch, states = Watch("host"), States(RULES)
    for start in range(0, 50, 10):
        seconds(states, watch, range(start, start + 2), steal(9))
        seconds(states, watch, range(start + 2, start + 10))
    assert told(watch) == []


def test_several_of_a_kind_are_told_apart() -> None:
    watch, states = Watch("host"), States(RULES)
    disks = [Alarm("disk_full", f"{name} is full", 99, " %", name) for name in ("/", "/var")]
    seconds(states, watch, [1], *disks)
    seconds(states, watch, range(2, 30), disks[0])
    assert [event.fields["subject"] for event in told(watch)] == ["/", "/var", "/var"]
    assert told(watch)[2].text.startswith("disk full of /var: over after 0 s")


def test_every_kill_is_told() -> None:
    watch, states = Watch("host"), States(RULES)
    seconds(states, watch, [1, 2], Alarm("oom_kill", "a process was killed", 1))
    assert [event.severity for event in told(watch)] == [Severity.ERROR] * 2
