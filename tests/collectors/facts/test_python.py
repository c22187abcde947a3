"""Gunicorn and Uvicorn tell what they are made of: from a real one, and from what others show."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from collectors._facts_options import of_command_line, of_file, words_of
from collectors._facts_python import PythonFacts
from collectors.gunicorn import GunicornConfig
from collectors.uvicorn import UvicornConfig
from rampdeck.demo.process import ServerProcess, free_port, tcp_answers
from rampdeck.facts import Fact
from rampdeck.processes import Process
from rampdeck.remote.local import LocalRemote
from tests.docker import DockerStandIn

from ..watching import PATIENCE
from .conftest import Answers, by_name

APP = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"ok"]

async def asgi(scope, receive, send):
    pass
"""


class Running:
    """A server of the test's own, in a folder of its own."""

    def __init__(self, folder: Path, module: str, *words: str) -> None:
        self.port = free_port()
        (folder / "app.py").write_text(APP)
        command = [
            sys.executable,
            "-P",
            "-m",
            module,
            *(word.replace("PORT", str(self.port)) for word in words),
        ]
        self.process = ServerProcess(
            module, command, folder / f"{module}.log", environment={"PYTHONPATH": str(folder)}
        )
        self.log = folder / f"{module}.log"


def of_file_log(kind: str, log: Path) -> PythonFacts:
    config = GunicornConfig if kind == "gunicorn" else UvicornConfig
    return PythonFacts(kind, config(kind=kind, file=str(log)))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(name: str, module: str, *words: str) -> Running:
        folder = tmp_path / name
        folder.mkdir()
        server = Running(folder, module, *words)
        started.append(server)
        server.process.launch()
        server.process.wait_ready(lambda: tcp_answers(server.port))
        return server

    yield start
    for server in started:
        server.process.stop()


async def asked_until(asking: PythonFacts, fits: Callable[[dict[str, Fact]], bool]) -> dict[str, Fact]:
    async with asyncio.timeout(PATIENCE):
        while not fits(found := by_name(await asking.facts(LocalRemote()))):
            pass
    return found


async def test_a_real_gunicorn_among_others_and_what_a_reload_changes(
    run: Callable[..., Running], tmp_path: Path
) -> None:
    config = tmp_path / "gunicorn.conf.py"
    config.write_text("workers = 2\ntimeout = 45  # seconds\nthreads = 1 + 1\nraw_env = ['SECRET=hunter2']\n")
    own = ["-c", str(config), "-k", "gthread", "--max-requests=500", "--preload", "-b", "127.0.0.1:PORT"]
    own += ["--access-logfile", "-"]
    server = run("one", "gunicorn", *own, "app:application")
    run("two", "gunicorn", "-b", "127.0.0.1:PORT", "app:application")
    asking = of_file_log("gunicorn", server.log)
    found = await asked_until(asking, lambda found: found["gunicorn.workers"].value == "2")
    shown = {name: (fact.value, fact.provenance) for name, fact in found.items()}
    pid = server.process.pid
    assert shown["gunicorn.version"] == (version("gunicorn"), f"log: Starting gunicorn {version('gunicorn')}")
    assert shown["gunicorn.workers"] == ("2", f"children of process {pid}")
    assert shown["gunicorn.worker_class"] == ("gthread", f"/proc/{pid}/cmdline")
    assert shown["gunicorn.timeout"] == ("45", str(config))
    assert shown["gunicorn.threads"] == ("1 + 1", str(config))
    assert shown["gunicorn.max_requests"] == ("500", f"/proc/{pid}/cmdline")
    assert shown["gunicorn.preload_app"][0] == "True"
    assert shown["gunicorn.keepalive"] == ("2", "default of Gunicorn")
    assert shown["gunicorn.accesslog"] == ("-", f"/proc/{pid}/cmdline")
    assert shown["gunicorn.graceful_timeout"] == ("30", "default of Gunicorn")
    assert shown["gunicorn.state"][0] == "running"
    assert "gunicorn.journal_limit" not in shown, "its log is a file"
    assert shown["gunicorn.master_pid"][0] == str(pid)
    assert shown["django.version"][0] == version("django")
    assert "hunter2" not in str(shown)
    config.write_text("workers = 3\ntimeout = 45\n")
    os.kill(pid, signal.SIGHUP)
    after = await asked_until(asking, lambda found: found["gunicorn.workers"].value == "3")
    assert after["gunicorn.workers"].value == "3"
    assert after["gunicorn.config_sha256"] != found["gunicorn.config_sha256"]
    assert after["gunicorn.worker_pids"].value != found["gunicorn.worker_pids"].value


