"""What an operator relies on: a flow that does not work for one user is found before a hundred try it."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import rampdeck
from rampdeck.preflight.check import Check, State
from rampdeck.preflight.checks.flows import CHECKS, asks
from rampdeck.preflight.flows import HERE, command
from rampdeck.preflight.inspection import Inspection
from rampdeck.preflight.stack import Scenario

from ..answering import Asked, Reply, Server, answering
from ..stacks import stack

HEAD = """
import sys, time
from locust import HttpUser, SequentialTaskSet, TaskSet, between, constant, events, tag, task
from locust.exception import StopUser
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(rampdeck.__file__).parents[1]))
    return tmp_path


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    def reply(asked: Asked) -> Reply:
        status = 500 if asked.path.startswith("/broken") else 200
        return Reply(status)

    async with answering(reply) as serving:
        yield serving


async def tried(server: Server, body: str, *arguments: str, **preflight: object) -> tuple[Check, ...]:
    Path("locustfile.py").write_text(HEAD + textwrap.dedent(body))
    scenario = Scenario(files=("locustfile.py",), arguments=("--host", server.url, *arguments))
    made = stack({"preflight": preflight}, target=server.url, scenario=scenario)
    return (await Inspection(made, CHECKS).run()).checks


def paths(server: Server) -> list[str]:
    """What the users asked for; before they do, it is looked whether the target answers at all."""
    return [asked.path for asked in server.asked[1:]]


async def test_each_task_is_done_once_whatever_its_weight_and_without_a_pause(server: Server) -> None:
    body = """
    class Visitor(HttpUser):
        wait_time = constant(3600)
        def on_start(self):
            self.client.get("/start")
        def on_stop(self):
            self.client.get("/stop")
        @task(50)
        def often(self):
            self.client.get("/often")
        @task
        def once(self):
            self.client.get("/once", name="/[page]")
    """
    (found,) = await tried(server, body)
    assert found.state is State.OK, found.found
    assert found.found.startswith("Visitor: 2 tasks, 4 requests, slowest GET /")
    assert paths(server) == ["/start", "/often", "/once", "/stop"]


async def test_nested_tasks_are_done_with_their_beginning_and_end(server: Server) -> None:
    body = """
    class Visitor(HttpUser):
        @task
        class Shop(SequentialTaskSet):
            def on_start(self):
                self.client.get("/shop")
            @task(3)
            def first(self):
                self.client.get("/first")
            @task
            class Inner(TaskSet):
                @task
                def deep(self):
                    self.client.get("/deep")
                    self.interrupt()
            @task
            def last(self):
                self.client.get("/last")
                self.interrupt()
            def on_stop(self):
                self.client.get("/left")
    """
    (found,) = await tried(server, body)
    assert found.state is State.OK, found.found
    assert paths(server) == ["/shop", "/first", "/deep", "/last", "/left"]


async def test_each_class_is_told_by_itself_with_what_failed(server: Server) -> None:
    body = """
    class Good(HttpUser):
        @task
        def page(self):
            self.client.get("/")
    class Bad(HttpUser):
        @task
        def broken(self):
            self.client.get("/broken", name="/broken")
        @task
        def told(self):
            with self.client.get("/", name="checked", catch_response=True) as answer:
                answer.failure("not logged in with password=hunter2")
        @task
        def defect(self):
            {}["number"]
    class Never(HttpUser):
        weight = 0
        @task
        def page(self):
            self.client.get("/never")
    """
    good, bad = await tried(server, body)
    assert good.state is State.OK
    assert bad.state is State.FAILED
    assert "GET /broken: " in bad.found
    assert "500" in bad.found
    assert "GET checked: not logged in" in bad.found
    assert "hunter2" not in bad.found
    assert "defect: KeyError: 'number' (locustfile.py, line " in bad.found
    assert "/never" not in paths(server)


async def test_a_user_who_cannot_begin_does_nothing_and_that_is_told(server: Server) -> None:
    body = """
    class Stops(HttpUser):
        def on_start(self):
            raise StopUser("no account left")
        @task
        def page(self):
            self.client.get("/page")
    class Breaks(HttpUser):
        def on_start(self):
            raise ValueError("no token")
        @task
        def page(self):
            self.client.get("/page")
    """
    stops, breaks = await tried(server, body)
    assert stops.state is breaks.state is State.FAILED
    assert "on_start: the user stopped itself: no account left; not done: page" in stops.found
    assert "on_start: ValueError: no token" in breaks.found
    assert paths(server) == []


