"""Whatever a scenario or its children write is kept off the terminal and can be read."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

from rampdeck.model import Severity
from rampdeck.output import LogTap, OutputCapture

Capfd = pytest.CaptureFixture[str]


def test_prints_warnings_and_child_processes_are_caught(capfd: Capfd) -> None:
    with capfd.disabled(), OutputCapture() as output:
        sys.stdout.write("from a task\n")
        sys.stderr.write("a warning\n")
        os.write(1, b"from C\n")
        subprocess.run(["sh", "-c", "echo from a child; echo its error >&2"], check=True)
        said = output.lines()
        left = output.lines()
    assert [line for line, is_error in said if not is_error] == ["from a task", "from C", "from a child"]
    assert [line for line, is_error in said if is_error] == ["a warning", "its error"]
    assert left == []


def test_nobody_can_ask_and_the_terminal_is_still_there_to_read_keys_from(capfd: Capfd) -> None:
    keys, terminal = os.pipe()
    os.write(terminal, b"key")
    before = os.dup(0)
    with capfd.disabled():
        try:
            os.dup2(keys, 0)
            with OutputCapture():
                with pytest.raises(EOFError, match="EOF when reading a line"):
                    input()
                child = subprocess.run(["cat"], capture_output=True, check=True)
                assert sys.__stdin__ is not None
                pressed = os.read(sys.__stdin__.fileno(), 3)
            assert child.stdout == b""
            assert pressed == b"key"
            os.write(terminal, b"after")
            assert os.read(0, 5) == b"after", "everything is as it was"
        finally:
            os.dup2(before, 0)
            for descriptor in (before, keys, terminal):
                os.close(descriptor)


def test_more_than_any_pipe_holds_does_not_block_the_writer(capfd: Capfd) -> None:
    with capfd.disabled(), OutputCapture() as output:
        for number in range(20_000):
            sys.stdout.write(f"{number:0200d}\n")
        flood = output.lines()
        sys.stdout.write("after the memory was emptied\n")
        after = output.lines()
    assert [int(line) for line, _ in flood] == list(range(20_000))
    assert after == [("after the memory was emptied", False)]


def test_a_line_is_given_when_it_is_whole(capfd: Capfd) -> None:
    with capfd.disabled(), OutputCapture() as output:
        os.write(1, b"half ")
        first = output.lines()
        os.write(1, b"a line\nrest \xff")
        second = output.lines()
        last = output.lines(last=True)
    assert (first, second, last) == ([], [("half a line", False)], [("rest \ufffd", False)])


def test_the_screen_still_reaches_the_terminal() -> None:
    program = """
import sys
from rampdeck.output import OutputCapture
with OutputCapture() as output:
    print("hidden")
    sys.__stderr__.write("drawn")
    sys.__stderr__.flush()
    assert output.lines() == [("hidden", False)]
print("after")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("after\n", "drawn")


def test_what_nobody_read_is_not_lost_at_the_end() -> None:
    program = """
from rampdeck.output import OutputCapture
with OutputCapture():
    print("said before the scenario failed to load")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "said before the scenario failed to load\n"


def test_log_records_keep_their_severity() -> None:
    tap = LogTap()
    tap.install()
    try:
        logging.getLogger("locust.runners").warning("Already spawning")
        logging.getLogger("my.scenario").error("no stock")
    finally:
        tap.uninstall()
    assert tap.take() == [
        ("locust.runners: Already spawning", Severity.WARNING),
        ("my.scenario: no stock", Severity.ERROR),
    ]
    assert tap.take() == []
