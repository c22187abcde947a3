"""The settings that must fit the way in are judged as Django itself would."""

from __future__ import annotations

from typing import Any

import pytest

from rampdeck.preflight.check import State
from rampdeck.preflight.checks import settings

from .answers import answered, looked, told

OK, WARNING, FAILED = State.OK, State.WARNING, State.FAILED
NGINX = {"kind": "nginx", "access_log": "/var/log/nginx/access.log"}
BESIDE = {"collectors": [{"kind": "gunicorn"}, NGINX]}
APART = {"hosts": {"edge": {}}, "collectors": [{"kind": "gunicorn"}, {**NGINX, "host": "edge"}]}
NONE = {"SECURE_PROXY_SSL_HEADER": None}


@pytest.mark.parametrize(
    ("allowed", "target", "state"),
    [
        (["staging.example.com"], "https://staging.example.com", OK),
        (["STAGING.example.com"], "https://Staging.Example.com:8443", OK),
        ([".example.com"], "https://staging.example.com", OK),
        ([".example.com"], "https://example.com", OK),
        (["example.com"], "https://staging.example.com", FAILED),
        ([".example.com"], "https://badexample.com", FAILED),
        (["*"], "https://staging.example.com", WARNING),
        ([], "http://localhost", FAILED),
        (["[::1]"], "http://[::1]:8000", OK),
        (["10.0.0.5"], "http://10.0.0.5", OK),
    ],
)
async def test_the_targets_host_must_be_allowed(allowed: list[str], target: str, state: State) -> None:
    found = await looked(answered(told({"ALLOWED_HOSTS": allowed}), target=target), settings.allowed_hosts)
    assert found.state is state, found.found


async def test_with_debug_django_allows_this_machine() -> None:
    answer = told({"DEBUG": True, "ALLOWED_HOSTS": []})
    assert (
        await looked(answered(answer, target="http://localhost:8000"), settings.allowed_hosts)
    ).state is OK


TRUSTED = "CSRF_TRUSTED_ORIGINS"
CSRF: list[tuple[dict[str, Any], dict[str, Any], str, State]] = [
    ({}, APART, "https://staging.example.com", OK),
    (NONE, APART, "https://staging.example.com", FAILED),
    (NONE, {}, "https://staging.example.com", FAILED),
    (NONE, BESIDE, "https://staging.example.com", OK),
    (
        {**NONE, TRUSTED: ["https://staging.example.com"]},
        APART,
        "https://staging.example.com:443",
        OK,
    ),
    ({**NONE, TRUSTED: ["https://*.example.com"]}, APART, "https://staging.example.com", OK),
    (
        {**NONE, TRUSTED: ["http://*.example.com"]},
        APART,
        "https://staging.example.com",
        FAILED,
    ),
    ({**NONE, TRUSTED: ["https://example.com"]}, APART, "https://staging.example.com", FAILED),
    (
        {**NONE, TRUSTED: ["https://s.example.com"]},
        APART,
        "https://s.example.com:8443",
        FAILED,
    ),
    (NONE, APART, "http://127.0.0.1:8000", OK),
    ({"MIDDLEWARE": []}, APART, "https://staging.example.com", WARNING),
]


@pytest.mark.parametrize(("changed", "data", "target", "state"), CSRF)
async def test_a_form_of_the_target_must_be_trusted(
    changed: dict[str, Any], data: dict[str, Any], target: str, state: State
) -> None:
    found = await looked(answered(told(changed), data, target=target), settings.csrf_origins)
    assert found.state is state, found.found
    if state is FAILED:
        assert "Origin checking failed" in found.found
        assert f"Or add {target} to CSRF_TRUSTED_ORIGINS" in found.fix


async def test_an_old_django_compares_no_origins() -> None:
    answer = told(NONE, versions={"django": "3.2.25"})
    assert (await looked(answered(answer, APART), settings.csrf_origins)).state is OK


@pytest.mark.parametrize(
    ("changed", "data", "target", "state"),
    [
        ({}, APART, "https://staging.example.com", OK),
        ({}, APART, "http://staging.example.com", OK),
        (NONE, APART, "http://staging.example.com", OK),
        (NONE, APART, "https://staging.example.com", FAILED),
        (NONE, BESIDE, "https://staging.example.com", WARNING),
    ],
)
async def test_django_must_know_how_tls_ended(
    changed: dict[str, Any], data: dict[str, Any], target: str, state: State
) -> None:
    found = await looked(answered(told(changed), data, target=target), settings.proxy_header)
    assert found.state is state, found.found


@pytest.mark.parametrize(
    ("changed", "target", "state"),
    [
        ({}, "https://staging.example.com", OK),
        ({}, "http://staging.example.com", FAILED),
        ({"SESSION_COOKIE_SECURE": False, "CSRF_COOKIE_SECURE": False}, "http://staging.example.com", OK),
        ({"SESSION_COOKIE_SECURE": False}, "https://staging.example.com", WARNING),
        ({"SECURE_SSL_REDIRECT": True, **NONE}, "https://staging.example.com", FAILED),
    ],
)
async def test_cookies_and_redirects_must_fit_the_scheme(
    changed: dict[str, Any], target: str, state: State
) -> None:
    found = await looked(answered(told(changed), APART, target=target), settings.secure_cookies)
    assert found.state is state, found.found


@pytest.mark.parametrize("check", settings.CHECKS, ids=lambda check: check.name)
async def test_without_a_target_nothing_is_judged(check: Any) -> None:
    assert (await looked(answered(told(), {"target": {}}, target=""), check)).state is State.SKIPPED
