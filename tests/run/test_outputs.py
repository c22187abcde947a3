"""What a pipeline takes from a run: Locust's CSV files and JSON, a web page, and what needs no run."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from rampdeck.model import Event, EventKind
from tests.run.conftest import ANY_MACHINE, Project, environment, until
from tests.run.test_headless import SETTLED, UNDISTURBED, items_of

NAMES = ("_stats.csv", "_stats_history.csv", "_failures.csv", "_exceptions.csv")
SCENARIO = """
from locust import FastHttpUser, constant, tag, task

class Visitor(FastHttpUser):
    wait_time = constant(0.1)

    @task(3)
    def home(self):
        self.client.get("/")

    @tag("bad")
    @task
    def broken(self):
        self.client.get("/broken", name='=cmd|"x", y')

    @tag("bad")
    @task
    def out_of_stock(self):
        raise ValueError("no stock")

class Buyer(FastHttpUser):
    weight = 3
    wait_time = constant(0.1)

    @task
    def buy(self):
        self.client.get("/buy")
"""
Ran = tuple[Project, CompletedProcess[str]]
SMALL = ("-u", "4", "-r", "20")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, site: str) -> Ran:
    """One run of which everything was wanted."""
    project = Project(tmp_path_factory.mktemp("ran"), site)
    project.write("locustfile.py", SCENARIO)
    project.write("rampdeck.toml", ANY_MACHINE)
    wanted = ("--csv", "our/deep/x", "--csv-full-history", "--json", "--html", "pages/report-{u}-{t}.html")
    done = project.headless(*SMALL, "-t", "9s", *wanted, "--reset-stats", "--only-summary")
    assert done.returncode == 1, done.stderr
    return project, done


def test_the_csv_files_are_those_of_locust_with_our_figures(ran: Ran) -> None:
    project, _ = ran
    locust(project, "--headless", "-H", project.site, *SMALL, "-t", "8s", "--csv", "their/x")
    for name in NAMES:
        heads = [
            (project.folder / f"{prefix}{name}").read_text().split("\n")[0]
            for prefix in ("their/x", "our/deep/x")
        ]
        assert heads[0] == heads[1], name
    stats, history, failures, exceptions = (rows(project.folder / f"our/deep/x{name}") for name in NAMES)
    counted = {row["name"]: row for row in project.result["requests"]}
    assert {row["Name"]: int(row["Request Count"]) for row in stats[:-1]} == {
        name: row["requests"] for name, row in counted.items()
    }
    total = project.result["total"]
    last = stats[-1]
    assert (last["Name"], int(last["Failure Count"])) == ("Aggregated", total["failures"])
    assert float(last["95%"]) == pytest.approx(total["p95"], abs=0.01)
    assert float(last["Requests/s"]) == pytest.approx(total["rps"], abs=0.01)
    together = [row for row in history if row["Name"] == "Aggregated"]
    assert len(together) >= 9
    assert len({row["Timestamp"] for row in together}) >= 8, "a row a second"
    assert "4" in {row["User Count"] for row in together}
    assert int(together[-1]["Total Request Count"]) == total["requests"], "the last row has everything"
    assert {row["Name"] for row in history} == {row["Name"] for row in stats}
    (failure,) = failures
    assert (failure["Name"], int(failure["Occurrences"])) == ('=cmd|"x", y', total["failures"])
    their_failure = rows(project.folder / f"their/x{NAMES[2]}")[0]
    assert failure["Error"] == their_failure["Error"]
    (exception,) = exceptions
    their_exception = rows(project.folder / f"their/x{NAMES[3]}")[0]
    assert [exception[key] for key in ("Message", "Traceback", "Nodes")] == [
        their_exception[key] for key in ("Message", "Traceback", "Nodes")
    ]
    assert not [path for path in (project.folder / "our/deep").iterdir() if path.name.startswith(".")]


def test_the_files_can_be_read_at_any_moment_of_the_run(project: Project) -> None:
    seen: list[int] = []
    stats, history = project.folder / "x_stats.csv", project.folder / "x_stats_history.csv"

    def look() -> None:
        text = history.read_bytes()
        assert text.endswith(b"\r\n"), "whole lines only"
        assert len(rows(history)) >= text.count(b"\r\n") - 1
        seen.append(int(rows(stats)[-1]["Request Count"]))

    def grown() -> bool:
        if stats.exists() and history.exists():
            look()
        return len(set(seen)) >= 3

    with project.start("run", "--headless", "-H", project.site, *SMALL, "-t", "10m", "--csv", "x") as process:
        try:
            until(grown)
            process.send_signal(signal.SIGINT)
            while process.poll() is None:
                look()
                time.sleep(0.02)
        finally:
            process.kill()
    assert process.returncode == 4
    assert seen == sorted(seen), "the figures only grow"


def test_a_folder_that_goes_away_is_told_once_and_the_run_goes_on(project: Project) -> None:
    (project.folder / "out").mkdir()
    project.write("rampdeck.toml", SETTLED + UNDISTURBED)
    given = ("run", "--headless", "-H", project.site, *SMALL, "-t", "6s", "--csv", "out/x")
    with project.start(*given) as process:
        until((project.folder / "out/x_stats.csv").exists)
        (project.folder / "out").rename(project.folder / "gone")
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    complaints = [line for line in said.splitlines() if "cannot write" in line]
    assert len(complaints) == 2, "when it happens, and at the end"
    assert complaints[1].startswith("The CSV files are not complete")
    told = [
        item.text
        for item in items_of(project.session / "session.sqlite")
        if isinstance(item, Event) and item.kind is EventKind.LOAD and "cannot write" in item.text
    ]
    assert len(told) == 1


def test_the_statistics_come_as_locusts_json_on_stdout(ran: Ran) -> None:
    project, done = ran
    entries = {entry["name"]: entry for entry in json.loads(done.stdout)}
    from locust.stats import StatsEntryDict

    for entry in entries.values():
        assert list(entry) == list(StatsEntryDict.__annotations__), "Locust's keys in Locust's order"
    counted = {row["name"]: row for row in project.result["requests"]}
    assert {name: entry["num_requests"] for name, entry in entries.items()} == {
        name: row["requests"] for name, row in counted.items()
    }
    home, broken = entries["/"], entries['=cmd|"x", y']
    for entry in (home, broken):
        assert sum(entry["response_times"].values()) == entry["num_requests"]
        assert sum(entry["num_reqs_per_sec"].values()) == entry["num_requests"]
        assert sum(entry["num_fail_per_sec"].values()) == entry["num_failures"]
    assert (home["num_failures"], broken["num_failures"]) == (0, broken["num_requests"])
    mean = home["total_response_time"] / home["num_requests"]
    assert mean == pytest.approx(counted["/"]["mean"], abs=0.01)
    assert home["start_time"] < home["last_request_timestamp"]


def test_the_report_is_one_page_with_the_verdict(ran: Ran) -> None:
    project, done = ran
    page = (project.folder / "pages/report-4-9.html").read_text()
    assert '<span class="stamp FAIL">' in page
    assert "<polyline" in page
    assert "The report is in pages/report-4-9.html" in done.stderr


def test_the_user_classes_and_task_ratios_are_told_as_locust_tells_them(project: Project) -> None:
    project.write("locustfile.py", SCENARIO)
    for asked in (["--list"], ["--show-task-ratio", "-u", "8"], ["--show-task-ratio-json", "Buyer"]):
        with project.start("run", *asked) as process:
            theirs = locust(project, *asked)
            ours, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert ours.strip() == theirs.strip()
    assert not (project.folder / "rampdeck-sessions").exists(), "nothing was run"


def test_a_wish_to_reset_the_statistics_leaves_a_mark_and_resets_nothing(ran: Ran) -> None:
    project, _ = ran
    items = items_of(project.session / "session.sqlite")
    (mark,) = [item for item in items if isinstance(item, Event) and item.kind is EventKind.MARK]
    assert "4 users" in mark.text
    assert "a mark, never a reset" in mark.text
    (step,) = project.result["steps"]
    assert project.result["total"]["requests"] > step["requests"], "what was before counts in the whole run"


def test_only_the_summary_is_told_where_it_is_asked_for(ran: Ran) -> None:
    _, done = ran
    assert "users 4/4" not in done.stderr
    assert "FAIL" in done.stderr


def test_tags_choose_the_tasks(project: Project) -> None:
    project.write("locustfile.py", SCENARIO)
    given = ("run", "--headless", "-H", project.site, "-u", "2", "-r", "20", "-t", "3s")
    asked = {"--tags": ['=cmd|"x", y'], "--exclude-tags": ["/"]}
    runs = [
        project.start(*given, "--json-file", f"out{option}.json", option, "bad", "--", "Visitor")
        for option in asked
    ]
    for process in runs:
        with process:
            try:
                process.communicate(timeout=60)
            finally:
                process.kill()
    for option, names in asked.items():
        result = json.loads((project.folder / f"out{option}.json").read_text())
        assert [row["name"] for row in result["requests"]] == names


def test_users_can_be_configured_on_the_command_line(project: Project) -> None:
    project.write("locustfile.py", SCENARIO)
    only = json.dumps({"user_class_name": "Visitor", "tasks": ["home"], "weight": 0})
    other = json.dumps({"user_class_name": "Buyer", "fixed_count": 2})
    done = project.headless("-u", "2", "-r", "20", "-t", "3s", "--config-users", only, other)
    assert [row["name"] for row in project.result["requests"]] == ["/buy"], done.stderr


def test_a_stop_lets_requests_end_for_the_stop_timeout(project: Project) -> None:
    slow = SCENARIO.replace(
        'self.client.get("/buy")',
        'self.client.get("/buy"); open("bought", "w").close(); __import__("gevent").sleep(3); '
        'self.client.get("/end")',
    )
    project.write("locustfile.py", slow.replace("wait_time = constant(0.1)", "wait_time = constant(60)"))
    given = ("run", "--headless", "-H", project.site, "-u", "1", "-t", "10m", "--json-file", "out.json")
    with project.start(*given, "--stop-timeout", "60", "Buyer") as process:
        try:
            until((project.folder / "bought").exists)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
        finally:
            process.kill()
    assert {row["name"] for row in project.result["requests"]} == {"/buy", "/end"}


def test_what_cannot_be_written_is_told_before_the_load(project: Project) -> None:
    (project.folder / "folder.html").mkdir()
    (project.folder / "file").write_text("")
    for given in (("--csv", "/proc/nowhere/x"), ("--html", "folder.html"), ("--csv", "file/x")):
        done = project.run("run", "--headless", "-H", project.site, "-t", "1s", *given)
        assert done.returncode == 2, done.stderr
        assert "cannot write" in done.stderr
        assert "Traceback" not in done.stderr
    assert not (project.folder / "rampdeck-sessions").exists()


def locust(project: Project, *arguments: str) -> str:
    command = [sys.executable, "-m", "locust", *arguments]
    done = subprocess.run(
        command, cwd=project.folder, env=environment(), capture_output=True, text=True, check=False
    )
    return done.stdout
