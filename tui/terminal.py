"""The terminal as the cockpit needs it: writing to it never waits."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, TextIO, cast

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.app import App

STALLED = 16_384
"""Bytes not yet taken by the terminal from which on nothing more is painted."""
MOST = 1_048_576
"""Bytes that are kept for a terminal that takes none; what comes after is dropped."""


class Terminal(LinuxDriver):
    """Textual's driver, with output that cannot hold up the load.

    The stock driver writes in a thread, which in this process is a greenlet: a
    slow link would hold every user of the load test, and a terminal that went
    away would end that greenlet and then block the app on its full queue. Here
    output goes to an own non-blocking descriptor of the terminal, the rest waits in a
    buffer, and the app skips frames while there is any (:attr:`stalled`).
    A terminal that is gone ends the app.
    """

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._buffer = bytearray()
        self._waiting = False
        self._gone = False
        self._event_loop: asyncio.AbstractEventLoop | None = None
        self._hang_up_before: Any = None
        self._output = self._opened()

    @property
    def stalled(self) -> bool:
        """Whether the terminal lags behind: painting more would only make it worse."""
        return len(self._buffer) > STALLED

    def start_application_mode(self) -> None:
        """Take the terminal; its end ends the app."""
        self._event_loop = asyncio.get_running_loop()
        with contextlib.suppress(ValueError):  # not the main thread
            self._hang_up_before = signal.signal(signal.SIGHUP, self._hung_up)
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def write(self, data: str) -> None:
        """Write without waiting; drops what a dead or stuck terminal will never show."""
        if self._gone or len(self._buffer) > MOST:
            return
        self._buffer += data.encode("utf-8", "replace")
        if not self._waiting:
            self._drain()

    def flush(self) -> None:
        """Do nothing: everything is written as soon as it can be."""

    def close(self) -> None:
        """Give the last sequences a moment, then let go of the terminal."""
        if self._buffer and not self._gone:
            os.set_blocking(self._output, True)
            with contextlib.suppress(OSError):
                os.write(self._output, bytes(self._buffer[:STALLED]))
        self._stop_waiting()
        os.close(self._output)
        self._gone = True
        if self._hang_up_before is not None:
            signal.signal(signal.SIGHUP, self._hang_up_before)
        super().close()

    def run_input_thread(self) -> None:
        """Read keys; a terminal that is gone ends the app instead of breaking it."""
        try:
            super().run_input_thread()
        except OSError:
            self._hung_up()

    def _opened(self) -> int:
        """Return an own descriptor: one shared with the shell must not become non-blocking.

        Whichever of the standard files is a terminal leads to it, so that the
        others can be redirected.
        """
        for stream in (sys.__stderr__, sys.__stdout__, sys.__stdin__):
            with contextlib.suppress(OSError, AttributeError, ValueError):
                name = os.ttyname(cast("TextIO", stream).fileno())
                return os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        return os.dup(self.fileno)

    def _drain(self) -> None:
        try:
            while self._buffer:
                written = os.write(self._output, self._buffer)
                del self._buffer[:written]
        except BlockingIOError:
            if self._event_loop is not None and not self._waiting:
                self._waiting = True
                self._event_loop.add_writer(self._output, self._drain)
            return
        except OSError as error:
            if error.errno != errno.EINTR:
                self._lost()
            return
        self._stop_waiting()

    def _stop_waiting(self) -> None:
        if self._waiting and self._event_loop is not None:
            self._waiting = False
            self._event_loop.remove_writer(self._output)

    def _hung_up(self, *_: object) -> None:
        if self._event_loop is not None:
            self._event_loop.call_soon_threadsafe(self._lost)

    def _lost(self) -> None:
        """Leave: nobody sees the screen any more."""
        if self._gone:
            return
        self._gone = True
        self._buffer.clear()
        self._stop_waiting()
        self._app.exit()
