"""A run without a screen: its figures, its record, its exit codes, and what it says of wrong input."""

from __future__ import annotations

import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rampdeck.model import Event, EventKind, RequestBatch, Step
from rampdeck.store import SessionReader
from tests.run.conftest import ANY_MACHINE, Project, environment, until

SETTLED = """
[load]
settle = "1s"
"""
UNDISTURBED = f"""
{ANY_MACHINE}
[gate]
thresholds = ["error_rate < 1%", "p95 < 10s"]
"""
FIGURES = {"requests", "failures", "rps", "error_rate", "p50", "p95", "p99"}


def test_a_run_leaves_figures_a_record_and_a_session(project: Project) -> None:
    project.write("rampdeck.toml", SETTLED + UNDISTURBED)
    done = project.headless("-u", "5", "-r", "10", "-t", "8s")
    assert done.returncode == 0, done.stderr
    result = project.result
    assert result["result"] == "PASS"
    assert {threshold["state"] for threshold in result["thresholds"]} == {"pass"}
    (request,) = result["requests"]
    assert FIGURES | {"method", "name"} <= set(request)
    assert (request["method"], request["name"], request["failures"]) == ("GET", "/", 0)
    (step,) = result["steps"]
    assert FIGURES | {"users", "seconds"} <= set(step)
    assert step["users"] == 5
    assert 0 < step["requests"] < request["requests"], "a level counts when it has settled"
    (source,) = result["sources"]
    assert (source["name"], source["state"], source["gaps"]) == ("generator@local", "live", 0)
    assert set(result["generator"]) >= {"cpu_percent", "lag_p99_ms", "lag_max_ms", "delay_p95_ms"}
    assert result["record"]["Result"] == "PASS"
    assert len(result["record"]) == 9
    assert "running  users 5/5" in done.stderr
    told = [line[:5] for line in done.stderr.splitlines() if re.match(r"\d\d:\d\d ", line)]
    assert told == sorted(told), "what happened and how it goes are told by one clock"
    total = next(line.split() for line in done.stderr.splitlines() if line.startswith("        all "))
    assert int(total[1]) == sum(request["requests"] for request in project.result["requests"])
    assert "**PASS**" in (project.session / "record.md").read_text()
    session = project.session / "session.sqlite"
    assert result["session"] == str(session)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (project.session, session)] == [0o700, 0o600]
    items = items_of(session)
    counted = sum(
        stats.successes.count for item in items if isinstance(item, RequestBatch) for stats in item.entries
    )
    assert counted == request["requests"]
    assert [item.phase for item in items if isinstance(item, Step)] == ["ramp", "settle", "measure", "done"]


def test_a_plan_of_the_file_is_walked_through_and_a_breach_fails_with_exit_code_1(project: Project) -> None:
    project.write(
        "rampdeck.toml",
        """
        [load]
        settle = "1s"
        spawn_rate = 20
        [[stages]]
        name = "low"
        users = 2
        hold = "4s"
        [[stages]]
        name = "high"
        users = 6
        hold = "4s"
        [gate]
        thresholds = ["error_rate < 1%", "p50 < 0.1ms"]
        [release]
        image_tag = "web-abc1234"
        commit_sha = { command = "echo 8f3c1d2" }
        gunicorn_workers = { command = "exit 3" }
        """
        + ANY_MACHINE,
    )
    done = project.headless()
    assert done.returncode == 1, done.stderr
    result = project.result
    assert [(step["stage"], step["users"]) for step in result["steps"]] == [("low", 2), ("high", 6)]
    assert [threshold["state"] for threshold in result["thresholds"]] == ["pass", "fail"]
    assert result["result"] == result["record"]["Result"] == "FAIL"
    assert (result["record"]["Commit SHA"], result["record"]["Image tag"]) == ("8f3c1d2", "web-abc1234")
    assert result["record"]["Gunicorn workers"].startswith("not known: exit status 3")
    assert any("p50 < 0.1ms" in finding["text"] for finding in result["findings"])


def test_a_run_that_is_too_short_is_inconclusive(project: Project) -> None:
    done = project.headless("-u", "2", "-r", "2", "-t", "3s")
    assert done.returncode == 3
    assert project.result["result"] == "INCONCLUSIVE"
    assert any("held long enough" in reason for reason in project.result["reasons"])


