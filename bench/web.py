"""Locust's web page, open in a real browser without a window."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from bench.server import HOST

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 30.0
"""Seconds that Locust gets to serve its page."""


def browser() -> str | None:
    """Return the path of a browser, if there is one."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def free_port() -> int:
    """Return a port of the loopback address that nobody has now."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class OpenPage:
    """A page of this machine in a browser with a profile of its own; closed, and gone, after the block."""

    def __init__(self, path: str, port: int, profile: Path) -> None:
        self._path, self._port, self._profile = path, port, profile

    def __enter__(self) -> Self:
        self._wait_for_server()
        self._process = subprocess.Popen(
            [
                self._path,
                *("--headless=new", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"),
                *("--disable-background-networking", "--disable-sync", "--disable-component-update"),
                # As root there is no sandbox, and nothing but our own page is opened.
                *(("--no-sandbox",) if os.geteuid() == 0 else ()),
                f"--user-data-dir={self._profile}",
                f"http://{HOST}:{self._port}/",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        # The browser's own processes are in the session that was made for it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    def _wait_for_server(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection((HOST, self._port), 1):
                return
            time.sleep(0.1)
