"""The wire clock: how long an answer took until the kernel had it, not until a user got round to it.

What a load generator calls response time includes its own queue: the answer
lies in the kernel while other users, or the screen, have the processor. Linux
stamps every received segment (``SO_TIMESTAMPNS``, socket(7); TCP too). So:

- an *exchange* begins when a user connects, or else at the first byte sent,
  and ends with the kernel's stamp of the last byte received before the next
  byte is sent;
- the *wire time* of a request is the sum of its exchanges: one, and another
  for each redirect that was followed.

The start is taken at the send and not at the call, because clients yield in
between (urllib3 polls its connection). Both ends are wall-clock times, since
that is what the kernel stamps with; a step of that clock in the middle of a
request shows as an impossible wire time, and that request keeps Locust's.

gevent's sockets are taught once, by :func:`install`, for every client that
reads through them. Over TLS the bytes are read by OpenSSL: there the stamps
are looked at just before it reads (``MSG_PEEK | MSG_TRUNC``, which copies
nothing). What a greenlet sends and receives is noted on the greenlet, and
Locust's ``request`` event is fired in the same one, where :func:`take` joins
the two by time: a request may well be inside of another one's ``with`` block.
"""

from __future__ import annotations

import _socket
import platform
import socket as stdlib
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import gevent
import gevent.socket
import gevent.ssl
from gevent.hub import getcurrent
from gevent.monkey import get_original

from rampdeck.engine.asking import SESSIONS
from rampdeck.guard.apart import apart

SO_TIMESTAMPNS = 35
"""asm-generic/socket.h; the number of the message, ``SCM_TIMESTAMPNS``, is the same."""
_TIMESPEC = struct.Struct("@ll")
_SPACE = stdlib.CMSG_SPACE(_TIMESPEC.size)
_PEEK = stdlib.MSG_PEEK | stdlib.MSG_TRUNC
_NOWHERE = [bytearray(1 << 20)]  # as long as a peek may look; nothing is ever written to it
_NOTE = "_rampdeck_exchanges"
_KEPT = 32
"""Exchanges without a request, and stamps of one exchange, that are kept for a greenlet."""
_ATTEMPTS, _BETWEEN = 50, 0.005
"""How often the kernel is asked for its first stamp, and the seconds between."""
_plain_socket: Any = gevent.socket.socket
_CONNECTING = (_plain_socket._internal_connect.__code__, gevent.ssl.SSLSocket.do_handshake.__code__)
"""Where nothing has been sent yet that a server could answer."""

_getattr, _unpack, _now = getattr, _TIMESPEC.unpack, time.time
_pause: Callable[[float], None] = get_original("time", "sleep")
_Past = tuple[float, float, list[float]]


@dataclass(frozen=True, slots=True)
class WireClock:
    """Whether the kernel stamps what users receive; if not, ``reason`` says why."""

    running: bool
    reason: str = ""


class _Exchanges:
    """What one greenlet sends and receives: the exchange under way, and those before it."""

    __slots__ = ("begun", "past", "reading", "stamp", "stamps")

    def __init__(self) -> None:
        self.begun = 0.0  # wall-clock seconds of the exchange under way; 0: there is none
        self.stamp = 0.0  # of the last byte received in it; 0: none yet
        self.stamps: list[float] = []  # the first ones, for bodies that are read after the clock has stopped
        self.past: list[_Past] = []
        self.reading = False  # inside of SSLSocket.read

    def begin(self) -> None:
        """Note that something is about to be sent."""
        if not self.begun:
            self.begun = _now()
        elif self.stamp:
            past = self.past
            past.append((self.begun, self.stamp, self.stamps))
            if len(past) > _KEPT:
                del past[0]
            self.begun, self.stamp, self.stamps = _now(), 0.0, []

    def stamped(self, ancillary: Any) -> None:
        """Note the kernel's stamp of what was just received, or is about to be."""
        for level, kind, data in ancillary:
            if kind == SO_TIMESTAMPNS and level == stdlib.SOL_SOCKET and self.begun:
                seconds, nanoseconds = _unpack(data)
                self.stamp = stamp = seconds + nanoseconds * 1e-9
                if len(self.stamps) < _KEPT:
                    self.stamps.append(stamp)

    def begin_of(self, began: float) -> float:
        """Return when a request began whose start is not told: at ``began``, or a little earlier.

        A caller that takes the time, and is then kept waiting before it fires the
        event, is told of as beginning that much too late.
        """
        for begun, stamp, _ in (*self.past, (self.begun, self.stamp, ())):
            if begun and stamp >= began:
                return min(begun, began)
        return began

    def take(self, began: float, most: float) -> tuple[float | None, int]:
        """Return and forget the seconds on the wire of the request that began then and took ``most``."""
        if not self.past and began <= self.begun:
            seconds = self.stamp - self.begun
            if not 0.0 <= seconds <= most:
                seconds = _until_the_clock_stopped(self.begun, self.stamps, most)
            self.begun = self.stamp = 0.0
            self.stamps = []
            return (seconds if seconds > 0.0 else None), 1
        if self.begun:
            self.past.append((self.begun, self.stamp, self.stamps))
            self.begun = self.stamp = 0.0
            self.stamps = []
        ended = began + most
        own = [exchange for exchange in self.past if began <= exchange[0] <= ended]
        self.past = [exchange for exchange in self.past if not began <= exchange[0] <= ended]
        total = 0.0
        for begun, stamp, stamps in own:
            seconds = stamp - begun
            if not 0.0 <= seconds <= most - total:
                seconds = _until_the_clock_stopped(begun, stamps, most - total)
            if seconds <= 0.0:
                return None, len(own)
            total += seconds
        return (total or None), len(own)


