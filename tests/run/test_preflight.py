"""The preflight as somebody uses it: by itself, and before a run, which it lets begin or not."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from rampdeck.preflight.checks import ALL
from rampdeck.store import SessionReader
from tests.record.test_junit import faults
from tests.run.conftest import Project, environment
from tests.run.test_terminal import Terminal, terminal

__all__ = ["terminal"]

LOOKED_AT = ("target.environment", "scenario.loads", "source.readable", "generator.limits")
"""Checks that depend on nothing but the folder; the others have tests of their own."""
UNREADABLE = """
[[collectors]]
kind = "nginx"
error_log = "/none/error.log"
access_log = "/none/access.log"
"""
LATER = """
[[collectors]]
kind = "nginx"
error_log = "/none/error.log"
absent = "not on this machine"
"""


def configured(project: Project, more: str = "") -> None:
    skipped = [one.name for one in ALL if one.name not in LOOKED_AT]
    project.write(
        "rampdeck.toml",
        f'[target]\nenvironment = "staging"\n[preflight]\nskip = {json.dumps(skipped)}\n'
        f'[load]\nsettle = "0.5s"\n[gate]\nthresholds = ["error_rate < 1%"]\n{more}',
    )


def env(**changes: str) -> dict[str, str]:
    """The environment of somebody who looks first."""
    set_aside = ("RAMPDECK_NO_PREFLIGHT", "RAMPDECK_ENVIRONMENT")
    return {name: value for name, value in environment().items() if name not in set_aside} | changes


def done(project: Project, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    with project.start(*arguments, env=env(**changes)) as process:
        try:
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def looked(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return done(project, "preflight", "-H", project.site, "-u", "2", *arguments)


def run(project: Project, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    load = ("-H", project.site, "-u", "2", "-r", "10", "-t", "2s", "--json-file", "out.json")
    return done(project, "run", "--headless", *load, *arguments, **changes)


def stored(project: Project) -> Mapping[str, Any]:
    with SessionReader(project.session / "session.sqlite") as reader:
        found: Mapping[str, Any] = reader.meta
    return found


def states(told: Mapping[str, Any]) -> dict[str, str]:
    return {check["name"]: check["state"] for check in told["checks"] if check["name"] in LOOKED_AT}


# -- by itself


def test_a_healthy_stack_is_told_line_by_line_and_leaves_nothing_behind(project: Project) -> None:
    configured(project)
    before = set(project.folder.rglob("*"))
    told = looked(project)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith(f"Preflight of {project.site}, environment staging\n")
    assert "● Scenario loads" in told.stdout
    assert "Visitor (1 task); 1 stage up to 2 users" in told.stdout
    assert "\x1b" not in told.stdout, "no colours where nobody sees them"
    assert " left out   in " in told.stdout.splitlines()[-1]
    after = {path for path in project.folder.rglob("*") if "__pycache__" not in path.parts}
    assert after == before, "no session folder, no file"


def test_a_failed_check_is_exit_code_1_with_what_to_do(project: Project) -> None:
    configured(project, UNREADABLE)
    told = looked(project)
    assert told.returncode == 1
    assert "✖ Source can be read" in told.stdout
    assert "/none/" in told.stdout
    assert " 1 failed · " in told.stdout.splitlines()[-1]


def test_what_could_not_be_found_out_is_exit_code_3(project: Project) -> None:
    project.write("rampdeck.toml", '[target]\nenvironment = "staging"\n' + CLOCK_OF_NOBODY)
    told = looked(project, "--only", "clock.offset")
    assert told.returncode == 3, told.stdout


CLOCK_OF_NOBODY = """
[hosts.nobody]
address = "127.0.0.1"
port = 9
connect_timeout = "1s"
[[collectors]]
kind = "host"
host = "nobody"
"""


def test_json_and_junit_say_the_same_as_the_text(project: Project) -> None:
    configured(project, UNREADABLE)
    told = looked(project, "--json", "--junit", "checks.xml")
    assert (told.returncode, told.stderr) == (1, "")
    document = json.loads(told.stdout)
    assert (document["target"], document["environment"]) == (project.site, "staging")
    assert (document["schema"], document["exit"], document["state"]) == (1, 1, "failed")
    assert states(document) == {
        "target.environment": "ok",
        "scenario.loads": "ok",
        "source.readable": "failed",
        "generator.limits": "ok",
    }
    xml = (project.folder / "checks.xml").read_text()
    assert faults(xml) == []
    red = [
        case.get("name") for case in ET.fromstring(xml).iter("testcase") if case.find("failure") is not None
    ]
    assert red == ["source.readable at nginx@local"]


def test_only_what_is_asked_for_is_looked_at(project: Project) -> None:
    configured(project, UNREADABLE)
    told = looked(project, "--json", "--only", "scenario.loads", "generator.limits")
    assert told.returncode == 0, told.stdout
    assert set(states(json.loads(told.stdout))) == {"scenario.loads", "generator.limits"}
    wrong = looked(project, "--only", "scenario.load")
    assert wrong.returncode == 2
    assert 'did you mean "scenario.loads"?' in wrong.stderr


def test_a_scenario_that_cannot_be_loaded_is_a_red_check_and_the_stack_is_looked_at_nonetheless(
    project: Project,
) -> None:
    configured(project)
    project.write("locustfile.py", "import no_such_module\n")
    told = looked(project, "--json")
    assert told.returncode == 1
    document = json.loads(told.stdout)
    assert states(document)["scenario.loads"] == "failed"
    assert states(document)["generator.limits"] == "ok"
    assert "no_such_module" in told.stdout


def test_what_the_scenario_prints_is_in_no_document(project: Project) -> None:
    configured(project)
    printing = (project.folder / "locustfile.py").read_text() + '\nprint("here I am")\n'
    project.write("locustfile.py", printing)
    told = looked(project, "--json", "--only", "scenario.loads")
    json.loads(told.stdout)
    assert "here I am" in told.stderr


@pytest.mark.parametrize(
    "arguments", [("--no-such-option",), ("-c", "none.toml"), ("--junit", "no/such/folder/x.xml")]
)
def test_a_wrong_command_line_is_exit_code_2(project: Project, arguments: tuple[str, ...]) -> None:
    told = looked(project, *arguments)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.startswith("rampdeck: ")


def test_help_says_what_there_is(project: Project) -> None:
    told = done(project, "preflight", "--help")
    assert told.returncode == 0
    for option in ("--json", "--junit", "--only", "--commands"):
        assert option in told.stdout


# -- before a run


def test_a_run_without_objections_begins_and_keeps_what_was_found(project: Project) -> None:
    configured(project, LATER)
    told = run(project)
    assert told.returncode in (0, 3), told.stderr  # so short, it may be inconclusive
    assert "preflight: " in told.stderr
    assert project.result["requests"], "there was load"
    kept = stored(project)["preflight"]
    assert kept["went_on"] == []
    assert states(kept) == {
        "target.environment": "ok",
        "scenario.loads": "ok",
        "source.readable": "skipped",
        "generator.limits": "ok",
    }


def test_a_red_check_lets_no_load_begin(project: Project) -> None:
    configured(project, UNREADABLE)
    told = run(project)
    assert told.returncode == 3, "nothing was tested"
    assert "✖ Source can be read" in told.stderr
    assert "● Scenario loads" not in told.stderr, "what is as expected needs no word"
    assert "source.readable" in told.stderr.split("No load is made: ")[1].splitlines()[0]
    assert "--go-on" in told.stderr
    assert project.result["requests"] == []
    assert project.result["result"] == "INCONCLUSIVE"
    assert any("preflight" in reason for reason in project.result["reasons"])
    assert states(stored(project)["preflight"])["source.readable"] == "failed"


def test_who_goes_on_is_noted(project: Project) -> None:
    configured(project, UNREADABLE)
    told = run(project, "--go-on")
    assert "✖ Source can be read" in told.stderr
    assert "●" not in told.stderr, "what is as expected needs no word"
    assert "No load is made" not in told.stderr
    assert project.result["requests"], "there was load"
    assert stored(project)["preflight"]["went_on"] == ["source.readable"]
    assert told.returncode == 3, "a load in spite of a failed check is no PASS"
    assert "the preflight failed: source.readable, and one went on" in project.result["reasons"]
    for form, file in (("--json", "record.json"), ("--md", "record.md"), ("--junit", "record.xml")):
        project.run("report", str(project.session), form, "-o", "again")
        again, live = project.folder / "again", project.session / file
        assert again.read_bytes() == live.read_bytes(), "a report says of the preflight what the run said"


@pytest.mark.parametrize("how", ["option", "variable"])
def test_who_wants_no_preflight_gets_none(project: Project, how: str) -> None:
    configured(project, UNREADABLE)
    told = run(project, "--no-preflight") if how == "option" else run(project, RAMPDECK_NO_PREFLIGHT="1")
    assert "preflight:" not in told.stderr
    assert project.result["requests"], "there was load"
    assert "preflight" not in stored(project)


def test_quiet_says_of_a_preflight_only_why_there_is_no_load(project: Project) -> None:
    configured(project)
    assert "preflight:" not in run(project, "--quiet").stderr
    configured(project, UNREADABLE)
    assert "✖ Source can be read" in run(project, "--quiet").stderr


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
@pytest.mark.parametrize("leaves", [True, False])
def test_a_cockpit_that_starts_by_itself_is_held_back_too(
    terminal: Terminal, project: Project, leaves: bool
) -> None:
    configured(project, UNREADABLE)
    terminal.folder = project.folder
    quit_ = ["--autoquit", "1"] if leaves else []
    given = ["-H", project.site, "-u", "2", "--autostart", *quit_, "--json-file", "out.json"]
    terminal.start(["env", "-u", "RAMPDECK_NO_PREFLIGHT", *project.command("run", *given)])
    if not leaves:
        shown = terminal.until(lambda screen: "PREFLIGHT" in screen and "done in" in screen)
        assert "Source can be read" in shown, "the cockpit stays, and shows why"
        terminal.keys("q")
    terminal.until(lambda screen: "EXIT CODE 3" in screen)
    assert project.result["requests"] == []
    assert states(stored(project)["preflight"])["source.readable"] == "failed"


def test_the_demo_can_be_looked_at_without_load(project: Project) -> None:
    names = ["host.connects", "source.readable", "clock.offset", "gate.thresholds", *LOOKED_AT]
    told = done(project, "demo", "--preflight", "--json", "--only", *names)
    assert told.returncode == 0, told.stdout + told.stderr
    document = json.loads(told.stdout)
    assert {check["state"] for check in document["checks"]} <= {"ok", "skipped"}
    assert document["environment"] == "demo"
    assert not (project.folder / "rampdeck-sessions").exists()
