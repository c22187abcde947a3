"""The application is found where it runs: from its process, its unit, its container."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rampdeck.config import DjangoConfig
from rampdeck.demo.process import ServerProcess
from rampdeck.errors import SourceError
from rampdeck.preflight.django import Hint, Place, Wanted, ask, find
from rampdeck.remote import Completed
from rampdeck.remote.local import LocalRemote
from tests.docker import DockerStandIn

from .projects import NEEDY, Project


class Host:
    """A host that shows what was recorded on another one."""

    host = "web"
    local = False

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.heard: list[str] = []

    async def run(self, command: str, *, timeout: float = 10.0) -> Completed:  # noqa: ARG002
        self.heard.append(command)
        return Completed(command, 0, self.shown.encode(), b"")


async def found(shown: str, hint: Hint | None = None, **table: object) -> Place:
    return await find(Host(shown), DjangoConfig.model_validate(table), hint)


async def test_a_running_server_shows_everything_that_is_needed(
    gunicorn: tuple[Project, ServerProcess], raw: list[bytes]
) -> None:
    made, process = gunicorn
    place = await find(LocalRemote(), DjangoConfig(), Hint(pid=process.pid))
    assert (place.folder, place.python, place.module) == (str(made.folder), sys.executable, "wsgi")
    answer = await ask(LocalRemote(), place, Wanted())
    assert answer.problems == {}
    assert answer.module == "config", "as wsgi.py says"
    assert answer.setting("STAGE") == "staging"
    assert answer.told == (f"/proc/{process.pid}/environ",)
    assert b"only-the-service-has-it" not in raw[0]


async def test_of_several_servers_the_one_in_the_named_folder_is_meant(
    gunicorn: tuple[Project, ServerProcess],
) -> None:
    made, process = gunicorn
    place = await find(LocalRemote(), DjangoConfig(folder=str(made.folder)))
    assert place.pid == process.pid


PROCESSES = """== unit
== processes
process 812 1 /srv/venv/bin/python3.12\t/srv/venv/bin/gunicorn\t-w\t4\tshop.wsgi:application\t
cwd /srv/shop
exe /usr/bin/python3.12
home /srv/venv
VIRTUAL_ENV=/srv/venv
process 813 812 /srv/venv/bin/python3.12\t/srv/venv/bin/gunicorn\t-w\t4\tshop.wsgi:application\t
cwd /srv/shop
"""


async def test_its_arbiter_is_found_among_its_workers() -> None:
    place = await found(PROCESSES)
    assert (place.folder, place.python, place.module, place.pid) == (
        "/srv/shop",
        "/srv/venv/bin/python3.12",
        "shop.wsgi",
        812,
    )


async def test_what_is_written_wins_over_what_is_found() -> None:
    place = await found(PROCESSES, folder="/srv/shop", python="/opt/python", settings="shop.staging")
    assert (place.folder, place.python, place.settings, place.pid) == (
        "/srv/shop",
        "/opt/python",
        "shop.staging",
        812,
    )
    written = await found("", folder="/srv", python="/p", settings="s", env_file="/etc/shop.env")
    assert written.how == ("[django]",), "nothing is left to be looked for"


TITLED = """== unit
MainPID=70
WorkingDirectory=!/srv/shop
ExecStart={ path=/srv/venv/bin/gunicorn ; argv[]=/srv/venv/bin/gunicorn --chdir=src -e A=1 shop.wsgi ; }
== processes
process 70 1 gunicorn: master [shop.wsgi]\t
cwd
exe
process 71 70 gunicorn: worker [shop.wsgi]\t
process 90 1 /usr/bin/python3\t/usr/bin/uvicorn\tother.asgi:app\t
cwd /srv/other
"""


async def test_behind_a_title_and_another_user_the_unit_tells() -> None:
    place = await found(TITLED, Hint(unit="gunicorn.service"))
    assert (place.folder, place.python, place.module) == ("/srv/shop", "/srv/venv/bin/python", "shop.wsgi")
    assert place.paths == ("src",)
    assert place.environment == {"A": "1"}
    assert (place.pid, place.unit) == (70, "gunicorn.service")


async def test_a_python_without_a_folder_is_looked_for_as_the_server_did() -> None:
    shown = "== processes\nprocess 9 1 python\t-m\tuvicorn\tshop.asgi:app\t--env-file\t.env\n"
    shown += "cwd /srv\nPATH=/opt/bin:/bin\n"
    place = await found(shown)
    assert (place.python, place.search, place.module, place.env_file) == (
        "python",
        "/opt/bin:/bin",
        "shop.asgi",
        ".env",
    )


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        ("== unit\n== processes\n", "no Gunicorn and no Uvicorn is to be seen"),
        (PROCESSES + "process 900 1 gunicorn: master [b]\t\n", "there are 2 servers (812, 900)"),
        ("== processes\nprocess 900 1 gunicorn: master [b]\t\n", "shown to its own user only"),
        ("rubbish\n\x00\nprocess x y\n", "no Gunicorn"),
    ],
)
async def test_what_cannot_be_found_is_said_with_what_to_write(shown: str, why: str) -> None:
    with pytest.raises(SourceError) as caught:
        await found(shown)
    assert why in caught.value.why
    assert "[django]" in caught.value.fix


async def test_in_a_container_it_is_asked_there(
    project: Callable[..., Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker itself is a stand-in here (tests/docker.py)."""
    docker = DockerStandIn(tmp_path)
    monkeypatch.setenv("PATH", f"{docker.folder}:{os.environ['PATH']}")
    made = project()
    config = DjangoConfig.model_validate({"container": "shop-web-1", **made.table})
    place = await find(LocalRemote(), config)
    assert place.prefix == "docker exec -i shop-web-1"
    answer = await ask(LocalRemote(), place, Wanted())
    assert answer.problems == {}
    assert (docker.folder / "executed").read_text().split() == ["shop-web-1"] * 2
    served = await find(LocalRemote(), DjangoConfig(**{**made.table, "compose_service": "web"}))
    assert served.prefix == "docker compose exec -T web"


async def test_a_units_variables_are_read_where_its_process_shows_none(
    project: Callable[..., Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = project(NEEDY)
    (tmp_path / "shop.env").write_text("# the service's\nSHOP_SECRET='quoted secret'\n\nnot a line\n")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "systemctl").write_text(
        "#!/bin/sh\necho 'Environment=\"SHOP_STAGE=two words\" OTHER=1'\n"
        f"echo 'EnvironmentFiles={tmp_path}/shop.env (ignore_errors=no)'\n"
        f"echo 'EnvironmentFiles={tmp_path}/none.env (ignore_errors=yes)'\n"
    )
    (programs / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    place = Place("local", str(made.folder), sys.executable, settings="config", unit="shop.service")
    answer = await ask(LocalRemote(), place, Wanted())
    assert answer.setting("STAGE") == "two words"
    assert answer.told == ("Environment of shop.service", f"{tmp_path}/shop.env")
    assert answer.unread == (f"{tmp_path}/none.env: No such file or directory",)
