"""Limits of connections and files, against the users that are planned."""

from __future__ import annotations

import pytest

from rampdeck.preflight.check import State
from rampdeck.preflight.checks.files import servers

from ..looking import GUNICORN, NGINX, REDIS, looked, of, one, process


@pytest.mark.parametrize(
    ("users", "files", "comes_out", "fix"),
    [
        (500, 65_536, State.OK, ""),
        (1025, 65_536, State.FAILED, "events { worker_connections 2048; }"),
        (500, 512, State.FAILED, "worker_rlimit_nofile 1024;"),
        (400, 1000, State.WARNING, "worker_rlimit_nofile 2048;"),
    ],
)
async def test_nginx_has_two_connections_and_files_for_each_user(
    users: int, files: int, comes_out: State, fix: str
) -> None:
    seen = process(11, 1, files, "nginx") + process(12, 1, files, "nginx")
    found = await one(servers, of({"nginx": NGINX}, peak=users, seen=seen))
    assert (found.state, found.fix) == (comes_out, fix)
    assert found.found.startswith(f"2 x 1024 worker_connections, {2 * users} wanted by {users} users")


async def test_an_event_loop_needs_files_for_all_its_requests() -> None:
    facts = GUNICORN | {
        "gunicorn.worker_class": "gevent",
        "gunicorn.master_pid": "7",
        "gunicorn.workers": "1",
    }
    found = await one(servers, of({"gunicorn": facts}, peak=500, seen=process(7, 1, 1024)))
    assert (found.state, found.found) == (State.FAILED, "1024 open files a process, about 1564 wanted")
    assert found.fix.startswith("LimitNOFILE=2048")
    sync = GUNICORN | {"gunicorn.master_pid": "7"}
    assert (await one(servers, of({"gunicorn": sync}, peak=500, seen=process(7, 1, 1024)))).state is State.OK


async def test_redis_has_clients_for_every_thread() -> None:
    threads = {"gunicorn.threads": "20", "gunicorn.master_pid": "7"}
    facts = {"gunicorn": GUNICORN | threads, "redis": REDIS | {"redis.maxclients": "50"}}
    checks = {one.host: one for one in await looked(servers, of(facts, peak=200, seen=process(7, 1)))}
    assert checks["redis@local"].state is State.FAILED
    assert checks["redis@local"].found == "50 clients, 80 wanted by the application"


async def test_limits_that_cannot_be_seen_are_unknown() -> None:
    assert (await one(servers, of({"gunicorn": GUNICORN}))).state is State.UNKNOWN
