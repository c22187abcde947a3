"""Numbered lines, written all the time to every log there is, as a test of what comes of each of them."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from rampdeck.demo.journal import JournalWriter
from rampdeck.demo.nginx import NginxServer
from tests.journald import JournaldServer

PAUSE = 0.04
"""Seconds between two lines."""


class Numbers:
    """Writes ``number N`` to a journal, to a log file and, as a request that fails, to both logs of Nginx.

    Root has a journald besides. ``written`` says when each number was; holding
    ``lock`` keeps the next one back.
    """

    def __init__(self, folder: Path, nginx: NginxServer) -> None:
        self.folder = folder
        self.nginx = nginx
        self.log = folder / "gunicorn.log"
        self.lock = threading.RLock()
        self.written: dict[int, float] = {}
        self.journald = JournaldServer(folder) if os.geteuid() == 0 else None
        self._file = self.log.open("ab", buffering=0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.journal = JournalWriter.create(folder)

    def __enter__(self) -> Numbers:
        self.journal.start()
        if self.journald is not None:
            self.journald.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.journal.stop()
        if self.journald is not None:
            self.journald.stop()
        self._file.close()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write no more; what was begun is written to every log."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def reopen(self) -> None:
        """Go on in the file that has the log's name now, or in a new one."""
        with self.lock:
            self._file.close()
            self._file = self.log.open("ab", buffering=0)

    def replace_journal(self) -> None:
        """Remove the journal's file, of which all must have been read, and go on in another one."""
        with self.lock:
            self.journal.stop()
            self.journal.path.unlink()
            self.journal = JournalWriter.create(self.folder)
            self.journal.start()

    def _write(self) -> None:
        number = 0
        while not self._over.wait(PAUSE):
            with self.lock:
                number += 1
                line = f"number {number}".encode()
                self.written[number] = time.time()
                self.journal.write(line)
                if self.journald is not None:
                    self.journald.write(line)
                self._file.write(line + b"\n")
                with contextlib.suppress(urllib.error.HTTPError):
                    urllib.request.urlopen(f"{self.nginx.url}/static/number/{number}", timeout=10)
