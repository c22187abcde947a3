"""The guard of a live run: no control begins the load of production before somebody has typed its name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rampdeck.config import Config
from rampdeck.engine.ceilings import Ceilings
from rampdeck.engine.engine import LoadEngine
from rampdeck.gate import Gate
from rampdeck.guard.production import Production
from rampdeck.model import Event, EventKind, RunState, Stage
from rampdeck.output import LogTap, OutputCapture
from rampdeck.remote.hosts import Hosts
from rampdeck.run import Run
from rampdeck.setup import Setup
from rampdeck.snapshot import Verdict
from rampdeck.store import SessionReader, SessionWriter
from tests.engine.conftest import Load, Target, load, own_events, target
from tests.test_run import VISITOR, quick_end, until

__all__ = ["load", "own_events", "quick_end", "target"]

PRODUCTION = Production("shop.example.com", "the environment is called “prod”")
SHAPE = (
    VISITOR
    + """
from locust import LoadTestShape

class Steep(LoadTestShape):
    def tick(self):
        return (3, 100)
"""
)


@asynccontextmanager
async def opened(
    engine: LoadEngine, folder: Path, *plan: Stage, production: Production | None = None, **guard: object
) -> AsyncIterator[Run]:
    """A run with a guard, whose clocks go."""
    config = Config.model_validate({"load": {"settle": 0.3, "spawn_rate": 100}, "guard": guard})
    limits = config.guard
    engine.ceilings.users, engine.ceilings.spawn_rate = limits.users, limits.spawn_rate
    run = Run(
        Setup(
            config=config,
            title="test",
            host="",
            engine=engine,
            sources=(),
            hosts=Hosts({}),
            views={},
            metrics={},
            plan=plan,
            run_time=None,
            writer=SessionWriter(folder / "session" / "session.sqlite"),
            gate=Gate(["p95 < 10s"]),
            output=OutputCapture(),
            log=LogTap(),
            production=production,
        )
    )
    await run.open()
    try:
        yield run
    finally:
        await run.close()


CONTROLS: dict[str, Callable[[Run], None]] = {
    "+": lambda run: run.change_target(+3),
    "go to": lambda run: run.set_target(3),
    "plan": lambda run: run.return_to_plan(),
    "auto-step": lambda run: run.auto_step(),
}


@pytest.mark.parametrize("control", CONTROLS)
async def test_no_control_begins_the_load_before_production_is_confirmed(
    load: Load, target: Target, tmp_path: Path, control: str
) -> None:
    async with opened(load(), tmp_path, Stage("low", 3, 100, 60), production=PRODUCTION) as run:
        CONTROLS[control](run)
        assert run.snapshot().production
        assert not run.confirm_production("staging.example.com", "kim")
        CONTROLS[control](run)
        assert (run.engine.running, run.engine.target, run.began) == (False, 0, None)
        assert run.confirm_production("Shop.example.com", "kim")
        assert run.unconfirmed is None
        CONTROLS[control](run)
        await until(lambda: run.engine.users >= 3)
    with SessionReader(run.writer.path) as reader:
        said = [item for item in reader.items() if isinstance(item, Event) and "guard" in item.fields]
        confirmed = reader.meta["production"]["confirmed"]
    assert [event.text for event in said] == [
        *["a load was asked for and did not begin: shop.example.com is production: "
          "the environment is called “prod”, and nobody has confirmed it"] * 2,
        "the load of production, shop.example.com, was confirmed by kim, typed on the screen",
    ]  # fmt: skip
    assert said[-1].kind is EventKind.KEY
    assert (confirmed["name"], confirmed["how"]) == ("kim", "typed on the screen")
    assert confirmed["utc"] == pytest.approx(said[-1].at.utc, abs=1)


async def test_neither_does_the_locustfiles_shape_begin_it(
    load: Load, target: Target, tmp_path: Path
) -> None:
    async with opened(load(SHAPE), tmp_path, production=PRODUCTION) as run:
        run.return_to_plan()
        assert not run.engine.shape_running
        assert run.began is None
        run.confirm_production("shop.example.com", "kim")
        run.return_to_plan()
        await until(lambda: run.engine.users == 3)
    assert target.requests


async def test_a_key_that_asks_for_more_than_the_ceiling_gets_the_ceiling(load: Load, tmp_path: Path) -> None:
    async with opened(load(), tmp_path, users=5) as run:
        run.set_target(4_000)
        assert run.snapshot().load.target == 5
        await until(lambda: run.engine.users == 5)
        run.change_target(+10)
        assert run.engine.target == 5
    assert {step.users for step in run.session.steps.values()} == {5}


async def test_the_auto_step_climbs_no_higher_than_the_ceiling(load: Load, tmp_path: Path) -> None:
    async with opened(load(), tmp_path, users=25) as run:
        climb = run.pilot.auto.climb
        assert (climb.most, climb.limit) == (25, "[guard] users")


async def test_the_emergency_stop_ends_the_plan_and_a_new_load_does_not_undo_it(
    load: Load, target: Target, tmp_path: Path
) -> None:
    broken = VISITOR.replace('get("/")', 'get("/broken")')
    engine = load(broken)
    async with opened(engine, tmp_path, Stage("low", 4, 100, 600), emergency_after=3) as run:
        run.return_to_plan()
        await until(run.over.is_set)
        assert run.ended == "guard"
        assert not run.walk.following
        assert engine.state in (RunState.STOPPED, RunState.STOPPING)
        shot = run.snapshot()
        run.set_target(1)
        await until(lambda: run.engine.users == 1)
    assert shot.verdict is Verdict.FAIL
    assert shot.reasons[0] == "the guard stopped the load: 100 % of the requests failed for 3 s (bound 50 %)"
    assert run.result().result is Verdict.FAIL


def test_without_ceilings_nothing_is_cut() -> None:
    ceilings = Ceilings()
    assert (ceilings.cut_users(10**6), ceilings.cut_rate(1e6), ceilings.said) == (10**6, 1e6, [])