def _until_the_clock_stopped(begun: float, stamps: list[float], most: float) -> float:
    """Return the seconds to the last stamp that Locust's clock can have seen: a streamed body comes later."""
    return max((stamp - begun for stamp in stamps if stamp - begun <= most), default=0.0)


def take(started: float | None, response_time: float) -> tuple[float | None, int]:
    """Return the wire time (ms) of the request that the current greenlet has just ended, and its exchanges.

    ``started`` (wall-clock seconds) and ``response_time`` (ms) are Locust's.
    ``None`` where the kernel has stamped nothing, or not all of it.
    """
    exchanges: _Exchanges | None = _getattr(getcurrent(), _NOTE, None)
    if exchanges is None:
        return None, 0
    most = response_time * 1e-3
    if started is None:
        started = exchanges.begin_of(_now() - most)
    seconds, count = exchanges.take(started, most)
    return (None if seconds is None else seconds * 1e3), count


killed: list[Callable[[Any, str, str, int], None]] = []
"""Told user, method, name and exchanges of each request that is cut off because its user is killed.

No exchange: the user was still connecting.
"""


def install(stamping: bool = True) -> WireClock:
    """Teach gevent's sockets to note what users send and receive.

    With ``stamping`` off, or where the system does not stamp, only kills are
    noted, and the returned clock says why. May be called again.
    """
    global _stamping, _clock
    clock = WireClock(False, "switched off by --no-wire-clock")
    if stamping:
        clock = _tried()
    _stamping, _clock = clock.running, clock
    _teach()
    return clock


def stamping() -> bool:
    """Return whether the kernel is asked for stamps."""
    return _stamping


def clock() -> WireClock:
    """Return what the last :func:`install` found."""
    return _clock


_stamping = False
_clock = WireClock(False, "not begun")
_kept_open: list[Any] = []


