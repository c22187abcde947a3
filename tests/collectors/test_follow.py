"""A log file is read to the last line and nothing twice, whatever happens to the file or the way to it."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from collectors._follow import FileFollower

from .lines import Heard, reading

APPLETS = ("tail", "stat", "head", "date", "id", "sleep")


@pytest.fixture(params=["gnu", "busybox"])
def tools(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The tools of most hosts, and those of Alpine."""
    if request.param == "busybox":
        busybox = shutil.which("busybox")
        if busybox is None:
            pytest.skip("busybox is not installed")
        folder = applets(tmp_path, busybox)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return str(request.param)


def applets(parent: Path, busybox: str) -> Path:
    """Make a folder for the PATH with the tools of Alpine."""
    folder = parent / "bin"
    folder.mkdir()
    for applet in APPLETS:
        (folder / applet).symlink_to(busybox)
    return folder


@pytest.fixture
def log(tmp_path: Path) -> Path:
    log = tmp_path / "app.log"
    log.write_text("old 1\nold 2\n")
    return log


@pytest.fixture
def heard(log: Path) -> Heard:
    return Heard(FileFollower(str(log), context=20))


def say(log: Path, *lines: str) -> None:
    with log.open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))


@pytest.mark.usefixtures("tools")
async def test_a_rename_is_followed_from_the_old_file_into_the_new_one(log: Path, heard: Heard) -> None:
    async with reading(heard):
        say(log, "1", "2")
        await heard.has("1", "2")
        old = log.rename(log.with_name("app.log.1"))
        say(old, "3")
        await asyncio.sleep(0.5)
        say(old, "4")  # as Nginx does until it gets its signal
        say(log, "5")
        await heard.has("1", "2", "3", "4", "5")
        say(log, "6")
        await heard.has("1", "2", "3", "4", "5", "6")
    assert heard.before == ["old 1", "old 2"]
    assert heard.gaps == []


async def test_a_writer_that_leaves_the_renamed_file_late_is_heard_to_its_end(
    log: Path, heard: Heard
) -> None:
    async with reading(heard):
        say(log, "1")
        await heard.has("1")
    old = log.rename(log.with_name("app.log.1"))
    say(old, "2")
    log.touch()
    lives = heard.lives

    async def late() -> None:
        await asyncio.sleep(0.4)
        say(old, "3")
        say(log, "4")

    async with asyncio.TaskGroup() as group:
        group.create_task(late())
        async with reading(heard):
            await heard.has("1", "2", "3", "4")
    assert heard.lives > lives
    assert heard.gaps == []


@pytest.mark.usefixtures("tools")
async def test_what_was_copied_before_a_truncation_is_read_from_the_copy(log: Path, heard: Heard) -> None:
    async with reading(heard):
        say(log, "1", "2")
        await heard.has("1", "2")
        say(log, "3", "4")
        shutil.copy(log, log.with_name("app.log.1"))
        os.truncate(log, 0)
        await heard.until(lambda: heard.gaps)
        say(log, "5")
        await heard.has("1", "2", "3", "4", "5")
    [gap] = heard.gaps
    assert gap.startswith(f"lines of {log} may be missing: the file was truncated, ")


