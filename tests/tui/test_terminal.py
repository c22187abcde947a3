"""The cockpit in a real pseudo-terminal: one that goes away, and one that is slow."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

PATIENCE = 30.0


class InTerminal:
    """A cockpit in a pseudo-terminal of 160x45, and what it wrote there."""

    def __init__(self, folder: Path) -> None:
        self.result = folder / "said.jsonl"
        self.errors = folder / "errors.txt"
        self.leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 160, 0, 0))
        self.seen = bytearray()
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.tui.in_terminal", str(self.result)],
                stdin=follower,
                stdout=follower,
                stderr=errors,
                env={**os.environ, "TERM": "xterm-256color"},
                start_new_session=True,
            )
        os.close(follower)

    def read_until(self, text: str) -> None:
        """Read the screen until it has said this."""
        until = time.monotonic() + PATIENCE
        while text.encode() not in self.seen:
            assert time.monotonic() < until, self.errors.read_text(errors="replace")
            if select.select([self.leader], [], [], 0.2)[0]:
                self.seen += os.read(self.leader, 65_536)

    def wait_until_stopped(self) -> None:
        until = time.monotonic() + PATIENCE
        while psutil.Process(self.process.pid).status() != psutil.STATUS_STOPPED:
            assert time.monotonic() < until
            time.sleep(0.02)

    def drain_until_gone(self) -> None:
        while self.process.poll() is None:
            if select.select([self.leader], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.leader, 65_536)
                except OSError:
                    break
        self.process.wait(PATIENCE)

    def keys(self, keys: str) -> None:
        os.write(self.leader, keys.encode())

    def said(self) -> list[Any]:
        """Return the controls that were called so far, and ``left`` when the app has ended."""
        if not self.result.exists():
            return []
        return [json.loads(line) for line in self.result.read_text(encoding="utf-8").splitlines()]

    def wait_for(self, call: list[Any]) -> None:
        """Wait until a control was called, without reading the screen."""
        until = time.monotonic() + PATIENCE
        while call not in self.said():
            assert time.monotonic() < until, self.errors.read_text(errors="replace")
            time.sleep(0.05)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[InTerminal]:
    opened = InTerminal(tmp_path)
    yield opened
    if opened.process.poll() is None:
        opened.process.kill()
        opened.process.wait()


def test_keys_work_in_a_real_terminal_also_when_stderr_is_a_file(terminal: InTerminal) -> None:
    terminal.read_until("/checkout/")
    terminal.keys("+wX")
    terminal.read_until("STOPPED")
    terminal.keys("q")
    terminal.drain_until_gone()
    assert terminal.said() == [["change_target", 10], ["change_target", 1], ["abort"], ["left", None]]
    assert b"\x1b[?1049l" in terminal.seen, "the terminal is left as it was"
    assert terminal.errors.read_text() == ""


def test_when_the_terminal_goes_away_the_cockpit_leaves_in_good_order(terminal: InTerminal) -> None:
    terminal.read_until("/checkout/")
    os.close(terminal.leader)
    terminal.process.wait(PATIENCE)
    assert terminal.said() == [["left", None]]
    assert terminal.errors.read_text() == ""
    assert terminal.process.returncode == 0


def test_the_cockpit_can_be_stopped_by_the_shell_and_goes_on(terminal: InTerminal) -> None:
    terminal.read_until("/checkout/")
    terminal.process.send_signal(signal.SIGTSTP)
    terminal.read_until("\x1b[?1049l")
    terminal.wait_until_stopped()
    terminal.seen.clear()
    terminal.process.send_signal(signal.SIGCONT)
    terminal.read_until("\x1b[?1049h")
    terminal.read_until("/checkout/")
    terminal.seen.clear()
    terminal.process.send_signal(signal.SIGCONT)  # out of the blue: paints anew
    terminal.read_until("/checkout/")
    terminal.keys("+X")
    terminal.read_until("STOPPED")
    terminal.keys("q")
    terminal.drain_until_gone()
    assert terminal.said() == [["change_target", 10], ["abort"], ["left", None]]


def test_a_terminal_that_takes_nothing_does_not_hold_up_the_load(terminal: InTerminal) -> None:
    terminal.read_until("/checkout/")
    time.sleep(2)  # nobody reads: that is more than a pseudo-terminal holds
    terminal.keys("+")
    terminal.wait_for(["change_target", 10])
    time.sleep(1)
    terminal.keys("X")
    terminal.wait_for(["abort"])
    terminal.seen.clear()
    terminal.read_until("STOPPED")  # and when it takes again, it sees what is
    terminal.keys("q")
    terminal.drain_until_gone()
    assert terminal.said()[-1] == ["left", None]
