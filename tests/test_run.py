"""A run: what the operator's controls do to a real load, and what the session says of it afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rampdeck.config import Config, LoadConfig
from rampdeck.engine.engine import LoadEngine
from rampdeck.engine.recorder import MOST_NAMES
from rampdeck.exits import Exit
from rampdeck.gate import Gate
from rampdeck.launch import exit_code
from rampdeck.model import OTHER_NAMES, Event, EventKind, RunState, Stage, Step
from rampdeck.output import LogTap, OutputCapture
from rampdeck.remote.hosts import Hosts
from rampdeck.run import Run
from rampdeck.setup import Setup
from rampdeck.snapshot import Verdict
from rampdeck.sources import Source
from rampdeck.store import SessionReader, SessionWriter
from tests.engine.conftest import Load, Target, load, own_events, target

__all__ = ["load", "own_events", "target"]

VISITOR = """
from locust import FastHttpUser, constant, events, task

class Visitor(FastHttpUser):
    wait_time = constant(0.02)
    @task
    def home(self):
        self.client.get("/")
"""


@asynccontextmanager
async def opened(
    engine: LoadEngine,
    folder: Path,
    *plan: Stage,
    run_time: float | None = None,
    sources: Sequence[Source] = (),
    limits: Mapping[str, float] | None = None,
    thresholds: Sequence[str] = ("error_rate < 1%",),
) -> AsyncIterator[Run]:
    """A run whose clocks go; closed at the end, as the program does."""
    config = Config(load=LoadConfig.model_validate({"settle": 0.3, "spawn_rate": 100, **(limits or {})}))
    setup = Setup(
        config=config,
        title="test",
        host="",
        engine=engine,
        sources=sources,
        hosts=Hosts({}),
        views={source.info.kind: source.collector.view for source in sources},
        metrics={},
        plan=plan,
        run_time=run_time,
        writer=SessionWriter(folder / "session" / "session.sqlite"),
        gate=Gate(thresholds),
        output=OutputCapture(),
        log=LogTap(),
    )
    run = Run(setup)
    await run.open()
    run.connect()
    try:
        yield run
    finally:
        await run.close()


async def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
def quick_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no servers here whose last lines would be waited for."""
    monkeypatch.setattr("rampdeck.run.LAST_LOOK", 0.0)


def at(run: Run, users: int) -> Callable[[], bool]:
    return lambda: (
        run.engine.users == users and run.engine.state is RunState.RUNNING and phase(run) == "measure"
    )


def phase(run: Run) -> str:
    return run.steps.step.phase if run.steps.step else ""


def items(run: Run) -> list[object]:
    with SessionReader(run.writer.path) as reader:
        return list(reader.items())


def levels(run: Run) -> list[tuple[int, str, str]]:
    return [(step.users, step.cause, step.stage) for step in run.session.steps.values()]


def said(run: Run, kind: EventKind) -> list[str]:
    return [item.text for item in items(run) if isinstance(item, Event) and item.kind is kind]


async def test_every_change_of_the_target_is_one_level_and_a_key_press(load: Load, tmp_path: Path) -> None:
    async with opened(load(), tmp_path) as run:
        run.change_target(+3)
        assert run.snapshot().load.target == 3, "painted at once"
        await until(at(run, 3))
        run.change_target(+1)
        run.change_target(+1)
        await until(at(run, 5))
        run.change_target(-4)
        await until(at(run, 1))
        run.stop()
        await run.over.wait()
        assert run.snapshot().load.state is RunState.STOPPED
    assert [users for users, *_ in levels(run)] in ([3, 5, 1], [3, 4, 5, 1])
    assert {cause for _, cause, _ in levels(run)} == {"key"}
    assert said(run, EventKind.KEY) == [
        "target 0 → 3 users",
        "target 3 → 4 users",
        "target 4 → 5 users",
        "target 5 → 1 users",
        "stop",
    ]


async def test_presses_while_the_load_is_busy_make_no_level_of_their_own(load: Load, tmp_path: Path) -> None:
    slow_start = (
        VISITOR
        + """
@events.test_start.add_listener
def prepare(environment, **_):
    import gevent
    gevent.sleep(0.5)
    environment.parsed_options.prepared = getattr(environment.parsed_options, "prepared", 0) + 1
"""
    )
    async with opened(load(slow_start), tmp_path) as run:
        for _ in range(6):
            run.change_target(+1)
            await asyncio.sleep(0.05)
        await until(at(run, 6))
        assert run.engine.options.prepared == 1, "a press does not interrupt what test_start prepares"
        run.abort()
        await run.over.wait()
        run.change_target(+2)
        await until(at(run, 2))
        assert not run.over.is_set()
    assert [level for level in levels(run) if level[1] != "key"] == []
    assert [users for users, *_ in levels(run)][-2:] == [6, 2]