async def test_a_server_that_does_not_run_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty.log").write_text("")
    found = by_name(await of_file_log("uvicorn", tmp_path / "empty.log").facts(LocalRemote()))
    assert found["uvicorn.version"].why.startswith("no process of uvicorn is to be seen")
    assert found["uvicorn.workers"].value == ""
    assert found["uvicorn.state"].value == "stopped"


# ---------------------------------------------------------------- what others show

UNIT = """== unit
ExecStart={ path=/srv/venv/bin/gunicorn ; argv[]=/srv/venv/bin/gunicorn --workers 3 -t90 shop.wsgi ; pid=812 }
MainPID=812
NRestarts=2
FragmentPath=/etc/systemd/system/gunicorn.service
ActiveEnterTimestamp=Mon 2026-11-16 08:00:00 UTC
== containers
== processes
812 1 gunicorn: master [shop.wsgi]
813 812 gunicorn: worker [shop.wsgi]
814 812 gunicorn: worker [shop.wsgi]
815 812 gunicorn: worker [shop.wsgi]
990 1 /usr/bin/python3\t/usr/bin/gunicorn\tother.wsgi
991 1 journalctl\t-u\tgunicorn
== log
[2026-11-16 08:00:00 +0000] [812] [INFO] Starting gunicorn 19.9.0
[2026-11-16 08:00:00 +0000] [812] [INFO] Listening at: unix:/run/gunicorn.sock (812)
[2026-11-16 08:00:00 +0000] [812] [INFO] Using worker: sync
"""


async def test_behind_a_title_the_units_command_line_tells() -> None:
    host = Answers(**{"systemctl show": UNIT, "== packages": "== packages\n== environment\n== file\n"})
    found = by_name(await PythonFacts("gunicorn", GunicornConfig(kind="gunicorn")).facts(host))
    assert found["gunicorn.version"].value == "19.9.0"
    assert found["gunicorn.bind"].value == "unix:/run/gunicorn.sock"
    assert found["gunicorn.workers"].value == "3"
    timeout = found["gunicorn.timeout"]
    assert (timeout.value, timeout.provenance) == ("90", "systemctl show, ExecStart")
    assert found["gunicorn.unit_restarts"].value == "2"
    assert found["gunicorn.unit_file"].value == "/etc/systemd/system/gunicorn.service"
    assert found["gunicorn.worker_pids"].value == "813, 814, 815"
    assert found["django.version"].value == ""


JOURNALD = """== journald
file /etc/systemd/journald.conf
RateLimitIntervalSec=1min
file /usr/lib/systemd/journald.conf.d/50-rate.conf
RateLimitBurst=7
file /usr/lib/systemd/journald.conf.d/60-more.conf
RateLimitBurst=600
file /etc/systemd/journald.conf.d/60-more.conf
"""


def unit(active: str = "active", sub: str = "running", load: str = "loaded", **more: str) -> str:
    """What systemctl shows of a unit."""
    lines = {"LoadState": load, "ActiveState": active, "SubState": sub, "LogRateLimitBurst": "0", **more}
    return "== unit\n" + "".join(f"{name}={value}\n" for name, value in lines.items())


async def of_unit(*sections: str) -> dict[str, Fact]:
    host = Answers(**{"systemctl show": "".join(sections)})
    return by_name(await PythonFacts("gunicorn", GunicornConfig(kind="gunicorn")).facts(host))


async def test_a_unit_says_whether_it_runs() -> None:
    for shown, state in (
        (unit(), "active (running)"),
        (unit("failed", "failed"), "failed (failed)"),
        (unit("inactive", "dead", "not-found"), "no such unit"),
        ("== unit\n", "stopped"),
    ):
        assert (await of_unit(shown, "== processes\n"))["gunicorn.state"].value == state
    hidden = (await of_unit("== unit\n== processes\n== hidden\nyes\n"))["gunicorn.state"]
    assert (hidden.value, "hidepid" in hidden.why) == ("", True)


