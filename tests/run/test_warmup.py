"""A warm-up stage: caches are filled by it, and nothing of it counts."""

from __future__ import annotations

from rampdeck.exits import Exit

from .conftest import ANY_MACHINE, Project

# The first requests fail, as with empty caches and pools.
COLD = """
from itertools import count
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.05)
    asked = count()

    @task
    def home(self):
        self.client.get("/" if next(self.asked) >= 10 else "/broken", name="/")
"""
PLAN = """
[load]
settle = "0.5s"

[[stages]]
name = "caches"
users = 2
spawn_rate = 10
hold = "2s"
warmup = true

[[stages]]
name = "peak"
users = 4
spawn_rate = 10
hold = "4s"

[gate]
thresholds = ["error_rate < 1%", "error_rate < 1% over 1s abort"{more}]
"""


def test_what_fails_while_the_stack_warms_up_is_not_held_against_it(project: Project) -> None:
    project.write("locustfile.py", COLD)
    project.write("rampdeck.toml", PLAN.replace("{more}", "") + ANY_MACHINE)
    done = project.headless()
    assert done.returncode == Exit.PASS, done.stderr
    caches, peak = project.result_of_record["steps"]
    assert (caches["stage"], caches["warmup"], caches["measured"]) == ("caches", True, False)
    assert (peak["stage"], peak["warmup"], peak["measured"]) == ("peak", False, True)
    assert peak["requests"] > 0
    assert peak["failures"] == 0
    told = (project.session / "record.md").read_text()
    assert "○ warm-up" in told
    assert project.run("report", str(project.session), "--exit-code").returncode == Exit.PASS


def test_no_threshold_can_be_set_for_a_warm_up(project: Project) -> None:
    project.write("rampdeck.toml", PLAN.replace("{more}", ', "p95 < 1s at caches"'))
    done = project.headless()
    assert done.returncode == Exit.USAGE
    assert "caches" in done.stderr
