"""The wire clock: what the server took, whatever else this process has to do."""

from __future__ import annotations

import asyncio
import json
import socket as stdlib
import ssl
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rampdeck.engine import wire
from rampdeck.engine.engine import LoadEngine
from rampdeck.loop import in_greenlet
from rampdeck.model import RequestStats
from tests.engine.conftest import Load
from tests.engine.crew import until

ROOT = Path(__file__).parents[2]
HEAD = """
import gevent, socket, time, urllib3
from locust import FastHttpUser, HttpUser, User, constant, task
urllib3.disable_warnings()
"""
BUSY = """
class Busy(User):
    '''Keeps the processor to himself for 25 ms at a time: everybody's answers lie in the kernel.'''
    fixed_count = 1
    @task
    def burn(self):
        until = time.perf_counter() + 0.025
        while time.perf_counter() < until:
            pass
        gevent.sleep(0.01)
"""


@dataclass(frozen=True)
class Truth:
    """Servers that take as long as the path says."""

    plain: str
    tls: str


@contextmanager
def clocked() -> Iterator[str]:
    """The bench's server, which answers after 20 ms and times its answers by the kernel's stamps."""
    command = [sys.executable, "-m", "bench.server"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.terminate()


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Truth]:
    """One server with TLS and one without, in processes of their own."""
    certificate = tmp_path_factory.mktemp("tls") / "both.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    files = ["-keyout", str(certificate) + ".key", "-out", str(certificate), "-subj", "/CN=localhost"]
    subprocess.run([*made, *files], check=True, capture_output=True)
    certificate.write_text(certificate.read_text() + Path(f"{certificate}.key").read_text())
    command = [sys.executable, "-m", "tests.engine.truth"]
    servers = [
        subprocess.Popen(
            [*command, *more], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for more in ([], [str(certificate)])
    ]
    ports = [server.stdout.readline().strip() for server in servers if server.stdout]
    yield Truth(f"http://127.0.0.1:{ports[0]}", f"https://127.0.0.1:{ports[1]}")
    for server in servers:
        assert server.stdin is not None
        server.stdin.close()
        server.wait(60)
        assert server.stdout is not None
        server.stdout.close()


def visiting(load: Load, text: str, *arguments: str, stop_timeout: float = 2.0) -> LoadEngine:
    """Load a locustfile; the host is the one of its user class."""
    host = next((line.split("'")[1] for line in text.splitlines() if "host = " in line), "http://127.0.0.1")
    return load(text, "-H", host, *arguments, stop_timeout=stop_timeout)


async def asked(engine: LoadEngine, users: int = 4, least: int = 12) -> dict[str, RequestStats]:
    """Let users ask until every name has been told so often; return what was recorded, by name."""
    runner = engine.environment.runner
    assert runner is not None
    told: Counter[str] = Counter()
    engine.environment.events.request.add_listener(lambda name, **_: told.update([name]))
    await in_greenlet(runner.start, users, 100)
    await until(lambda: told and min(told.values()) >= least)
    taken = engine.take()
    await in_greenlet(runner.quit)
    engine.driver.close()
    assert engine.exceptions == {}
    return {stats.name: stats for stats in taken}


async def came(host: str, path: str) -> int:
    """Return how many requests for a path have come to a server so far."""
    return int(await in_greenlet(_read, f"{host}/came{path}"))


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, context=ssl._create_unverified_context()) as answer:
        body: bytes = answer.read()
        return body


async def all_came(host: str, path: str, count: int) -> None:
    """Wait until so many requests for a path have come."""
    async with asyncio.timeout(60):
        while await came(host, path) < count:
            await asyncio.sleep(0.05)


