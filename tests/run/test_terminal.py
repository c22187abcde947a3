"""The cockpit in a real terminal, against the real demo stack: what an operator does and sees."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from rampdeck.model import Event, EventKind, Step
from rampdeck.store import SessionReader
from tests.run.conftest import Project, environment

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Terminal:
    """A tmux pane of its own server, 160 x 45."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._name = f"rampdeck-test-{uuid.uuid4().hex[:8]}"

    def start(self, command: list[str]) -> None:
        line = f"{shlex.join(command)}; echo EXIT CODE $?; cat"
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", "160", "-y", "45", "sh", "-c", line)

    def keys(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def until(self, seen: Callable[[str], object], seconds: float = 60) -> str:
        """Wait until the screen shows something; returns the screen."""
        end = time.monotonic() + seconds
        while not seen(screen := self.screen()):
            assert time.monotonic() < end, screen
            time.sleep(0.1)
        return screen

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self._name, "kill-server"], capture_output=True, check=False)

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-u", "-L", self._name, *arguments]
        env = environment() | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=True)
        return done.stdout


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.close()


def target(screen: str) -> int:
    """The users that the top bar says are wanted."""
    found = re.search(r"users (?:\d+ → )?(\d+)", screen)
    return int(found[1]) if found else -1


def demo_processes(folder: Path) -> list[str]:
    """Return the supervisors of demos that were started in a folder: other tests have demos of their own."""
    return [
        " ".join(process.info["cmdline"] or ())
        for process in psutil.process_iter(["cmdline", "cwd"])
        if "rampdeck.demo" in (process.info["cmdline"] or ()) and process.info["cwd"] == str(folder)
    ]


def test_the_demo_begins_with_the_preflight_and_enter_begins_its_load(terminal: Terminal) -> None:
    terminal.start(["env", "-u", "RAMPDECK_NO_PREFLIGHT", *Project.command("demo")])
    looked = terminal.until(lambda screen: "PREFLIGHT" in screen and "done in" in screen)
    assert "0 failed" in looked
    assert "enter starts the plan" in looked
    assert "baseline" in looked
    terminal.keys("Enter")
    terminal.until(lambda screen: "RAMPING" in screen or "RUNNING" in screen)
    terminal.keys("k")
    terminal.until(lambda screen: "the load is running" in screen)
    terminal.keys("X")
    terminal.until(lambda screen: "enter starts the plan" in screen)
    terminal.keys("Escape")
    terminal.until(lambda screen: "STOPPED" in screen)
    terminal.keys("q")
    terminal.until(lambda screen: "EXIT CODE" in screen)


def test_an_operator_flies_the_demo(terminal: Terminal, tmp_path: Path) -> None:
    terminal.start(Project.command("demo"))
    flying = terminal.until(lambda screen: "RUNNING" in screen and target(screen) == 20)
    assert "baseline" in flying
    assert len(demo_processes(tmp_path)) == 1

    alive = terminal.until(
        lambda screen: (
            all(word in screen for word in ("GET    /dashboard/", "order 5", "backends", "ops/s", "staging"))
            and re.search(r"sources (▲\d+ )?●\d", screen.splitlines()[0])  # no source is blind
        )
    )
    for heading in (
        "Requests",
        "Gunicorn",
        "Nginx",
        "Trend",
        "pg_stat_activity",
        "Redis",
        "Hosts",
        "Events",
        "Gate",
    ):
        assert heading in alive

    terminal.keys("+")
    terminal.until(lambda screen: target(screen) == 30)
    terminal.keys("-", "s")
    terminal.until(lambda screen: target(screen) == 19)
    terminal.keys("m")
    terminal.until(lambda screen: "Mark this moment" in screen)
    terminal.keys("deploy [/x]", "Enter")
    terminal.until(lambda screen: "mark “deploy [/x]”" in screen)
    terminal.keys("C-s")
    terminal.until(lambda screen: "The record is in" in screen)
    (session,) = (tmp_path / "rampdeck-sessions").iterdir()
    assert "demo-shop" in (session / "record.md").read_text()

    for size in ((100, 30), (80, 24)):
        terminal.resize(*size)
        terminal.until(lambda screen: "Quit" in screen and "rps" in screen)
    terminal.resize(160, 45)

    terminal.keys("x")
    terminal.until(lambda screen: "STOPPED" in screen)
    terminal.keys("q")
    ended = terminal.until(lambda screen: "EXIT CODE" in screen)
    assert re.search("EXIT CODE [14]", ended), "stopped before the plan ended, or slow beside the other tests"
    assert demo_processes(tmp_path) == []

    with SessionReader(session / "session.sqlite") as reader:
        items = list(reader.items())
    events = [item for item in items if isinstance(item, Event)]
    said = [event.text for event in events if event.kind in (EventKind.KEY, EventKind.MARK)]
    assert "target 20 → 30 users (left the plan)" in said
    assert "deploy [/x]" in said
    causes = {item.users: item.cause for item in items if isinstance(item, Step)}
    assert (causes[20], causes[30], causes[19]) == ("plan", "key", "key")


