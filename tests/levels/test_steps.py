"""Load levels: each change of the target begins one, and its figures count when it has settled."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rampdeck.levels.steps import StepMachine, seconds_left
from rampdeck.model import Instant, RunState, Step

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


class Load(RuleBasedStateMachine):
    """Whatever is asked of the load, and however it answers, the levels tell one story."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = StepMachine(settle=2.0)
        self.now = 0.0
        self.told: list[Step] = []

    def take(self, changed: tuple[Step, ...]) -> None:
        self.told += changed

    @rule(seconds=st.floats(0.0, 5.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(users=st.integers(0, 5), cause=st.sampled_from(["key", "plan"]))
    def begin(self, users: int, cause: str) -> None:
        self.take(self.machine.begin(at(self.now), users, 1.0, cause))

    @rule(users=st.integers(0, 5), wanted=st.integers(0, 5), state=st.sampled_from(RunState))
    def observe(self, users: int, wanted: int, state: RunState) -> None:
        self.take(self.machine.observe(at(self.now), users, wanted, state, "shape"))

    @rule()
    def end(self) -> None:
        self.take(self.machine.end(at(self.now)))

    @invariant()
    def numbers_rise_by_one(self) -> None:
        numbers = list(dict.fromkeys(step.number for step in self.told))
        assert numbers == list(range(1, len(numbers) + 1))
        assert [step.number for step in self.told] == sorted(step.number for step in self.told)

    @invariant()
    def each_level_goes_through_its_phases_in_order_and_once(self) -> None:
        order = ["ramp", "settle", "measure", "done"]
        for number in {step.number for step in self.told}:
            phases = [order.index(step.phase) for step in self.told if step.number == number]
            assert phases[0] == 0
            assert phases == sorted(set(phases))

    @invariant()
    def nothing_is_measured_before_it_has_settled(self) -> None:
        for step in self.told:
            if step.measured_from is not None:
                assert step.reached is not None
                assert step.measured_from.mono - step.reached.mono >= self.machine.settle
                assert step.reached >= step.began

    @invariant()
    def levels_never_overlap(self) -> None:
        last = {step.number: step for step in self.told}
        levels = [last[number] for number in sorted(last)]
        for level, following in pairwise(levels):
            assert level.ended is not None
            assert level.ended <= following.began
        if levels:
            assert (levels[-1].ended is None) == (self.machine.step is levels[-1])

    @invariant()
    def the_target_of_a_running_load_is_that_of_its_level(self) -> None:
        if self.machine.step is not None:
            assert self.machine.step == self.told[-1]


TestAnyLoad = Load.TestCase
TestAnyLoad.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_how_long_a_phase_goes_on_is_told_where_somebody_knows() -> None:
    step = Step(1, 20, 5.0, "plan", at(0))
    assert seconds_left(step, at(1), 5, 5.0, 60.0) == 3.0
    settling = replace(step, reached=at(4))
    assert seconds_left(settling, at(6), 20, 5.0, 60.0) == 3.0
    measuring = replace(settling, measured_from=at(9))
    assert seconds_left(measuring, at(10), 20, 5.0, 54.0) == 54.0
    assert seconds_left(replace(measuring, cause="key"), at(10), 20, 5.0, 54.0) is None
    assert seconds_left(replace(step, spawn_rate=0.0), at(1), 5, 5.0, None) is None
    assert seconds_left(replace(measuring, ended=at(20)), at(30), 20, 5.0, 54.0) is None


def test_a_warm_up_is_reached_but_never_measured() -> None:
    machine = StepMachine(settle=5)
    machine.begin(at(0), 10, 10, "plan", "caches", warmup=True)
    (reached,) = machine.observe(at(1), 10, 10, RunState.RUNNING, "plan")
    assert reached.phase == "warm-up"
    assert machine.observe(at(60), 10, 10, RunState.RUNNING, "plan") == ()
    ended, peak = machine.begin(at(61), 10, 10, "plan", "peak")
    assert (ended.measured_from, peak.warmup) == (None, False)