def user(kind: str, body: str, *, host: str, more: str = "") -> str:
    """Return a locustfile with one user class."""
    tls = "insecure = True" if kind == "FastHttpUser" else ""
    start = "def on_start(self): self.client.verify = False" if kind == "HttpUser" else ""
    return f"""{HEAD}{more}
class Visitor({kind}):
    host = {host!r}
    {tls}
    {start}
    wait_time = constant(0.01)
    @task
    def visit(self):
        {body}
"""


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
@pytest.mark.parametrize("scheme", ["plain", "tls"])
async def test_a_busy_generator_does_not_make_the_server_slower(
    load: Load, truth: Truth, kind: str, scheme: str
) -> None:
    text = user(kind, 'self.client.get("/large/20ms")', host=getattr(truth, scheme), more=BUSY)
    stats = (await asked(visiting(load, text), users=5))["/large/20ms"]
    assert stats.failures.count == 0, stats.errors
    assert stats.delay.count == stats.successes.count == stats.locust.count > 10
    wire_p50, locust_p50 = stats.successes.percentile(50), stats.locust.percentile(50)
    assert wire_p50 is not None
    assert locust_p50 is not None
    # The busy user holds answers back: that is the generator's part, and told apart.
    assert 20.0 <= stats.successes.lowest <= wire_p50 < locust_p50
    assert stats.delay.mean == pytest.approx(
        (stats.locust.mean or 0.0) - (stats.successes.mean or 0.0), rel=0.01
    )


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
async def test_it_agrees_with_the_clock_of_the_server_itself(load: Load, kind: str) -> None:
    with clocked() as host:
        text = user(kind, 'self.client.get("/")', host=host, more=BUSY)
        stats = (await asked(visiting(load, text), users=5, least=100))["/"]
        with urllib.request.urlopen(f"{host}/_clock") as answer:
            server = json.load(answer)
    assert server["count"] >= stats.successes.count > 20
    # How near it comes is the bench's question; on a machine that is busy with other tests it is much nearer.
    by_wire, by_locust = stats.successes.percentile(50), stats.locust.percentile(50)
    assert by_wire is not None
    assert by_locust is not None
    assert server["p50"] <= by_wire * 1.01
    assert by_wire - server["p50"] < (by_locust - server["p50"]) / 3


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
async def test_redirects_are_summed_up_and_counted(load: Load, truth: Truth, kind: str) -> None:
    engine = visiting(load, user(kind, 'self.client.get("/redirect/2/10ms", name="away")', host=truth.plain))
    stats = (await asked(engine))["away"]
    assert stats.redirects == 2 * stats.successes.count
    assert stats.delay.count == stats.successes.count > 3
    assert stats.successes.lowest >= 30.0


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
@pytest.mark.parametrize("scheme", ["plain", "tls"])
async def test_a_body_in_chunks_counts_to_its_last_byte(
    load: Load, truth: Truth, kind: str, scheme: str
) -> None:
    engine = visiting(load, user(kind, 'self.client.get("/chunked/10ms")', host=getattr(truth, scheme)))
    stats = (await asked(engine))["/chunked/10ms"]
    assert stats.successes.lowest >= 40.0
    assert stats.delay.count == stats.successes.count > 3


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
async def test_a_streamed_body_counts_as_far_as_locusts_own_clock_goes(
    load: Load, truth: Truth, kind: str
) -> None:
    body = """
        with self.client.get("/chunked/10ms", stream=True, catch_response=True) as response:
            assert len(response.content) == 3072
    """
    engine = visiting(load, user(kind, body.strip(), host=truth.plain))
    stats = (await asked(engine))["/chunked/10ms"]
    assert stats.failures.count == 0, stats.errors
    assert stats.delay.count == stats.successes.count > 3
    assert 10.0 <= stats.successes.lowest <= stats.successes.highest <= stats.locust.highest


@pytest.mark.parametrize("scheme", ["plain", "tls"])
@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
async def test_a_new_connection_is_part_of_its_request(
    load: Load, truth: Truth, kind: str, scheme: str
) -> None:
    engine = visiting(load, user(kind, 'self.client.get("/close/10ms")', host=getattr(truth, scheme)))
    stats = (await asked(engine))["/close/10ms"]
    assert stats.delay.count == stats.successes.count > 3
    assert (stats.redirects, stats.failures.count) == (0, 0)


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
async def test_ipv6_is_stamped_too(load: Load, truth: Truth, kind: str) -> None:
    host = truth.plain.replace("127.0.0.1", "[::1]")
    engine = visiting(load, user(kind, 'self.client.get("/5ms")', host=host))
    stats = (await asked(engine))["/5ms"]
    assert stats.delay.count == stats.successes.count > 3


