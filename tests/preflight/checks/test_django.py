"""The application's checks: each goes red for its own reason, with its sentence, and tells what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rampdeck.preflight.check import State
from rampdeck.preflight.checks import django
from rampdeck.preflight.inspection import Inspection

from ..django.projects import Project
from ..stacks import stack
from .answers import answered, looked, told

OK, WARNING, FAILED, UNKNOWN, SKIPPED = (
    State.OK,
    State.WARNING,
    State.FAILED,
    State.UNKNOWN,
    State.SKIPPED,
)


# --- a real one


async def test_a_sound_application_is_green_and_asked_once(
    project: Callable[..., Project], raw: list[bytes]
) -> None:
    logging = (
        'LOGGING = {"version": 1, "disable_existing_loggers": False, '
        '"handlers": {"console": {"class": "logging.StreamHandler"}}, "root": {"handlers": ["console"]}}\n'
    )
    made = project(logging + 'SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W003"]\n')
    target = {"django": made.table, "target": {"host": "http://staging.example.com"}}
    view = await Inspection(stack(target, target="http://staging.example.com"), django.CHECKS).run()
    states = {one.name: (one.state, one.found) for one in view.checks}
    assert states["django.reachable"][0] is OK, states
    assert states["django.migrations"] == (OK, "all are applied")
    assert states["django.debug"] == (OK, "DEBUG is off")
    assert states["django.logging"] == (OK, "errors go to stderr, by StreamHandler of root")
    assert states["django.accounts"][0] is SKIPPED
    assert states["django.check_deploy"][0] is WARNING, "without SecurityMiddleware and the like"
    assert len(raw) == 1


async def test_each_fault_of_an_application_turns_its_own_check_red(project: Callable[..., Project]) -> None:
    made = project("DEBUG = True\n")
    (made.folder / "db.sqlite3").write_bytes(b"")
    view = await Inspection(stack({"django": made.table}), django.CHECKS).run()
    red = {one.name: one.found for one in view.checks if one.state is FAILED}
    assert set(red) == {"django.debug", "django.migrations"}
    assert "auth.0001_initial" in red["django.migrations"]


async def test_an_application_that_cannot_be_loaded_makes_every_check_say_why(
    project: Callable[..., Project],
) -> None:
    made = project("raise KeyError('DATABASE_URL')\n")
    view = await Inspection(stack({"django": made.table}), django.CHECKS).run()
    for one in view.checks:
        if one.name != "django.accounts":
            assert (one.state, "DATABASE_URL" in one.found) == (UNKNOWN, True), one
    assert "[django] settings, env_file, environment" in view.checks[0].fix


async def test_without_a_word_of_where_it_is_nothing_is_asked() -> None:
    found = await looked(stack(), django.reachable)
    assert (found.state, "[django] host" in found.fix) == (SKIPPED, True)


# --- what is judged


def message(name: str, level: int, text: str = "Something. More of it") -> dict[str, Any]:
    return {"id": name, "level": level, "message": text, "hint": ""}


@pytest.mark.parametrize(
    ("found", "target", "state", "said"),
    [
        ([], "https", OK, "no warning"),
        ([("fields.E300", 40)], "https", FAILED, "1 error: fields.E300 (Something)"),
        ([("security.W009", 30)], "https", WARNING, "1 warning: security.W009 (Something)"),
        ([("security.W018", 30), ("security.W020", 30)], "https", OK, "no warning"),
        ([("security.W004", 30)], "https", WARNING, "security.W004"),
        ([("security.W004", 30)], "http", OK, "which the target does not speak: security.W004"),
        ([("caches.I001", 20)], "https", OK, "no warning"),
    ],
)
async def test_what_django_warns_of_is_named(
    found: list[tuple[str, int]], target: str, state: State, said: str
) -> None:
    messages = [message(*one) for one in found]
    check = await looked(
        answered(told(checks=messages), target=f"{target}://staging.example.com"), django.check_deploy
    )
    assert (check.state, said in check.found) == (state, True), check.found


async def test_silenced_checks_are_told() -> None:
    check = await looked(answered(told({"SILENCED_SYSTEM_CHECKS": ["security.W004"]})), django.check_deploy)
    assert (check.state, check.found) == (OK, "no warning; silenced: security.W004")


@pytest.mark.parametrize(
    ("plan", "state", "said"),
    [
        ({}, OK, "all are applied"),
        ({"pending": ["orders.0002_x"]}, FAILED, "1 migration is not applied: orders.0002_x"),
        ({"unknown": ["orders.0003_y"]}, WARNING, "ahead of the release, which does not have orders.0003_y"),
        ({"clashes": ["orders.0002_a", "orders.0002_b"]}, FAILED, "orders.0002_a, orders.0002_b"),
    ],
)
async def test_migrations_are_named(plan: dict[str, Any], state: State, said: str) -> None:
    databases = {"default": {"reached": True, "migrations": plan}}
    check = await looked(answered(told(databases=databases)), django.migrations)
    assert (check.state, said in check.found) == (state, True), check.found


async def test_a_database_that_cannot_be_reached_leaves_its_migrations_unknown() -> None:
    answer = told(databases={"default": {"reached": False}}, problems={"databases.default.server": "refused"})
    check = await looked(answered(answer), django.migrations)
    assert (check.state, check.found) == (UNKNOWN, 'database "default": refused')


async def test_what_developers_leave_behind_is_told() -> None:
    answer = told({"INSTALLED_APPS": ["debug_toolbar"], "MIDDLEWARE": ["silk.middleware.SilkyMiddleware"]})
    check = await looked(answered(answer), django.debug)
    assert (check.state, check.found) == (WARNING, "DEBUG is off, but debug_toolbar, silk is installed")


def handler(to: str, passes: bool = True, name: str = "logging.X") -> dict[str, Any]:
    return {"logger": "django", "to": to, "passes": passes, "cls": name}


@pytest.mark.parametrize(
    ("logging", "state", "said"),
    [
        ({"handlers": [handler("stderr")]}, OK, "stderr"),
        ({"handlers": [handler("journal")]}, OK, "journal"),
        ({"handlers": [handler("/var/log/shop.log")]}, OK, "/var/log/shop.log"),
        ({"handlers": [handler("/var/log/other.log")]}, WARNING, "only to X (/var/log/other.log) of django"),
        ({"handlers": [handler("", name="AdminEmailHandler")]}, WARNING, "only to AdminEmailHandler"),
        ({"handlers": [handler("stderr", passes=False)]}, WARNING, "which lets none through"),
        ({"disabled": True}, WARNING, "disable_existing_loggers"),
        ({"level": "CRITICAL"}, WARNING, "nothing below CRITICAL"),
        ({"own": "shop.log.configure"}, SKIPPED, "shop.log.configure"),
    ],
)
async def test_errors_must_come_where_somebody_reads(
    logging: dict[str, Any], state: State, said: str
) -> None:
    data = {"collectors": [{"kind": "gunicorn", "file": "/var/log/shop.log"}]}
    check = await looked(answered(told(logging=logging), data), django.logs)
    assert (check.state, said in check.found) == (state, True), check.found


LOGGINGS = {
    "LOGGING = {}": WARNING,
    'LOGGING = {"version": 1}': WARNING,
    "LOGGING_CONFIG = None": OK,
    'LOGGING = {"version": 1, "disable_existing_loggers": False, "root": {"handlers": ["c"]},'
    ' "handlers": {"c": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}}}': OK,
    'LOGGING = {"version": 1, "handlers": {"c": {"class": "logging.StreamHandler", "level": "CRITICAL"}},'
    ' "loggers": {"django": {"handlers": ["c"]}}}': WARNING,
    'LOGGING = {"version": 1, "handlers": {"c": {"()": "logging.StreamHandler", "formatter": "none.at.all"}},'
    ' "formatters": {"none.at.all": {"()": "no_such.Formatter"}},'
    ' "loggers": {"django.request": {"handlers": ["c"], "propagate": False}}}': OK,
}


@pytest.mark.parametrize(("text", "state"), LOGGINGS.items())
async def test_logging_is_judged_as_it_comes_out(
    project: Callable[..., Project], text: str, state: State
) -> None:
    check = await looked(stack({"django": project(f"{text}\n").table}), django.logs)
    assert check.state is state, check.found


async def test_accounts_that_are_missing_or_asleep_are_named(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("username,password\nAnna,a\nbert,b\ncleo,c\ndora,d\n")
    data = {"preflight": {"login": {"accounts": str(tmp_path / "users.csv")}}}
    found = {"anna": "ok", "bert": "inactive", "cleo": "no password"}
    answer = told(accounts={"model": "auth.User", "field": "username", "found": found})
    check = await looked(answered(answer, data), django.test_accounts)
    assert check.state is FAILED
    for said in ("1 are not there (dora)", "1 are not active (bert)", "1 have no password (cleo)"):
        assert said in check.found


async def test_of_many_accounts_some_are_looked_up_and_no_password_is_sent(
    project: Callable[..., Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = project()
    rows = "".join(f"user{number:03},pw-{number:03}\n" for number in range(400))
    (tmp_path / "users.csv").write_text(f"username,password\n{rows}")
    data = {"django": made.table, "preflight": {"login": {"accounts": str(tmp_path / "users.csv")}}}
    made.manage(
        "shell",
        "-c",
        "from django.contrib.auth.models import User\n"
        "User.objects.bulk_create(User(username=f'user{n:03}', password='md5$a$b') for n in range(300))",
    )
    check = await looked(stack(data), django.test_accounts)
    assert check.state is FAILED
    assert "of 50 accounts that were looked up, 12 are not there (user304, " in check.found
