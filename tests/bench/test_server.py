"""The server of the bench: it answers everybody, and its own book is complete."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator

import pytest

from bench.runs import LoopbackServer
from bench.server import BODY, HOST


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


def test_every_answer_stands_in_its_book_and_none_came_early(server: LoopbackServer) -> None:
    links = [http.client.HTTPConnection(HOST, server.port, timeout=30) for _ in range(20)]
    for _ in range(5):
        for link in links:
            link.request("GET", "/")
        for link in links:
            answer = link.getresponse()
            assert (answer.status, answer.read()) == (200, BODY)
    for link in links:
        link.close()

    book = server.clock()

    assert book.count == 100
    assert 20.0 <= book.p50 <= book.p95 <= book.p99 <= book.p999 <= book.highest
    assert server.clock().count == 0, "the book begins anew when it was read"


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