async def test_a_request_inside_of_another_ones_block_keeps_its_own_time(load: Load, truth: Truth) -> None:
    body = """
        with self.client.get("/60ms", catch_response=True) as outer:
            self.client.get("/5ms")
            outer.success()
    """
    stats = await asked(visiting(load, user("HttpUser", body.strip(), host=truth.plain)))
    outer, inner = stats["/60ms"], stats["/5ms"]
    assert outer.delay.count == outer.successes.count > 3
    assert inner.delay.count == inner.successes.count
    assert outer.successes.lowest >= 60.0
    assert outer.successes.highest <= outer.locust.highest
    assert 5.0 <= inner.successes.lowest < outer.successes.lowest
    assert outer.redirects == inner.redirects == 0


@pytest.mark.parametrize(
    ("before", "after", "least"), [(0.03, 0.0, 25.0), (0.0, 0.005, 0.0)], ids=["works", "told late"]
)
async def test_whatever_else_reads_through_the_sockets_is_stamped(
    load: Load, truth: Truth, before: float, after: float, least: float
) -> None:
    """Also of a user who works ``before`` the time is taken, or is kept waiting ``after`` that."""
    text = f"""{HEAD}
class Raw(User):
    wait_time = constant(0.01)
    @task
    def ask(self):
        began = time.perf_counter()
        with socket.create_connection(("127.0.0.1", {truth.plain.rsplit(":")[-1]})) as connection:
            connection.sendall(b"GET /20ms HTTP/1.0\\r\\n\\r\\n")
            while connection.recv(1000):
                pass
        gevent.sleep({before})
        took = (time.perf_counter() - began) * 1000
        gevent.sleep({after})
        self.environment.events.request.fire(
            request_type="TCP", name="ask", response_time=took, response_length=2, exception=None
        )
"""
    stats = (await asked(visiting(load, text)))["ask"]
    assert stats.delay.count == stats.successes.count > 3
    assert stats.delay.lowest >= least


async def test_where_nothing_came_back_locusts_own_number_stands(load: Load) -> None:
    engine = visiting(load, user("HttpUser", 'self.client.get("/")', host="http://127.0.0.1:9"))
    stats = (await asked(engine))["/"]
    assert stats.failures.count == stats.locust.count > 0
    assert stats.delay.count == 0


async def test_it_can_be_switched_off_and_says_so(load: Load, truth: Truth) -> None:
    engine = visiting(
        load, user("FastHttpUser", 'self.client.get("/5ms")', host=truth.plain), "--no-wire-clock"
    )
    assert not wire.clock().running
    assert "--no-wire-clock" in wire.clock().reason
    stats = (await asked(engine))["/5ms"]
    assert stats.successes.count > 3
    assert stats.delay.count == stats.locust.count == stats.redirects == 0


def test_this_system_stamps() -> None:
    assert wire.install() == wire.WireClock(running=True)


def test_a_kernel_that_takes_a_moment_to_begin_with_stamps_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stamped, came = wire._Exchanges.stamped, []

    def late(self: Any, ancillary: Any) -> None:
        came.append(ancillary)
        if len(came) > 3:
            stamped(self, ancillary)

    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(wire._Exchanges, "stamped", late)
        elsewhere.setattr(wire, "_kept_open", [])
        assert wire.install().running
    assert len(came) == 4


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
@pytest.mark.parametrize("flag", ["", "--no-wire-clock"])
async def test_requests_that_we_cut_off_are_counted_by_name_and_are_no_failures(
    load: Load, truth: Truth, kind: str, flag: str
) -> None:
    text = user(kind, 'self.client.get("/60000ms", name="slow")', host=truth.plain)
    engine = visiting(load, text, *filter(None, [flag]), stop_timeout=0.0)
    runner = engine.environment.runner
    assert runner is not None
    before = await came(truth.plain, "/60000ms")
    await in_greenlet(runner.start, 4, 100)
    await all_came(truth.plain, "/60000ms", before + 4)
    await in_greenlet(runner.quit)
    (stats,) = engine.take()
    engine.driver.close()
    assert (stats.name, stats.method, stats.killed) == ("slow", "GET", 4)
    assert stats.failures.count == stats.successes.count == 0


@pytest.mark.parametrize("option", [stdlib.SO_KEEPALIVE, 9_999], ids=["no stamp comes", "unknown to it"])
def test_where_the_system_does_not_stamp_it_is_off_and_says_why(
    option: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(wire, "SO_TIMESTAMPNS", option)
        elsewhere.setattr(wire, "_kept_open", [])
        clock = wire.install()
    assert not clock.running
    assert "the system does not stamp what TCP receives" in clock.reason
    assert wire.install().running
