"""The guard that runs beside every command, in the shells that hosts have."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from rampdeck.remote.command import brief, guarded
from tests.hosts import becomes_true, commands, running

SHELLS = [["dash"], ["bash"], ["bash", "--posix"], ["busybox", "sh"]]


@pytest.fixture(params=SHELLS, ids=" ".join)
def shell(request: pytest.FixtureRequest) -> list[str]:
    """A shell that a host may have as its `sh`."""
    shell: list[str] = request.param
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")
    return shell


def shell_in(script: str, shell: list[str]) -> str:
    """Return a script whose inner shells are of the same kind."""
    return script.replace("sh -c", f"{' '.join(shell)} -c")


def started(shell: list[str], command: str, *, stdin: bool) -> subprocess.Popen[bytes]:
    arguments = [*shell, *(shell_in(word, shell) for word in guarded(command, stdin=stdin)[1:])]
    pipe = subprocess.PIPE
    return subprocess.Popen(arguments, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)


@pytest.mark.parametrize("stdin", [False, True])
async def test_status_and_output_are_the_commands_own(shell: list[str], stdin: bool) -> None:
    with started(shell, "echo out; echo problem >&2; exit 7", stdin=stdin) as process:
        assert process.stdout
        assert process.stderr
        assert (process.stdout.read(), process.stderr.read()) == (b"out\n", b"problem\n")
        assert process.wait(60) == 7


@pytest.mark.parametrize("stdin", [False, True])
async def test_the_end_of_stdin_ends_it_all(shell: list[str], stdin: bool, marker: str) -> None:
    with started(shell, f"trap '' TERM; (sleep 1000; : {marker}) & sleep 1001", stdin=stdin) as process:
        assert await becomes_true(lambda: bool(commands(marker)))
        assert process.stdin
        process.stdin.close()
        assert await becomes_true(lambda: not running(marker))


async def test_what_is_written_reaches_the_command(shell: list[str]) -> None:
    with started(shell, "read -r line; echo got $line", stdin=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"tick\n")
        process.stdin.flush()
        assert process.stdout.read() == b"got tick\n"
        assert process.wait(60) == 0


@pytest.mark.parametrize("stdin", [False, True])
async def test_who_started_it_is_left_alone_where_it_gets_no_group_of_its_own(
    stdin: bool, marker: str
) -> None:
    """As with a forced command of sshd that starts ours without exec."""
    pipe = subprocess.PIPE
    arguments = [
        "sh",
        "-c",
        '"$@"; echo still here',
        "forced",
        *guarded(f"sleep 1000; : {marker}", stdin=stdin),
    ]
    with subprocess.Popen(arguments, stdin=pipe, stdout=pipe, start_new_session=True) as process:
        assert await becomes_true(lambda: bool(commands(marker)))
        output, _ = process.communicate()
    assert output == b"still here\n"
    assert await becomes_true(lambda: not running(marker))


def test_a_message_shows_a_long_command_in_one_short_line() -> None:
    assert brief("journalctl\n -u gunicorn " + "x " * 100).startswith("journalctl -u gunicorn x x")
    assert len(brief("word " * 100)) <= 60
