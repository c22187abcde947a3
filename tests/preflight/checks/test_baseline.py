"""Settings are compared with those of production: what drifted is listed, of a secret only that it did."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from rampdeck.errors import RecordError
from rampdeck.preflight.check import State
from rampdeck.preflight.checks.baseline import baseline, save_baseline
from rampdeck.preflight.stack import Stack

from ..django.projects import Project
from ..stacks import stack
from .answers import looked

SECRETS = """
DATABASES["default"]["PASSWORD"] = "hunter2-hunter2"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache",
                      "LOCATION": "redis://:redis-pa55word@10.0.0.8:6379/0"}}
GREETING = "hello"
"""
Make = Callable[..., Project]


def stacked(made: Project, path: Path, environment: str = "staging", **preflight: Any) -> Stack:
    data: Mapping[str, Any] = {
        "django": made.table,
        "target": {"host": "https://staging.example.com", "environment": environment},
        "preflight": {"baseline": str(path), **preflight},
    }
    return stack(data)


async def test_what_was_saved_is_equal_until_something_changes(project: Make, tmp_path: Path) -> None:
    path = tmp_path / "staging.json"
    made = project(SECRETS)
    await save_baseline(stacked(made, path), path)
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    assert [secret for secret in ("hunter2", "redis-pa55word", "made-up-secret") if secret in text] == []
    same = await looked(stacked(made, path), baseline)
    assert same.state is State.OK, same.found
    more = SECRETS.replace("hunter2-hunter2", "another-pa55word").replace("redis-pa55word", "new-redis-pw")
    project(more.replace('GREETING = "hello"', 'FAREWELL = "bye"') + "CONN_MAX_AGE = 0\nUSE_TZ = False\n")
    found = await looked(stacked(made, path), baseline)
    assert found.state is State.FAILED
    for said in (
        "6 differ: ",
        "CONN_MAX_AGE is new (0)",
        "FAREWELL is new (bye)",
        "GREETING is missing (it should be hello)",
        "DATABASES.default.PASSWORD differs;",
        "CACHES.default.LOCATION differs in its secret",
        "USE_TZ is false instead of true",
    ):
        assert said in found.found
    assert "another-pa55word" not in found.found


async def test_what_may_differ_is_neither_stored_nor_compared(project: Make, tmp_path: Path) -> None:
    path = tmp_path / "staging.json"
    made = project(SECRETS)
    ignore = ["CACHES.*.LOCATION", "DATABASES", "version.*", "*_KEY"]
    await save_baseline(stacked(made, path, ignore=ignore), path)
    stored = json.loads(path.read_text())["settings"]
    assert not any(name.startswith(("DATABASES", "version")) for name in stored)
    assert "CACHES.default.BACKEND" in stored
    project(SECRETS.replace("10.0.0.8", "10.0.0.9") + 'SECRET_KEY = "quite-another-secret-key"\n')
    assert (await looked(stacked(made, path, ignore=ignore), baseline)).state is State.OK


async def test_productions_own_secrets_have_no_business_on_staging(project: Make, tmp_path: Path) -> None:
    path = tmp_path / "production.json"
    made = project(SECRETS)
    await save_baseline(stacked(made, path, "production"), path)
    found = await looked(stacked(made, path, "staging"), baseline)
    assert found.state is State.FAILED
    assert found.found.startswith("production's own secret is in DATABASES.default.PASSWORD, SECRET_KEY")
    project(SECRETS.replace("hunter2-hunter2", "another") + 'SECRET_KEY = "quite-another-secret-key"\n')
    found = await looked(stacked(made, path, "staging"), baseline)
    assert found.state is State.OK, found.found


@pytest.mark.parametrize(
    "text", ["", "{}", '{"schema": 9, "salt": "aa", "settings": {}}', '{"schema": 1, "salt": "x"}']
)
async def test_a_file_that_is_no_baseline_is_said(project: Make, tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    found = await looked(stacked(project(), path), baseline)
    assert found.state is State.UNKNOWN
    assert "--save-baseline" in found.fix


async def test_without_a_baseline_it_is_said_how_to_get_one() -> None:
    found = await looked(stack(), baseline)
    assert (found.state, "--save-baseline" in found.fix) == (State.SKIPPED, True)


async def test_a_baseline_that_cannot_be_written_is_said(project: Make, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="cannot be written"):
        await save_baseline(stacked(project(), tmp_path / "x"), tmp_path / "none" / "x.json")
