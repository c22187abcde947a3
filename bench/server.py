"""A server that knows how long each of its answers took, and takes as long as it is told to.

``python -m bench.server`` prints its port and serves until it is ended. The
measured cockpit must not be blamed for a server's moods, and a server that is
slow when the machine is busy must not go unnoticed. So:

- a request counts as arrived when the kernel says so (SO_TIMESTAMPNS), over
  TLS too, and its answer is due some time after that, by the chosen shape;
- a kernel timer wakes the server for it, to some 50 µs where ``epoll`` alone
  rounds up to the next millisecond;
- an answer has been written when it is handed to the kernel: the moment is
  taken right before, since the client that it wakes may run at once;
- ``GET /_break`` makes every answer after it an error (500), until ``GET /_mend``;
- ``GET /_clock`` returns the spread of what the server itself measured since
  it was asked last, ``GET /_book`` every answer with its moment, ``GET /_settled``
  the moment from which on all connections had had an answer (ns since the epoch).

One thread, one request at a time on a connection.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import heapq
import json
import math
import os
import random
import select
import socket
import ssl
import struct
import time
from array import array
from collections.abc import Callable
from pathlib import Path

from bench.figures import Spread

HOST = "127.0.0.1"
BODY = b"x" * 200
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
ERROR = ANSWER.replace(b"200 OK", b"500 Internal Server Error", 1)
END = b"\r\n\r\n"
SEED = 20

SO_TIMESTAMPNS = 35
"""From asm-generic/socket.h; Python has no name for it."""
_STAMP = struct.Struct("@ll")
_SPACE = socket.CMSG_SPACE(_STAMP.size)


def _constant(_chance: random.Random) -> float:
    return 20.0


def _bimodal(chance: random.Random) -> float:
    return 10.0 if chance.random() < 0.9 else 100.0


def _tail(chance: random.Random) -> float:
    return chance.lognormvariate(math.log(20.0), 0.5)


SHAPES: dict[str, Callable[[random.Random], float]] = {
    "constant": _constant,
    "bimodal": _bimodal,
    "tail": _tail,
}
"""How long an answer takes, in ms: 20; 10, but one in ten 100; lognormal, median 20, p99 64."""


class KernelTimer:
    """A timerfd on the wall clock, which is the clock of the kernel's stamps (timerfd_create(2))."""

    _ABSOLUTE = 1

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fileno = self._libc.timerfd_create(time.CLOCK_REALTIME, os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fileno < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._spec = (ctypes.c_long * 4)()

    def set(self, due_ns: int) -> None:
        """Ring at this time, in ns since the epoch; at once if it has passed."""
        self._spec[2], self._spec[3] = divmod(due_ns, 1_000_000_000)
        self._libc.timerfd_settime(self.fileno, self._ABSOLUTE, self._spec, None)

    def read(self) -> None:
        """Take note of a ring; it may have been set anew since."""
        try:
            os.read(self.fileno, 8)
        except BlockingIOError:
            return


class Connection:
    """A client, in the clear."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.answered = False
        link.setblocking(False)

    def received(self, data: bytes) -> bytes:
        """Return what the client said, given what came off the wire."""
        return data

    def sealed(self, answer: bytes) -> bytes:
        """Return an answer as it goes onto the wire."""
        return answer


class TlsConnection(Connection):
    """A client over TLS, which is done in memory: so the kernel's stamps are seen here as well."""

    def __init__(self, link: socket.socket, context: ssl.SSLContext) -> None:
        super().__init__(link)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self._greeted = False

    def received(self, data: bytes) -> bytes:
        """Return what the client said; the handshake is answered here. Raises :class:`OSError`."""
        self._in.write(data)
        said = b""
        try:
            if not self._greeted:
                self._tls.do_handshake()
                self._greeted = True
            while piece := self._tls.read(65536):
                said += piece
        except ssl.SSLWantReadError:
            pass
        finally:
            if words := self._out.read():
                self.link.send(words)
        return said

    def sealed(self, answer: bytes) -> bytes:
        """Return an answer as it goes onto the wire."""
        self._tls.write(answer)
        return self._out.read()


class Server:
    """The loop: receive, plan, answer when due."""

    def __init__(self, port: int, delay: Callable[[], float], tls: ssl.SSLContext | None = None) -> None:
        self.delay, self.tls = delay, tls
        self.listener = socket.create_server((HOST, port), backlog=4096)
        self.listener.setblocking(False)
        # Sockets inherit both from the one that accepted them.
        self.listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timer = KernelTimer()
        self.epoll = select.epoll()
        self.epoll.register(self.listener.fileno(), select.EPOLLIN)
        self.epoll.register(self.timer.fileno, select.EPOLLIN)
        self.connections: dict[int, Connection] = {}
        self.parts: dict[int, bytes] = {}
        self.due: list[tuple[int, int, int, Connection]] = []
        self.times_ms = array("d")
        self.written_ns = array("q")
        self.settled_ns = 0
        self.answer = ANSWER

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self.listener.getsockname()[1]
        return port

    def serve(self) -> None:
        """Serve for ever."""
        set_for = 0
        listener, timer = self.listener.fileno(), self.timer.fileno
        while True:
            if self.due and self.due[0][0] != set_for:
                set_for = self.due[0][0]
                self.timer.set(set_for)
            for number, _ in self.epoll.poll():
                if number == timer:
                    self.timer.read()
                elif number == listener:
                    self._accept()
                else:
                    self._receive(number)
            self._answer()

    def _accept(self) -> None:
        link, _ = self.listener.accept()
        self.connections[link.fileno()] = TlsConnection(link, self.tls) if self.tls else Connection(link)
        self.epoll.register(link.fileno(), select.EPOLLIN)

    def _receive(self, number: int) -> None:
        connection = self.connections[number]
        try:
            data, control, _, _ = connection.link.recvmsg(65536, _SPACE)
            if not data:
                self._close(number)
                return
            data = connection.received(data)
        except OSError:
            self._close(number)
            return
        if self.parts:
            data = self.parts.pop(number, b"") + data
        if not data.endswith(END):
            if data:
                self.parts[number] = data
            return
        if data.startswith(b"GET /_"):
            self._tell(connection, data.split(b" ")[1])
            return
        arrived = time.time_ns()
        for _, kind, stamp in control:
            if kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = _STAMP.unpack(stamp)
                arrived = seconds * 1_000_000_000 + nanoseconds
        heapq.heappush(self.due, (arrived + round(self.delay() * 1e6), arrived, number, connection))

    def _answer(self) -> None:
        due = self.due
        while due and due[0][0] <= time.time_ns():
            _, arrived, number, connection = heapq.heappop(due)
            if connection.link.fileno() < 0:
                continue
            try:
                answer = connection.sealed(self.answer)
                written = time.time_ns()
                connection.link.send(answer)
            except OSError:
                self._close(number)
                continue
            self.times_ms.append((written - arrived) / 1e6)
            self.written_ns.append(written)
            if not connection.answered:
                connection.answered = True
                self.settled_ns = written

    def _tell(self, connection: Connection, what: bytes) -> None:
        """Answer a question about the server itself; after the book was asked for, it begins anew."""
        if what == b"/_settled":
            body = b"%d" % self.settled_ns
        elif what in (b"/_break", b"/_mend"):
            self.answer = ERROR if what == b"/_break" else ANSWER
            body = b""
        else:
            if what == b"/_book":
                body = self.written_ns.tobytes() + self.times_ms.tobytes()
            else:
                body = json.dumps(Spread.of(self.times_ms).as_dict()).encode()
            self.times_ms, self.written_ns = array("d"), array("q")
        connection.link.setblocking(True)
        connection.link.sendall(
            connection.sealed(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        )
        connection.link.setblocking(False)

    def _close(self, number: int) -> None:
        self.parts.pop(number, None)
        self.connections.pop(number).link.close()


def main() -> None:
    """Serve on a free port, which is printed first."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.server", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--shape", choices=SHAPES, default="constant", help="how long answers take")
    parser.add_argument("--certificate", type=Path, help="certificate and key in one PEM file: serve TLS")
    options = parser.parse_args()
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate)
    chance, shape = random.Random(SEED), SHAPES[options.shape]
    server = Server(options.port, lambda: shape(chance), context)
    print(server.port, flush=True)
    # Nothing here makes cycles; a collection would be a pause that looks like a slow server.
    gc.freeze()
    gc.disable()
    server.serve()


if __name__ == "__main__":
    main()
