"""The server of the bench: it answers everybody, and its own book is complete."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.loopback import LoopbackServer, certificate
from bench.server import BODY, HOST


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


def asked(server: LoopbackServer, clients: int, times: int) -> None:
    """Ask so often over so many connections, which stay open meanwhile."""
    links: list[http.client.HTTPConnection] = []
    for _ in range(clients):
        if server.certificate:
            trusted = ssl.create_default_context(cafile=server.certificate)
            links.append(http.client.HTTPSConnection(HOST, server.port, timeout=30, context=trusted))
        else:
            links.append(http.client.HTTPConnection(HOST, server.port, timeout=30))
    for _ in range(times):
        for link in links:
            link.request("GET", "/")
        for link in links:
            answer = link.getresponse()
            assert (answer.status, answer.read()) == (200, BODY)
    for link in links:
        link.close()


def test_every_answer_stands_in_its_book_and_none_came_early(server: LoopbackServer) -> None:
    asked(server, clients=20, times=5)

    book = server.clock()

    assert book.count == 100
    assert 20.0 <= book.p50 <= book.p95 <= book.p99 <= book.p999 <= book.highest
    assert server.clock().count == 0, "the book begins anew when it was read"


def test_over_tls_the_book_is_as_complete(tmp_path: Path) -> None:
    with LoopbackServer(certificate=certificate(tmp_path)) as server:
        asked(server, clients=5, times=4)

        book = server.clock()

    assert server.url.startswith("https://")
    assert book.count == 20
    assert book.p50 >= 20.0


def test_a_certificate_that_is_not_the_bench_s_is_not_believed(tmp_path: Path) -> None:
    with LoopbackServer(certificate=certificate(tmp_path)) as server:
        link = http.client.HTTPSConnection(HOST, server.port, timeout=30)
        with pytest.raises(ssl.SSLCertVerificationError):
            link.request("GET", "/")

        asked(server, clients=1, times=1)


def test_answers_take_as_long_as_their_shape_says() -> None:
    with LoopbackServer("bimodal") as server:
        asked(server, clients=50, times=4)
        book = server.book()

    quick = [taken for taken in book.times_ms if taken < 100.0]
    assert len(book.times_ms) == 200
    assert min(quick) >= 10.0
    assert 100 < len(quick) < 200, "one in ten takes 100 ms"


def test_a_short_answer_overtakes_a_long_one() -> None:
    with LoopbackServer("tail") as server:
        asked(server, clients=50, times=2)
        book = server.book()

    arrived = [moment - taken * 1e6 for moment, taken in zip(book.moments_ns, book.times_ms, strict=True)]
    assert list(book.moments_ns) == sorted(book.moments_ns)
    assert arrived != sorted(arrived)


def test_the_book_knows_what_was_over_in_a_window_of_time(server: LoopbackServer) -> None:
    asked(server, clients=3, times=1)
    between = time.time_ns()
    asked(server, clients=4, times=1)
    book = server.book()

    assert book.within(0, between).count == 3
    assert book.within(between, time.time_ns()).count == 4
    assert book.within(time.time_ns(), time.time_ns() + 1).count == 0


def test_the_server_knows_since_when_every_connection_has_had_an_answer(server: LoopbackServer) -> None:
    asked(server, clients=2, times=1)
    between = time.time()
    asked(server, clients=1, times=5)
    moments = server.book().moments_ns

    assert server.settled() > between
    assert server.settled() * 1e9 == pytest.approx(moments[2], abs=1e3), "its first answer, no later one"


def test_a_request_in_pieces_is_one_request_and_a_client_that_leaves_harms_nobody(
    server: LoopbackServer,
) -> None:
    with socket.create_connection((HOST, server.port)) as leaving:
        leaving.sendall(b"GET / HTTP/1.1\r\n\r\n")
    with socket.create_connection((HOST, server.port), timeout=30) as link:
        for piece in (b"GET / HTT", b"P/1.1\r\nHost: x\r", b"\n\r\n"):
            link.sendall(piece)
        answer = link.recv(4096)

    assert answer.startswith(b"HTTP/1.1 200 OK")
