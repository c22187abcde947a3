"""Load in workers whose scenario exits, breaks or blocks: real processes."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from rampdeck import loop
from rampdeck.engine.driver import Order
from rampdeck.engine.stall import Origin, Stall
from rampdeck.model import RunState
from tests.engine.conftest import USER
from tests.engine.crew import Make, cockpit, until

__all__ = ["cockpit"]


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> list[SystemExit]:
    """Who called ``sys.exit`` in this process."""
    told: list[SystemExit] = []
    monkeypatch.setattr(loop, "exits", [told.append])
    return told


async def test_what_blocks_a_worker_is_told_with_its_name_and_what_it_uses_beside_it(cockpit: Make) -> None:
    crew = cockpit(
        """
        import hashlib
        from locust import User, constant, task

        class Visitor(User):
            wait_time = constant(0.1)
            @task
            def slow_hash(self):
                hashlib.pbkdf2_hmac("sha256", b"hunter2", b"salt", 1_000_000)
        """
    )
    crew.start("one")
    await crew.joined(1)
    await crew.at(1)
    found: list[tuple[str, Stall]] = []

    def told_of_it() -> bool:
        crew.engine.take()
        found.extend(crew.engine.take_stalls())
        return any(stall.place.origin is Origin.SCENARIO for _, stall in found)

    await until(told_of_it)
    worker, stall = next(each for each in found if each[1].place.origin is Origin.SCENARIO)
    assert (worker, stall.place.called) == ("one", "hashlib.pbkdf2_hmac")
    assert Path(stall.place.file).name == "locustfile.py"
    one = crew.worker("one")
    assert one.rss is not None
    assert one.rss > 10e6
    assert one.open_files is not None
    assert one.open_files_limit is not None
    assert 3 < one.open_files < one.open_files_limit
    assert one.lag_max is not None
    assert one.lag is not None
    await crew.stopped()


async def test_an_exit_in_a_worker_breaks_the_load_with_its_name(cockpit: Make) -> None:
    crew = cockpit(
        """
        import sys
        from locust import User, constant, task

        class Visitor(User):
            wait_time = constant(0.1)
            @task
            def leave(self):
                sys.exit(3)
        """
    )
    crew.start("one")
    await crew.joined(1)
    crew.engine.want(Order(1, 100, "key"))
    await until(lambda: crew.engine.failure)
    assert crew.engine.failure == "worker one: the scenario called sys.exit(3)"


async def test_a_listener_that_exits_or_stops_does_not_keep_the_load_from_ending(
    cockpit: Make, exits: list[SystemExit]
) -> None:
    crew = cockpit(
        USER
        + """
import sys
from locust import events

@events.test_stopping.add_listener
def leave(environment, **_):
    environment.runner.stop()
    sys.exit("enough")
"""
    )
    crew.start("one")
    await crew.joined(1)
    for _ in range(2):
        await crew.at(2)
        await crew.stopped()
    assert [exit_.code for exit_ in exits] == ["enough"] * 2, "and it is told"


async def test_what_broke_a_load_does_not_break_the_next_one(cockpit: Make, exits: list[SystemExit]) -> None:
    crew = cockpit(
        """
        import pathlib, sys
        from locust import User, constant, task

        class Visitor(User):
            wait_time = constant(0.1)
            @task
            def leave(self):
                if pathlib.Path("broken").exists():
                    sys.exit(3)
        """
    )
    broken = crew.folder / "broken"
    broken.touch()
    crew.start("one", "two")
    await crew.joined(2)
    crew.engine.want(Order(2, 100, "key"))
    await until(lambda: crew.engine.failure)
    crew.engine.abort()
    await until(lambda: crew.engine.state is RunState.STOPPED)
    assert "sys.exit(3)" in crew.engine.failure, "until the load begins anew"
    crew.signal("one", signal.SIGTERM)
    await crew.joined(1)
    broken.unlink()
    await crew.at(2)
    await asyncio.sleep(1.5)  # the next report is in
    assert not crew.engine.failure
