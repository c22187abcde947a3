"""Nobody but the target is contacted, whichever way a scenario takes; the program as a user runs it."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from rampdeck.guard.told import KEY, Guarded
from rampdeck.store import SessionReader
from tests.run.conftest import Project, environment
from tests.run.test_workers import free_port

HERE = Path(__file__).parent
DNS = '''
import _socket, os
from pathlib import Path
real = _socket.getaddrinfo

def getaddrinfo(host, *rest, **named):
    """The DNS of the tests, below every client."""
    name = host.decode() if isinstance(host, bytes) else host
    table = dict(line.split() for line in Path(os.environ["NAMES"]).read_text().splitlines())
    return real(table.get(name, name), *rest, **named)

_socket.getaddrinfo = getaddrinfo
'''


@dataclass
class Grounds:
    """The site and the other hosts, with what the program needs to know of them."""

    process: subprocess.Popen[str]
    site: str
    other: int
    six: int
    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        usual = environment()
        return usual | {
            "PYTHONPATH": f"{self.folder / 'dns'}:{usual['PYTHONPATH']}",
            "OTHER_PORT": str(self.other),
            "SIX_PORT": str(self.six),
            "NOTES": str(self.folder / "notes"),
            "NAMES": str(self.folder / "names"),
            "DONE": str(self.folder / "done"),
        }

    def contacted(self) -> list[str]:
        """Who was contacted; it is asked by contacting them all, so that it is known that they would tell."""
        for address in (("127.0.0.2", self.other), ("::1", self.six)):
            socket.create_connection(address).close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets:
            packets.sendto(b"x", ("127.0.0.2", self.other))
        expected = ["contacted 127.0.0.2", "contacted ::1", "contacted 127.0.0.2 by a datagram"]
        assert self.process.stdout is not None
        seen: list[str] = []
        while any(seen.count(line) < 1 for line in expected):
            seen.append(self.process.stdout.readline().strip())
        for line in expected:
            seen.remove(line)
        return seen

    def notes(self) -> dict[str, dict[str, list[str]]]:
        """What each way met, by process."""
        found: dict[str, dict[str, list[str]]] = {}
        for line in (self.folder / "notes").read_text().splitlines():
            process, name, said = line.split("\t")
            found.setdefault(process, {}).setdefault(name, []).append(said)
        return found


@pytest.fixture
def grounds(tmp_path: Path) -> Iterator[Grounds]:
    (tmp_path / "dns").mkdir()
    (tmp_path / "dns" / "sitecustomize.py").write_text(DNS)
    (tmp_path / "names").write_text("shop.test 127.0.0.1\nmoving.test 127.0.0.1\nelsewhere.test 127.0.0.2\n")
    with subprocess.Popen(
        [sys.executable, HERE / "grounds.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        site, other, six = process.stdout.readline().split()
        yield Grounds(process, f"http://shop.test:{site}", int(other), int(six), tmp_path)
        process.terminate()


def guard_of(project: Project) -> Guarded:
    """What the only session says of its guard."""
    with SessionReader(project.session / "session.sqlite") as session:
        return Guarded.of_meta(session.meta[KEY])


def until_done(grounds: Grounds, program: subprocess.Popen[str], *others: subprocess.Popen[str]) -> str:
    """Let everything be tried, then stop; returns what the program said."""
    programs = (program, *others)
    try:
        deadline = time.monotonic() + 120
        while not (grounds.folder / "done").exists():
            assert time.monotonic() < deadline, "not everything was tried"
            assert not [each.communicate() for each in programs if each.poll() is not None]
            time.sleep(0.1)
        program.send_signal(signal.SIGINT)
        said = [each.communicate(timeout=60) for each in programs]
    finally:
        for each in programs:
            each.kill()
    return said[0][1]


def assert_refused(met: dict[str, list[str]], ways: Collection[str]) -> None:
    """Assert that each of these ways was tried, and that none of them led anywhere."""
    assert set(met) == set(ways)
    refused = re.compile(r"refused by Rampdeck's guard: |interpreter creation failed")
    assert {way: said for way, said in met.items() if not all(map(refused.search, said))} == {}


def ways(*without: str) -> set[str]:
    """Every way that the strays try, by their own file."""
    text = (HERE / "strays.py").read_text()
    found = set(re.findall(r'^    "([^"]+)"(?::|,$)', text, re.MULTILINE)) | {"import", "init", "test_start"}
    assert len(found) > 40
    return found - set(without)


@pytest.fixture
def strays(project: Project, grounds: Grounds) -> Project:
    shutil.copy(HERE / "strays.py", project.folder / "locustfile.py")
    return project


RUN = ("run", "--headless", "--allow-host", "moving.test", "-u", "6", "-r", "10", "-H")


def test_no_way_of_a_scenario_leads_past_the_guard(strays: Project, grounds: Grounds) -> None:
    with strays.start(*RUN, grounds.site, env=grounds.variables) as program:
        said = until_done(grounds, program)
    (met,) = grounds.notes().values()
    assert_refused(met, ways())
    assert grounds.contacted() == []
    other = f"127.0.0.2:{grounds.other}"
    assert f"{other} (elsewhere.test) is not in [target] allowed_hosts" in met["name"][0]
    moved = f"{other} is where moving.test leads now; at the start it was 127.0.0.1"
    assert moved in met["name that has moved"][0]
    assert f"refused by the guard for “GET HttpUser redirected”: {other} is not in" in said
    told = guard_of(strays)
    assert told.hosts == (("shop.test", ("127.0.0.1",)), ("moving.test", ("127.0.0.1",)))
    assert told.refused == sum(refusal.count for refusal in told.refusals)
    assert told.refused >= len(ways())
    assert {"GET FastHttpUser redirected", "GET HttpUser absolute"} <= {one.request for one in told.refusals}
    assert any(moved in one.why for one in told.refusals)


@pytest.mark.parametrize("by_hand", [False, True], ids=["of the cockpit", "by hand"])
def test_nor_does_one_in_a_worker(strays: Project, grounds: Grounds, by_hand: bool) -> None:
    """One that the cockpit starts, or one of somebody who says nothing of hosts."""
    port = free_port()
    name, how = ("elsewhere", ("--expect-workers", "1")) if by_hand else ("local-1", ("--workers", "1"))
    with ExitStack() as programs:
        given = (*RUN, grounds.site, *how, "--master-bind-port", str(port))
        started = [strays.start(*given, env=grounds.variables)]
        if by_hand:
            joining = ("worker", "--master-host", "127.0.0.1", "--master-port", str(port))
            started.append(strays.start(*joining, env=grounds.variables | {"RAMPDECK_WORKER": name}))
        for each in started:
            programs.enter_context(each)
        said = until_done(grounds, *started)
    cockpit, worker = sorted(grounds.notes().values(), key=len)
    assert_refused(cockpit, {"import", "init", "test_start"})
    assert_refused(worker, ways())
    assert grounds.contacted() == []
    assert f"worker {name}: refused by the guard" in said
    assert {one.worker for one in guard_of(strays).refusals} == {"", name}


def test_what_the_guard_cannot_see_is_told(project: Project, grounds: Grounds) -> None:
    project.write("grpc.py", "")
    project.write(
        "locustfile.py",
        """
        import subprocess
        import gevent
        import grpc
        from locust import FastHttpUser, task

        subprocess.run(["true"], check=True)

        class Visitor(FastHttpUser):
            @task
            def home(self):
                import zmq
                subprocess.run(["true"], check=True)
                self.client.get("/")
                gevent.spawn(self.environment.runner.quit)
                gevent.sleep(60)
        """,
    )
    project.write("rampdeck.toml", "[guard]\nprograms = true\n")
    given = ("run", "--headless", "-H", grounds.site, "-u", "1", "-t", "10m")
    with project.start(*given, env=grounds.variables) as program:
        said = program.communicate(timeout=60)[1]
    told = guard_of(project)
    assert told.refused == 0
    assert set(told.blind) == {
        "the scenario may start programs ([guard] programs): the guard cannot see them",
        "the guard cannot see what grpc connects to",
        "the guard cannot see what zmq (libzmq) connects to",
    }
    for sentence in told.blind:
        assert sentence in said
    assert " 0.00 " in next(line for line in said.splitlines() if line.startswith("GET"))
