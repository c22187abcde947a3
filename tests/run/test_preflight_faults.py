"""The demo, looked at before the load: green as it is, and each fault turns its own check red, no other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rampdeck.demo.faults import FAULTS

from .conftest import Project

EARLY = [name for name, fault in FAULTS.items() if fault.check]
STACKS = {
    "application": ("debug-on", "pending-migration", "settings-drift", "wrong-commit", "empty-table"),
    "servers": ("equal-timeouts", "no-timings", "evicting-redis", "production-setting"),
    "pages": ("wrong-origin", "static-by-django", "unlogged-errors"),
    "stopped": ("redis-stopped",),
    "unreadable": ("unreadable-journal",),
}
"""Faults that one stack can have together without one of them hiding another."""
SENTENCES = {
    "debug-on": "DEBUG is on",
    "pending-migration": "orders.0002_order_by_day",
    "settings-drift": "DATABASES.default.ATOMIC_REQUESTS is true instead of false",
    "wrong-commit": "runs",
    "empty-table": "orders_order",
    "equal-timeouts": "30 s",
    "no-timings": "$upstream_response_time",
    "evicting-redis": "allkeys-lru",
    "production-setting": "WAREHOUSE_URL",
    "wrong-origin": "CSRF",
    "static-by-django": "/static/shop/shop.css",
    "unlogged-errors": "provoked",
    "redis-stopped": "it does not answer",
    "unreadable-journal": "cannot read the journal",
}
"""What the check that goes red says of it, among other things."""


def looked_at(project: Project, *faults: str) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit code of the demo's preflight, and its checks."""
    given = [part for fault in faults for part in ("--fault", fault)]
    done = project.run("demo", "--preflight", "--json", *given, seconds=180)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["checks"]


def told(checks: list[dict[str, Any]]) -> str:
    return "\n".join("{state} {name} {host}: {found}".format(**check) for check in checks)


def test_every_early_fault_is_tried() -> None:
    assert sorted(EARLY) == sorted(fault for faults in STACKS.values() for fault in faults)
    assert set(EARLY) == set(SENTENCES)


def test_the_demo_is_green(project: Project) -> None:
    code, checks = looked_at(project)
    assert code == 0, told([check for check in checks if check["state"] not in ("ok", "skipped")])
    assert {check["state"] for check in checks} <= {"ok", "skipped"}
    left_out = {check["name"] for check in checks if check["state"] == "skipped"}
    assert left_out <= {"journal.rate"}, "all of the demo can be looked at"


@pytest.mark.parametrize("faults", STACKS.values(), ids=STACKS)
def test_a_fault_turns_its_own_check_red_and_no_other(project: Project, faults: tuple[str, ...]) -> None:
    code, checks = looked_at(project, *faults)
    red = [check for check in checks if check["state"] == "failed"]
    assert {check["name"] for check in red} == {FAULTS[fault].check for fault in faults}, told(red)
    assert code == 1
    for fault in faults:
        said = "\n".join(check["found"] for check in red if check["name"] == FAULTS[fault].check)
        assert SENTENCES[fault] in said, fault
        for check in red:
            assert check["fix"], f"{check['name']} says what to do"
            assert check["why"], f"{check['name']} says why it matters"
            assert check["effect"], f"{check['name']} says what the record will lack"