async def test_what_the_journal_takes_is_read_as_journald_reads_it() -> None:
    """A file of that name in /etc takes the place of the one in /usr/lib, even if it is empty."""
    limit = "gunicorn.journal_limit"
    found = (await of_unit(unit(), JOURNALD))[limit]
    assert found.value == "7 lines in 60 s"
    assert found.provenance == "/usr/lib/systemd/journald.conf.d/50-rate.conf"
    own = unit(LogRateLimitIntervalUSec="5s", LogRateLimitBurst="100000")
    assert (await of_unit(own, JOURNALD))[limit].value == "100000 lines in 5 s"
    off = "== journald\nfile /etc/systemd/journald.conf\nRateLimitIntervalSec=0\n"
    assert (await of_unit(unit(), off))[limit].value == "none"
    plain = "== journald\nfile /etc/systemd/journald.conf\n"
    assert (await of_unit(unit(), plain))[limit].value == "10000 lines in 30 s"
    nothing = unit(LogRateLimitIntervalUSec="0")
    assert (await of_unit(nothing, plain))[limit].value == "10000 lines in 30 s", "0 is journald's own"


async def test_the_files_of_journald_are_found_on_this_machine(program: Callable[[str, str], None]) -> None:
    """systemctl is a stand-in here, the files are this machine's."""
    program("systemctl", "echo LoadState=loaded; echo ActiveState=active; echo SubState=running")
    found = by_name(await PythonFacts("gunicorn", GunicornConfig(kind="gunicorn")).facts(LocalRemote()))
    assert found["gunicorn.state"].value == "active (running)"
    if Path("/etc/systemd/journald.conf").exists():
        assert " lines in " in found["gunicorn.journal_limit"].value


UVICORN = """== unit
== containers
== processes
70 1 /srv/venv/bin/python3.12\t/srv/venv/bin/uvicorn\t--workers\t2\t--uds=/run/app.sock\tapp:asgi
71 70 /srv/venv/bin/python3.12\t-c\tfrom multiprocessing.resource_tracker import main;main(4)
72 70 /srv/venv/bin/python3.12\t-c\tfrom multiprocessing.spawn import spawn_main\t--multiprocessing-fork
73 70 /srv/venv/bin/python3.12\t-c\tfrom multiprocessing.spawn import spawn_main\t--multiprocessing-fork
90 1 /srv/venv/bin/python3.12\t/srv/venv/bin/uvicorn\tother:asgi
== log
INFO:     Uvicorn running on unix socket /run/app.sock (Press CTRL+C to quit)
INFO:     Started parent process [70]
"""
BESIDE = """== packages
/srv/venv/lib/python3.12/site-packages/Django-4.2.16.dist-info
/srv/venv/lib/python3.12/site-packages/uvicorn-0.34.0.dist-info
== environment
WEB_CONCURRENCY=7
== file
"""


async def test_a_uvicorn_with_workers_is_found_by_its_parents_number() -> None:
    host = Answers(**{"== processes": UVICORN, "== packages": BESIDE})
    config = UvicornConfig(kind="uvicorn", file="/var/log/uvicorn.log")
    found = by_name(await PythonFacts("uvicorn", config).facts(host))
    assert found["uvicorn.version"].value == "0.34.0"
    assert found["uvicorn.workers"].value == "2"
    assert found["uvicorn.worker_pids"].value == "72, 73"
    assert found["uvicorn.uds"].value == "/run/app.sock"
    assert found["uvicorn.http"].provenance == "default of Uvicorn"
    assert found["django.version"].value == "4.2.16"
    assert found["django.version"].provenance == "Django-4.2.16 in /srv/venv/lib/python3.12/site-packages"


async def test_several_servers_of_which_none_is_meant_are_said() -> None:
    processes = "7 1 gunicorn: master [a]\n9 1 gunicorn: master [b]\n"
    host = Answers(**{"systemctl show": f"== unit\n== containers\n== processes\n{processes}== log\n"})
    found = by_name(await PythonFacts("gunicorn", GunicornConfig(kind="gunicorn")).facts(host))
    why = "there are 2 of them (processes 7, 9), and nothing says which one is meant"
    assert found["gunicorn.workers"].why == why
    assert found["gunicorn.version"].why == why


