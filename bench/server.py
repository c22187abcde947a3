"""A server that answers everything after exactly the same time, and knows how exactly it did.

``python -m bench.server`` prints its port and serves until it is ended. The
measured cockpit must not be blamed for a server's moods, and a server that is
slow when the machine is busy must not go unnoticed. So:

- a request counts as arrived when the kernel says so (SO_TIMESTAMPNS), and
  its answer is due a constant time after that;
- a kernel timer wakes the server for it, to some 50 µs where ``epoll`` alone
  rounds up to the next millisecond;
- ``GET /_clock`` returns what the server itself measured since it was asked
  last, from the kernel's stamp to the answer.

With one delay for all, answers fall due in the order of arrival: a queue is
all the planning there is. One thread, one request at a time on a connection.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import select
import socket
import struct
import time
from array import array
from collections import deque

from bench.figures import Spread

HOST = "127.0.0.1"
BODY = b"x" * 200
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
END = b"\r\n\r\n"

SO_TIMESTAMPNS = 35
"""From asm-generic/socket.h; Python has no name for it."""
_STAMP = struct.Struct("@ll")
_SPACE = socket.CMSG_SPACE(_STAMP.size)


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
        """Take note of a ring."""
        os.read(self.fileno, 8)


class Server:
    """The loop: receive, queue, answer when due."""

    def __init__(self, port: int, delay_ms: float) -> None:
        self.delay_ns = round(delay_ms * 1_000_000)
        self.listener = socket.create_server((HOST, port), backlog=4096)
        self.listener.setblocking(False)
        # Sockets inherit both from the one that accepted them.
        self.listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timer = KernelTimer()
        self.epoll = select.epoll()
        self.epoll.register(self.listener.fileno(), select.EPOLLIN)
        self.epoll.register(self.timer.fileno, select.EPOLLIN)
        self.connections: dict[int, socket.socket] = {}
        self.parts: dict[int, bytes] = {}
        self.queue: deque[tuple[int, int]] = deque()
        self.times_ms = array("d")

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
            if self.queue and self.queue[0][0] != set_for:
                set_for = self.queue[0][0]
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
        connection, _ = self.listener.accept()
        connection.setblocking(False)
        self.connections[connection.fileno()] = connection
        self.epoll.register(connection.fileno(), select.EPOLLIN)

    def _receive(self, number: int) -> None:
        connection = self.connections[number]
        try:
            data, control, _, _ = connection.recvmsg(65536, _SPACE)
        except ConnectionError:
            data, control = b"", []
        if not data:
            self._close(number)
            return
        if self.parts:
            data = self.parts.pop(number, b"") + data
        if not data.endswith(END):
            self.parts[number] = data
            return
        if data.startswith(b"GET /_clock"):
            self._tell(connection)
            return
        arrived = time.time_ns()
        for _, kind, stamp in control:
            if kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = _STAMP.unpack(stamp)
                arrived = seconds * 1_000_000_000 + nanoseconds
        self.queue.append((arrived + self.delay_ns, number))

    def _answer(self) -> None:
        queue, now = self.queue, time.time_ns()
        while queue and queue[0][0] <= now:
            due, number = queue.popleft()
            connection = self.connections.get(number)
            if connection is None:
                continue
            try:
                connection.send(ANSWER)
            except OSError:
                self._close(number)
                continue
            now = time.time_ns()
            self.times_ms.append((now - due + self.delay_ns) / 1e6)

    def _tell(self, connection: socket.socket) -> None:
        body = json.dumps(Spread.of(self.times_ms).as_dict()).encode()
        self.times_ms = array("d")
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def _close(self, number: int) -> None:
        self.parts.pop(number, None)
        self.connections.pop(number).close()


def main() -> None:
    """Serve on a free port, which is printed first."""
    parser = argparse.ArgumentParser(prog="python -m bench.server", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=20.0, metavar="MS")
    options = parser.parse_args()
    server = Server(options.port, options.delay)
    print(server.port, flush=True)
    # Nothing here makes cycles; a collection would be a pause that looks like a slow server.
    gc.freeze()
    gc.disable()
    server.serve()


if __name__ == "__main__":
    main()
