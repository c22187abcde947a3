"""A real systemd journal without systemd: entries in export format, fed to `systemd-journal-remote`.

Reads like any journal: `journalctl --file FILE -u gunicorn.service -f -o json`. The format is documented at
https://systemd.io/JOURNAL_EXPORT_FORMATS/.
"""

from __future__ import annotations

import os
import platform
import re
import struct
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

from rampdeck.demo.process import Pause, ServerProcess, require_program, short_sleep

LINE_MAX = 48 * 1024
"""Bytes after which journald splits a line (LineMax= in journald.conf)."""

UNIT = "gunicorn.service"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def export_entry(message: bytes, *, unit: str, priority: int, pid: int, **fields: str) -> bytes:
    """One journal entry in export format, stamped now; `priority` is a syslog severity, 0 to 7."""
    texts = {
        "__REALTIME_TIMESTAMP": str(time.time_ns() // 1000),
        "__MONOTONIC_TIMESTAMP": str(time.monotonic_ns() // 1000),
        "_BOOT_ID": _BOOT_ID.read_text().strip().replace("-", ""),
        "_HOSTNAME": platform.node() or "localhost",
        "_TRANSPORT": "stdout",
        "_SYSTEMD_UNIT": unit,
        "SYSLOG_IDENTIFIER": unit.removesuffix(".service"),
        "PRIORITY": str(priority),
        "_PID": str(pid),
        **fields,
    }
    lines = [f"{name}={value}".encode() for name, value in texts.items()]
    return b"\n".join([*lines, _message_field(message)]) + b"\n\n"


def _message_field(message: bytes) -> bytes:
    try:
        plain = message.decode().isprintable()
    except UnicodeDecodeError:
        plain = False
    return b"MESSAGE=" + message if plain else b"MESSAGE\n" + struct.pack("<Q", len(message)) + message


@dataclass(frozen=True)
class JournalWriter:
    """A journal file that grows by what is written here."""

    path: Path
    process: ServerProcess = field(repr=False)
    _pipe: BinaryIO = field(repr=False)
    _child_end: BinaryIO = field(repr=False)

    @classmethod
    def create(cls, parent: Path, name: str = "gunicorn") -> JournalWriter:
        """Prepare a journal file `<name>.journal` below `parent`; nothing is written before `start`."""
        program = require_program("systemd-journal-remote", "systemd-journal-remote")
        path = parent / f"{name}.journal"
        read_end, write_end = os.pipe()
        child_end, pipe = os.fdopen(read_end, "rb"), os.fdopen(write_end, "wb")
        process = ServerProcess(
            "systemd-journal-remote",
            [program, "-o", str(path), "-"],
            parent / f"{name}-remote.log",
            stdin=read_end,
        )
        return cls(path=path, process=process, _pipe=pipe, _child_end=child_end)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, pause: Pause = short_sleep) -> None:
        """Start the writing process and return when the file exists and can be followed."""
        self.process.launch()
        self.process.wait_ready(self.path.exists, pause)

    def stop(self) -> None:
        """End the writing process once it has written everything; the file stays."""
        self._pipe.close()
        self.process.finish()
        self._child_end.close()

    def write(
        self,
        message: bytes,
        *,
        unit: str = "gunicorn.service",
        priority: int = 6,
        pid: int = 0,
        **fields: str,
    ) -> None:
        """Append one entry; `message` may be any bytes. `fields` are further journal fields by name."""
        self._pipe.write(
            export_entry(message, unit=unit, priority=priority, pid=pid or os.getpid(), **fields)
        )
        self._pipe.flush()

    def write_line(self, line: bytes, *, unit: str = UNIT, pid: int = 0) -> None:
        """Append one line of a service's output as journald would: cut after 48 KiB, marked `_LINE_BREAK`."""
        while len(line) > LINE_MAX:
            self.write(line[:LINE_MAX], unit=unit, pid=pid, _LINE_BREAK="line-max")
            line = line[LINE_MAX:]
        self.write(line, unit=unit, pid=pid)


class LineReader:
    """Cuts a service's output into lines and journals each under the process id that it names.

    Gunicorn and the shop begin a line with `[time] [pid] [level]`; what follows without one, such as a
    traceback, belongs to the same process.
    """

    _pid = re.compile(rb"\[[^]]+\] \[(\d+)\] ")

    def __init__(self, writer: JournalWriter) -> None:
        self.writer = writer
        self._rest = b""
        self._last_pid = 0
        self.tail: deque[str] = deque(maxlen=12)
        """The last lines, for an error message."""

    def feed(self, chunk: bytes) -> None:
        """Take what was read; an unfinished last line waits for its end."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if found := self._pid.match(line):
                self._last_pid = int(found[1])
            self.writer.write_line(line, pid=self._last_pid)
            self.tail.append(line.decode(errors="replace"))