def test_a_source_that_cannot_be_seen_makes_the_verdict_inconclusive_and_says_why(project: Project) -> None:
    project.write(
        "rampdeck.toml",
        SETTLED + '[[collectors]]\nkind = "postgres"\nport = 1\nuser = "u"\ndatabase = "d"\n'
        '[[collectors]]\nkind = "redis"\nabsent = "there is no Redis here"\n',
    )
    done = project.headless("-u", "2", "-r", "2", "-t", "6s")
    assert done.returncode == 3
    sources = {source["name"]: source for source in project.result["sources"]}
    assert sources["postgres@local"]["state"] == "blind"
    assert sources["postgres@local"]["gaps"] == 1
    assert sources["redis@local"]["state"] == "absent"
    assert any(reason.startswith("postgres@local was blind") for reason in project.result["reasons"])
    assert "postgres@local is blind: PostgreSQL at 127.0.0.1:1: nothing listens there" in done.stderr
    assert not any("redis" in reason for reason in project.result["reasons"])


def test_failures_are_counted_with_their_text(project: Project) -> None:
    project.write("locustfile.py", (project.folder / "locustfile.py").read_text().replace('"/"', '"/broken"'))
    project.write("rampdeck.toml", SETTLED + ANY_MACHINE)
    done = project.headless("-u", "2", "-r", "2", "-t", "5s")
    assert done.returncode == 1, done.stderr
    (request,) = project.result["requests"]
    assert request["failures"] == request["requests"] > 0
    assert project.result["errors"][0]["count"] == request["requests"]
    assert "500" in project.result["errors"][0]["text"]


def test_what_the_scenario_prints_and_logs_is_in_the_session(project: Project) -> None:
    text = (project.folder / "locustfile.py").read_text()
    project.write(
        "locustfile.py",
        'print("printed at import [/x] \\x1b[31m")\n'
        + text.replace("def home(self):", 'def home(self):\n        print("printed in a task")'),
    )
    project.headless("-u", "1", "-t", "3s")
    events = [item for item in items_of(project.session / "session.sqlite") if isinstance(item, Event)]
    said = {event.text for event in events if event.source == "scenario"}
    assert {"printed at import [/x] \x1b[31m", "printed in a task"} <= said
    assert any("Ramping to 1 users" in text for text in said)
    assert any(event.kind is EventKind.LOAD for event in events)


def test_a_scenario_that_refuses_to_start_is_told_with_exit_code_2(project: Project) -> None:
    text = (project.folder / "locustfile.py").read_text()
    listener = """
import sys
from locust import events

@events.init.add_listener
def init(environment, **_):
    sys.exit("no accounts to log in with")
"""
    project.write("locustfile.py", listener + text)
    done = project.headless("-u", "1", "-t", "1s")
    assert done.returncode == 2
    assert "the scenario refuses to start" in done.stderr
    assert "no accounts to log in with" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((project.folder / "rampdeck-sessions").iterdir()) == [], "no empty session is left"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_gracefully_and_the_record_is_still_written(
    project: Project, number: signal.Signals
) -> None:
    project.write("rampdeck.toml", SETTLED)
    with project.start(
        "run", "--headless", "-H", project.site, "-u", "3", "-r", "9", "-t", "60s", "--json-file", "out.json"
    ) as process:
        _until_running(process)
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == 4
    assert project.result["requests"][0]["failures"] == 0
    assert any("operator stopped" in reason for reason in project.result["reasons"])


def test_a_user_who_never_yields_can_be_stopped_by_a_second_signal(project: Project) -> None:
    text = (project.folder / "locustfile.py").read_text()
    project.write("locustfile.py", text + "        open('spinning', 'w').close()\n        while True: pass\n")
    with project.start(
        "run", "--headless", "-H", project.site, "-u", "1", "-t", "60s", "--json-file", "out.json"
    ) as process:
        until((project.folder / "spinning").exists)
        process.send_signal(signal.SIGINT)
        until(lambda: not waits_for(process, signal.SIGINT))
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 4
    assert project.result["requests"][0]["requests"] == 1


def test_a_reader_that_has_gone_ends_the_load_and_does_not_cost_the_record(project: Project) -> None:
    with project.start("run", "--headless", "-H", project.site, "-u", "1", "-t", "10m") as process:
        assert process.stderr is not None
        assert process.stdout is not None
        process.stderr.close()
        process.stdout.close()
        process.wait(timeout=60)
    assert (project.session / "record.md").exists()
    assert process.returncode == 4


def test_a_killed_run_keeps_what_it_had_recorded(project: Project) -> None:
    with project.start("run", "--headless", "-H", project.site, "-u", "3", "-r", "9", "-t", "60s") as process:
        until(lambda: project.recorded() > 0)
        process.kill()
        process.communicate()
    batches = [
        item for item in items_of(project.session / "session.sqlite") if isinstance(item, RequestBatch)
    ]
    assert sum(stats.successes.count for batch in batches for stats in batch.entries) > 0


