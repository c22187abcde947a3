"""The target has a name that leads somewhere, and this machine can make the load."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rampdeck.preflight.check import Definition, Found, State
from rampdeck.preflight.checks import generator, target
from rampdeck.preflight.stack import Scenario, Stack
from tests.preflight.stacks import stack


async def found(definition: Definition, made: Stack) -> Found:
    one = await definition.look(made)
    assert isinstance(one, Found)
    return one


def planned(users: int, **words: Any) -> Stack:
    data = {"stages": [{"name": "peak", "users": users, "hold": "1m"}]}
    return stack(data, scenario=Scenario(processes=words.get("processes", 1)))


@pytest.mark.parametrize(
    ("name", "state"), [("", State.FAILED), ("staging", State.OK), ("Production", State.WARNING)]
)
async def test_the_environment_must_be_named(name: str, state: State) -> None:
    assert (await found(target.environment, stack({"target": {"environment": name}}))).state is state


async def test_a_target_that_is_production_under_another_name_fails() -> None:
    listed = {"environment": "staging", "production": ["127.0.0.0/8"]}
    one = await found(target.environment, stack({"target": listed}, target="http://127.0.0.1"))
    assert one.state is State.FAILED
    assert "it is called staging, but 127.0.0.1 is production" in one.found


async def test_the_addresses_of_the_target_are_told() -> None:
    one = await found(target.resolves, stack(target="http://localhost:8000"))
    assert one.state is State.OK
    assert "127.0.0.1" in one.found or "::1" in one.found


async def test_a_name_without_an_address_fails() -> None:
    one = await found(target.resolves, stack(target="https://nowhere.invalid"))
    assert one.state is State.FAILED
    assert "nowhere.invalid" in one.found


async def test_a_run_without_a_target_is_told() -> None:
    made = replace(stack(), target="")
    assert (await found(target.resolves, made)).state is State.SKIPPED, "target.answers says it, once"


async def test_users_beyond_the_open_files_fail_where_they_are_planned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_000, 1_000))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    one = await found(generator.limits, planned(5_000))
    assert one.state is State.FAILED
    assert "ulimit -n 5100" in one.fix
    by_hand = stack({"load": {"max_users": 5_000}})
    assert (await found(generator.limits, by_hand)).state is State.WARNING, "nobody said so many"
    assert (await found(generator.limits, planned(500))).state is State.OK


async def test_more_processes_than_cores_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    one = await found(generator.limits, planned(10, processes=4))
    assert (one.state, one.found) == (State.WARNING, "4 processes are to share 2 cores")
    assert (await found(generator.limits, planned(10))).state is State.OK


@pytest.mark.parametrize(("users", "state"), [(500, State.OK), (900, State.WARNING), (1_500, State.FAILED)])
async def test_users_are_held_against_the_local_ports(
    users: int, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = tmp_path / "ports"
    ports.write_text("30000\t30999\n")
    monkeypatch.setattr(generator, "PORTS", ports)
    assert (await found(generator.ports, planned(users))).state is state


async def test_a_system_that_does_not_tell_its_ports_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generator, "PORTS", tmp_path / "none")
    assert (await found(generator.ports, planned(5))).state is State.SKIPPED
