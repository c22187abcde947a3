"""A limit of the proxy that the one address of the generator meets."""

from __future__ import annotations

import pytest

from rampdeck.preflight.check import State
from rampdeck.preflight.checks.limits import rate_limit

from ..looking import NGINX, looked, of, one


@pytest.mark.parametrize(
    ("limit", "comes_out"),
    [
        ("one: 10r/s by $binary_remote_addr burst 20", State.FAILED),
        ("one: 100r/s by $binary_remote_addr", State.WARNING),
        ("one: 600r/m by $binary_remote_addr", State.FAILED),
        ("one: 10r/s by $limit of a map", State.WARNING),
    ],
)
async def test_a_rate_below_the_plan_fails_and_any_other_is_told(limit: str, comes_out: State) -> None:
    found = await one(rate_limit, of({"nginx": NGINX | {"nginx.limit_req": limit}}, peak=50))
    assert found.state is comes_out
    assert "limit_req one" in found.found


async def test_the_fix_leaves_the_generator_out() -> None:
    told = {"nginx.limit_conn": "perip: 10 by $binary_remote_addr"}
    found = await one(rate_limit, of({"nginx": NGINX | told}, peak=50))
    assert found.state is State.FAILED
    assert "geo $load_test" in found.fix
    assert 'map $load_test $limit_key { 0 $binary_remote_addr; 1 ""; }' in found.fix


async def test_several_limits_are_several_findings_and_none_is_good() -> None:
    told = {"nginx.limit_req": "a: 1r/s by $x, b: 9999r/s by $y", "nginx.limit_conn": "c: 9999 by $z"}
    checks = await looked(rate_limit, of({"nginx": NGINX | told}))
    assert [check.state for check in checks] == [State.FAILED, State.WARNING, State.WARNING]
    assert (await one(rate_limit, of({"nginx": NGINX}))).state is State.OK
    assert (await one(rate_limit, of({"nginx": {"nginx.state": "running"}}))).state is State.UNKNOWN
