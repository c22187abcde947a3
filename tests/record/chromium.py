"""A page of this disk in a real browser without a window, spoken to over a pipe (DevTools protocol)."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

PATIENCE = 30.0
"""Seconds that an answer may take on a busy machine."""
_ENDS = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""A browser reads its pipe from 3 and writes to 4."""
NAMES = ("chromium", "chromium-browser", "google-chrome")


def path() -> str | None:
    """Return a browser, if there is one."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One tab; what it asked for and complained about is in ``requests`` and ``complaints``."""

    def __init__(self, folder: Path, width: int = 1_280, height: int = 900) -> None:
        self._folder, self._size = folder, (width, height)
        self._number = 0
        self._session = ""
        self._buffer = b""
        self._events: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def __enter__(self) -> Self:
        program = path()
        assert program is not None
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        # High numbers keep the two out of the way of 3 and 4.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (to_browser, from_browser)]
        for end in (to_browser, from_browser):
            os.close(end)
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", _ENDS, *map(str, ends), program),
                *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
                *("--disable-background-networking", "--disable-sync", "--disable-component-update"),
                *("--remote-debugging-pipe", f"--user-data-dir={self._folder / 'profile'}"),
                "about:blank",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=ends,
            start_new_session=True,
        )
        for end in ends:
            os.close(end)
        tab = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.resize(*self._size)
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self._write, self._read):
            os.close(end)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        profile = self._folder / "profile"
        if (link := profile / "SingletonSocket").is_symlink():  # leads to a folder that it leaves behind
            shutil.rmtree(link.readlink().parent, ignore_errors=True)
        shutil.rmtree(profile, ignore_errors=True)

    def resize(self, width: int, height: int) -> None:
        """Give the window another size, in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def open(self, file: Path, *, settled: bool = True) -> None:
        """Open a file and wait until it is there, and painted (which only a script can tell)."""
        self.requests.clear()
        self.complaints.clear()
        self.call("Page.navigate", url=file.as_uri())
        self._wait_for("Page.loadEventFired")
        if settled:
            self.settle()

    def colours(self, scheme: str) -> None:
        """Prefer a ``light`` or ``dark`` page."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.settle()

    def run(self, expression: str) -> Any:
        """Return what a JavaScript expression comes to."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def settle(self) -> None:
        """Wait until what was asked for is painted."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def mouse(self, kind: str, x: float, y: float, clicks: int = 0) -> None:
        """Move, press or release the mouse at a place of the window."""
        button = "left" if clicks else "none"
        held = int(kind == "mousePressed" or (kind == "mouseMoved" and bool(clicks)))
        self.call(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=clicks, buttons=held
        )

    def key(self, key: str) -> None:
        """Press a key and let it go."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def shot(self, file: Path, *, whole: bool = False) -> bytes:
        """Keep a picture of the window, or of the whole page."""
        data = base64.b64decode(
            self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        )
        file.write_bytes(data)
        return data

    def printed(self, file: Path) -> bytes:
        """Keep the page as it is printed."""
        data = base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"])
        file.write_bytes(data)
        return data

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the browser for something and return its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result

    def _wait_for(self, event: str) -> None:
        while not any(seen["method"] == event for seen in self._events):
            self._next()
        self._events.clear()

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            received = os.read(self._read, 1 << 20)
            assert received, "the browser has left"
            self._buffer += received
        raw, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(raw)
        if "method" in message:
            self._events.append(message)
            self._note(message["method"], message["params"])
        return message

    def _note(self, method: str, told: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(str(told["args"]))
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.complaints.append(told["entry"]["text"])
