"""The application of a configuration: found through its sources where nothing more is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rampdeck.config import Config
from rampdeck.demo.process import ServerProcess
from rampdeck.preflight.django import Hint
from rampdeck.preflight.django.application import application, asks, host_and_hint, names_of

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
    table = {"kind": "gunicorn", "host": "web"}
    (listed,) = asks(configured(table, folder="/srv/shop", environment={"SECRET": "hunter2-hunter2"}))
    assert listed.host == "web"
    look, start, probe = listed.commands
    assert look.startswith("unit=gunicorn.service\n")
    assert start.startswith("cd -- /srv/shop || exit\nexec PYTHON ")
    assert "class Probe" in probe
    assert "hunter2" not in str(listed.commands)
    assert list(asks(Config())) == []


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


def test_of_many_accounts_some_are_asked_for(tmp_path: Path) -> None:
    rows = "".join(f"user{number:03},pw\n" for number in range(170))
    (tmp_path / "users.csv").write_text(f"username,password\n{rows}")
    names = names_of(stack({"preflight": {"login": {"accounts": str(tmp_path / "users.csv")}}}))
    assert len(names) == 43
    assert (names[0], names[-1]) == ("user000", "user168")