async def test_a_container_tells_its_image_and_the_commit_in_its_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker itself is a stand-in here (tests/docker.py)."""
    docker = DockerStandIn(tmp_path)
    monkeypatch.setenv("PATH", f"{docker.folder}:{os.environ['PATH']}")
    docker.inspected(
        [
            "/shop-web-1",
            4_000_001,
            "shop:1.4",
            "sha256:ab",
            "gunicorn",
            ["-w", "4", "shop.wsgi"],
            "8f3c1d2",
            0,
            "running",
            "2026-11-16T08:00:00Z",
        ]
    )
    docker.say("[2026-11-16 08:00:00 +0000] [1] [INFO] Starting gunicorn 23.0.0")
    config = GunicornConfig(kind="gunicorn", compose_service="web", compose_file="/srv/it's/compose.yaml")
    found = by_name(await PythonFacts("gunicorn", config).facts(LocalRemote()))
    assert found["gunicorn.image"].value == "shop:1.4"
    assert found["gunicorn.image_id"].value == "sha256:ab"
    assert found["gunicorn.image_revision"].value == "8f3c1d2"
    assert found["gunicorn.state"].value == "running"
    assert found["gunicorn.containers_started"].value == "2026-11-16T08:00:00Z"
    assert found["gunicorn.version"].value == "23.0.0"
    assert "that docker inspect names (4000001)" in found["gunicorn.workers"].why


async def test_a_service_without_a_container_is_stopped_and_a_docker_that_refuses_is_unknown(
    program: Callable[[str, str], None],
) -> None:
    asking = PythonFacts("gunicorn", GunicornConfig(kind="gunicorn", compose_service="web"))
    program("docker", "exit 0")
    assert by_name(await asking.facts(LocalRemote()))["gunicorn.state"].value == "stopped"
    program("docker", "echo permission denied >&2; exit 1")
    state = by_name(await asking.facts(LocalRemote()))["gunicorn.state"]
    assert (state.value, state.why) == ("", "permission denied")


def test_a_program_is_found_behind_its_interpreter() -> None:
    lines = {
        "1 0 /srv/venv/bin/python3.12\t/srv/venv/bin/gunicorn\t-w\t4": True,
        "1 0 python\t-X\tdev\t-P\t-m\tgunicorn\tapp": True,
        "1 0 gunicorn: master [app]": True,
        "1 0 journalctl\t-u\tgunicorn": False,
        "1 0 sh\t-c\tgunicorn app": False,
        "1 0 tail\t-F\t/var/log/gunicorn": False,
        "1 0 python\t-c\timport gunicorn\tgunicorn": False,
    }
    for line, runs in lines.items():
        process = Process.of(line)
        assert process is not None
        assert process.runs("gunicorn") is runs, line
    assert Process.of("no process") is None


def test_options_are_read_as_gunicorn_reads_them() -> None:
    names = ("workers", "timeout", "worker_class", "bind", "preload_app", "keepalive")
    words = words_of("gunicorn -w4 -k=gevent --timeout 90 --bind=:80 --keep-alive 5 --preload 'a b'")
    found = {name: setting.value for name, setting in of_command_line(words, names, "here").items()}
    assert found == {
        "workers": "4",
        "worker_class": "gevent",
        "timeout": "90",
        "bind": ":80",
        "keepalive": "5",
        "preload_app": "True",
    }
    assert words_of("it's") == ["it's"]
    flags = of_command_line(["uvicorn", "--no-access-log", "app:asgi"], ("access_log",), "here")
    assert flags["access_log"].value == "False"
    logged = of_command_line(["gunicorn", "--access-logfile=-", "app"], ("accesslog",), "here")
    assert logged["accesslog"].value == "-"
    lines = ["workers =4", "bind ='0.0.0.0:80' # here", "threads =cpu_count() * 2", 'timeout = "x\\""']
    assert [setting.value for setting in of_file(lines, "f").values()] == [
        "4",
        "0.0.0.0:80",
        "cpu_count() * 2",
        '"x\\""',
    ]
