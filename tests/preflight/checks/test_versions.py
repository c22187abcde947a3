"""Defects of versions that look like those of the release."""

from __future__ import annotations

import pytest

from rampdeck.preflight.check import State
from rampdeck.preflight.checks.versions import defects, numbers

from ..looking import GUNICORN, POSTGRES, looked, of, one


@pytest.mark.parametrize(
    ("version", "more", "says"),
    [
        ("25.1.0", {"worker_class": "asgi"}, "gunicorn#3627"),
        ("26.0.3", {}, "gunicorn#3648"),
        ("23.0.0", {"containers": "/web"}, "gunicorn#3220"),
        ("27.0.1", {"worker_class": "uvicorn.workers.UvicornWorker"}, "uvicorn.workers is deprecated"),
    ],
)
async def test_a_known_defect_is_told_with_its_source(version: str, more: dict[str, str], says: str) -> None:
    facts = GUNICORN | {"gunicorn.version": version} | {f"gunicorn.{key}": it for key, it in more.items()}
    checks = await looked(defects, of({"gunicorn": facts}))
    assert {check.state for check in checks} == {State.WARNING}
    assert any(says in check.found for check in checks)


@pytest.mark.parametrize("version", ["23.0.0", "25.0.9", "26.1.0", "27.0.1"])
async def test_other_versions_are_fine(version: str) -> None:
    found = await one(defects, of({"gunicorn": GUNICORN | {"gunicorn.version": version}}))
    assert found.state is State.OK


async def test_a_leak_of_one_worker_class_is_not_told_of_another() -> None:
    checks = await looked(defects, of({"gunicorn": GUNICORN | {"gunicorn.version": "25.1.0"}}))
    assert not any("#3627" in check.found for check in checks)


async def test_a_postgresql_without_fixes_is_told() -> None:
    old = POSTGRES | {"postgres.version": "12.22 (Debian 12.22-1)"}
    found = await one(defects, of({"postgres": old}))
    assert (found.state, "no fixes any more, since 2024-11-21" in found.found) == (State.WARNING, True)
    assert (await one(defects, of({"postgres": POSTGRES | {"postgres.version": "99.1"}}))).state is State.OK


def test_versions_are_numbers() -> None:
    assert numbers("nginx/1.22.1 (Ubuntu)") == (1, 22, 1)
    assert numbers("15.18 (Debian 15.18-0)") == (15, 18)
    assert numbers("") == ()
