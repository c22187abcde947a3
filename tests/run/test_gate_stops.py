"""Thresholds that stop the load: in a pipeline, in a plan, while the load is raised by itself."""

from __future__ import annotations

import pytest

from rampdeck.model import Event, EventKind, Step
from rampdeck.store import SessionReader
from tests.run.conftest import ANY_MACHINE, Project

BROKEN = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.1)

    @task
    def home(self):
        self.client.get("/broken")
"""
CONFIGURATION = f"""
[load]
step = 5
spawn_rate = 100
settle = "1s"
auto_hold = "30s"
max_users = 20
{ANY_MACHINE}
[gate]
thresholds = ["p95 < 10s", "error_rate < 1% abort after 2s"]
"""
PLAN = """
[[stages]]
name = "baseline"
users = 5
spawn_rate = 100
hold = "100s"
[[stages]]
name = "peak"
users = 10
spawn_rate = 100
hold = "100s"
"""


def items(project: Project) -> list[object]:
    with SessionReader(project.session / "session.sqlite") as reader:
        return list(reader.items())


@pytest.mark.parametrize("how", ["run time", "plan", "auto-step"])
def test_the_gate_stops_the_load_and_the_run_fails(project: Project, how: str) -> None:
    project.write("locustfile.py", BROKEN)
    project.write("rampdeck.toml", CONFIGURATION + (PLAN if how == "plan" else ""))
    arguments = {"run time": ("-u", "5", "-t", "100s"), "plan": (), "auto-step": ("--auto-step",)}[how]
    done = project.headless(*arguments)
    assert done.returncode == 1, done.stderr
    result = project.result
    assert result["result"] == "FAIL"
    assert result["reasons"][0].startswith(
        "error_rate < 1% abort after 2s failed: 100.0 % at step 1 (5 users), first at "
    )
    assert result["reasons"][0].endswith("; the gate stopped the load")
    said = [item.text for item in items(project) if isinstance(item, Event) and item.kind is EventKind.GATE]
    assert [text.endswith("; the gate stops the load") for text in said] == [False, True]
    assert {item.number for item in items(project) if isinstance(item, Step)} == {1}, "nothing came after it"