def test_a_scenario_that_exits_ends_the_load_with_its_own_exit_code_and_a_record(project: Project) -> None:
    text = (project.folder / "locustfile.py").read_text()
    project.write("locustfile.py", text + "        import sys; sys.exit('enough')\n")
    done = project.headless("-u", "1", "-t", "60s")
    assert done.returncode == 5, done.stderr
    assert any("enough" in reason for reason in project.result["reasons"])
    assert project.result["requests"][0]["requests"] == 1


WRONG = [
    ("[targt]\n", (), 'unknown key "targt"; did you mean "target"?'),
    ("[gate]\nthresholds = ['p95 < fast']\n", (), "a number must stand here"),
    ("[[collectors]]\nkind = 'ngnix'\n", (), 'no kind "ngnix"; did you mean "nginx"?'),
    ("[[collectors]]\nkind = 'nginx'\nacces_log = '/x'\n", (), 'did you mean "access_log"?'),
    ("[[collectors]]\nkind = 'host'\nhost = 'web'\n", (), 'the host "web" is not known'),
    ("[[collectors]]\nkind = 'host'\n[[collectors]]\nkind = 'host'\n", (), "host@local is there already"),
    ("[load\n", (), "is not valid TOML"),
    ("", ("-f", "nowhere.py"), "Could not find 'nowhere.py'"),
    ("", ("--no-such-option",), "no-such-option"),
    ("", ("--worker",), "--worker is not available"),
    ("", ("-c", "nowhere.toml"), "cannot read nowhere.toml"),
    ("", ("-r", "0"), "must be > 0"),
    ("", ("-u", "-3"), "-3 users cannot be had"),
    ("", ("--record", "/proc/nowhere"), "cannot make /proc/nowhere"),
    ("", ("Visiter",), 'no user class "Visiter"; did you mean "Visitor"?'),
]


def test_wrong_input_is_told_in_a_sentence_with_exit_code_2(project: Project) -> None:
    # One process for all of them: importing Locust is what takes the time.
    program = """
import sys
from pathlib import Path
from rampdeck.cli import main
for toml, arguments, _ in eval(sys.stdin.read()):
    Path("rampdeck.toml").write_text(toml)
    code = main(["run", "--headless", "-u", "1", "-t", "1s", *arguments])
    sys.stderr.write(f"exit {code}\\0")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=repr(WRONG),
        cwd=project.folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = done.stderr.split("\0")
    for (toml, arguments, wanted), answer in zip(WRONG, answers, strict=False):
        assert wanted in answer, (toml, arguments)
        assert answer.endswith("exit 2")
        assert "Traceback" not in answer
    assert len(answers) == len(WRONG) + 1
    assert not (project.folder / "rampdeck-sessions").exists()


def test_the_configuration_that_init_writes_can_be_run(project: Project) -> None:
    assert project.run("init").returncode == 0
    again = project.run("init")
    assert again.returncode == 2
    assert "rampdeck.toml exists" in again.stderr
    written = (project.folder / "rampdeck.toml").read_text()
    assert written.count("\n[generator]\n") == 1
    project.write("rampdeck.toml", written.replace("\n[generator]\n", ANY_MACHINE))
    done = project.headless("-u", "2", "-r", "2", "-t", "8s")
    assert done.returncode == 0, done.stderr


def test_without_a_terminal_the_cockpit_says_what_to_do(project: Project) -> None:
    done = project.run("run", "-H", project.site)
    assert done.returncode == 2
    assert "--headless" in done.stderr


def test_the_command_line_explains_itself(project: Project) -> None:
    for arguments in ((), ("run", "--help"), ("demo", "--help")):
        done = project.run(*arguments)
        assert done.returncode == 0
        assert "Usage: rampdeck" in done.stdout


def items_of(file: Path) -> list[object]:
    with SessionReader(file) as reader:
        return list(reader.items())


def waits_for(process: subprocess.Popen[str], number: signal.Signals) -> bool:
    """Whether a signal was sent that the process has not taken: another one would be lost in it."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    pending = re.findall(r"^(?:SigPnd|ShdPnd):\s+(\w+)$", status, re.MULTILINE)
    return any(int(mask, 16) >> (number - 1) & 1 for mask in pending)


def _until_running(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if "All users spawned" in line:
            return
    raise AssertionError("the run ended before it was running")
