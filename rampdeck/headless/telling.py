"""Saying something to whoever started the program, without ever waiting for him.

A pipe whose reader is slow takes 64 KiB and then holds up whoever writes: here
that would be every user of the load. So lines wait in memory until the reader
takes them, and of a reader who has gone nothing is known but that he has.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from rampdeck.loop import can_write

MOST = 1 << 20
"""Bytes that wait for a slow reader; beyond them the oldest lines are left out."""
PIECE = 4096
"""Bytes (POSIX's PIPE_BUF) that a pipe which is ready takes at once."""
PATIENCE = 5.0
"""Seconds without a byte taken after which the end of the program waits for a reader no longer."""
PAUSE = 0.02


class Telling:
    """One descriptor, and what waits to be written there."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting = bytearray()
        self._left_out = 0
        self._gone = False

    def say(self, text: str) -> None:
        """Write a line now, or as soon as the reader takes it."""
        self._waiting += f"{text}\n".encode("utf-8", "replace")
        if len(self._waiting) > MOST:
            cut = self._waiting.find(b"\n", len(self._waiting) - MOST) + 1
            self._left_out += self._waiting.count(b"\n", 0, cut)
            del self._waiting[:cut]
        self.push()

    def push(self) -> bool:
        """Write what the reader takes; returns whether nothing is left to be written."""
        while not self._gone and (self._waiting or self._left_out) and can_write(self._descriptor):
            if self._left_out:
                note = f"... {self._left_out} lines are left out here: nobody read them in time\n"
                self._waiting[:0] = note.encode()
                self._left_out = 0
            self._write()
        if self._gone:
            self._waiting.clear()
        return not self._waiting

    def finish(self) -> None:
        """Wait until the reader has taken everything, or takes nothing any more."""
        last, left = time.monotonic(), len(self._waiting)
        while not self.push() and time.monotonic() - last < PATIENCE:
            if len(self._waiting) < left:
                last, left = time.monotonic(), len(self._waiting)
            time.sleep(PAUSE)

    def _write(self) -> None:
        try:
            del self._waiting[: os.write(self._descriptor, self._waiting[:PIECE])]
        except BlockingIOError:
            pass
        except OSError:
            self._gone = True  # a hang-up, a closed pipe, a full disk


def handing_over(descriptor: int, data: bytes) -> Iterator[None]:
    """Write a whole document; whoever iterates waits a little each time, while the reader is busy."""
    left = memoryview(data)
    while left:
        if not can_write(descriptor):
            yield
            continue
        try:
            left = left[os.write(descriptor, left[:PIECE]) :]
        except BlockingIOError:
            yield
        except OSError:
            return
