"""What is laid before a load, as the meta of a session has it: all green, gone on in spite of, hostile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from rampdeck.facts import Fact, FactPair, to_meta
from rampdeck.guard.refusals import Refusal
from rampdeck.guard.told import Guarded
from rampdeck.record.groundwork import CheckResult, Groundwork, PreflightResult, ProductionResult
from tests.record.parts import BEGAN

CEILINGS = {
    "users": 10_000,
    "spawn_rate": 100.0,
    "rps": None,
    "emergency": True,
    "emergency_after": 10.0,
    "emergency_error_rate": 50.0,
    "emergency_limit": 98.0,
    "programs": False,
}
TLS = (
    Fact("tls.protocol", "TLS protocol, cipher", "TLS 1.3, TLS_AES_256_GCM_SHA384", "a request"),
    Fact(
        "tls.certificate",
        "TLS certificate",
        "CN=staging.example.com by CN=R11, for staging.example.com, until 2027-02-01",
        "a request",
    ),
    Fact("tls.ends", "TLS ends", "at the proxy (Server: nginx)", "a request"),
)


def check(name: str, state: str = "ok", host: str = "app-1", **words: str) -> dict[str, Any]:
    """A check as a session file has it."""
    return {
        "name": name,
        "host": host,
        "state": state,
        "expected": "as it should be",
        "found": "as it should be",
        "fix": "",
        "title": name,
        "why": "it matters",
        "effect": "the record says less",
        "seconds": 0.2,
        **words,
    }


GREEN = (
    check("target.answers"),
    check("django.debug", found="DEBUG is off"),
    check("django.migrations", found="none is pending"),
    check("django.third_parties", found="stubbed by the settings: payments"),
)
RED = (
    GREEN[0],
    check(
        "django.migrations",
        "failed",
        expected="every migration of the release is applied",
        found="1 migration is not applied: orders.0002_order_by_day",
        fix="manage.py migrate",
        effect="the figures are of another database than the release's",
    ),
    check(
        "access_log.times",
        "unknown",
        "web-1",
        found="permission denied",
        fix="usermod -aG adm deploy",
        effect="the record cannot tell the proxy's time from Django's",
    ),
    check("redis.policy", "warning", "db-1", found="noeviction, 80 % full", fix="redis-cli INFO memory"),
    check("release.candidate", "skipped", "", found="left out by [preflight] skip"),
    check(
        "django.third_parties",
        "warning",
        found="nobody says whom it calls, and the guard cannot see the calls of the application itself",
        effect="the record says that calls of the application to others were not watched",
    ),
)


def meta(*checks: Mapping[str, Any], went_on: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """The part of a session's meta that tells of the time before its load."""
    guard = Guarded((("staging.example.com", ("10.0.0.4", "10.0.1.0/24")),))
    return {
        "environment": "staging",
        "ceilings": CEILINGS,
        "production": None,
        "guard": guard.to_meta(),
        "config": {"target": {"tls_in_production": "TLS 1.3 at the load balancer"}},
        "preflight": {
            "at": BEGAN.utc - 8,
            "seconds": 6.0,
            "went_on": list(went_on),
            "mended": [],
            "tls": to_meta(FactPair("staging.example.com", fact, None) for fact in TLS),
            "checks": list(checks),
        },
        **more,
    }


def refusals(*counts: int) -> Guarded:
    """A guard that refused something so often: the first two the same place, for two requests."""
    ports = (8001, 8001, *range(9_000, 9_100))
    asked = tuple(
        Refusal(
            f"127.0.0.2:{port}",
            f"/away/{place}",
            f"127.0.0.2:{port} is not in [target] allowed_hosts",
            count,
            BEGAN.utc + place,
            BEGAN.utc + 60,
            "build-1:4121" if place == 1 else "",
        )
        for place, (port, count) in enumerate(zip(ports, counts, strict=False))
    )
    return Guarded((("staging.example.com", ("10.0.0.4",)),), sum(counts), asked)


def laid(stored: Mapping[str, Any]) -> Groundwork:
    found = Groundwork.of_meta(stored)
    assert found is not None
    return found


def spite() -> Groundwork:
    """One went on in spite of a failed check, on production, and the scenario went astray."""
    confirmed = {"how": "typed on the screen", "name": "Ada Lovelace", "utc": BEGAN.utc - 3}
    because = "it is on the list of [target] production, by “10.0.0.0/16”"
    told = replace(refusals(9, 3, 1), blind=("the guard cannot see what grpc connects to",))
    return laid(
        meta(
            *RED,
            went_on=("django.migrations",),
            guard=told.to_meta(),
            production={"host": "staging.example.com", "because": because, "confirmed": confirmed},
            config={},
        )
    )


def spoiled(text: str) -> Groundwork:
    """Everything that others wrote is a text that is out to do harm."""
    words = {one.name: text for one in fields(CheckResult)}
    checks = tuple(CheckResult(**words | {"state": state}) for state in ("failed", "warning", "skipped"))
    tls = tuple(replace(fact, value=text) for fact in TLS)
    refused = (Refusal(text, text, text, 3, BEGAN.utc, BEGAN.utc, text),)
    return replace(
        spite(),
        environment=text,
        production=ProductionResult(text, text, text, text, BEGAN.utc),
        guard=Guarded(((text, (text,)),), 3, refused, (text,)),
        preflight=PreflightResult(BEGAN.utc, 6.0, checks, (text,), (text,), tls),
        tls_in_production=text,
    )