def test_the_run_of_the_readme_ends_with_every_source_live_and_the_counts_of_nginx(project: Project) -> None:
    load = ("-u", "8", "-r", "5", "-t", "30s", "--json-file", "out.json")
    done = project.demo(*load)
    result = project.result
    assert done.returncode == {"PASS": 0, "FAIL": 1}[result["result"]], done.stderr
    assert all(reason.startswith("p95") for reason in result["reasons"]), "slow at most"
    assert demo_processes(project.folder) == []
    assert {source["state"] for source in result["sources"]} == {"live"}
    assert {source["name"].split("@")[0] for source in result["sources"]} == {
        "clock",
        "generator",
        "host",
        "gunicorn",
        "nginx",
        "postgres",
        "redis",
    }
    assert sum(request["failures"] for request in result["requests"]) == 0
    assert sum(request["requests"] for request in result["requests"]) > 0
    with SessionReader(Path(result["session"])) as reader:
        nginx = [item for item in reader.items() if getattr(item, "source", "") == "nginx@staging"]
    seen = sum(item.values["requests"] for item in nginx if hasattr(item, "values"))
    assert seen == sum(request["requests"] for request in result["requests"])
    both = result["reconciled"]
    assert (both["seen"], both["difference"], both["explained"]) == (seen, 0, True)
    assert result["steps"][0]["reconciled"]["explained"] is True


def test_a_run_that_starts_and_quits_by_itself_leaves_the_same_files(
    terminal: Terminal, project: Project
) -> None:
    project.write("rampdeck.toml", '[load]\nsettle = "1s"\n')
    given = ("--autostart", "--autoquit", "10", "-H", project.site, "-u", "3", "-r", "3", "-t", "6s")
    terminal.start(Project.command("run", *given, "--json-file", "out.json"))
    terminal.until(lambda screen: "STOPPED" in screen)
    ended = terminal.until(lambda screen: "EXIT CODE" in screen)
    assert project.result["result"] in ended
    assert project.result["requests"][0]["requests"] > 0
    assert (project.session / "record.md").exists()


def test_the_first_press_starts_the_load(terminal: Terminal, project: Project) -> None:
    terminal.start(Project.command("run", "-H", project.site))
    terminal.until(lambda screen: "READY" in screen)
    terminal.keys("w")
    terminal.until(lambda screen: "RUNNING" in screen and target(screen) == 1)
    terminal.keys("F9")
    terminal.until(lambda screen: "STOPPED" in screen)
    terminal.keys("q")
    terminal.until(lambda screen: "EXIT CODE" in screen)
    assert project.result_of_record["steps"][0]["cause"] == "key"


def test_the_list_of_user_classes_is_there_at_the_start_where_it_is_asked_for(
    terminal: Terminal, project: Project
) -> None:
    visitor = (project.folder / "locustfile.py").read_text()
    project.write("locustfile.py", visitor + visitor.replace("Visitor", "Buyer").replace('"/"', '"/buy"'))
    terminal.start(Project.command("run", "-H", project.site, "--class-picker"))
    terminal.until(lambda screen: "[x] Visitor" in screen and "[x] Buyer" in screen)
    ticked = terminal.screen().index
    first = "Visitor" if ticked("[x] Visitor") < ticked("[x] Buyer") else "Buyer"
    terminal.keys("Space")
    terminal.until(lambda screen: f"[ ] {first}" in screen)
    terminal.keys("Enter")
    terminal.until(lambda screen: "[x]" not in screen)
    terminal.keys("w")
    terminal.until(lambda screen: "RUNNING" in screen and re.search(r"GET +/", screen))
    terminal.keys("x")
    terminal.until(lambda screen: "STOPPED" in screen)
    terminal.keys("q")
    terminal.until(lambda screen: "EXIT CODE" in screen)
    asked = {request["name"] for request in project.result_of_record["requests"]}
    assert asked == {"/" if first == "Buyer" else "/buy"}


def test_a_task_that_asks_on_stdin_does_not_take_the_keys_of_the_cockpit(
    terminal: Terminal, project: Project
) -> None:
    text = (project.folder / "locustfile.py").read_text()
    project.write("locustfile.py", text + "        input('How many? ')\n")
    terminal.start(Project.command("run", "-H", project.site))
    terminal.until(lambda screen: "READY" in screen)
    terminal.keys("w")
    terminal.until(lambda screen: "RUNNING" in screen and "EOF when reading" in screen)
    terminal.keys("w")
    terminal.until(lambda screen: target(screen) == 2)
    terminal.keys("x")
    terminal.until(lambda screen: "STOPPED" in screen)
    terminal.keys("q")
    ended = terminal.until(lambda screen: "EXIT CODE" in screen)
    assert "How many?" not in ended
    assert any(
        "EOFError" in piece for item in project.result_of_record["findings"] for piece in item["evidence"]
    )