async def test_a_truncation_right_after_the_first_line_is_seen_though_busybox_begins_slowly(
    log: Path, heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("busybox is not installed")
    folder = applets(tmp_path, busybox)
    (folder / "stat").unlink()
    (folder / "stat").write_text(f'#!/bin/sh\n[ "$3" != %s ] || sleep 1\nexec {busybox} stat "$@"\n')
    (folder / "stat").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    async with reading(heard):
        os.truncate(log, 0)
        await heard.until(lambda: heard.gaps)
        say(log, "1")
        await heard.has("1")


async def test_a_truncation_while_nobody_looks_is_made_up_for_from_the_copy(log: Path, heard: Heard) -> None:
    async with reading(heard):
        say(log, "1", "2")
        await heard.has("1", "2")
    say(log, "3")
    shutil.copy(log, log.with_name("app.log-20260920"))
    log.write_text("4, and longer than all that was there\n" * 3)
    async with reading(heard):
        await heard.has("1", "2", "3", *["4, and longer than all that was there"] * 3)
    [gap] = heard.gaps
    assert gap.endswith("what came between its copy and that is in no file")


@pytest.mark.usefixtures("tools")
async def test_a_file_that_is_copied_removed_and_made_anew_is_read_on(log: Path, heard: Heard) -> None:
    async with reading(heard):
        say(log, "1")
        await heard.has("1")
        shutil.copy(log, log.with_name("app.log.1"))
        log.unlink()
        say(log, "2")
        await heard.has("1", "2")
    assert all("replaced" in gap for gap in heard.gaps)


async def test_a_file_that_is_gone_for_a_while_is_said_and_read_from_its_first_line(
    log: Path, heard: Heard
) -> None:
    async with reading(heard):
        log.rename(log.with_name("elsewhere"))
        await heard.until(lambda: heard.warnings)
        assert heard.warnings[0].startswith(f"{log} is gone: ")
        say(log, "1")
        await heard.has("1")
    assert heard.gaps == []


@pytest.mark.usefixtures("tools")
async def test_words_of_tail_in_the_log_change_nothing(log: Path, heard: Heard) -> None:
    forged = [
        f"tail: {log}: file truncated",
        f'"GET / HTTP/1.1" "tail: {log} has been replaced; following new file"',
        f"tail: '{log}' has become inaccessible: No such file or directory",
    ]
    async with reading(heard):
        say(log, "1", forged[0])
        await heard.has("1", forged[0])
        say(log, *forged[1:], "2")
        await heard.has("1", *forged, "2")
    say(log, *forged, "3")
    async with reading(heard):
        await heard.has("1", *forged, "2", *forged, "3")
    assert heard.gaps == []
    assert heard.warnings == []


async def test_reading_may_stop_in_the_middle_of_a_burst(log: Path, heard: Heard) -> None:
    numbers = [f"line {number}" for number in range(20_000)]
    async with reading(heard):
        say(log, *numbers)
        await heard.until(lambda: heard.lines)
    while len(heard.lines) < len(numbers):
        known = len(heard.lines)
        async with reading(heard):
            await heard.until(lambda known=known: len(heard.lines) > known)  # type: ignore[misc]
    assert heard.lines == numbers


async def test_an_unfinished_line_is_one_line_also_over_a_lost_connection(log: Path, heard: Heard) -> None:
    with log.open("a") as file:
        file.write("one ")
        file.flush()
        async with reading(heard):
            file.write("two ")
            file.flush()
            await asyncio.sleep(0.5)
        file.write("three\n")
        file.flush()
        async with reading(heard):
            await heard.has("one two three")


async def test_an_endless_line_is_cut_and_what_follows_is_read_once(log: Path, heard: Heard) -> None:
    async with reading(heard):
        say(log, "x" * 3_000_000, "1")
        await heard.until(lambda: len(heard.lines) == 2)
    async with reading(heard):
        say(log, "2")
        await heard.until(lambda: len(heard.lines) == 3)
    assert len(heard.lines[0]) == 1 << 20
    assert heard.lines[1:] == ["1", "2"]
    assert heard.gaps == []


def test_every_command_is_told_before_with_words_for_what_is_not_known() -> None:
    look, tail, plain, rotated = FileFollower("/var/log/my app.log").asks()
    assert "stat -L -c '%i %s %Y %n' -- '/var/log/my app.log'" in look
    assert tail.startswith("LC_ALL=C tail -c +OFFSET -F ---disable-inotify")
    assert "exec tail -c +OFFSET -F -- '/var/log/my app.log' 2>&1" in plain
    assert rotated == "LC_ALL=C tail -c +OFFSET -- ROTATED_LOG"
