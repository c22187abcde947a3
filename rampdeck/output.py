"""Keeping everything that is written to stdout and stderr off the screen.

A scenario prints, a library warns, a greenlet dies with a traceback, a child
process of the scenario writes: on a full-screen terminal each of them would
tear the picture. So file descriptors 1 and 2 themselves lead into memory
while a run lasts. A memory file, unlike a pipe, never blocks the writer, who
lives in the same thread as the reader. And descriptor 0 is at its end: a
scenario that asks would hold every user up and take the operator's keys.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import logging
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import IO

from rampdeck.headless import github
from rampdeck.headless.telling import Telling, handing_over
from rampdeck.loop import is_gone
from rampdeck.model import Severity
from rampdeck.secrets import redact

_ROOM = 1 << 16
"""Bytes after which a drained memory file is emptied: ``ulimit -f`` limits it like any other."""
_LONGEST = 1 << 16
"""Bytes without a line end that are taken for a line: a scenario may print dots for hours."""


class _Drain:
    """One descriptor that leads into memory, and where it led before."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.kept = os.dup(descriptor)
        self._memory = os.memfd_create("rampdeck-output", os.MFD_CLOEXEC)
        # Appending, so that emptying the file leaves no hole for a writer in another process.
        fcntl.fcntl(self._memory, fcntl.F_SETFL, os.O_APPEND | os.O_RDWR)
        os.dup2(self._memory, descriptor)
        self._read = 0
        self._rest = b""

    def lines(self, last: bool) -> list[str]:
        """Return the lines that were written since the last call; with ``last`` an unfinished one too."""
        pieces = [self._rest]
        while piece := os.pread(self._memory, 1 << 16, self._read):
            self._read += len(piece)
            pieces.append(piece)
        if self._read > _ROOM and os.fstat(self._memory).st_size == self._read:
            os.ftruncate(self._memory, 0)
            self._read = 0
        *whole, self._rest = b"".join(pieces).split(b"\n")
        if self._rest and (last or len(self._rest) > _LONGEST):
            whole.append(self._rest)
            self._rest = b""
        return [line.decode("utf-8", "replace") for line in whole]

    def close(self) -> None:
        os.dup2(self.kept, self.descriptor)
        os.close(self.kept)
        os.close(self._memory)


