from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rampdeck.demo.process import ServerProcess, free_port, tcp_answers
from rampdeck.demo.site import SETTINGS, Site
from rampdeck.preflight.django import Place, answer, asking

from .projects import NEEDY, Project

ROOT = str(Path(__file__).parents[3])


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all migrations of Django's own applications, made once."""
    project = Project(tmp_path_factory.mktemp("migrated"))
    project.manage("migrate", "--verbosity=0")
    return project.folder / "db.sqlite3"


@pytest.fixture
def project(tmp_path: Path, migrated_database: Path) -> Callable[..., Project]:
    """Make a project whose migrations are applied; what is given stands behind its usual settings."""

    def make(more: str = "") -> Project:
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        shutil.copy(migrated_database, folder / "db.sqlite3")
        return Project(folder, more)

    return make


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The demo's shop on SQLite, with its accounts and orders."""
    site = Site.create(tmp_path_factory.mktemp("shop"), None, None, None)
    command = [sys.executable, "-P", "-m", "rampdeck.demo.shop", "prepare", str(site.users)]
    subprocess.run(command, check=True, env={**os.environ, **site.environment, "PYTHONPATH": ROOT})
    return site


@pytest.fixture
def shop_place(shop: Site) -> Place:
    return Place("local", ROOT, sys.executable, settings=SETTINGS, environment=dict(shop.environment))


@pytest.fixture
def raw(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Everything that a probe wrote, before anybody has cleaned it."""
    written: list[bytes] = []
    read = answer.read

    def keep(output: bytes, marker: str) -> object:
        written.append(output)
        return read(output, marker)

    monkeypatch.setattr(asking, "read", keep)
    return written


def _gunicorn(folder: Path, *words: str) -> tuple[ServerProcess, Callable[[], bool]]:
    port = free_port()
    command = [
        sys.executable,
        "-P",
        "-m",
        "gunicorn",
        "--chdir",
        str(folder),
        "-b",
        f"127.0.0.1:{port}",
        *words,
    ]
    variables = {"SHOP_SECRET": "only-the-service-has-it"}
    process = ServerProcess("gunicorn", command, folder / "gunicorn.log", environment=variables)
    return process, lambda: tcp_answers(port)


@pytest.fixture
def gunicorn(project: Callable[..., Project]) -> Iterator[tuple[Project, ServerProcess]]:
    """A Gunicorn with variables of its own, without which its settings cannot be loaded."""
    made = project(NEEDY)
    process, answers = _gunicorn(made.folder, "-e", "SHOP_STAGE=staging", "wsgi:application")
    process.launch()
    process.wait_ready(answers)
    yield made, process
    process.stop()


@pytest.fixture
def another_gunicorn(tmp_path: Path) -> Iterator[ServerProcess]:
    """One that has nothing to do with it."""
    process, answers = _gunicorn(tmp_path, "wsgiref.simple_server:demo_app")
    process.launch()
    process.wait_ready(answers)
    yield process
    process.stop()