async def test_a_user_who_ends_itself_leaves_tasks_and_that_is_a_warning(server: Server) -> None:
    body = """
    class Visitor(HttpUser):
        @task
        def first(self):
            self.client.get("/first")
            raise StopUser
        @task
        def second(self):
            self.client.get("/second")
        def on_stop(self):
            self.client.get("/stop")
    """
    (found,) = await tried(server, body)
    assert found.state is State.WARNING
    assert "the user ended before second" in found.found
    assert paths(server) == ["/first", "/stop"]


async def test_tags_and_chosen_classes_are_those_of_the_run(server: Server) -> None:
    body = """
    class Visitor(HttpUser):
        @tag("read")
        @task
        def read(self):
            self.client.get("/read")
        @task
        def write(self):
            self.client.get("/write")
    class Other(HttpUser):
        @task
        def other(self):
            self.client.get("/other")
    """
    (found,) = await tried(server, body, "--tags", "read", "--", "Visitor")
    assert found.state is State.OK, found.found
    assert paths(server) == ["/read"]


async def test_listeners_hear_what_they_hear_in_a_run_and_prints_disturb_nothing(server: Server) -> None:
    body = """
    @events.init.add_listener
    def begin(environment, **_):
        print("{", flush=True)
        environment.pages = []
    @events.test_start.add_listener
    def start(environment, **_):
        environment.pages.append("/prepared")
    @events.test_stop.add_listener
    def stop(environment, **_):
        open("stopped", "w").close()
    class Visitor(HttpUser):
        @task
        def page(self):
            print("}", file=sys.stderr)
            self.client.get(self.environment.pages[0])
    """
    (found,) = await tried(server, body)
    assert found.state is State.OK, found.found
    assert paths(server) == ["/prepared"]
    assert Path("stopped").exists()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("class Visitor(HttpUser: pass", "SyntaxError"),
        (
            """
            @events.init.add_listener
            def begin(**_):
                sys.exit("give --users-csv")
            class Visitor(HttpUser):
                @task
                def page(self): pass
            """,
            "give --users-csv",
        ),
        (
            """
            import os
            class Visitor(HttpUser):
                @task
                def page(self): os.write(2, b"gone for good\\n"); os._exit(3)
            """,
            "gone for good",
        ),
    ],
)
async def test_a_scenario_that_cannot_be_tried_fails_with_its_reason(
    server: Server, body: str, words: str
) -> None:
    (found,) = await tried(server, body)
    assert found.state is State.FAILED
    assert words in found.found
    assert found.fix


async def test_a_task_without_requests_proves_nothing(server: Server) -> None:
    (found,) = await tried(server, "class Visitor(HttpUser):\n    @task\n    def page(self): pass\n")
    assert found.state is State.WARNING
    assert "it asks for nothing" in found.found


async def test_where_the_target_does_not_answer_no_flow_is_tried(
    server: Server,
) -> None:
    nobody, body = (
        Server("http://127.0.0.1:9"),
        f"""
    class Visitor(HttpUser):
        host = "{server.url}"
        @task
        def page(self):
            self.client.get("{server.url}/page")
    """,
    )
    (found,) = await tried(nobody, body)
    assert found.state is State.SKIPPED
    assert found.found == "no answer from http://127.0.0.1:9: target.answers says why"
    assert server.asked == []
    (found,) = await tried(nobody, body, skip=["target.answers"])
    assert found.state is State.OK, "who leaves that check out has a target that speaks no HTTP"
    assert [asked.path for asked in server.asked] == ["/page"]


async def test_whoever_wants_no_flows_or_has_none_is_told_so(server: Server) -> None:
    body = "class Visitor(HttpUser):\n    @task\n    def page(self): self.client.get('/')\n"
    (off,) = await tried(server, body, flows=False)
    (none,) = (await Inspection(stack(), CHECKS).run()).checks
    assert off.state is none.state is State.SKIPPED
    assert "[preflight] flows" in off.found
    assert "[scenario] file" in none.fix
    assert paths(server) == []


async def test_the_guard_of_a_run_stands_here_too(server: Server) -> None:
    async with answering(Reply()) as other:
        there = other.url.replace("localhost", "127.0.0.2")
        body = f"""
        class Visitor(HttpUser):
            @task
            def elsewhere(self):
                self.client.get("{there}/")
        """
        (found,) = await tried(server, body)
    assert found.state is State.FAILED
    assert "guard" in found.found.lower()
    assert other.asked == []


def test_it_is_started_with_the_command_line_of_the_run() -> None:
    assert HERE[0] == sys.executable
    assert command(("-f", "it's.py")).endswith("-m rampdeck flows -f 'it'\"'\"'s.py'")
    assert [one.host for one in asks(stack().settings)] == [""]
    assert not list(asks(stack({"preflight": {"flows": False}}).settings))
