"""The wheel, installed into a bare environment, beside a user's own `scenarios` and `common`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rampdeck import __version__

ROOT = Path(__file__).parent.parent
MOVED = ("tui", "collectors", "scenarios")
"""The folders that stand at the top of the checkout and inside the package when installed."""

LOCUSTFILE = """\
from locust import HttpUser, constant, task

from common import HOME
from scenarios import REPORT


class Visitor(HttpUser):
    wait_time = constant(0.1)

    @task
    def visit(self):
        self.client.get(HOME)
        self.client.get(REPORT)
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment with the wheel in it, and nothing of the checkout."""

    folder: Path

    def run(self, *command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a program of this environment as a user would, from another folder."""
        program, *arguments = command
        environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LOCUST"))
        }
        return subprocess.run(
            [str(self.folder / "bin" / program), *arguments],
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as `make wheel` builds it."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    answer = subprocess.run(build, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def content(wheel: Path) -> list[str]:
    """The names of the files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel in an environment of its own, beside the third-party packages of this one.

    Those are lent by a path file. Python reads no path files in a folder that
    is lent in this way, so the checkout, which this environment may know by
    one, stays out.
    """
    folder = tmp_path_factory.mktemp("bare") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    (site,) = (folder / "lib").glob("python3*/site-packages")
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "lent.pth").write_text("\n".join(sorted(lent)) + "\n")
    return Environment(folder)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A user's project: a locustfile and packages of the user's own."""
    for name, constant in (("common", 'HOME = "/home.txt"'), ("scenarios", 'REPORT = "/report.txt"')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(constant + "\n")
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    return tmp_path


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A small web server on loopback, in a process of its own; its address."""
    folder = tmp_path_factory.mktemp("site")
    for name in ("home.txt", "report.txt"):
        (folder / name).write_text(f"{name}\n")
    command = [
        sys.executable,
        "-u",
        "-m",
        "http.server",
        "0",
        "--bind",
        "127.0.0.1",
        "--directory",
        str(folder),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().split(" port ")[1].split()[0]
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def shipped_files() -> set[str]:
    """Every file of the four folders, under the name that it has once installed."""
    found = set()
    for folder in ("rampdeck", *MOVED):
        inside = Path("rampdeck") if folder in MOVED else Path()
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                found.add((inside / path.relative_to(ROOT)).as_posix())
    return found


def test_the_wheel_brings_one_name_into_site_packages(content: list[str]) -> None:
    assert {name.split("/")[0] for name in content} == {"rampdeck", f"rampdeck-{__version__}.dist-info"}


def test_the_wheel_holds_every_file_of_the_program(content: list[str]) -> None:
    assert {name for name in content if name.startswith("rampdeck/")} == shipped_files()


@pytest.mark.parametrize(
    "pattern",
    [
        "rampdeck/py.typed",
        "rampdeck/record/html/*.css",
        "rampdeck/record/html/*.js",
        "rampdeck/record/vendor/uplot/LICENSE",
        "rampdeck/tui/*.tcss",
        "rampdeck/collectors/sql/*.sql",
        "rampdeck/collectors/sh/host.*",
        "rampdeck/record/record.schema.json",
        "rampdeck/scenarios/*.py",
    ],
)
def test_the_wheel_holds_more_than_the_core(content: list[str], pattern: str) -> None:
    assert [name for name in content if Path(name).match(pattern)]


def test_the_installed_program_is_the_wheel_s_and_not_the_checkout_s(
    installed: Environment, project: Path
) -> None:
    packages = "rampdeck rampdeck.tui rampdeck.collectors"
    where = f"from importlib import import_module as i; print(*(i(n).__file__ for n in {packages.split()}))"
    answer = installed.run("python", "-c", where, cwd=project)
    assert answer.stderr == ""
    assert [Path(path).is_relative_to(installed.folder) for path in answer.stdout.split()] == [True] * 3


def test_the_top_folders_of_the_checkout_are_out_of_reach(installed: Environment, project: Path) -> None:
    names = ["tui", "collectors", "tests", "bench"]
    search = f"from importlib.util import find_spec as f; print([n for n in {names} if f(n)])"
    answer = installed.run("python", "-c", search, cwd=project)
    assert (answer.stdout.strip(), answer.stderr) == ("[]", "")


def test_the_installed_program_says_its_version(installed: Environment, project: Path) -> None:
    answer = installed.run("rampdeck", "--version", cwd=project)
    assert answer.stderr == ""
    assert answer.returncode == 0
    assert __version__ in answer.stdout


def test_a_run_uses_the_user_s_own_packages(installed: Environment, project: Path, server: str) -> None:
    load = ["-H", server, "-u", "2", "-r", "2", "-t", "9s", "--json-file", "out.json"]
    answer = installed.run("rampdeck", "run", "--headless", "-f", "locustfile.py", *load, cwd=project)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    result = json.loads((project / "out.json").read_text())
    requests = {(entry["method"], entry["name"]): entry for entry in result["requests"]}
    assert set(requests) == {("GET", "/home.txt"), ("GET", "/report.txt")}
    for entry in requests.values():
        assert entry["requests"] > 0
        assert entry["failures"] == 0