async def test_a_plan_is_walked_through_and_ends_the_load(load: Load, tmp_path: Path) -> None:
    plan = (Stage("low", 2, 100, 0.8), Stage("high", 4, 100, 0.8))
    async with opened(load(), tmp_path, *plan) as run:
        run.return_to_plan()
        await run.over.wait()
        assert run.ended == "plan"
    assert levels(run) == [(2, "plan", "low"), (4, "plan", "high")]
    assert all(step.ended for step in run.session.steps.values())
    assert [item.phase for item in items(run) if isinstance(item, Step)][:4] == [
        "ramp",
        "settle",
        "measure",
        "done",
    ]


async def test_a_held_plan_waits_and_goes_on(load: Load, tmp_path: Path) -> None:
    async with opened(load(), tmp_path, Stage("low", 2, 100, 0.5), Stage("high", 3, 100, 60)) as run:
        run.return_to_plan()
        await until(lambda: run.engine.users == 2)
        run.toggle_hold()
        await asyncio.sleep(1.0)
        assert (run.engine.users, run.snapshot().load.held) == (2, True)
        run.toggle_hold()
        await until(lambda: run.engine.users == 3)
    assert said(run, EventKind.KEY)[1:3] == ["plan held", "plan goes on"]


async def test_a_plan_that_was_left_is_taken_up_at_the_stage_where_it_was(load: Load, tmp_path: Path) -> None:
    plan = (Stage("low", 2, 100, 0.4), Stage("high", 4, 100, 60))
    async with opened(load(), tmp_path, *plan) as run:
        run.return_to_plan()
        await until(at(run, 4))
        run.set_target(1)
        await until(at(run, 1))
        assert not run.snapshot().load.following
        run.return_to_plan()
        await until(at(run, 4))
    assert levels(run) == [(2, "plan", "low"), (4, "plan", "high"), (1, "key", ""), (4, "plan", "high")]
    assert "target 4 → 1 users (left the plan)" in said(run, EventKind.KEY)


async def test_quitting_in_the_middle_of_a_plan_is_no_pass(load: Load, tmp_path: Path) -> None:
    async with opened(load(), tmp_path, Stage("long", 2, 100, 60)) as run:
        run.return_to_plan()
        await until(at(run, 2))
    assert run.ended == "operator"
    assert exit_code(run, Verdict.PASS) == Exit.STOPPED
    assert any("before its planned end" in reason for reason in run.result().reasons)


async def test_the_run_time_ends_the_load(load: Load, tmp_path: Path) -> None:
    async with opened(load(), tmp_path, Stage("run", 2, 100, float("inf")), run_time=1.0) as run:
        run.return_to_plan()
        await run.over.wait()
    assert run.ended == "run time"
    assert exit_code(run, Verdict.PASS) == Exit.PASS


async def test_an_abort_in_the_middle_of_a_ramp_ends_it(load: Load, tmp_path: Path, target: Target) -> None:
    target.delay = 30
    async with opened(load(), tmp_path, Stage("long", 500, 20, 60)) as run:
        run.return_to_plan()
        await until(lambda: run.engine.users >= 5)
        run.abort()
        await run.over.wait()
        assert run.engine.users == run.engine.target == 0
        await asyncio.sleep(0.3)
        assert run.engine.users == 0
    assert (run.ended, phase(run)) == ("operator", "")


async def test_an_abort_right_after_the_first_press_leaves_nothing_running(
    load: Load, tmp_path: Path
) -> None:
    async with opened(load(), tmp_path) as run:
        run.abort()  # nothing there yet: harmless, and a later stop is graceful again
        run.set_target(5)
        run.abort()
        await run.over.wait()
        assert run.engine.users == 0
        assert run.engine.environment.stop_timeout == 2.0


async def test_a_signal_before_the_load_keeps_it_from_beginning(load: Load, tmp_path: Path) -> None:
    async with opened(load(), tmp_path, Stage("run", 2, 100, 60)) as run:
        run.interrupt()
        await run.over.wait()
    assert (run.ended, run.began) == ("operator", None)


async def test_no_users_at_all_is_a_level_too(load: Load, tmp_path: Path) -> None:
    async with opened(load(), tmp_path, Stage("none", 0, 1, 0.5), Stage("some", 1, 1, 0.5)) as run:
        run.return_to_plan()
        await run.over.wait()
    assert levels(run) == [(0, "plan", "none"), (1, "plan", "some")]


async def test_a_mark_stands_on_the_timeline_as_it_was_written(load: Load, tmp_path: Path) -> None:
    async with opened(load(), tmp_path) as run:
        run.mark("deploy [/x]")
        assert (run.snapshot().mark or run.session.mark) is run.session.mark
    assert said(run, EventKind.MARK) == ["deploy [/x]"]


