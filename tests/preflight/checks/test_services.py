"""A server that does not run is told with its start command; what cannot be seen is not called stopped."""

from __future__ import annotations

import pytest

from rampdeck.config import Config
from rampdeck.preflight.check import State
from rampdeck.preflight.checks.services import active
from rampdeck.preflight.processes import LOOK, asks, processes

from ..looking import GUNICORN, HEALTHY, NGINX, looked, of, one, process


async def test_all_that_run_say_since_when_and_with_how_many_workers() -> None:
    facts = {**HEALTHY, "gunicorn": GUNICORN | {"gunicorn.master_pid": "7", "gunicorn.worker_pids": "8"}}
    checks = await looked(active, of(facts, seen=process(7, 60) + process(8, 90)))
    assert {check.state for check in checks} == {State.OK}
    said = {check.host: check.found for check in checks}
    assert said["gunicorn@local"] == "active since 2001-09-09 01:47 UTC, 4 workers"
    assert said["nginx@local"] == "running, 2 workers"
    assert said["postgres@local"] == "it answers, up since 2026-11-16 08:00:00 UTC"


@pytest.mark.parametrize(
    ("told", "keys", "fix"),
    [
        ("inactive (dead)", {"unit": "shop.service"}, "sudo systemctl start shop.service"),
        ("failed (failed)", {}, "sudo systemctl start gunicorn.service"),
        ("exited", {"container": "web"}, "docker start web"),
        ("stopped", {"compose_service": "web"}, "docker compose up -d web"),
        ("exited, running", {"compose_service": "web"}, "docker compose up -d web"),
        ("stopped", {"file": "/var/log/gunicorn.log"}, "Start gunicorn as it is done on local"),
    ],
)
async def test_a_stopped_application_comes_with_its_start_command(
    told: str, keys: dict[str, str], fix: str
) -> None:
    found = await one(active, of({"gunicorn": {"gunicorn.state": told}}, {"gunicorn": keys}))
    assert (found.state, found.found, found.fix) == (State.FAILED, f"it does not run: {told}", fix)


async def test_a_stopped_proxy_and_a_database_that_nobody_listens_for() -> None:
    there = of({"nginx": NGINX | {"nginx.state": "stopped"}})
    assert (await one(active, there)).fix == "sudo systemctl start nginx"
    refused = of({"postgres": "no answer"}, blind={"postgres": "nothing listens there. Check the port"})
    found = await one(active, refused)
    assert (found.state, found.fix) == (State.FAILED, "sudo systemctl start postgresql")
    assert found.found.startswith("it does not answer: nothing listens there")


async def test_what_cannot_be_seen_is_unknown_not_stopped() -> None:
    found = await one(active, of({"redis": "no answer"}, blind={"redis": "it refuses the password"}))
    assert (found.state, found.found) == (State.UNKNOWN, "it told nothing: it refuses the password")
    assert (await one(active, of({"gunicorn": {"gunicorn.version": "23"}}))).state is State.UNKNOWN


async def test_a_process_of_another_name_is_not_taken_for_redis() -> None:
    """In a container its number is one of its own: here it is somebody else's."""
    facts = {"redis": {"redis.pid": "1", "redis.started": "2026-11-16 08:00 UTC", "redis.maxclients": "5000"}}
    there = of(facts, seen=process(1, 5, name="systemd"))
    assert (await there.ask(processes))["redis@local"] == []
    there = of(facts, seen=process(1, 5, name="redis-server"))
    assert (await there.ask(processes))["redis@local"][0].files == 1024


def test_what_is_sent_for_it_can_be_read_before() -> None:
    settings = Config.model_validate(
        {"collectors": [{"kind": "nginx", "host": "web"}, {"kind": "host", "host": "db"}]}
    )
    assert [(ask.host, ask.commands) for ask in asks(settings)] == [("web", (LOOK,))]
