"""A host that does not let us in is told once, and hides nothing that was found elsewhere."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest

from rampdeck.config import Config
from rampdeck.errors import CommandFailed, NoSession, RemoteError
from rampdeck.preflight.check import State
from rampdeck.preflight.checks import ALL
from rampdeck.preflight.inspection import Inspection

from .live import live
from .stacks import stack

LOOKED_AT = [
    replace(one, patience=10 * one.patience)  # how soon they are done is not what this is about
    for one in ALL
    if one.name != "gate.thresholds"  # which wants the metrics of a run
]
NEEDED_THERE = {
    "source.readable",
    "clock.offset",
    "services.active",
    "django.reachable",
    "django.debug",
    "timeouts.aligned",
    "files.servers",
}


@pytest.mark.parametrize("listening", [False, True], ids=["refused", "silent"])
async def test_a_host_that_cannot_be_reached_is_told_once(
    listening: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAMPDECK_DSN", "postgresql://monitor@127.0.0.1:5432/shop")
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        if listening:  # it takes connections, and never says a word
            door.listen()
        tables: list[dict[str, Any]] = [
            {"kind": "nginx", "access_log": "/var/log/nginx/access.log"},
            {"kind": "gunicorn", "unit": "gunicorn"},
            {"kind": "postgres", "dsn_env": "RAMPDECK_DSN"},
            {"kind": "host"},
        ]
        host = {"address": "127.0.0.1", "port": door.getsockname()[1], "connect_timeout": 2.0}
        settings = Config.model_validate(
            {
                "target": {"host": "http://127.0.0.1:9", "environment": "staging"},
                "hosts": {"app": host},
                "django": {"host": "app", "folder": "/srv/shop"},
                "collectors": [{**table, "host": "app"} for table in tables],
            }
        )
        async with live(settings) as looked_at:
            view = await Inspection(looked_at, LOOKED_AT).run()
    told = [one for one in view.checks if one.state is State.FAILED]
    assert [one.label for one in told] == ["target.answers at 127.0.0.1", "host.connects at app"]
    assert {one.because for one in view.checks} == {"", "host.connects at app"}
    hidden = {one.name for one in view.checks if one.because}
    assert hidden >= NEEDED_THERE
    assert not any("cannot be reached" in one.found for one in view.checks if one not in told)


@pytest.mark.parametrize("error", [NoSession("web gives no session"), CommandFailed("no uname")])
async def test_a_host_that_gives_no_session_or_knows_no_command_lets_us_in_all_the_same(
    error: RemoteError, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Web:
        local = False

        async def run(self, *_: object, **__: object) -> None:
            raise error

    made = stack({"hosts": {"web": {}}})
    monkeypatch.setattr(made.hosts, "remote", lambda _: Web())
    await made.let_in("web")
    with pytest.raises(type(error)):
        await made.reach("web")
