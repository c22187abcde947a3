"""Headless in a pipeline: what is on stdout and stderr, and that no reader costs the load or the record."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import Any

import pytest

from rampdeck.model import RequestBatch
from rampdeck.store import SessionReader
from tests.run.conftest import ANY_MACHINE, Project, environment, until
from tests.run.test_headless import SETTLED, UNDISTURBED

SHORT = ("-u", "2", "-r", "20", "-t", "5s")
TALKATIVE = "def home(self):\n        print('x' * 2000)"


def test_the_document_on_stdout_is_all_that_stands_there(project: Project) -> None:
    project.write("rampdeck.toml", SETTLED + UNDISTURBED)
    done = project.headless(
        *SHORT, "--report", "json", "--report", "md=record.md", "--report=html=deep/x.html"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == project.result
    record = (project.session / "record.md").read_text()
    assert (project.folder / "record.md").read_text() == record
    assert (project.folder / "deep/x.html").read_text().lower().startswith("<!doctype html>")
    assert "ramping to 2 users" in done.stderr, "what happens goes to stderr"
    assert "\r" not in done.stderr
    assert f"The record is in {project.session}/record.md, and beside it: " in done.stderr
    for name in ("record.json", "session.sqlite"):
        assert name in done.stderr.split("and beside it: ")[1]
    assert "The report is in record.md" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--report", "jsn"), 'there is no format "jsn"; did you mean "json"?'),
        (("--report", "md", "--report", "json"), "standard output has room for one document"),
        (("--report", "md", "--json"), "standard output has room for one document"),
        (("--report", "md=/proc/nowhere/x"), "cannot write /proc/nowhere/x"),
    ],
)
def test_a_wrong_report_is_told_before_the_load(
    project: Project, arguments: tuple[str, ...], told: str
) -> None:
    done = project.headless(*SHORT, *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert not (project.folder / "rampdeck-sessions").exists()


def test_quiet_says_the_verdict_in_one_line_and_nothing_else(project: Project) -> None:
    project.write("rampdeck.toml", SETTLED + UNDISTURBED)
    text = (project.folder / "locustfile.py").read_text()
    project.write("locustfile.py", text.replace("def home(self):", TALKATIVE))
    done = project.headless(*SHORT, "-q")
    assert (done.returncode, done.stdout) == (0, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("PASS")
    assert (project.session / "record.md").exists()


def test_quiet_still_says_what_goes_wrong(project: Project) -> None:
    text = (project.folder / "locustfile.py").read_text()
    project.write("locustfile.py", text + "        import sys; sys.exit('no more accounts')\n")
    done = project.headless("-u", "1", "-t", "60s", "--quiet")
    assert done.returncode == 5
    assert "no more accounts" in done.stderr
    assert done.stderr.splitlines()[-1].startswith(("FAIL", "INCONCLUSIVE"))


def test_quiet_is_for_a_run_without_a_screen(project: Project) -> None:
    done = project.run("run", "-H", project.site, "-q")
    assert done.returncode == 2
    assert "--headless" in done.stderr


def test_a_breach_is_told_when_it_happens(project: Project) -> None:
    project.write("rampdeck.toml", SETTLED + ANY_MACHINE + '[gate]\nthresholds = ["p50 < 0.1ms"]\n')
    with project.start(
        "run", "--headless", "-H", project.site, "-u", "2", "-r", "20", "-t", "10m"
    ) as process:
        assert process.stderr is not None
        try:
            told = next(line for line in process.stderr if "p50 < 0.1ms" in line)
            assert process.poll() is None, "while the load goes on"
            process.send_signal(signal.SIGTERM)
            rest = process.communicate(timeout=60)[1]
        finally:
            process.kill()
    assert told[:2].isdigit(), "when it was"
    assert process.returncode == 1, rest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_stops_at_once_and_there_is_a_record_still(
    project: Project, number: signal.Signals
) -> None:
    # A user who takes ten minutes for what he does at the end, and is given twenty.
    text = (project.folder / "locustfile.py").read_text()
    project.write(
        "locustfile.py",
        "import gevent\n" + text + "        open('there', 'w').close()\n        gevent.sleep(600)\n",
    )
    project.write("rampdeck.toml", '[load]\nsettle = "1s"\nstop_timeout = "1200s"\n')
    with project.start("run", "--headless", "-H", project.site, "-u", "1", "-t", "10m") as process:
        try:
            until(lambda: (project.folder / "there").exists())
            process.send_signal(number)
            until(project.stops)
            assert process.poll() is None, "the user may still end what he does"
            process.send_signal(number)
            err = process.communicate(timeout=60)[1]
        finally:
            process.kill()
    assert process.returncode == 4, err
    assert any("operator stopped" in reason for reason in project.result_of_record["reasons"])


def test_a_killed_run_can_be_read_up_to_its_last_second(project: Project) -> None:
    with project.start("run", "--headless", "-H", project.site, "-u", "3", "-r", "9", "-t", "60s") as process:
        try:
            until(lambda: project.recorded() > 0)
        finally:
            process.kill()
        process.communicate()
    with SessionReader(project.session / "session.sqlite") as reader:
        assert not reader.finished
        batches = [item for item in reader.items() if isinstance(item, RequestBatch)]
    assert sum(stats.successes.count for batch in batches for stats in batch.entries) > 0
    assert not (project.session / "record.md").exists()


def test_a_reader_who_reads_nothing_does_not_hold_up_the_load(project: Project) -> None:
    project.write("rampdeck.toml", SETTLED + UNDISTURBED)
    text = (project.folder / "locustfile.py").read_text()
    project.write("locustfile.py", text.replace("def home(self):", TALKATIVE))
    # The pipe takes 64 KiB; this is several times as much, and nobody reads until all is over.
    with project.start("run", "--headless", "-H", project.site, "-u", "5", "-r", "20", "-t", "6s") as process:
        try:
            until(lambda: bool(list(project.folder.glob("rampdeck-sessions/*/record.md"))))
            err = process.communicate(timeout=60)[1]
        finally:
            process.kill()
    assert process.returncode == 0, err
    assert project.result_of_record["total"]["requests"] > 2 * 65_536 / 2_000, "twice what the pipe takes"
    assert "PASS" in err
    assert "The record is in" in err, "what waited was told to the end"


def test_a_reader_of_stdout_who_is_slow_gets_the_whole_document(project: Project) -> None:
    project.write("rampdeck.toml", SETTLED + UNDISTURBED)
    with project.start(
        *("run", "--headless", "-H", project.site, *SHORT, "--report", "html"), stderr=subprocess.DEVNULL
    ) as process:
        try:
            until(lambda: bool(list(project.folder.glob("rampdeck-sessions/*/record.md"))))
            time.sleep(2)
            out = process.communicate(timeout=60)[0]
        finally:
            process.kill()
    assert process.returncode == 0
    assert out.rstrip().endswith("</html>")


def test_a_reader_of_stdout_who_never_reads_is_left_by_a_signal(project: Project) -> None:
    project.write("rampdeck.toml", SETTLED + UNDISTURBED)
    # Whoever comes next asks for the next name, so that all of them are asked for in any case.
    ask = f"        self.client.get('/', name='/{'long-name/' * 40}%d' % (next(numbers) % 300))\n"
    text = (project.folder / "locustfile.py").read_text()
    project.write("locustfile.py", "import itertools\nnumbers = itertools.count()\n" + text + ask * 50)
    with project.start(
        *("run", "--headless", "-H", project.site, *SHORT, "--report", "json"), stderr=subprocess.DEVNULL
    ) as process:
        try:
            until(lambda: bool(list(project.folder.glob("rampdeck-sessions/*/record.md"))))
            time.sleep(2)
            assert process.poll() is None, "the document is larger than the pipe"
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
        finally:
            process.kill()
    assert (project.session / "record.json").stat().st_size > 100_000


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_without_stdout_and_stderr_the_record_is_written_all_the_same(project: Project, closed: str) -> None:
    project.write("rampdeck.toml", SETTLED + UNDISTURBED)
    line = [*project.command("run", "--headless", "-H", project.site), *SHORT, "--report", "md"]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *line],
        cwd=project.folder,
        env=environment(),
        check=False,
        timeout=60,
    )
    assert done.returncode == 0
    assert "**PASS**" in (project.session / "record.md").read_text()


def test_on_github_the_verdict_is_on_the_page_of_the_run(project: Project) -> None:
    project.write("rampdeck.toml", SETTLED + ANY_MACHINE + '[gate]\nthresholds = ["p50 < 0.1ms"]\n')
    text = (project.folder / "locustfile.py").read_text()
    commands = (
        'def home(self):\n        print("::error::from a server"); print("  ::stop-commands::x ##[error]y")'
    )
    project.write("locustfile.py", text.replace("def home(self):", commands))
    summary = project.write("summary.md", "# Before\n")
    err = _on_github(project, {"GITHUB_STEP_SUMMARY": str(summary)})
    page = summary.read_text()
    assert page.startswith("# Before\n")
    assert "FAIL" in page
    assert "p50 < 0.1ms" in page
    (ours,) = (line for line in err.splitlines() if line.lstrip().startswith("::"))
    assert ours.startswith("::error title=Rampdeck FAIL")
    assert "p50 < 0.1ms" in ours
    assert "##[" not in err
    assert ": :error::from a server" in err


def test_a_summary_that_cannot_be_written_is_told_and_costs_nothing_else(project: Project) -> None:
    project.write("rampdeck.toml", SETTLED + ANY_MACHINE + '[gate]\nthresholds = ["p50 < 0.1ms"]\n')
    err = _on_github(project, {"GITHUB_STEP_SUMMARY": "/proc/nowhere"})
    assert "The summary cannot be appended to /proc/nowhere" in err
    assert (project.session / "record.md").exists()


def _on_github(project: Project, more: dict[str, str]) -> str:
    env: dict[str, Any] = {**environment(), "GITHUB_ACTIONS": "true", **more}
    with project.start("run", "--headless", "-H", project.site, *SHORT, env=env) as process:
        try:
            err = process.communicate(timeout=60)[1]
        finally:
            process.kill()
    assert process.returncode == 1, err
    return err
