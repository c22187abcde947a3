"""A program in a pseudo-terminal: what it draws is read, keys are typed, and the time between is taken."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from bench.vt import Screen

COLUMNS, LINES = 160, 45
PATIENCE = 15.0
"""Seconds a program gets to end after a polite signal."""


class NotSeen(Exception):
    """What was waited for did not come onto the screen; with the screen as it was."""


class Terminal:
    """A program in a terminal of 160x45 of its own; as a context manager it is gone after the block."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.screen = Screen(COLUMNS, LINES)
        self.bytes = 0
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            list(command),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={
                **environment,
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
                "COLUMNS": str(COLUMNS),
                "LINES": str(LINES),
            },
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(NotSeen):
                self.wait_for(lambda _: False, PATIENCE)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)

    def type(self, keys: str) -> float:
        """Press keys; returns the moment, in seconds of ``perf_counter``."""
        moment = time.perf_counter()
        os.write(self._master, keys.encode())
        return moment

    def wait_for(self, seen: Callable[[Screen], bool], timeout: float) -> float:
        """Read until something is seen on the screen; returns the moment, in seconds of ``perf_counter``.

        Raises :class:`NotSeen` when the time is over or the program has ended.
        """
        deadline = time.perf_counter() + timeout
        while (left := deadline - time.perf_counter()) > 0:
            if not (data := self._read(left)):
                break
            moment = time.perf_counter()
            self.screen.feed(data)
            if seen(self.screen):
                return moment
        raise NotSeen("\n".join(row for row in self.screen.rows if row) or "an empty screen")

    def drain(self, timeout: float, *, until: Callable[[], bool] = lambda: False) -> None:
        """Take what is drawn without looking at it, which costs next to nothing, until the program ends."""
        deadline = time.perf_counter() + timeout
        while time.perf_counter() < deadline and not until():
            ready, _, _ = select.select([self._master], [], [], 0.2)
            if ready and not self._read(0):
                return

    def _read(self, timeout: float) -> bytes:
        """Return what is drawn next; nothing when the time is over or the program has closed the terminal."""
        ready, _, _ = select.select([self._master], [], [], timeout)
        if not ready:
            return b""
        try:
            data = os.read(self._master, 65536)
        except OSError:  # EIO: the last program on the terminal is gone
            return b""
        self.bytes += len(data)
        return data
