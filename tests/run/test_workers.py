"""`rampdeck run` with workers: started, counted, lost, ended, as a user does it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import psutil
import pytest

from rampdeck.demo.process import free_port
from rampdeck.model import Event, Sample
from tests.run.conftest import Project, environment, serving, until
from tests.run.test_headless import SETTLED, items_of
from tests.run.test_terminal import Terminal, target, terminal

__all__ = ["free_port", "terminal", "until"]

COUNTING = """
import asyncio

count = 0

async def serve(reader, writer):
    global count
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            body = b"ok"
            if head.startswith(b"GET /_count"):
                body = str(count).encode()
            else:
                count += 1
                await asyncio.sleep(0.01)
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
    except Exception:
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@pytest.fixture
def site() -> Iterator[str]:
    """A web server that counts what it answers, for this test alone."""
    with serving(COUNTING) as address:
        yield address


def count_of(site: str) -> int:
    with urllib.request.urlopen(f"{site}/_count") as answer:
        return int(answer.read())


def workers_of(cockpit: subprocess.Popen[str]) -> list[psutil.Process]:
    """The worker processes below a cockpit."""
    found = []
    for process in psutil.Process(cockpit.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # a short command's
            if process.cmdline()[1:4] == ["-m", "rampdeck", "worker"]:
                found.append(process)
    return found


def events_of(project: Project) -> list[str]:
    items = items_of(project.session / "session.sqlite")
    return [item.text for item in items if isinstance(item, Event) and item.source == "workers@local"]


def test_a_run_in_two_workers_counts_what_the_server_counts_and_leaves_nothing_behind(
    project: Project,
) -> None:
    project.write("rampdeck.toml", SETTLED + "[workers]\nlocal = 1\n")
    with project.start(
        "run", "--headless", "-H", project.site, "-u", "6", "-r", "6", "-t", "8s", "--workers", "2",
        "--json-file", "out.json",
    ) as cockpit:  # fmt: skip
        until(lambda: len(workers_of(cockpit)) == 2)
        workers = workers_of(cockpit)
        _, err = cockpit.communicate(timeout=60)
    assert cockpit.returncode in (0, 3), err  # 3 on a busy machine
    assert project.result["total"]["requests"] == count_of(project.site)
    (step,) = project.result["steps"]
    assert step["users"] == 6
    sources = {source["name"]: source["state"] for source in project.result["sources"]}
    assert sources == {"generator@local": "live", "workers@local": "live"}
    assert not any(worker.is_running() for worker in workers)
    samples = [
        item
        for item in items_of(project.session / "session.sqlite")
        if isinstance(item, Sample) and item.source == "workers@local"
    ]
    assert max(sample.values["here"] for sample in samples) == 2
    assert max(sample.values["users"] for sample in samples) == 6
    busy = max(samples, key=lambda sample: sample.values["users"])
    assert [row["worker"] for row in busy.rows] == ["local-1", "local-2"]
    assert all(str(row["kind"]).startswith("rampdeck ") for row in busy.rows)


def test_a_worker_that_is_killed_marks_the_step_and_the_run_goes_on(project: Project) -> None:
    project.write("rampdeck.toml", SETTLED)
    with project.start(
        "run", "--headless", "-H", project.site, "-u", "6", "-r", "6", "-t", "20s", "--workers", "2",
        "--json-file", "out.json",
    ) as cockpit:  # fmt: skip
        until(lambda: len(workers_of(cockpit)) == 2)
        until(lambda: count_of(project.site) > 100)
        victim = workers_of(cockpit)[0]
        victim.kill()
        _, err = cockpit.communicate(timeout=60)
    assert cockpit.returncode == 3, err
    assert any("step 1 (6 users): a worker was lost" in reason for reason in project.result["reasons"])
    assert any("ended: killed by signal 9" in text for text in events_of(project))
    assert any("worker lost" in finding["text"] for finding in project.result["findings"])
    after = [
        item
        for item in items_of(project.session / "session.sqlite")
        if isinstance(item, Sample) and item.source == "workers@local" and item.values["lost"]
    ]
    assert max(sample.values["users"] for sample in after) == 6, "the other one took its users over"


def test_no_worker_outlives_a_cockpit_that_is_killed(project: Project) -> None:
    with project.start(
        "run", "--headless", "-H", project.site, "-u", "4", "-r", "4", "--workers", "2"
    ) as cockpit:
        until(lambda: count_of(project.site) > 50)
        workers = workers_of(cockpit)
        assert len(workers) == 2
        workers[0].suspend()  # not even one that cannot hear
        cockpit.kill()
        cockpit.communicate()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive
    before = count_of(project.site)
    time.sleep(0.5)
    assert count_of(project.site) == before, "no load without its cockpit"


def test_a_signal_stops_the_workers_and_writes_the_record(project: Project) -> None:
    with project.start(
        "run", "--headless", "-H", project.site, "-u", "4", "-r", "4", "--workers", "2",
        "--json-file", "out.json",
    ) as cockpit:  # fmt: skip
        until(lambda: count_of(project.site) > 50)
        workers = workers_of(cockpit)
        cockpit.send_signal(signal.SIGINT)
        _, err = cockpit.communicate(timeout=60)
    assert cockpit.returncode == 4, err
    assert project.result["total"]["requests"] == count_of(project.site)
    assert not any(worker.is_running() for worker in workers)


def test_plain_workers_are_waited_for_and_the_record_says_what_their_percentiles_are(
    project: Project,
) -> None:
    project.write("rampdeck.toml", SETTLED)
    port = free_port()
    with project.start(
        "run", "--headless", "-H", project.site, "-u", "4", "-r", "4", "-t", "8s",
        "--workers", "1", "--expect-workers", "2", "--master-bind-host", "127.0.0.1",
        "--master-bind-port", str(port), "--json-file", "out.json",
    ) as cockpit:  # fmt: skip
        until(lambda: len(workers_of(cockpit)) == 1)
        time.sleep(1.0)
        assert count_of(project.site) == 0, "it waits for the second"
        plain = [sys.executable, "-m", "locust", "-f", "-", "--worker"]
        with subprocess.Popen(
            [*plain, "--master-host", "127.0.0.1", "--master-port", str(port)],
            cwd=project.folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as worker:  # fmt: skip
            try:
                _, err = cockpit.communicate(timeout=60)
                worker.communicate(timeout=60)
            finally:
                worker.kill()
    assert worker.returncode == 0, "it was said good-bye to"
    assert cockpit.returncode in (0, 3), err  # 3 on a busy machine
    assert project.result["total"]["requests"] == count_of(project.site)
    words = "1 of 2 workers is plain locust: percentiles are Locust's, rounded to two digits"
    assert words in events_of(project)
    assert any(finding["text"] == words for finding in project.result["findings"])
    assert words in (project.session / "record.md").read_text()


def test_waiting_for_workers_has_an_end(project: Project) -> None:
    done = project.headless(
        "-u", "1", "--master", "--master-bind-port", str(free_port()), "--expect-workers", "2",
        "--expect-workers-max-wait", "2",
    )  # fmt: skip
    assert done.returncode == 5
    assert "gave up waiting for workers: 0 of 2 are here" in done.stderr


def test_a_port_that_is_taken_is_told_before_anything_begins(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = project.headless(
            "--workers", "1", "--master-bind-host", "127.0.0.1", "--master-bind-port", port
        )
    assert done.returncode == 2
    assert f"the workers' port 127.0.0.1:{port} is taken" in done.stderr
    assert "--master-bind-port" in done.stderr
    assert not (project.folder / "rampdeck-sessions").exists()


def test_a_worker_that_cannot_load_the_scenario_says_why(project: Project) -> None:
    project.write(
        "locustfile.py",
        """
        import os
        from locust import FastHttpUser, task

        if "RAMPDECK_WORKER" in os.environ:
            raise RuntimeError("no such account in this process")

        class Visitor(FastHttpUser):
            @task
            def home(self):
                self.client.get("/")
        """,
    )
    done = project.headless("-u", "1", "--workers", "2")
    assert done.returncode == 5
    assert "could not be started" in done.stderr
    assert "no such account in this process" in done.stderr
    assert "locustfile.py, line 6" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--worker",), "rampdeck worker"),
        (("--processes", "2"), "--workers"),
        (("--workers", "-1"), "-1 workers"),
    ],
)
def test_what_is_done_otherwise_here_is_pointed_to(
    project: Project, arguments: tuple[str, ...], words: str
) -> None:
    done = project.headless(*arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_workers_by_hand_say_who_does_not_answer(project: Project) -> None:
    os.environ["RAMPDECK_WORKER"] = "alone"
    try:
        worker = project.start("worker", "--master-host", "127.0.0.1", "--master-port", str(free_port()))
    finally:
        del os.environ["RAMPDECK_WORKER"]
    with worker:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=20)
    assert worker.returncode != 0


def test_options_of_the_locustfile_and_shapes_work_with_workers(project: Project) -> None:
    project.write(
        "locustfile.py",
        """
        from locust import FastHttpUser, LoadTestShape, constant, events, task

        @events.init_command_line_parser.add_listener
        def add(parser):
            parser.add_argument("--page", default="/")

        class Visitor(FastHttpUser):
            wait_time = constant(0.05)
            @task
            def home(self):
                self.client.get(self.environment.parsed_options.page)

        class Steps(LoadTestShape):
            def tick(self):
                passed = self.get_run_time()
                if passed < 4:
                    return 2, 10
                return (4, 10) if passed < 9 else None
        """,
    )
    project.write("rampdeck.toml", SETTLED)
    done = project.headless("--workers", "2", "--page", "/there")
    assert done.returncode in (0, 3), done.stderr  # 3 on a busy machine
    assert [step["users"] for step in project.result["steps"]] == [2, 4]
    assert {request["name"] for request in project.result["requests"]} == {"/there"}
    assert project.result["total"]["requests"] == count_of(project.site)


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_the_cockpit_steers_workers_by_keys_and_shows_each_of_them(
    project: Project, terminal: Terminal
) -> None:
    project.write("rampdeck.toml", SETTLED + "step = 4\nspawn_rate = 50\n")
    terminal.start(project.command("run", "-H", project.site, "--workers", "2"))
    # Two that join at once are one line of events, which names the last.
    terminal.until(lambda screen: re.search(r"worker local-2 has joined|has joined.*×2 ", screen))
    terminal.keys("+")
    terminal.until(lambda screen: target(screen) == 4 and "measuring at 4 users" in screen)
    terminal.keys("+")
    terminal.until(lambda screen: target(screen) == 8 and "measuring at 8 users" in screen)
    terminal.keys("c")
    shown = terminal.until(lambda screen: "local-1" in screen and "local-2" in screen and "STATE" in screen)
    assert shown.count("rampdeck ") >= 2
    terminal.keys("X")
    terminal.until(lambda screen: "STOPPED" in screen)
    terminal.keys("q")
    terminal.until(lambda screen: "EXIT CODE" in screen)
