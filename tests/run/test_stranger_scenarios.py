"""Locustfiles that do what no locustfile should: the run, its record and its exit code hold."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import urllib.request
from collections.abc import Iterator

import pytest

from rampdeck.engine.recorder import MOST_NAMES
from rampdeck.model import OTHER_NAMES, Event
from tests.run.conftest import Project, environment, serving
from tests.run.test_headless import _until_running, items_of

SETTLED = '[load]\nsettle = "1s"\n'
SHORT = ("-u", "2", "-r", "20", "-t", "3s")
SCENARIO = """
import signal
from locust import FastHttpUser, constant, events, task

# at import

class Visitor(FastHttpUser):
    wait_time = constant(0.1)

    def on_start(self):
        self.log_in()

    def log_in(self):
        pass

    @task
    def home(self):
        self.client.get("/")
        self.more()

    def more(self):
        pass
"""


def scenario(project: Project, old: str, new: str) -> None:
    assert old in SCENARIO
    project.write("locustfile.py", SCENARIO.replace(old, new, 1))


def raised(project: Project) -> dict[str, str]:
    """What the scenario's own code raised, and what is told of it."""
    found = project.result["findings"]
    return {item["evidence"][0]: item["text"] for item in found if "own code" in item["text"]}


@pytest.mark.parametrize("start_from", ["a pipe", "a terminal"])
def test_a_task_that_asks_on_stdin_is_told_that_nobody_answers(project: Project, start_from: str) -> None:
    scenario(project, "def more(self):\n        pass", "def more(self):\n        input('How many? ')")
    given = ("run", "--headless", "-H", project.site, *SHORT, "--json-file", "out.json")
    leader, follower = pty.openpty() if start_from == "a terminal" else os.pipe()
    if start_from == "a pipe":
        leader, follower = follower, leader
    try:
        done = subprocess.run(
            project.command(*given),
            cwd=project.folder,
            env=environment(),
            stdin=follower,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(leader)
        os.close(follower)
    (request,) = project.result["requests"]
    assert request["requests"] > 2, f"nobody waits for an answer\n{done.stderr}"
    assert "EOFError: EOF when reading a line" in raised(project)


def test_a_locustfile_that_asks_at_import_is_refused_with_its_line(project: Project) -> None:
    scenario(project, "# at import", "name = input('Which shop? ')")
    done = project.headless(*SHORT)
    assert done.returncode == 2
    assert "rampdeck: locustfile.py, line 5\n  why  the locustfile asks on stdin\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project.folder / "rampdeck-sessions").exists()


def test_users_whose_on_start_raises_are_told_and_the_others_go_on(project: Project) -> None:
    fails = "number = Visitor.number = getattr(Visitor, 'number', 0) + 1\n"
    fails += "        if number % 2: raise KeyError('csrf [/x]')"
    scenario(project, "def log_in(self):\n        pass", f"def log_in(self):\n        {fails}")
    project.write("rampdeck.toml", SETTLED)
    done = project.headless("-u", "4", "-r", "20", "-t", "5s")
    (request,) = project.result["requests"]
    assert request["requests"] > 10, done.stderr
    assert request["failures"] == 0
    assert raised(project) == {"KeyError: 'csrf [/x]'": "the scenario's own code raised 2 times"}
    assert "csrf" in (project.session / "record.md").read_text()


def test_nobody_gets_through_on_start_and_the_run_still_ends_with_a_record(project: Project) -> None:
    scenario(project, "def log_in(self):\n        pass", "def log_in(self):\n        input()")
    project.write("rampdeck.toml", SETTLED)
    done = project.headless(*SHORT)
    assert done.returncode == 3, done.stderr
    assert project.result["requests"] == []
    assert "EOFError: EOF when reading a line" in raised(project)


TAKES = "for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, lambda *_: None)"


@pytest.mark.parametrize(
    ("taken", "number"),
    [
        (TAKES, signal.SIGINT),
        (f"@events.init.add_listener\ndef take(**_):\n    {TAKES}", signal.SIGTERM),
        (f"@events.test_start.add_listener\ndef take(**_):\n    {TAKES}", signal.SIGINT),
        ("import gevent\nfor number in (2, 15): gevent.signal_handler(number, print)", signal.SIGTERM),
    ],
    ids=["at import", "in init", "in test_start", "through gevent"],
)
def test_a_scenario_that_takes_the_signals_does_not_keep_them(
    project: Project, taken: str, number: signal.Signals
) -> None:
    scenario(project, "# at import", taken)
    given = ("-H", project.site, "-u", "2", "-r", "20", "-t", "60s", "--json-file", "out.json")
    with project.start("run", "--headless", *given) as process:
        _until_running(process)
        process.send_signal(number)
        try:
            process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 4
    assert any("operator stopped" in reason for reason in project.result["reasons"])
    assert (project.session / "record.md").exists()


COUNTING = """
import asyncio, collections, json

async def main():
    seen = collections.Counter()

    async def serve(reader, writer):
        try:
            while True:
                path = (await reader.readuntil(b"\\r\\n\\r\\n")).split(b" ", 2)[1].decode()
                seen[path] += path != "/seen"
                body = json.dumps(seen).encode() if path == "/seen" else b"ok"
                writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
        except Exception:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""
MANY = 10_000
ASKS_FOR_MANY = f"""
import itertools
import gevent
from locust import FastHttpUser, task

numbers, answered = itertools.count(), itertools.count(1)

class Visitor(FastHttpUser):
    @task
    def ask(self):
        number = next(numbers)
        if number >= {MANY}:
            gevent.sleep(60)
        self.client.get(f"/orders/{{number}}")
        if next(answered) == {MANY}:
            gevent.spawn(self.environment.runner.quit)
"""


@pytest.fixture
def counting_site() -> Iterator[str]:
    with serving(COUNTING) as address:
        yield address


def test_ten_thousand_names_share_one_beyond_the_first_and_nothing_is_lost(
    project: Project, counting_site: str
) -> None:
    project.site = counting_site
    project.write("locustfile.py", ASKS_FOR_MANY)
    done = project.headless("-u", "20", "-r", "100", "-t", "300s", "--csv", "x", seconds=300)
    with urllib.request.urlopen(f"{counting_site}/seen") as answer:
        seen = {path: count for path, count in json.load(answer).items() if count}
    assert len(seen) == MANY, done.stderr
    counted = {request["name"]: request["requests"] for request in project.result["requests"]}
    others = counted.pop(OTHER_NAMES)
    assert len(counted) == MOST_NAMES
    assert {name: seen[name] for name in counted} == counted
    assert others == sum(seen.values()) - sum(counted.values())
    assert project.result["total"]["requests"] == sum(seen.values()) == MANY
    told = [item.text for item in items_of(project.session / "session.sqlite") if isinstance(item, Event)]
    assert len([text for text in told if OTHER_NAMES in text]) == 1, "said aloud, once"
    assert OTHER_NAMES in (project.session / "record.md").read_text()


NAMES = (
    "[/orders/]",
    "[bold]x[/]",
    "<script>alert(1)</script>",
    "a | b `c` *d*",
    "\x1b[31mred\x07",
    "[@click=app.bell()]",
)


def test_names_that_look_like_markup_are_names_in_every_file(project: Project) -> None:
    more = f"def more(self):\n        for name in {NAMES!r}: self.client.get('/', name=name)"
    scenario(project, "def more(self):\n        pass", more)
    project.headless(*SHORT, "--html", "report.html")
    assert set(NAMES) | {"/"} == {request["name"] for request in project.result["requests"]}
    page, record = (
        path.read_text() for path in (project.folder / "report.html", project.session / "record.md")
    )
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "[@click=app.bell()]" in page
    for text in (page, record):
        assert "\x1b" not in text
        assert "\x07" not in text
    assert r"a \| b" in record