def _tried() -> WireClock:
    """Let the kernel stamp something and see.

    The socket stays open: while one asks for stamps, the kernel stamps at
    arrival; the first after none would be stamped when it is read.
    """
    if sys.platform != "linux":
        return WireClock(False, f"{platform.system()} does not stamp what TCP receives")
    if _kept_open:
        return WireClock(True)
    try:
        listener = _socket.socket(stdlib.AF_INET, stdlib.SOCK_STREAM)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        ours = _socket.socket(stdlib.AF_INET, stdlib.SOCK_STREAM)
        ours.setsockopt(stdlib.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        with apart():
            ours.connect(listener.getsockname())
        number, _ = listener._accept()  # type: ignore[attr-defined]
        theirs = _socket.socket(fileno=number)
        stamped = _soon_stamped(theirs, ours)
        theirs.close()
        listener.close()
    except OSError as error:
        return WireClock(False, f"the system does not stamp what TCP receives: {error.strerror or error}")
    if not stamped:
        ours.close()
        return WireClock(False, "the system does not stamp what TCP receives")
    _kept_open.append(ours)
    return WireClock(True)


def _soon_stamped(sender: Any, receiver: Any) -> bool:
    """Return whether bytes come with stamps, if not at once then soon.

    The first one in a system that asks for stamps has the kernel switch them
    on, which it does from a work queue (net_enable_timestamp() in
    net/core/dev.c): some milliseconds later on a machine with much to do.
    """
    for _ in range(_ATTEMPTS):
        sender.send(b"x")
        _, ancillary, _, _ = receiver.recvmsg(1, _SPACE)
        exchanges = _Exchanges()
        exchanges.begun = _now()
        exchanges.stamped(ancillary)
        if abs(exchanges.stamp - _now()) < 1.0:
            return True
        _pause(_BETWEEN)
    return False


def _teach() -> None:
    """Replace what users call of gevent's sockets; once."""
    plain: Any = _plain_socket
    tls: Any = gevent.ssl.SSLSocket
    if plain.recv is _recv:
        return
    plain._internal_connect = _connecting(plain._internal_connect)
    plain.send = _sending(plain.send)
    tls.send = _sending(tls.send)
    tls.read = _reading(tls.read)
    plain._wait = _waiting(plain._wait)
    plain.recv = _recv
    plain.recv_into = _recv_into


def _exchanges() -> _Exchanges | None:
    """Return the notes of the current greenlet; asyncio's own, which runs the loop, has none."""
    current = getcurrent()
    found: _Exchanges | None = _getattr(current, _NOTE, None)
    if found is None and isinstance(current, gevent.Greenlet):
        found = _Exchanges()
        setattr(current, _NOTE, found)
    return found


def _connecting(original: Any) -> Any:
    def connect(self: Any, address: Any) -> Any:
        if self.timeout != 0.0 and (exchanges := _exchanges()) is not None:
            if _stamping:
                self._sock.setsockopt(stdlib.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            exchanges.begin()
        return original(self, address)

    return connect


def _sending(original: Any) -> Any:
    def send(self: Any, data: Any, *rest: Any, **named: Any) -> Any:
        if (exchanges := _exchanges()) is not None:
            exchanges.begin()
        return original(self, data, *rest, **named)

    return send


def _recv(self: Any, size: int, flags: int = 0) -> bytes:
    exchanges = _getattr(getcurrent(), _NOTE, None) if _stamping else None
    raw = self._sock
    while True:
        try:
            if exchanges is None:
                return raw.recv(size, flags)  # type: ignore[no-any-return]
            data, ancillary, _, _ = raw.recvmsg(size, _SPACE, flags)
        except BlockingIOError:
            if self.timeout == 0.0:
                raise
        else:
            if ancillary:
                exchanges.stamped(ancillary)
            return data  # type: ignore[no-any-return]
        self._wait(self._read_event)


def _recv_into(self: Any, buffer: Any, size: int = 0, flags: int = 0) -> int:
    exchanges = _getattr(getcurrent(), _NOTE, None) if _stamping else None
    raw = self._sock
    while True:
        try:
            if exchanges is None:
                return raw.recv_into(buffer, size, flags)  # type: ignore[no-any-return]
            room = memoryview(buffer).cast("B")[:size] if size else buffer
            count, ancillary, _, _ = raw.recvmsg_into([room], _SPACE, flags)
        except BlockingIOError:
            if self.timeout == 0.0:
                raise
        else:
            if ancillary:
                exchanges.stamped(ancillary)
            return count  # type: ignore[no-any-return]
        self._wait(self._read_event)


def _reading(original: Any) -> Any:
    def read(self: Any, size: int = 2014, buffer: Any = None) -> Any:
        exchanges = _getattr(getcurrent(), _NOTE, None) if _stamping else None
        if exchanges is None:
            return original(self, size, buffer)
        _peek(self._sock, exchanges)
        exchanges.reading = True
        try:
            return original(self, size, buffer)
        finally:
            exchanges.reading = False

    return read


def _waiting(original: Any) -> Any:
    def wait(self: Any, *rest: Any, **named: Any) -> Any:
        try:
            waited = original(self, *rest, **named)
        except gevent.GreenletExit:
            _tell_of_a_kill()
            raise
        exchanges = _getattr(getcurrent(), _NOTE, None)
        if exchanges is not None and exchanges.reading:
            _peek(self._sock, exchanges)
        return waited

    return wait


def _peek(raw: Any, exchanges: _Exchanges) -> None:
    """Note the stamp of what lies in the kernel, and leave it there."""
    try:
        _, ancillary, _, _ = raw.recvmsg_into(_NOWHERE, _SPACE, _PEEK)
    except OSError:
        return  # nothing there, or an error that the reader is about to meet
    if ancillary:
        exchanges.stamped(ancillary)


def _tell_of_a_kill() -> None:
    """Find out which request of the scenario is being cut off, from the stack that it lies in."""
    frame: FrameType | None = sys._getframe(2)
    connecting = 0
    while frame is not None and frame.f_code not in SESSIONS:
        if frame.f_code in _CONNECTING:
            connecting = 1
        frame = frame.f_back
    if frame is None:
        return
    said = frame.f_locals
    name = str(said["name"] or said["url"])
    exchanges = 1
    if (note := _getattr(getcurrent(), _NOTE, None)) is not None:
        exchanges = max(1, note.take(said.get("start_time", 0.0), float("inf"))[1])
    for listener in killed:
        listener(said["self"].user, str(said["method"]), name, exchanges - connecting)
