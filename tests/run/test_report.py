"""``rampdeck report``: what a run left is printed again from its session alone, and changes are found out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.run.conftest import ANY_MACHINE, Project, environment, until

CONFIGURATION = """
[load]
settle = "1s"
spawn_rate = 20
[gate]
thresholds = ["p95 < 800ms", "error_rate < 1%", "p(95){name=/broken/[id]} < 5s", "requests >= 20"]
[[stages]]
name = "calm"
users = 2
hold = "3s"
[[stages]]
name = "peak"
users = 6
hold = "3s"
[release]
commit_sha = "8f3c1d2"
image_tag = { command = "echo web-8f3c1d2" }
"""
LOCUSTFILE = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.1)

    @task(8)
    def home(self):
        self.client.get("/")

    @task(2)
    def broken(self):
        self.client.get("/broken/?token=s3cr3t", name="/broken/[id]")

    @task
    def raises(self):
        raise KeyError("csrf")
"""


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory, site: str) -> Project:
    """A project in which a headless run has come to its end."""
    project = Project(tmp_path_factory.mktemp("left"), site)
    project.write("rampdeck.toml", CONFIGURATION + ANY_MACHINE)
    project.write("locustfile.py", LOCUSTFILE)
    done = project.headless()
    assert done.returncode == 1, done.stderr
    return project


@pytest.fixture
def copied(left: Project, tmp_path: Path) -> Path:
    """A copy of the session's folder, to be changed."""
    return Path(shutil.copytree(left.session, tmp_path / "copied"))


def test_the_record_is_printed_again_from_the_session_to_the_last_digit(left: Project) -> None:
    # The sha256 of the record, which record.md tells too, is of the session's whole path.
    folder = left.session.relative_to(left.folder)
    for kind, name in (("--json", "record.json"), ("--md", "record.md"), ("--junit", "record.xml")):
        done = left.run("report", str(folder), kind)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == (left.session / name).read_text()


def test_the_page_stands_beside_the_record_and_is_printed_again(left: Project) -> None:
    page = left.session / "record.html"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    done = left.run("report", str(left.session), "--html", "-o", "again.html")
    assert (done.returncode, done.stdout) == (0, "")
    assert (left.folder / "again.html").read_text() == page.read_text()


def test_a_summary_and_csv_files_are_made_of_it_too(left: Project) -> None:
    summary = left.run("report", str(left.session), "--summary")
    assert (summary.returncode, summary.stderr) == (0, "")
    assert "error_rate < 1%" in summary.stdout
    files = left.run("report", str(left.session), "--csv", "again")
    assert (files.returncode, files.stdout) == (0, "")
    names = ("stats", "stats_history", "failures", "exceptions")
    assert all(f"again_{name}.csv is written" in files.stderr for name in names)
    assert "/broken/[id]" in (left.folder / "again_stats.csv").read_text()
    assert "csrf" in (left.folder / "again_exceptions.csv").read_text()


def test_without_a_format_it_is_the_table_that_the_run_ended_with(left: Project) -> None:
    done = left.run("report", str(left.session))
    assert done.returncode == 0
    assert "/broken/[id]" in done.stdout
    assert "error_rate < 1% failed" in done.stdout
    assert done.stdout.splitlines()[-2] == "FAIL"


