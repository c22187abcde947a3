"""The limits of a run, as somebody meets them at the command line: named, confirmed, capped, stopped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rampdeck.model import Event, EventKind, Sample, Step
from rampdeck.store import SessionReader
from tests.run.conftest import ANY_MACHINE, Project, environment

BROKEN = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.1)

    @task
    def home(self):
        self.client.get("/broken")
"""
SHAPE = """
from locust import FastHttpUser, LoadTestShape, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.1)

    @task
    def home(self):
        self.client.get("/")

class Steep(LoadTestShape):
    def tick(self):
        return (500, 900) if self.get_run_time() < 6 else None
"""
CALM = f"""
[load]
settle = "1s"
{ANY_MACHINE}
"""


def meta(project: Project) -> dict[str, Any]:
    with SessionReader(project.session / "session.sqlite") as reader:
        return dict(reader.meta)


def events(project: Project) -> list[Event]:
    with SessionReader(project.session / "session.sqlite") as reader:
        return [item for item in reader.items() if isinstance(item, Event)]


def test_a_run_that_does_not_say_what_it_loads_is_refused_and_told_what_to_write(project: Project) -> None:
    unnamed = {name: value for name, value in environment().items() if name != "RAMPDECK_ENVIRONMENT"}
    with project.start("run", "--headless", "-H", project.site, env=unnamed) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert 'environment = "staging"' in err
    assert "--environment staging" in err
    assert not (project.folder / "rampdeck-sessions").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--environment", "prod-eu"), "--confirm-production 127.0.0.1"),
        (("--environment", "prod-eu", "--confirm-production", "localhost"), "the load would go to 127.0.0.1"),
        (("--confirm-production", "shop.example.com"), "the load would go to 127.0.0.1"),
        (("-u", "20000"), "the most is 10000, by [guard] users"),
        (("-u", "5", "-r", "500"), "the most is 100/s, by [guard] spawn_rate"),
    ],
)
def test_what_the_guard_refuses_does_not_begin(
    project: Project, arguments: tuple[str, ...], says: str
) -> None:
    done = project.headless("-u", "2", "-t", "3s", *arguments)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert not (project.folder / "rampdeck-sessions").exists()


def test_a_confirmation_that_stands_in_a_file_confirms_nothing(project: Project) -> None:
    project.write("locust.conf", "confirm-production = 127.0.0.1\n")
    done = project.headless("-u", "2", "-t", "3s", "--environment", "production")
    assert done.returncode == 2
    assert "it would confirm every run" in done.stderr


def test_production_that_was_confirmed_is_loaded_and_the_session_says_who_did(project: Project) -> None:
    project.write("rampdeck.toml", CALM + '[target]\nproduction = ["127.0.0.0/8"]\n[guard]\nusers = 50\n')
    project.write("locustfile.py", SHAPE.replace("500, 900", "60, 300"))
    done = project.headless("--confirm-production", "127.0.0.1")
    assert done.returncode in (0, 3), done.stderr
    told = meta(project)
    assert told["environment"] == "test"
    assert told["ceilings"]["users"] == 50
    assert told["production"]["host"] == "127.0.0.1"
    assert told["production"]["confirmed"]["how"] == "--confirm-production"
    said = [event.text for event in events(project) if "guard" in event.fields]
    assert said[0].startswith("the load of production, 127.0.0.1, was confirmed")
    assert "60 users were asked for: cut to 50, the most that [guard] users allows" in said
    assert "a spawn rate of 300/s was asked for: cut to 100/s, by [guard] spawn_rate" in said
    with SessionReader(project.session / "session.sqlite") as reader:
        assert {item.users for item in reader.items() if isinstance(item, Step)} == {50}
    assert project.result["users"] == 50


def test_a_run_whose_requests_fail_is_stopped_by_itself_and_fails(project: Project) -> None:
    project.write("locustfile.py", BROKEN)
    project.write(
        "rampdeck.toml", CALM + '[gate]\nthresholds = ["p95 < 10s"]\n[guard]\nemergency_after = "4s"\n'
    )
    done = project.headless("-u", "5", "-r", "5", "-t", "500s", seconds=200)
    assert done.returncode == 1, done.stderr
    reason = "the guard stopped the load: 100 % of the requests failed for 4 s (bound 50 %)"
    assert project.result["result"] == "FAIL"
    assert project.result["reasons"][0] == reason
    assert reason in done.stderr
    assert project.result["steps"][-1]["verdict"] == "FAIL"
    assert reason in (project.session / "record.md").read_text()
    (fired,) = [event for event in events(project) if event.fields.get("guard") == "emergency"]
    assert (fired.kind, fired.text) == (EventKind.LOAD, reason)
    assert meta(project)["outcome"]["ended"] == "guard"

    again = project.run("report", str(project.session), "--json", "-o", "again.json", "--exit-code")
    assert again.returncode == 1, again.stderr
    told = json.loads((project.folder / "again.json").read_text())
    assert (told["result"], told["reasons"]) == ("FAIL", project.result["reasons"])
    assert told["steps"] == project.result["steps"]


def test_without_the_emergency_stop_the_load_goes_on(project: Project) -> None:
    project.write("locustfile.py", BROKEN)
    project.write(
        "rampdeck.toml", CALM + '[gate]\nthresholds = ["p95 < 10s"]\n[guard]\nemergency_after = "3s"\n'
    )
    done = project.headless("--no-emergency-stop", "-u", "5", "-r", "5", "-t", "8s")
    assert done.returncode == 0, done.stderr
    assert meta(project)["ceilings"]["emergency"] is False
    assert meta(project)["outcome"]["ended"] == "run time"


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_a_run_that_was_held_back_did_not_make_the_load_that_was_asked_for(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.write("rampdeck.toml", CALM + '[gate]\nthresholds = ["p95 < 10s"]\n[guard]\nrps = 20\n')
    done = project.headless("-u", "10", "-r", "100", "-t", "8s", *workers)
    assert done.returncode == 3, done.stderr
    assert any(
        "requests were held back by the ceiling of [guard] rps" in why for why in project.result["reasons"]
    )
    (mark,) = [mark for mark in project.result["steps"][0]["marks"] if "held back" in mark]
    assert "the load was less than asked for" in mark
    assert 0 < project.result["steps"][0]["rps"] <= 22, "100 a second were asked for"
    with SessionReader(project.session / "session.sqlite") as reader:
        samples = [item for item in reader.items() if isinstance(item, Sample)]
    kind = "workers" if workers else "generator"
    held = sum(sample.values.get("held_back", 0) for sample in samples if sample.source.startswith(kind))
    assert held > 50
