"""``rampdeck init`` and ``run --on`` against the real demo stack, over its own SSH server."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from rampdeck.cli import TEMPLATE
from rampdeck.demo.info import DemoInfo
from rampdeck.demo.stack import DemoStack
from rampdeck.model import Sample
from rampdeck.store import SessionReader
from tests.run.conftest import Project, environment
from tests.run.test_terminal import Terminal, terminal

__all__ = ["terminal"]

SHOP = str(Path(__file__).parents[2] / "scenarios" / "shop.py")


@pytest.fixture(scope="module")
def stack() -> Iterator[DemoInfo]:
    """The demo stack with a log file in the place of its journal, which no unit on this machine has."""
    with DemoStack(without=["journal"]) as info:
        yield info


@pytest.fixture
def home(tmp_path: Path, stack: DemoInfo) -> Path:
    """The home of a person who reaches the stack as ``ssh staging``."""
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    ssh = stack.ssh
    (folder / ".ssh" / "config").write_text(
        f"Host staging\n  HostName {ssh.host}\n  Port {ssh.port}\n  User {ssh.user}\n"
        f"  IdentityFile {ssh.client_key}\n  UserKnownHostsFile {ssh.known_hosts}\n"
    )
    return folder


@pytest.fixture
def person(home: Path, stack: DemoInfo) -> dict[str, str]:
    """What that person has in the environment: the passwords for watching the servers."""
    assert stack.postgres
    assert stack.redis
    kept = {name: value for name, value in environment().items() if name != "RAMPDECK_NO_PREFLIGHT"}
    return kept | {
        "HOME": str(home),
        "RAMPDECK_PG_USER": stack.postgres.user,
        "RAMPDECK_PG_PASSWORD": stack.postgres.password,
        "RAMPDECK_REDIS_PASSWORD": stack.redis.password,
        "RAMPDECK_USERS_CSV": str(stack.users),
    }


def done(project: Project, env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    with project.start(*arguments, env=env) as process:
        try:
            out, err = process.communicate(timeout=180)
        finally:
            process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def secrets_of(stack: DemoInfo) -> list[str]:
    """Every secret of the stack: ours, and those that the application alone has."""
    assert stack.postgres
    assert stack.redis
    settings = json.loads((stack.folder / "site" / "settings.json").read_text())
    own = [settings["secret_key"], settings["postgres"]["password"], settings["redis"]]
    return [stack.postgres.password, stack.redis.password, *own]


def test_the_file_that_init_writes_makes_a_green_preflight(
    project: Project, stack: DemoInfo, person: dict[str, str]
) -> None:
    assert stack.nginx
    assert stack.postgres
    given = ("--on", "staging", "--target", stack.url, "--environment", "demo", "--scenario", SHOP)
    wrote = done(project, person, "init", *given)
    assert wrote.returncode == 0, wrote.stderr
    text = (project.folder / "rampdeck.toml").read_text()
    tables = {one["kind"]: one for one in tomllib.loads(text)["collectors"]}
    assert list(tables) == ["generator", "host", "gunicorn", "nginx", "postgres", "redis"]
    assert tables["gunicorn"]["file"] == str(stack.gunicorn.log)
    assert tables["nginx"]["access_log"] == str(stack.nginx.access_log)
    assert tables["postgres"]["port"] == stack.postgres.port
    assert tomllib.loads(text)["django"]["settings"] == "rampdeck.demo.shop.settings"
    assert "could not find" not in wrote.stderr
    for secret in secrets_of(stack):
        assert secret not in text + wrote.stdout + wrote.stderr
    looked = done(project, person, "preflight", "--json")
    checks = {(one["name"], one["host"]): one for one in json.loads(looked.stdout)["checks"]}
    wrong = {key: one["found"] for key, one in checks.items() if one["state"] in ("failed", "unknown")}
    assert wrong == {}
    assert looked.returncode == 0
    read = [
        host for (name, host), one in checks.items() if name == "source.readable" and one["state"] == "ok"
    ]
    assert sorted(read) == sorted(f"{kind}@staging" for kind in ("host", *list(tables)[2:]))
    assert checks["django.reachable", "staging"]["state"] == "ok"
    assert done(project, person, "init").returncode == 2, "it never overwrites"
    assert (project.folder / "rampdeck.toml").read_text() == text


def test_without_a_file_a_run_finds_what_is_there_by_itself(
    project: Project, stack: DemoInfo, person: dict[str, str]
) -> None:
    ran = done(
        project, person | {"RAMPDECK_NO_PREFLIGHT": "1"},
        "run", "--on", "staging", "-H", stack.url, "--environment", "demo", "--headless", "-t", "8s",
    )  # fmt: skip
    assert ran.returncode in (0, 3), ran.stderr
    assert "staging: gunicorn: file " in ran.stderr
    assert not (project.folder / "rampdeck.toml").exists()
    (session,) = (project.folder / "rampdeck-sessions").glob("*/session.sqlite")
    with SessionReader(session) as reader:
        seen = {item.source for item in reader.items() if isinstance(item, Sample)}
        settings = json.dumps(reader.meta)
    assert {f"{kind}@staging" for kind in ("host", "gunicorn", "nginx", "postgres", "redis")} <= seen
    assert "RAMPDECK_PG_PASSWORD" in settings, "the session has its settings, as every other"
    for secret in secrets_of(stack):
        assert secret not in settings + ran.stdout + ran.stderr


def test_whoever_has_a_file_and_wants_it_found_is_asked_which(project: Project) -> None:
    project.write("rampdeck.toml", "")
    for arguments in (("run", "--headless"), ("preflight",)):
        refused = project.run(*arguments, "--on", "staging")
        assert refused.returncode == 2
        assert "--on, and rampdeck.toml" in refused.stderr
        assert "Leave --on out to take rampdeck.toml" in refused.stderr
    (project.folder / "rampdeck.toml").rename(project.folder / "other.toml")
    assert "--on, and other.toml" in project.run("run", "-c", "other.toml", "--on", "staging").stderr


def test_without_passwords_they_are_missing_and_named(
    project: Project, stack: DemoInfo, person: dict[str, str]
) -> None:
    bare = {name: value for name, value in person.items() if not name.startswith("RAMPDECK_")}
    wrote = done(project, bare, "init", "-", "--on", "staging", "--target", stack.url)
    assert wrote.returncode == 0
    for variable in ("RAMPDECK_PG_PASSWORD", "RAMPDECK_REDIS_PASSWORD"):
        assert re.search(rf"^could not find: .*export {variable}$", wrote.stderr, re.MULTILINE)
    assert "a role for watching PostgreSQL" in wrote.stderr
    read = tomllib.loads(wrote.stdout)
    assert [one["user"] for one in read["collectors"] if one["kind"] == "postgres"] == ["shop"]
    assert '# environment = "staging"' in wrote.stdout


def test_a_host_that_refuses_is_told_and_nothing_is_written(project: Project, home: Path) -> None:
    env = environment() | {"HOME": str(home)}
    for arguments in (("init",), ("preflight",), ("run", "--headless", "-H", project.site)):
        refused = done(project, env, *arguments, "--on", "nobody@127.0.0.1:1")
        assert refused.returncode == 2
        assert "cannot be reached" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert not list(project.folder.glob("*.toml"))
    assert not (project.folder / "rampdeck-sessions").exists()


def test_a_host_whose_key_is_not_known_is_not_believed(project: Project, stack: DemoInfo, home: Path) -> None:
    (home / ".ssh" / "config").unlink()
    where = f"{stack.ssh.user}@{stack.ssh.host}:{stack.ssh.port}"
    refused = done(project, environment() | {"HOME": str(home)}, "init", "--on", where)
    assert refused.returncode == 2
    assert "host key" in refused.stderr
    assert not (project.folder / "rampdeck.toml").exists()


def test_without_a_terminal_and_without_hosts_it_writes_the_template(project: Project) -> None:
    wrote = project.run("init", "mine.toml")
    assert wrote.returncode == 0
    assert "as a template" in wrote.stdout
    assert (project.folder / "mine.toml").read_text() == TEMPLATE.read_text()
    named = project.run("init", "-", "--target", "https://shop.example.com")
    assert tomllib.loads(named.stdout)["target"] == {"host": "https://shop.example.com"}
    wrong = project.run("init", "-", "--target", "shop.example.com")
    assert wrong.returncode == 2
    assert "is no address" in wrong.stderr
    assert project.run("init", "none/x.toml").returncode == 2


def test_on_a_terminal_it_asks_question_by_question(
    project: Project, terminal: Terminal, stack: DemoInfo, person: dict[str, str]
) -> None:
    given = [f"{name}={person[name]}" for name in ("HOME", "RAMPDECK_PG_USER")]
    terminal.start(["env", *given, *project.command("init")])
    terminal.until(lambda screen: "Where the load is to go" in screen)
    terminal.keys(stack.url, "Enter")
    terminal.until(lambda screen: "What it is called [staging]:" in screen)
    terminal.keys("Enter")
    terminal.until(lambda screen: "The hosts of the stack" in screen and "[local]" in screen)
    terminal.keys("staging", "Enter")
    screen = terminal.until(lambda screen: "EXIT CODE" in screen, 120)
    assert "EXIT CODE 0" in screen
    assert "could not find: PostgreSQL's password" in screen
    read = tomllib.loads((project.folder / "rampdeck.toml").read_text())
    assert read["target"] == {"host": stack.url, "environment": "staging"}
    assert "staging" in read["hosts"]