def test_the_exit_code_is_the_verdict_s_where_it_is_asked_for(left: Project) -> None:
    judged = ("report", str(left.session), "--exit-code")
    assert left.run(*judged).returncode == 1
    assert left.run(*judged, "--threshold", "requests >= 1").returncode == 0
    assert left.run(*judged, "--threshold", "p95{name=/never/} < 1s").returncode == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.sqlite"], "no such file"),
        (["locustfile.py"], "it is no session of Rampdeck"),
        (["SESSION", "--threshold", "p95 <"], "p95 <"),
        (["SESSION", "--verify", "-o", "x"], "-o takes one document"),
        (["SESSION", "--md", "--json"], "not allowed with"),
        (["SESSION", "--md", "-o", "no/such/folder/x"], "cannot write"),
    ],
)
def test_what_cannot_be_printed_says_why(left: Project, arguments: list[str], said: str) -> None:
    given = [str(left.session) if word == "SESSION" else word for word in arguments]
    done = left.run("report", *given)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_neither_engine_nor_screen_is_loaded_for_a_report(left: Project) -> None:
    code = (
        "import sys; from rampdeck.cli import main; "
        f"main(['report', {str(left.session)!r}, '--html', '-o', 'x.html']); "
        "print(*sorted({'locust', 'gevent', 'textual', 'asyncssh'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=left.folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""


# -- sealed


def test_what_the_run_left_is_intact(left: Project) -> None:
    for name in ("", "record.json", "session.sqlite"):
        done = left.run("report", "--verify", str(left.session / name))
        assert done.returncode == 0, done.stdout
        assert done.stdout.count("intact") == 2
    sha256 = json.loads((left.session / "record.json").read_text())["session_sha256"]
    assert sha256 in done.stdout
    assert sha256 in (left.session / "record.md").read_text()


def test_printing_does_not_change_the_session(left: Project) -> None:
    before = (left.session / "session.sqlite").read_bytes()
    left.run("report", str(left.session))
    assert (left.session / "session.sqlite").read_bytes() == before


def test_a_record_that_was_changed_is_found_out(left: Project, copied: Path) -> None:
    record = copied / "record.json"
    record.write_text(record.read_text().replace('"result": "FAIL"', '"result": "PASS"'))
    done = left.run("report", "--verify", str(copied))
    assert done.returncode == 1
    assert "record.json: CHANGED" in done.stdout
    assert "session.sqlite: intact" in done.stdout


def test_what_people_read_and_programs_do_not_is_found_out(left: Project, copied: Path) -> None:
    record = copied / "record.json"
    record.write_text(record.read_text().replace("{", '{"result": "PASS", ', 1))
    done = left.run("report", "--verify", str(copied))
    assert done.returncode == 2
    assert "a key stands in it twice" in done.stderr


def test_a_journal_beside_the_session_is_found_out(left: Project, copied: Path) -> None:
    (copied / "session.sqlite-journal").write_bytes(b"x")
    done = left.run("report", "--verify", str(copied))
    assert done.returncode == 1
    assert "session.sqlite: CHANGED, a journal" in done.stdout


def test_what_has_no_sum_is_named(left: Project, copied: Path) -> None:
    (copied / "record.md").write_text("PASS")
    done = left.run("report", "--verify", str(copied))
    assert "record.md, record.html, record.xml: not checked" in done.stdout


def test_other_blanks_and_another_order_are_no_change(left: Project, copied: Path) -> None:
    record = copied / "record.json"
    record.write_text(json.dumps(json.loads(record.read_text()), sort_keys=True))
    assert left.run("report", "--verify", str(copied)).returncode == 0


def test_a_session_that_was_changed_is_found_out(left: Project, copied: Path) -> None:
    with closing(sqlite3.connect(copied / "session.sqlite")) as connection:
        connection.execute("UPDATE batches SET users = users + 1")
        connection.commit()
    done = left.run("report", "--verify", str(copied))
    assert done.returncode == 1
    assert "record.json: intact" in done.stdout
    assert "session.sqlite: CHANGED" in done.stdout


def test_a_session_that_is_missing_is_no_pass(left: Project, copied: Path) -> None:
    (copied / "session.sqlite").unlink()
    done = left.run("report", "--verify", str(copied))
    assert done.returncode == 1
    assert "session.sqlite: MISSING" in done.stdout


def test_a_record_without_its_seal_is_no_pass(left: Project, copied: Path) -> None:
    record = json.loads((copied / "record.json").read_text())
    del record["sha256"], record["session_sha256"]
    (copied / "record.json").write_text(json.dumps(record))
    done = left.run("report", "--verify", str(copied))
    assert done.returncode == 1
    assert done.stdout.count("not sealed") == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON"),
        ('{"a": NaN}', "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "it is no record"),
        (None, "there is none beside the session"),
    ],
)
def test_what_is_no_record_cannot_be_checked(
    left: Project, copied: Path, text: str | None, said: str
) -> None:
    (copied / "record.json").unlink()
    if text is not None:
        (copied / "record.json").write_text(text)
    done = left.run("report", "--verify", str(copied))
    assert done.returncode == 2
    assert said in done.stderr


def test_a_session_that_somebody_was_reading_at_its_end_says_that_it_is_not_sealed(project: Project) -> None:
    with project.start("run", "--headless", "-H", project.site, "-u", "2", "-t", "5") as run:
        until(project.so_far)
        file = project.session / "session.sqlite"
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM events").fetchone()
            run.communicate(timeout=60)
    done = project.run("report", "--verify", str(file.parent))
    assert done.returncode == 1
    assert done.stdout.count("not sealed") == 2


# -- cut off


def test_a_run_that_was_killed_is_reported_up_to_its_last_commit(project: Project) -> None:
    with project.start("run", "--headless", "-H", project.site, "-u", "3", "-t", "60") as run:
        until(lambda: project.recorded() > 10)
        file = project.session / "session.sqlite"
        going_on = project.run("report", str(file), "--json")
        os.kill(run.pid, signal.SIGKILL)
        run.communicate(timeout=60)
    killed = project.run("report", str(file.parent), "--json", "--exit-code")
    assert killed.returncode == 3
    for said in (going_on, killed):
        record = json.loads(said.stdout)
        assert record["result"] == "INCONCLUSIVE"
        assert any(reason.startswith("the session was cut off at") for reason in record["reasons"])
        assert record["total"]["requests"] > 10
        assert record["session_sha256"] is None
        assert "sha256" not in record
    assert json.loads(killed.stdout)["total"]["requests"] >= json.loads(going_on.stdout)["total"]["requests"]