async def test_a_decision_stands_beside_what_was_computed_when_it_was_made(
    load: Load, tmp_path: Path
) -> None:
    async with opened(load(), tmp_path) as run:
        run.decide(Verdict.FAIL, "ann", "")
        run.decide(Verdict.PASS, "ann", "the page is not in this release")
        assert run.snapshot().decision is run.session.decision
    assert run.session.decision is not None
    assert run.session.decision.fields == {
        "verdict": "PASS",
        "computed": "INCONCLUSIVE",
        "name": "ann",
        "note": "the page is not in this release",
    }
    assert said(run, EventKind.DECISION)[-1].startswith("ann overruled INCONCLUSIVE: PASS, the page")


async def test_requests_of_a_stop_are_counted_but_not_for_the_level(
    load: Load, tmp_path: Path, target: Target
) -> None:
    async with opened(load(), tmp_path) as run:
        run.set_target(4)
        await until(at(run, 4))
        await asyncio.sleep(0.5)
        answers = target.hold()
        await until(lambda: target.waiting == 4)
        before = len(target.requests)
        run.stop()
        await until(lambda: run.engine.state is RunState.STOPPING)
        answers.set()
        await run.over.wait()
    whole = run.session.book.whole.figures()
    assert whole.requests == len(target.requests)
    assert len(target.requests) >= before + 4, "those under way ended"
    assert run.session.book.steps[1].figures().requests <= before


async def test_a_shape_drives_the_load_to_its_own_end(load: Load, tmp_path: Path) -> None:
    shape = (
        VISITOR
        + """
from locust import LoadTestShape
class Stairs(LoadTestShape):
    def tick(self):
        t = self.get_run_time()
        return (2, 50) if t < 1.5 else (3, 50) if t < 3 else None
"""
    )
    async with opened(load(shape), tmp_path) as run:
        run.return_to_plan()
        await run.over.wait()
        assert run.ended == "shape"
    assert levels(run) == [(2, "shape", ""), (3, "shape", "")]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (
            "from locust import LoadTestShape\n"
            "class S(LoadTestShape):\n    def tick(self): raise KeyError('x')\n",
            "the locustfile's shape failed: KeyError",
        ),
        (
            "def init(self, environment): raise ValueError('no account')\nVisitor.__init__ = init\n",
            "the users cannot be started: ValueError: no account",
        ),
        (
            "@events.test_start.add_listener\ndef start(**_):\n    raise SystemExit('not today')\n",
            "the scenario called sys.exit('not today')",
        ),
        (
            "@events.quitting.add_listener\ndef end(**_):\n    raise SystemExit('at the end')\n",
            "the scenario called sys.exit('at the end')",
        ),
    ],
)
async def test_a_scenario_that_breaks_ends_the_run_and_is_told(
    load: Load, tmp_path: Path, code: str, why: str
) -> None:
    async with opened(load(VISITOR + code), tmp_path, Stage("run", 2, 100, 0.5)) as run:
        run.return_to_plan()
        await run.over.wait()
    assert why in run.broken
    assert exit_code(run, Verdict.PASS) == Exit.SCENARIO
    assert any(why in reason for reason in run.result().reasons)
    assert any(why in text for text in said(run, EventKind.LOAD))


async def test_a_scenario_that_quits_by_itself_ends_the_load(load: Load, tmp_path: Path) -> None:
    text = VISITOR.replace('self.client.get("/")', "self.environment.runner.quit()")
    async with opened(load(text), tmp_path, Stage("run", 2, 100, 60)) as run:
        run.return_to_plan()
        await run.over.wait()
        assert run.engine.users == 0
    assert (run.ended, run.broken) == ("scenario", "")
    assert "the scenario has ended the load" in said(run, EventKind.LOAD)


async def test_more_names_than_can_be_told_apart_are_told_once(load: Load, tmp_path: Path) -> None:
    text = VISITOR.replace(
        'self.client.get("/")',
        f"[self.environment.events.request.fire(request_type='GET', name=f'/{{n}}', response_time=1,"
        f" response_length=0, exception=None, context={{}}) for n in range({MOST_NAMES} + 9)]",
    )
    async with opened(load(text), tmp_path) as run:
        run.set_target(1)
        await until(lambda: run.engine.overflowed)
        await asyncio.sleep(2.1)
    assert sum(OTHER_NAMES in text for text in said(run, EventKind.LOAD)) == 1
    assert any("too many request names" in finding.text for finding in run.result().findings)


async def test_a_defect_of_ours_stops_the_load_and_the_record_still_comes(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(load(), tmp_path) as run:
        run.set_target(2)
        await until(at(run, 2))

        def broken(*_: object) -> None:
            raise RuntimeError("a defect")

        monkeypatch.setattr(run.trust, "observe", broken)
        await run.over.wait()
        await until(lambda: run.engine.users == 0)
    assert "tick task has a defect: RuntimeError: a defect" in run.broken
    assert run.result().total.requests > 0
    assert run.writer.path.exists()
