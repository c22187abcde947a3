"""Who gives up first, and what follows from the class of the workers."""

from __future__ import annotations

import pytest

from rampdeck.preflight.check import State
from rampdeck.preflight.checks.timeouts import aligned, worker_classes

from ..looking import GUNICORN, NGINX, looked, of, one


@pytest.mark.parametrize(
    ("gunicorn", "proxy", "comes_out", "says"),
    [
        ("30", "60", State.OK, "Gunicorn gives up first"),
        ("30", "30", State.FAILED, "both give up after 30 s"),
        ("30", "60, 30", State.FAILED, "both give up after 30 s"),
        ("90", "60", State.WARNING, "the proxy gives up after 60 s, Gunicorn after 90 s"),
        ("0", "60", State.WARNING, "Gunicorn has no timeout"),
        ("1 + 1", "60", State.UNKNOWN, "Gunicorn's timeout is not known: 1 + 1"),
        ("30", "", State.UNKNOWN, "the proxy's timeout is not known"),
    ],
)
async def test_one_gives_up_before_the_other(gunicorn: str, proxy: str, comes_out: State, says: str) -> None:
    nginx = {key: value for key, value in NGINX.items() if proxy or key != "nginx.proxy_read_timeout"}
    if proxy:
        nginx["nginx.proxy_read_timeout"] = proxy
    there = of({"gunicorn": GUNICORN | {"gunicorn.timeout": gunicorn}, "nginx": nginx})
    found = await one(aligned, there)
    assert found.state is comes_out
    assert says in found.found


async def test_the_fix_is_a_line_for_the_proxy() -> None:
    nginx = of({"gunicorn": GUNICORN, "nginx": NGINX | {"nginx.proxy_read_timeout": "30"}})
    assert (await one(aligned, nginx)).fix == "proxy_read_timeout 40s;"
    caddy = of({"gunicorn": GUNICORN, "caddy": {"caddy.upstream_timeout": "30s"}})
    assert "response_header_timeout 40s" in (await one(aligned, caddy)).fix


async def test_a_caddy_that_waits_as_long_as_it_takes_is_fine() -> None:
    there = of({"gunicorn": GUNICORN, "caddy": {"caddy.upstream_timeout": "none"}})
    assert (await one(aligned, there)).state is State.OK


async def test_only_the_proxy_before_an_application_is_compared() -> None:
    elsewhere = {"caddy.upstream_timeout": "30s", "caddy.upstreams": "127.0.0.1:9000"}
    (found,) = await looked(aligned, of({"gunicorn": GUNICORN, "nginx": NGINX, "caddy": elsewhere}))
    assert found.host == "nginx@local"
    socket = {"gunicorn.bind": "unix:/run/gunicorn.sock"}
    nginx = {"nginx.upstreams": "unix:/run/gunicorn.sock"}
    (found,) = await looked(
        aligned, of({"gunicorn": GUNICORN | socket, "nginx": NGINX | nginx, "caddy": elsewhere})
    )
    assert found.host == "nginx@local"


async def test_connections_that_the_proxy_keeps_longer_are_told_unless_workers_keep_none() -> None:
    nginx = NGINX | {"nginx.upstream_keepalive": "32 connections for 60 s"}
    threads = {"gunicorn.threads": "4"}
    checks = await looked(aligned, of({"gunicorn": GUNICORN | threads, "nginx": nginx}))
    assert [check.state for check in checks] == [State.OK, State.WARNING]
    assert "--keep-alive 75" in checks[1].fix
    longer = threads | {"gunicorn.keepalive": "75"}
    assert len(await looked(aligned, of({"gunicorn": GUNICORN | longer, "nginx": nginx}))) == 1
    assert len(await looked(aligned, of({"gunicorn": GUNICORN, "nginx": nginx}))) == 1


async def test_uvicorn_ends_no_request_itself() -> None:
    found = await one(aligned, of({"uvicorn": {"uvicorn.workers": "2"}, "nginx": NGINX}))
    assert (found.state, "the proxy does after 60 s" in found.found) == (State.OK, True)


async def test_what_does_not_run_is_told_by_the_check_of_the_services_alone() -> None:
    there = of({"gunicorn": {"gunicorn.state": "inactive (dead)"}, "nginx": NGINX})
    assert (await one(aligned, there)).state is State.SKIPPED
    assert (await one(worker_classes, there)).state is State.SKIPPED


async def test_without_a_proxy_there_is_nothing_to_compare() -> None:
    assert (await one(aligned, of({"gunicorn": GUNICORN}))).state is State.SKIPPED


@pytest.mark.parametrize(
    ("told", "comes_out", "says"),
    [
        ({}, State.OK, "4 sync workers: at most 4 requests at once, the others wait; 50 users are planned"),
        ({"threads": "8"}, State.OK, "4 gthread workers of 8 threads, at most 32 requests at once"),
        ({"worker_class": "gevent"}, State.WARNING, "4 gevent workers: one that waits in a database driver"),
        ({"worker_class": "uvicorn_worker.UvicornWorker"}, State.OK, "async views share an event loop"),
        ({"worker_class": "", "workers": ""}, State.UNKNOWN, "the workers are not known"),
    ],
)
async def test_the_class_says_what_follows_from_it(told: dict[str, str], comes_out: State, says: str) -> None:
    facts = GUNICORN | {f"gunicorn.{key}": value for key, value in told.items()}
    found = await one(worker_classes, of({"gunicorn": facts, "nginx": NGINX}))
    assert found.state is comes_out
    assert says in found.found


@pytest.mark.parametrize("proxied", [{}, {"nginx": NGINX | {"nginx.proxy_request_buffering": "off"}}])
async def test_slow_clients_block_sync_workers_without_a_buffer_before_them(
    proxied: dict[str, dict[str, str]],
) -> None:
    found = await one(worker_classes, of({"gunicorn": GUNICORN, **proxied}))
    assert (found.state, "a slow client holds a worker up" in found.found) == (State.WARNING, True)
