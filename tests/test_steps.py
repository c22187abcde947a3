"""Load levels: each change of the target begins one, and its figures count when it has settled."""

from __future__ import annotations

from rampdeck.model import Instant, RunState, Step
from rampdeck.steps import StepMachine

RUNNING, SPAWNING = RunState.RUNNING, RunState.SPAWNING


def at(seconds: float) -> Instant:
    return Instant(1_000_000 + seconds, seconds)


def observe(machine: StepMachine, seconds: float, users: int, target: int, state: RunState) -> list[Step]:
    return list(machine.observe(at(seconds), users, target, state, "shape"))


def test_a_level_ramps_settles_and_is_measured_until_the_next() -> None:
    machine = StepMachine(settle=5)
    (first,) = machine.begin(at(0), 20, 5, "key")
    assert (first.number, first.phase) == (1, "ramp")
    assert observe(machine, 1, 5, 20, SPAWNING) == []
    (reached,) = observe(machine, 4, 20, 20, RUNNING)
    assert reached.phase == "settle"
    assert observe(machine, 8.9, 20, 20, RUNNING) == []
    (measured,) = observe(machine, 9, 20, 20, RUNNING)
    assert (measured.phase, measured.measured_from) == ("measure", at(9))
    ended, second = machine.begin(at(30), 30, 5, "plan", "peak")
    assert (ended.number, ended.phase, ended.ended) == (1, "done", at(30))
    assert (second.number, second.stage, second.phase) == (2, "peak", "ramp")


def test_a_target_that_somebody_else_changed_begins_a_level_too() -> None:
    machine = StepMachine(settle=0)
    machine.begin(at(0), 3, 1, "key")
    ended, begun = observe(machine, 5, 3, 8, SPAWNING)
    assert (ended.number, begun.number, begun.users, begun.cause) == (1, 2, 8, "shape")


def test_users_that_end_by_themselves_do_not_keep_a_level_from_being_reached() -> None:
    machine = StepMachine(settle=5)
    machine.begin(at(0), 10, 10, "key")
    (reached,) = observe(machine, 2, 7, 10, RUNNING)
    assert reached.phase == "settle"


def test_a_stop_ends_the_level() -> None:
    machine = StepMachine(settle=0)
    machine.begin(at(0), 3, 1, "key")
    (ended,) = observe(machine, 5, 3, 0, RunState.STOPPING)
    assert ended.phase == "done"
    assert observe(machine, 6, 0, 0, RunState.STOPPED) == []
    assert machine.step is None
