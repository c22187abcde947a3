"""A defect of Rampdeck's own: it never looks like a verdict, and it costs nothing but the part that has it.

The scenario is what breaks Rampdeck here: it is loaded into the same process.
"""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Callable

import pytest

from tests.run.conftest import ANY_MACHINE, Project, until
from tests.run.test_headless import SETTLED, UNDISTURBED

SHORT = ("-u", "2", "-r", "20", "-t", "5s")
BREAKING = """
def broken(*_args, **_options):
    raise RuntimeError("it broke with password=pl4nt-Zq9x")

"""


@pytest.fixture
def breaks(project: Project) -> Callable[[str], Project]:
    """Return what makes a project whose scenario breaks a part of Rampdeck first."""

    def made(how: str) -> Project:
        project.write("rampdeck.toml", SETTLED + UNDISTURBED)
        text = (project.folder / "locustfile.py").read_text()
        project.write("locustfile.py", BREAKING + how + "\n" + text)
        return project

    return made


def test_a_part_that_cannot_be_made_costs_no_other_part(breaks: Callable[[str], Project]) -> None:
    project = breaks(
        "import sys, rampdeck.report.pages, rampdeck.headless.console as console\n"
        "sys.modules['rampdeck.record.write'].markdown = broken\n"
        "rampdeck.report.pages.html = console.final_table = broken"
    )
    done = project.headless(*SHORT, "--report", "summary", "--csv", "out")
    assert done.returncode == 5, done.stderr
    assert "PASS" in done.stderr, "the verdict is said, if not as a table"
    for part in ("record.md: RuntimeError", "the HTML report", "the table"):
        assert part in done.stderr
    assert "RuntimeError: it broke with password=*** (locustfile.py:3)" in done.stderr
    assert "Zq9x" not in done.stderr
    assert project.result == project.result_of_record
    assert sorted(path.name for path in project.session.iterdir()) == [
        *("record.json", "record.xml", "session.sqlite"),
    ]
    assert "PASS" in done.stdout
    assert (project.folder / "out_stats.csv").exists()


def test_without_any_result_there_is_a_traceback_without_secrets_and_the_session(
    breaks: Callable[[str], Project],
) -> None:
    project = breaks("import rampdeck.run\nrampdeck.run.conclude = broken")
    done = project.headless(*SHORT)
    assert done.returncode == 5, done.stderr
    assert "Traceback" in done.stderr
    assert "it broke with password=***" in done.stderr
    assert "Zq9x" not in done.stderr
    again = project.run("report", str(project.session), "--exit-code")
    assert again.returncode == 0, again.stderr
    assert "PASS" in again.stdout


@pytest.mark.parametrize(
    "how",
    [
        "from rampdeck.gatherer import Gatherer\nGatherer._last = broken",
        "import rampdeck.gatherer\nrampdeck.gatherer.to_meta = broken",
        "from rampdeck.selfwatch import SelfWatch\nSelfWatch.close = broken",
        "import rampdeck.store.sums\nrampdeck.store.sums.rows = broken",
    ],
)
def test_a_defect_at_the_end_still_leaves_a_record_and_a_session(
    breaks: Callable[[str], Project], how: str
) -> None:
    project = breaks(how)
    done = project.headless(*SHORT)
    assert done.returncode == 5, done.stderr
    assert any("RuntimeError: it broke" in doubt for doubt in project.result_of_record["doubts"])
    again = project.run("report", str(project.session), "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["total"] == project.result_of_record["total"]
    assert project.run("report", str(project.session), "--verify").returncode == 0


EXITS = {
    0: (SETTLED + UNDISTURBED, "", SHORT),
    1: (SETTLED + ANY_MACHINE + '[gate]\nthresholds = ["p50 < 0.1ms"]\n', "", SHORT),
    2: (SETTLED + '[gate]\nthresholds = ["p50 < fast"]\n', "", SHORT),
    3: ("", "", ("-u", "1", "-t", "1s")),
    4: (SETTLED, "import os; os.kill(os.getpid(), 15)", ("-u", "1", "-t", "60s")),
    5: (SETTLED, "import sys; sys.exit('no more accounts')", ("-u", "1", "-t", "60s")),
}


@pytest.mark.parametrize("code", EXITS)
def test_the_exit_codes_are_those_of_the_manual(project: Project, code: int) -> None:
    toml, does, arguments = EXITS[code]
    project.write("rampdeck.toml", toml)
    text = (project.folder / "locustfile.py").read_text()
    project.write("locustfile.py", f"{text}        {does}\n" if does else text)
    done = project.headless(*arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if code != 2:
        again = project.run("report", str(project.session), "--exit-code")
        assert again.returncode == code, "the report of its session says the same"


def test_a_reader_who_has_enough_of_a_report_is_no_defect(project: Project) -> None:
    assert project.headless("-u", "1", "-t", "1s").returncode == 3
    with project.start("report", str(project.session), "--html") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
        process.wait(timeout=60)
    assert said == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_hosts_are_waited_for_ends_the_waiting(
    project: Project, number: signal.Signals
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        project.write(
            "rampdeck.toml",
            f'[hosts.app]\naddress = "127.0.0.1"\nport = {port}\nuser = "x"\nconnect_timeout = "300s"\n'
            '[[collectors]]\nkind = "host"\nhost = "app"\n',
        )
        text = (project.folder / "locustfile.py").read_text()
        project.write("locustfile.py", "import rampdeck.launch\nrampdeck.launch.PATIENCE = 1000\n" + text)
        with project.start("run", "--headless", "-H", project.site, *SHORT) as process:
            try:
                silent.accept()
                process.send_signal(number)
                err = process.communicate(timeout=60)[1]
            finally:
                process.kill()
    assert process.returncode == 4, err
    assert (project.session / "record.md").exists()


def test_a_second_signal_at_the_end_waits_for_nobody(project: Project) -> None:
    text = (project.folder / "locustfile.py").read_text()
    project.write(
        "locustfile.py",
        "import rampdeck.run\nrampdeck.run.LAST_LOOK = 1000\n"
        + text
        + "        open('there', 'w').close()\n",
    )
    project.write("rampdeck.toml", SETTLED)
    with project.start("run", "--headless", "-H", project.site, "-u", "1", "-t", "10m") as process:
        try:
            until((project.folder / "there").exists)
            process.send_signal(signal.SIGTERM)
            until(project.stops)
            time.sleep(2)
            assert process.poll() is None, "the last lines are still waited for"
            process.send_signal(signal.SIGTERM)
            err = process.communicate(timeout=60)[1]
        finally:
            process.kill()
    assert process.returncode == 4, err
    assert (project.session / "record.md").exists()
