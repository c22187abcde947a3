"""The dead-man's switch of a worker: where no word of the cockpit comes, there is no load.

A cockpit that is killed closes its connections, and so does one whose machine
goes down in order: that is heard at once. One that is frozen, or behind a
network that has gone, just falls silent. So it says :data:`BEAT` several times a
second, and a worker that hears nothing for :data:`SILENT` seconds lets go.

A worker that has itself stood still is not alone: what was said meanwhile
waits to be read. So silence counts only while nothing waits, and only when it is
found twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent
import gevent.event
import zmq
from zmq.utils.monitor import parse_monitor_message

BEAT = "rampdeck_beat"
"""The message that says nothing but that the cockpit is there; only our own workers know it."""
ALONE = "rampdeck_alone"
"""The message of a worker that has let go: it has no users. The cockpit says it back, then orders."""
EVERY = 0.25
"""Seconds between two beats. A cockpit may stand for a second, and nobody lets go."""
SILENT = 1.2
"""Seconds without a word after which a worker is alone, with the looks 1.4; in 2 it is to be quiet."""
LOOK = 0.1
"""Seconds between looks."""


class DeadMan:
    """Listens whether the cockpit is there; ``let_go`` is told why, at each look, once it is not.

    The first beat arms it, or the first order of a cockpit: a master that knows no
    beats is not waited for.
    ``alone`` is for the worker to set, as long as it has no load for that reason.
    """

    def __init__(self, let_go: Callable[[str], None]) -> None:
        self.alone = False
        self.heard = gevent.event.Event()
        """Set while the cockpit is there."""
        self.heard.set()
        self._let_go = let_go
        self._last = time.monotonic()
        self._armed = False
        self._connected = True
        self._socket: Any = None
        self._monitor: Any = None

    def hear(self, kind: str) -> None:
        """Note a message of the cockpit; one that was still waiting when the connection ended is not one."""
        if self._connected:
            self._last = time.monotonic()
            self._armed = self._armed or kind == BEAT
            self.heard.set()

    def arm(self) -> None:
        """Wait for beats from now on: an order may come before the first one."""
        self._armed = True

    def attach(self, socket: Any) -> None:
        """Listen at this ZeroMQ socket from now on, in place of the one before."""
        if self._monitor is not None:
            self._monitor.kill(block=False)
        self._socket, self._connected = socket, True
        events = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self._monitor = gevent.spawn(self._follow, events)

    def watch(self) -> None:
        """Look for silence until killed."""
        missed = 0
        while True:
            gevent.sleep(LOOK)
            missed = missed + 1 if self._armed and self._silent() else 0
            if missed > 1:
                self._lose(f"no word of the cockpit for {time.monotonic() - self._last:.1f} s")

    def close(self) -> None:
        """Listen no more."""
        if self._monitor is not None:
            self._monitor.kill(block=False)

    def _silent(self) -> bool:
        waiting = self._socket.get(zmq.EVENTS) & zmq.POLLIN
        return not waiting and time.monotonic() - self._last > SILENT

    def _follow(self, events: Any) -> None:
        """See the connection end, and come back."""
        while True:
            event = parse_monitor_message(events.recv_multipart())["event"]
            if event == zmq.EVENT_MONITOR_STOPPED:
                return  # of a socket that has been left: it says nothing of the present
            self._connected = event == zmq.EVENT_HANDSHAKE_SUCCEEDED
            if not self._connected and self._armed:
                self._lose("the connection to the cockpit has ended")

    def _lose(self, why: str) -> None:
        self.heard.clear()
        self._let_go(why)
