"""The terminal as the cockpit needs it: writing to it never waits."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO, cast

from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from rampdeck.loop import hurry

if TYPE_CHECKING:
    from textual.app import App

STALLED = 16_384
"""Bytes not yet taken by the terminal from which on nothing more is painted."""
FAREWELL = 1.0
"""Seconds that the terminal has at the end to take what is left."""
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

    Signals only leave word for the loop: a handler may be called inside
    gevent's hub, where nothing may wait. At a hang-up the kernel sends SIGCONT after
    SIGHUP, so this is not a rare path.
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
        self._output: int | None = None

    @property
    def stalled(self) -> bool:
        """Whether the terminal lags behind: painting more would only make it worse."""
        return len(self._buffer) > STALLED

    def start_application_mode(self) -> None:
        """Take the terminal; its end ends the app."""
        self._event_loop = asyncio.get_running_loop()
        if self._output is None:
            self._output = self._opened()
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            with contextlib.suppress(ValueError):  # not the main thread
                self._hang_up_before = signal.signal(signal.SIGHUP, self._hung_up)
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def write(self, data: str) -> None:
        """Write without waiting; drops what a dead or stuck terminal will never show."""
        if self._gone or self._output is None or len(self._buffer) > MOST:
            return
        self._buffer += data.encode("utf-8", "replace")
        if not self._waiting:
            self._drain()

    def flush(self) -> None:
        """Do nothing: everything is written as soon as it can be."""

    def close(self) -> None:
        """Give the last sequences a moment, then let go of the terminal."""
        self._stop_waiting()
        if self._output is not None:
            until = time.monotonic() + FAREWELL
            while self._buffer and not self._gone and (left := until - time.monotonic()) > 0:
                if select.select([], [self._output], [], left)[1]:
                    self._drain()
                    self._stop_waiting()
            self._buffer.clear()
            os.close(self._output)
            self._output = None
        if self._hang_up_before is not None:
            signal.signal(signal.SIGHUP, self._hang_up_before)
            self._hang_up_before = None
        super().close()

    def process_message(self, message: Message) -> None:
        """Pass a message on; a key press is to be painted soon, however busy the users are."""
        if isinstance(message, events.Key):
            hurry()
        super().process_message(message)

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
        assert self._output is not None
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
        if self._waiting and self._event_loop is not None and self._output is not None:
            self._waiting = False
            self._event_loop.remove_writer(self._output)

    # Signals.

    def _soon(self, call: Callable[[], object]) -> None:
        if self._event_loop is not None and not self._event_loop.is_closed():
            self._event_loop.call_soon_threadsafe(call)

    def _hung_up(self, *heard: object) -> None:
        self._soon(self._lost)
        if heard and callable(self._hang_up_before):
            self._hang_up_before(*heard)

    def _sigtstp_application(self, *_: object) -> None:
        self._soon(self._suspend)

    def _sigcont_application(self, *_: object) -> None:
        self._soon(self._continue)

    def _lost(self) -> None:
        """Leave: nobody sees the screen any more."""
        if self._gone:
            return
        self._gone = True
        self._buffer.clear()
        self._stop_waiting()
        self._app.exit()

    def _suspend(self) -> None:
        """Give the terminal back to the shell and stop; the load stops with us."""
        if self._auto_restart and self._output is not None:
            self.suspend_application_mode()
            self._must_signal_resume = True
        os.kill(os.getpid(), signal.SIGSTOP)

    def _continue(self) -> None:
        """Take the terminal again, whoever stopped us and however it was left."""
        if self._gone or not self._auto_restart:
            return
        if self._output is not None:
            self.suspend_application_mode()
        self.resume_application_mode()
        self._app.refresh(layout=True)
