"""A run whose users are to keep a pace: what its record says when they do, and when they cannot."""

from __future__ import annotations

from pathlib import Path

from rampdeck.model import Pace, RequestBatch
from rampdeck.store import SessionReader
from tests.run.conftest import ANY_MACHINE, Project

SETTLED = f"""
[load]
settle = "1s"
{ANY_MACHINE}
"""
# They begin one after the other, so that no second has more of them than another.
PACED = """
import itertools
import gevent
from locust import FastHttpUser, constant_throughput, task

numbers = itertools.count()

class Visitor(FastHttpUser):
    wait_time = constant_throughput({rate})

    def on_start(self):
        gevent.sleep(next(numbers) / 20)

    @task
    def home(self):
        self.client.get("/")
"""


def paces(session: Path) -> list[Pace]:
    with SessionReader(session) as reader:
        batches = [item for item in reader.items() if isinstance(item, RequestBatch)]
    return [batch.pace for batch in batches if batch.pace is not None]


def test_a_pace_that_is_kept_is_in_the_record_and_in_the_session_file(project: Project) -> None:
    project.write("rampdeck.toml", SETTLED)
    # What a busy machine costs each of them is little of a whole second, and nothing makes up for it.
    project.write("locustfile.py", PACED.format(rate=1))
    done = project.headless("-u", "20", "-r", "20", "-t", "8s")
    assert done.returncode == 0, done.stderr
    (step,) = project.result["steps"]
    assert step["asked"] == 20.0
    assert step["achieved"] > 0.95 * step["asked"]
    assert project.result["pacing"][0].startswith("step 1: asked 20.0 iterations/s, achieved ")
    kept = paces(project.session / "session.sqlite")
    (request,) = project.result["requests"]
    assert sum(pace.requests for pace in kept) == request["requests"]


def test_a_pace_that_the_server_does_not_allow_takes_the_pass_away(project: Project) -> None:
    project.write("rampdeck.toml", SETTLED)
    project.write("locustfile.py", PACED.format(rate=1_000))  # the server takes 10 ms
    done = project.headless("-u", "2", "-r", "10", "-t", "6s")
    assert done.returncode == 3, done.stderr
    assert project.result["result"] == "INCONCLUSIVE"
    (doubt,) = (doubt for doubt in project.result["doubts"] if "asked" in doubt)
    assert doubt.startswith("step 1 (2 users): asked 2000.0 iterations/s, achieved ")
    assert "users too few for this pace" in doubt
