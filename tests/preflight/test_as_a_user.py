"""The demo, asked as a user does: all that is proved over HTTP is green there, through SSH and its logs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import rampdeck
from rampdeck import config
from rampdeck.cli import scenario
from rampdeck.demo.info import DemoInfo
from rampdeck.demo.stack import DemoStack
from rampdeck.demo.toml import write_configuration
from rampdeck.preflight.check import State
from rampdeck.preflight.checks import errors, flows, login, pages, static, tls
from rampdeck.preflight.inspection import Inspection
from rampdeck.preflight.stack import Scenario

from .live import live

LOOKED_AT = (*pages.CHECKS, *tls.CHECKS, *login.CHECKS, *static.CHECKS, *errors.CHECKS, *flows.CHECKS)
CHECKS = [replace(one, patience=10 * one.patience) for one in LOOKED_AT]
"""What is proved is what they find, not how soon: the machine may be busy."""


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoInfo]:
    with DemoStack() as info:
        yield info


async def test_a_healthy_stack_is_green(demo: DemoInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(rampdeck.__file__).parents[1]))
    monkeypatch.setenv("RAMPDECK_USERS_CSV", str(demo.users))
    shop = scenario("shop")
    toml = write_configuration(demo, shop)
    tried = Scenario(files=(str(shop),), accounts=demo.users, arguments=("-c", str(toml)))
    async with live(config.load(toml), scenario=tried) as stack:
        view = await Inspection(stack, CHECKS).run()
    bad = [(one.name, one.state, one.found) for one in view.checks if one.state is not State.OK]
    assert bad == []
    found = {one.name: one.found for one in view.checks}
    assert "nginx@staging served it" in found["static.proxy"]
    assert "a provoked error" in found["errors.journal"]
    assert "ShopCustomer: 4 tasks" in found["flows.run"]
    passwords = {line.partition(",")[2] for line in demo.users.read_text().splitlines()[1:]}
    assert not any(password in str(view) for password in passwords)
