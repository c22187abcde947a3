"""A run whose generator, or whose scenario, is itself the limit."""

from __future__ import annotations

import pytest

from tests.run.conftest import Project

QUICK = """
[load]
settle = "1s"
"""
BLOCKING = """
import hashlib
from locust import FastHttpUser, constant, task

def slow_hash():
    hashlib.pbkdf2_hmac("sha256", b"hunter2", b"salt", 2_000_000)

class Visitor(FastHttpUser):
    wait_time = constant(0.3)

    @task
    def pay(self):
        self.client.get("/")
        slow_hash()
"""
COUNTING = """
import time
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.3)

    @task
    def count(self):
        self.client.get("/")
        until = time.thread_time() + 0.4
        while time.thread_time() < until:
            sum(range(1000))
"""
OWN_ALARM = """
import signal

signal.signal(signal.SIGALRM, lambda *_: None)
"""
HELD_UP = """
import gevent.lock
from locust import FastHttpUser, constant, task

account = gevent.lock.Semaphore(1)

class Visitor(FastHttpUser):
    wait_time = constant(0.1)

    @task
    def home(self):
        with account:
            self.client.get("/")
"""
SLEEPING = """
import time
from locust import FastHttpUser, task

class Visitor(FastHttpUser):
    @task
    def home(self):
        self.client.get("/")
        time.sleep(0.2)
"""


@pytest.mark.parametrize(
    ("scenario", "place"),
    [
        (BLOCKING, "at locustfile.py, line 6, in slow_hash: hashlib.pbkdf2_hmac; every user waited"),
        (COUNTING, "in Visitor.count"),
    ],
)
def test_code_of_the_scenario_that_blocks_the_loop_is_named(
    project: Project, scenario: str, place: str
) -> None:
    project.write("locustfile.py", scenario)
    project.write("rampdeck.toml", QUICK)
    done = project.headless("-u", "1", "-t", "8s")
    # A busy machine may let the loop stand in other places besides.
    findings = [str(finding["text"]) for finding in project.result["findings"]]
    assert any("the loop stood still" in text and place in text for text in findings), done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("the loop stood")]
    assert any(place in line for line in told), told
    assert "hunter2" not in done.stderr
    assert place.split(";")[0] in (project.session / "record.md").read_text()


def test_a_scenario_with_an_alarm_of_its_own_keeps_it(project: Project) -> None:
    project.write("locustfile.py", OWN_ALARM + BLOCKING)
    project.write("rampdeck.toml", QUICK)
    done = project.headless("-u", "1", "-t", "5s")
    assert done.stderr.count("the scenario uses SIGALRM itself") == 1
    assert "the loop stood" not in done.stderr


def test_a_scenario_that_does_not_block_is_not_accused(project: Project) -> None:
    project.write("rampdeck.toml", QUICK)
    project.headless("-u", "5", "-r", "5", "-t", "6s")
    assert not any("locustfile" in finding["text"] for finding in project.result["findings"])


def test_a_level_beyond_a_configured_limit_is_inconclusive_and_says_why(project: Project) -> None:
    project.write("rampdeck.toml", QUICK + "[generator]\ncpu = 0.01\n")
    done = project.headless("-u", "2", "-r", "2", "-t", "6s")
    assert done.returncode == 3, done.stderr
    (step,) = project.result["steps"]
    assert step["verdict"] == "INCONCLUSIVE"
    (mark,) = [mark for mark in step["marks"] if "core" in mark]
    assert mark.startswith("the generator used more than 0.01 % of a core in ")
    assert f"step 1 (2 users): {mark}" in project.result["reasons"]
    assert f"- Step 1: {mark}" in (project.session / "record.md").read_text()


def test_users_who_wait_for_each_other_are_found_by_little_s_law(project: Project) -> None:
    project.write("locustfile.py", HELD_UP)
    project.write("rampdeck.toml", QUICK)
    done = project.headless("-u", "50", "-r", "50", "-t", "16s")
    assert done.returncode == 3, done.stderr
    assert any("in no request and no wait" in reason for reason in project.result["reasons"])


def test_a_sleep_in_a_task_is_a_wait(project: Project) -> None:
    project.write("locustfile.py", SLEEPING)
    # Taken for neither, the sleeps would be nearly all of the users' time; a busy machine takes some of it.
    project.write("rampdeck.toml", QUICK + "[generator]\nlittles_law = 60\n")
    project.headless("-u", "5", "-r", "5", "-t", "16s")
    assert not any("in no request and no wait" in reason for reason in project.result["reasons"])


def test_a_limit_of_open_files_that_cannot_carry_the_users_is_told_before_the_load(project: Project) -> None:
    done = project.headless("-u", "100", "-r", "1", "-t", "1s", open_files=130)
    assert "100 users need about 200 open files, but this process may have 130" in done.stderr
    done = project.headless("-u", "20", "-r", "1", "-t", "1s", open_files=130)
    assert "open files" not in done.stderr
