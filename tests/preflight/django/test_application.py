"""The application of a configuration: found through its sources where nothing more is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rampdeck.config import Config
from rampdeck.demo.process import ServerProcess
from rampdeck.preflight.django import Hint
from rampdeck.preflight.django.application import accounts, application, asks, host_and_hint
from rampdeck.preflight.stack import Scenario

from ..stacks import stack
from .projects import Project


def configured(table: dict[str, Any], **django: Any) -> Config:
    return Config.model_validate({"hosts": {"web": {}, "app": {}}, "collectors": [table], "django": django})


@pytest.mark.parametrize(
    ("table", "django", "host", "hint"),
    [
        ({"kind": "gunicorn", "host": "web"}, {}, "web", Hint(unit="gunicorn.service")),
        ({"kind": "uvicorn", "host": "web", "unit": "shop"}, {"folder": "/srv"}, "web", Hint(unit="shop")),
        ({"kind": "gunicorn", "host": "web", "file": "/var/log/g.log"}, {}, "web", Hint()),
        ({"kind": "gunicorn", "host": "web", "container": "c1"}, {}, "web", Hint(container="c1")),
        ({"kind": "gunicorn", "host": "web"}, {"host": "app"}, "app", Hint()),
        ({"kind": "host", "host": "web"}, {"host": "app"}, "app", Hint()),
        (
            {"kind": "gunicorn", "host": "web", "compose_service": "s", "compose_file": "/srv/it's.yaml"},
            {},
            "web",
            Hint(compose="docker compose -f '/srv/it'\"'\"'s.yaml'", service="s"),
        ),
    ],
)
def test_the_servers_source_says_where_the_application_is(
    table: dict[str, Any], django: dict[str, Any], host: str, hint: Hint
) -> None:
    assert host_and_hint(configured(table, **django)) == (host, hint)


def test_what_is_sent_is_listed_with_its_host_and_without_a_secret() -> None:
    settings = configured(
        {"kind": "gunicorn", "host": "web"}, folder="/srv/shop", environment={"SECRET": "hunter2-hunter2"}
    )
    listed = asks(settings)
    assert {host for host, _ in listed} == {"web"}
    assert any("cd -- /srv/shop || exit" in command for _, command in listed)
    assert not any("hunter2" in command for _, command in listed)
    assert asks(Config()) == ()


async def test_which_of_several_servers_is_meant_the_log_of_the_source_tells(
    gunicorn: tuple[Project, ServerProcess], another_gunicorn: ServerProcess
) -> None:
    made, process = gunicorn
    assert another_gunicorn.pid != process.pid
    table = {"kind": "gunicorn", "file": str(made.folder / "gunicorn.log")}
    facts = {"gunicorn@local": {"gunicorn.master_pid": process.pid}}
    answer = await application(stack({"collectors": [table]}, facts=facts))
    assert answer is not None
    assert answer.problems == {}
    assert answer.setting("STAGE") == "staging"


def test_accounts_are_those_of_the_login_the_scenario_or_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "login.csv").write_text("username,password\nanna,a\n\nanna,a\n")
    (tmp_path / "scenario.csv").write_text("\ufeffusername,password\nbert,b\n")
    scenario = Scenario(accounts=tmp_path / "scenario.csv")
    login = {"preflight": {"login": {"accounts": str(tmp_path / "login.csv")}}}
    assert accounts(stack(login, scenario=scenario)) == ("anna",)
    assert accounts(stack(scenario=scenario)) == ("bert",)
    assert accounts(stack()) == ()
    monkeypatch.setenv("RAMPDECK_USERNAME", "cleo")
    assert accounts(stack()) == ("cleo",)