class NoInput:
    """While entered, descriptor 0 and ``sys.stdin`` are at their end for everybody, child processes too.

    ``input()`` raises EOFError then. ``sys.__stdin__`` leads to the real
    terminal: there Textual reads the keys.
    """

    def __enter__(self) -> NoInput:
        self._streams = (sys.stdin, sys.__stdin__)
        self._kept: int | None = None
        with contextlib.suppress(OSError):  # a program may be started without a stdin
            self._kept = os.dup(0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        if nothing != 0:
            os.dup2(nothing, 0)
            os.close(nothing)
        sys.stdin = open(0, encoding="utf-8", closefd=False)
        if self._kept is not None:
            sys.__stdin__ = open(self._kept, encoding="utf-8", closefd=False)  # type: ignore[misc]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        sys.stdin, sys.__stdin__ = self._streams  # type: ignore[misc]
        if self._kept is None:
            os.close(0)
        else:
            os.dup2(self._kept, 0)
            os.close(self._kept)


class OutputCapture:
    """While entered, nothing reaches the terminal but what is written to :attr:`terminal`.

    Nobody can ask there either (:class:`NoInput`). ``lines()`` gives what was
    written, as (line, is_stderr) pairs; ``tell()`` writes a line to whoever
    started the program. Textual draws through ``sys.__stderr__``, which leads
    to the real terminal.
    """

    def __init__(self) -> None:
        self.terminal: IO[str] = sys.stderr
        self._telling = Telling(2)
        self._drains: list[_Drain] = []
        self._ends: list[int] = []
        self._no_input = NoInput()

    def __enter__(self) -> OutputCapture:
        sys.stdout.flush()
        sys.stderr.flush()
        self._streams = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
        self._no_input.__enter__()
        self._drains = [_Drain(1), _Drain(2)]
        self._ends = _ends([drain.kept for drain in self._drains])
        screen = next((drain.kept for drain in self._drains if os.isatty(drain.kept)), self._drains[1].kept)
        self.terminal = open(os.dup(screen), "w", encoding="utf-8", errors="replace")  # noqa: PTH123
        self._telling = Telling(self.terminal.fileno())
        sys.stdout, sys.stderr = _text(1), _text(2)
        sys.__stdout__ = sys.__stderr__ = self.terminal  # type: ignore[misc]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__ = self._streams  # type: ignore[misc]
        for line, _ in self.lines(last=True):
            self.tell(line)
        self._telling.finish()
        for drain in self._drains:
            drain.close()
        with contextlib.suppress(OSError):
            self.terminal.close()
        self._no_input.__exit__(kind, error, where)
        self._drains, self._ends = [], []

    @property
    def forsaken(self) -> bool:
        """Whether nobody is left to whom anything could be told: the terminal is gone, or the pipe's reader.

        A terminal that merely stands still (ctrl+S) is there. Files never go.
        """
        return bool(self._ends) and all(map(is_gone, self._ends))

    def tell(self, text: str) -> None:
        """Write a line to the terminal, without secrets; who is slow gets it later, who has gone never."""
        text = redact(text)
        self._telling.say(github.harmless(text) if github.is_runner() else text)

    def command(self, text: str) -> None:
        """Write a line that is to command the runner of a pipeline."""
        self._telling.say(redact(text))

    def answer(self, text: str) -> Iterator[None]:
        """Write text to the program's own standard output: what a pipeline reads.

        Whoever iterates waits a little each time, while the reader is busy.
        """
        data = f"{text.removesuffix(chr(10))}\n".encode("utf-8", "replace")
        return handing_over(self._drains[0].kept, data)

    def lines(self, last: bool = False) -> list[tuple[str, bool]]:
        """Return what was written since the last call, stdout's lines first; and push what is to be told."""
        self._telling.push()
        return [(line, index == 1) for index, drain in enumerate(self._drains) for line in drain.lines(last)]


def _ends(descriptors: Sequence[int]) -> list[int]:
    """Return which of the descriptors lead to somebody: terminals, or else pipes and sockets."""
    if terminals := [each for each in descriptors if os.isatty(each)]:
        return terminals
    modes = [(each, os.fstat(each).st_mode) for each in descriptors]
    return [each for each, mode in modes if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)]


def _text(descriptor: int) -> io.TextIOWrapper:
    return open(descriptor, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)


class LogTap(logging.Handler):
    """Takes the log records of Locust and the scenario instead of a console."""

    def __init__(self) -> None:
        super().__init__()
        self._records: list[tuple[str, Severity]] = []
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record until it is asked for."""
        self._records.append((self.format(record), _severity(record.levelno)))

    def take(self) -> list[tuple[str, Severity]]:
        """Return the records since the last call as text and severity."""
        taken, self._records = self._records, []
        return taken

    def install(self) -> None:
        """Take the place of every console handler; log files stay."""
        for logger in (logging.getLogger(), logging.getLogger("locust")):
            for handler in logger.handlers[:]:
                if type(handler) is logging.StreamHandler:
                    logger.removeHandler(handler)
            if not (logger.propagate and logger.parent):
                logger.addHandler(self)

    def uninstall(self) -> None:
        """Leave the loggers."""
        for logger in (logging.getLogger(), logging.getLogger("locust")):
            logger.removeHandler(self)


def _severity(level: int) -> Severity:
    for at_least, severity in (
        (logging.CRITICAL, Severity.CRITICAL),
        (logging.ERROR, Severity.ERROR),
        (logging.WARNING, Severity.WARNING),
        (logging.INFO, Severity.INFO),
    ):
        if level >= at_least:
            return severity
    return Severity.DEBUG
