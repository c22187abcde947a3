"""Whether the logs will say what happens."""

from __future__ import annotations

import pytest

from rampdeck.preflight.check import State
from rampdeck.preflight.checks.logs import WANTED, journal, level, times

from ..looking import GUNICORN, NGINX, of, one


@pytest.mark.parametrize(
    ("limit", "rps", "comes_out"),
    [
        ("10000 lines in 30 s", 300, State.OK),
        ("10000 lines in 30 s", 400, State.WARNING),
        ("10000 lines in 30 s", 2000, State.FAILED),
        ("1000 lines in 30 s", 300, State.FAILED),
        ("none", 2000, State.OK),
        ("", 10, State.UNKNOWN),
    ],
)
async def test_the_planned_rate_is_set_against_what_the_journal_takes(
    limit: str, rps: int, comes_out: State
) -> None:
    facts = GUNICORN | {"gunicorn.accesslog": "-"}
    facts = {key: value for key, value in facts.items() if key != "gunicorn.journal_limit"}
    if limit:
        facts["gunicorn.journal_limit"] = limit
    found = await one(journal, of({"gunicorn": facts}, gate={"thresholds": [f"rps >= {rps}"]}))
    assert found.state is comes_out
    if comes_out in (State.WARNING, State.FAILED):
        assert "LogRateLimitBurst=1000000" in found.fix
        assert "sudo systemctl restart gunicorn.service" in found.fix
        assert "the gate demands it" in found.found


async def test_without_a_demand_each_user_makes_one_request_a_second() -> None:
    facts = GUNICORN | {"gunicorn.accesslog": "-"}
    found = await one(journal, of({"gunicorn": facts}, peak=5000))
    assert found.state is State.FAILED
    assert "5000/s (one request a second of each of 5000 users)" in found.found


async def test_an_access_log_elsewhere_fills_no_journal() -> None:
    assert (await one(journal, of({"gunicorn": GUNICORN}, peak=5000))).state is State.OK
    elsewhere = of({"gunicorn": GUNICORN}, {"gunicorn": {"file": "/var/log/gunicorn.log"}})
    assert (await one(journal, elsewhere)).state is State.SKIPPED


@pytest.mark.parametrize(
    ("variables", "comes_out"),
    [
        (", ".join(WANTED), State.OK),
        ("request_time, upstream_response_time", State.WARNING),
        ("request_time", State.FAILED),
        ("request, status", State.FAILED),
    ],
)
async def test_a_format_without_times_comes_with_the_line_that_has_them(
    variables: str, comes_out: State
) -> None:
    found = await one(times, of({"nginx": NGINX | {"nginx.access_log_variables": variables}}))
    assert found.state is comes_out
    if comes_out is not State.OK:
        assert found.fix.startswith("log_format timed '")
        assert found.fix.endswith("access_log /var/log/nginx/access.log timed;")
        assert all(f"${variable}" in found.fix for variable in WANTED)


@pytest.mark.parametrize(
    ("told", "comes_out"),
    [("json", State.OK), ("none", State.FAILED), ("console", State.WARNING), ("", State.UNKNOWN)],
)
async def test_caddys_log_is_read_as_json(told: str, comes_out: State) -> None:
    facts = {"caddy.state": "running"} | ({"caddy.access_log_format": told} if told else {})
    assert (await one(times, of({"caddy": facts}))).state is comes_out


@pytest.mark.parametrize(
    ("told", "comes_out"),
    [("warn", State.OK), ("info", State.OK), ("error", State.WARNING), ("warn, crit", State.WARNING)],
)
async def test_a_level_that_hides_warnings_is_told(told: str, comes_out: State) -> None:
    found = await one(level, of({"nginx": NGINX | {"nginx.error_log_level": told}}))
    assert found.state is comes_out
    if comes_out is State.WARNING:
        assert found.fix == "error_log /var/log/nginx/error.log warn;"
