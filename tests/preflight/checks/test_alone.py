"""One cause is told by one check, and who only wants a load is not asked about servers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rampdeck.preflight import telling
from rampdeck.preflight.check import State
from rampdeck.preflight.checks.guard import CHECKS as GUARD
from rampdeck.preflight.checks.isolation import third_parties
from rampdeck.preflight.checks.limits import CHECKS as LIMITS
from rampdeck.preflight.checks.logs import level, times
from rampdeck.preflight.checks.pages import answers
from rampdeck.preflight.checks.release import candidate
from rampdeck.preflight.checks.services import active
from rampdeck.preflight.checks.static import proxy
from rampdeck.preflight.checks.target import resolves
from rampdeck.preflight.checks.timeouts import aligned
from rampdeck.preflight.checks.tls import ends
from rampdeck.preflight.inspection import Inspection
from rampdeck.preflight.stack import Stack

from ..looking import GUNICORN, NGINX, looked, of
from ..stacks import stack


async def states(made: Stack, *definitions: Any) -> dict[str, State]:
    view = await Inspection(made, definitions).run()
    return {one.name: one.state for one in view.checks}


async def test_a_target_and_nothing_else_is_not_asked_for_a_release_or_third_parties() -> None:
    (release,) = await looked(candidate, stack())
    (third,) = await looked(third_parties, stack())
    assert (release.state, third.state) == (State.SKIPPED, State.SKIPPED)
    assert "nobody says whom it calls" in third.found, "the record has this sentence"


async def test_with_an_application_to_ask_both_are_wanted() -> None:
    there = of({"gunicorn": GUNICORN})
    assert State.SKIPPED not in (await states(there, candidate, third_parties)).values()


async def test_a_target_that_does_not_answer_is_told_once() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    target = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()
    made = stack(target=target)
    found = {one.name: one for one in (await Inspection(made, (answers, ends, proxy)).run()).checks}
    assert {name: one.state for name, one in found.items()} == {
        "target.answers": State.FAILED,
        "tls.ends": State.SKIPPED,
        "static.proxy": State.SKIPPED,
    }
    assert found["target.answers"].fix.endswith(f"curl -v {target}"), "it can be pasted"


async def test_no_target_is_told_once() -> None:
    told = await states(
        stack({"target": {"environment": "test"}}, target=""), resolves, *GUARD[:1], answers, ends, proxy
    )
    assert [name for name, state in told.items() if state is not State.SKIPPED] == ["target.answers"]


async def test_a_server_that_told_nothing_in_its_time_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(telling, "WAIT", 0.05)
    monkeypatch.setattr(Stack, "facts", never)
    logs = {"access_log": "/var/log/nginx/access.log", "error_log": "/var/log/nginx/error.log"}
    there = of({"gunicorn": GUNICORN, "nginx": NGINX}, {"nginx": logs})
    told = await states(there, active, aligned, times, level, *LIMITS)
    assert [name for name, state in told.items() if state is State.UNKNOWN] == ["services.active"]
    assert set(told.values()) == {State.UNKNOWN, State.SKIPPED}
