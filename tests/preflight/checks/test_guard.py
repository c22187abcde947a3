"""Before the load it is known whom users may contact, and what the guard cannot see."""

from __future__ import annotations

from typing import Any

from rampdeck.guard.guard import Guard
from rampdeck.preflight.check import State
from rampdeck.preflight.checks import guard
from rampdeck.preflight.inspection import Inspection
from rampdeck.preflight.stack import Scenario

from ..stacks import stack

TARGET = "http://127.0.0.1:8000"


async def hosts(*allowed: str, host: str = TARGET, **target: Any) -> list[tuple[State, str]]:
    made = stack({"target": {"host": host, **target}}, target=host, scenario=Scenario(allowed=allowed))
    view = await Inspection(made, [guard.hosts]).run()
    return [(one.state, one.found) for one in view.checks]


async def test_the_hosts_are_told_with_their_addresses() -> None:
    assert await hosts() == [(State.OK, "127.0.0.1")]
    ((state, text),) = await hosts("localhost", TARGET, "10.0.0.0/24")
    assert state is State.OK
    assert text.startswith("localhost (")
    assert text.endswith("127.0.0.1, 10.0.0.0/24")


async def test_a_host_that_nobody_knows_and_what_is_none_fail_each_with_its_reason() -> None:
    (unknown, wrong) = await hosts(TARGET, "nowhere.invalid", "127.0.0.1:80")
    assert unknown[0] is wrong[0] is State.FAILED
    assert unknown[1].startswith("the guard does not know where nowhere.invalid is: ")
    assert (
        wrong[1] == '"127.0.0.1:80" is no host that users may contact: a host is allowed with all its ports'
    )


async def test_a_host_of_production_fails_and_the_target_among_them_is_worth_a_word() -> None:
    ((state, text),) = await hosts(TARGET, "10.1.2.0/24", production=["10.1.0.0/16"])
    assert (state, "10.1.2.0/24 is production" in text) == (State.FAILED, True)
    ((state, text),) = await hosts(production=["127.0.0.1"])
    assert (state, "the target, 127.0.0.1 is production" in text) == (State.WARNING, True)


async def test_a_target_that_users_might_not_contact_fails() -> None:
    ((state, text),) = await hosts(allowed_hosts=["10.0.0.1"])
    assert (state, text) == (State.FAILED, "the target 127.0.0.1 is not among them: 10.0.0.1")
    assert (await hosts(allowed_hosts=["127.0.0.0/8"]))[0][0] is State.OK


async def blind() -> list[tuple[State, str]]:
    view = await Inspection(stack(), [guard.blind]).run()
    return [(one.state, one.found) for one in view.checks]


async def test_what_the_guard_cannot_see_is_told_each_by_itself() -> None:
    assert await blind() == [(State.OK, "nothing in the scenario connects past it")]
    with Guard(programs=True).shut() as standing:
        standing.be_blind("the guard cannot see what pycurl connects to")
        first, second = await blind()
    assert first[0] is second[0] is State.WARNING
    assert "[guard] programs" in first[1]
    assert "pycurl" in second[1]
