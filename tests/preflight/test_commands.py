"""What an administrator reads before letting a load test onto a host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collectors import COLLECTORS
from rampdeck.cli import main
from rampdeck.config import Config
from rampdeck.discovery.seen import look
from rampdeck.errors import UsageError
from rampdeck.exits import Exit
from rampdeck.preflight.asks import TARGET, Asks
from rampdeck.preflight.commands import as_text, everything
from rampdeck.remote.command import guarded_line

TOML = """
[hosts.web]
address = "10.0.0.5"
user = "deploy"
port = 2222
[hosts.db]
[[collectors]]
kind = "nginx"
host = "web"
error_log = "/srv/log/it's error.log"
[[collectors]]
kind = "postgres"
host = "db"
dsn_env = "SHOP_DSN"
[[collectors]]
kind = "redis"
host = "db"
url_file = "redis.url"
[[collectors]]
kind = "gunicorn"
host = "web"
absent = "not on this host"
[release]
commit_sha = { host = "web", command = "PGPASSWORD=hunter2 git -C /srv/app rev-parse HEAD" }
image_tag = "web-1"
[workers]
local = 2
[[workers.remote]]
host = "gen"
command = "/opt/rampdeck worker"
[hosts.gen]
"""


def test_the_folder_of_the_release_is_asked_for_its_commit(capsys: pytest.CaptureFixture[str]) -> None:
    Path("rampdeck.toml").write_text('[hosts.web]\n[release]\nhost = "web"\nfolder = "/srv/it\'s"\n')
    commit, status = asked(capsys)["web"]["[release] folder"]
    assert "cd -- '/srv/it'\"'\"'s' || exit" in commit
    assert "git rev-parse HEAD" in commit
    assert "git --no-optional-locks" in status


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["preflight", "--commands", *arguments]) == Exit.PASS
    return capsys.readouterr().out


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, list[str]]]:
    """What each host is asked by whom."""
    hosts = json.loads(printed(capsys, "--json", *arguments))["hosts"]
    return {host["name"]: {it["name"]: it["asks"] for it in host["sources"]} for host in hosts}


@pytest.fixture
def configured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SHOP_DSN", "postgresql://monitor:hunter2@10.0.0.9/shop")
    (folder / "redis.url").write_text("redis://:hunter2@127.0.0.1:6379/0")
    path = folder / "staging.toml"
    path.write_text(TOML)
    return str(path)


def test_every_host_is_told_with_its_place_and_what_it_is_sent(
    configured: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, "-c", configured)
    assert "== web (ssh deploy@10.0.0.5 port 2222)" in text
    assert "== local (this machine)" in text
    assert "-- clock@web" in text, "what comes unasked is told, too"
    assert "-- the connection itself" in text
    assert "cat /proc/sys/kernel/random/boot_id" in text
    assert "gunicorn" not in text, "what is left out is not"
    for rule in ("One SSH connection a host", "at most 8 channels", "no file is written", "no root"):
        assert rule in " ".join(text.split())


def test_the_guard_around_each_command_is_shown_once_as_it_is_sent(
    configured: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, "-c", configured)
    for stdin in (False, True):
        assert text.count(guarded_line("COMMAND", stdin=stdin)) == 1


def test_facts_of_the_release_and_workers_are_sent_too(
    configured: str, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = asked(capsys, "-c", configured)
    assert hosts["web"]["[release] commit_sha"] == ["PGPASSWORD=*** git -C /srv/app rev-parse HEAD"]
    assert any("/opt/rampdeck worker --master-host" in ask for ask in hosts["gen"]["[[workers.remote]]"])
    assert any(ask.startswith("rm -rf ") for ask in hosts["gen"]["[[workers.remote]]"])
    assert "rampdeck worker OPTIONS" in hosts["local"]["[workers] local"][0]
    text = " ".join(printed(capsys, "-c", configured).split())
    assert "Only workers that make the load write" in text


def test_what_the_preflight_asks_stands_with_its_host_and_requests_with_the_target() -> None:
    settings = Config.model_validate({"hosts": {"web": {}}, "target": {"host": "https://staging.example"}})

    def asking(_: Config) -> tuple[Asks, ...]:
        return (
            Asks("web", "the settings of Django", ("DB_PASSWORD=hunter2 python manage.py check",)),
            Asks(TARGET, "the home page", ("GET /",)),
        )

    text = as_text(settings, everything(settings, COLLECTORS, [asking]), "this")
    assert "== web (ssh web)" in text
    assert "-- the connection itself" in text, "a host that only the preflight asks is connected to, too"
    assert "-- preflight: the settings of Django" in text
    assert "hunter2" not in text
    assert "== the target (https://staging.example)" in text


def test_a_question_to_a_host_that_is_not_configured_is_refused() -> None:
    with pytest.raises(UsageError, match="nowhere"):
        everything(Config(), COLLECTORS, [lambda _: [Asks("nowhere", "the settings", ("true",))]])


def test_without_workers_elsewhere_nothing_is_said_of_files(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "Only workers" not in printed(capsys)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_no_secret_is_printed(
    configured: str, capsys: pytest.CaptureFixture[str], form: tuple[str, ...]
) -> None:
    assert "hunter2" not in printed(capsys, "-c", configured, *form)


def test_the_file_that_is_here_is_taken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rampdeck.toml").write_text('[hosts.only]\n[[collectors]]\nkind = "host"\nhost = "only"\n')
    assert set(asked(capsys)) == {"only", "local", "the target"}


def test_without_a_configuration_every_kind_is_told_with_what_is_usual(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever adds a kind of source adds it to template.toml, where it is found."""
    kinds = {name.partition("@")[0] for sources in asked(capsys).values() for name in sources}
    assert {kind for kind in kinds if not kind.startswith("preflight: ")} == {
        *COLLECTORS,
        "the connection itself",
    }
    assert "app-1" in printed(capsys)


def test_a_configuration_that_cannot_be_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rampdeck.toml").write_text('[[collectors]]\nkind = "host"\nhost = "nowhere"\n')
    assert main(["preflight", "--commands"]) == Exit.USAGE
    assert "there is no [hosts.nowhere]" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preflight", "--commands", "-c", "none.toml"]) == Exit.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert "none.toml" in said.err


def test_without_a_file_it_is_told_how_hosts_are_looked_at(
    configured: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "preflight: rampdeck init, and run --on: what is there"
    sent = asked(capsys)["app-1"][name]
    assert look() in sent
    assert "Redis: PING" in sent
    assert name not in asked(capsys, "-c", configured)["web"], "with a file nobody looks"
