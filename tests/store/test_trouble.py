"""Whatever happens to the disk, the load goes on and as much as possible is kept."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rampdeck.errors import SessionError
from rampdeck.model import Event, EventKind, RequestBatch, Sample
from rampdeck.store import Item, SessionReader, SessionWriter
from rampdeck.store import writer as writing
from rampdeck.store.schema import VERSION
from tests.store.helpers import batch, log, sample


def read(path: Path) -> list[Item]:
    with SessionReader(path) as reader:
        return list(reader.items())


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let the kernel refuse to make any file of this process larger."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_disk_that_takes_no_more_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "session.rampdeck")
    items = [log("x" * 1_000, number) for number in range(400)]
    writer.append(items[0])
    await writer.commit()
    with file_size_limit(200_000):
        for item in items[1:]:
            writer.append(item)
        await writer.commit()
        assert str(writer.path) in writer.problem
        await writer.commit()
        assert writer.problem
    await writer.commit()
    assert writer.problem == ""
    await writer.close()
    assert read(writer.path) == items


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    writer = SessionWriter(tmp_path / "file" / "session.rampdeck")
    writer.append(log("kept"))
    await writer.commit()
    assert "cannot write" in writer.problem
    (tmp_path / "file").unlink()
    await writer.close()
    assert writer.problem == ""
    assert read(writer.path) == [log("kept")]


async def test_a_folder_that_vanishes_is_made_again_with_the_whole_session(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "folder" / "session.rampdeck")
    writer.append(log("one"))
    await writer.commit()
    shutil.rmtree(tmp_path / "folder")
    writer.append(log("two"))
    await writer.commit()
    assert writer.problem == ""
    writer.append(log("three"))
    await writer.close()
    assert read(writer.path) == [log("one"), log("two"), log("three")]
    assert list(writer.path.parent.iterdir()) == [writer.path]
    assert writer.path.stat().st_mode & 0o777 == 0o600


async def test_a_vanished_folder_that_cannot_be_made_again_is_waited_for(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "folder" / "session.rampdeck")
    writer.append(log("one"))
    await writer.commit()
    (tmp_path / "folder").rename(tmp_path / "elsewhere")
    (tmp_path / "folder").write_text("in the way")
    writer.append(log("two"))
    await writer.commit()
    assert "cannot write" in writer.problem
    (tmp_path / "folder").unlink()
    (tmp_path / "elsewhere").rename(tmp_path / "folder")
    await writer.close()
    assert read(writer.path) == [log("one"), log("two")]


async def test_a_session_is_never_written_over_another_file(tmp_path: Path) -> None:
    path = tmp_path / "session.rampdeck"
    path.write_text("mine")
    writer = SessionWriter(path)
    writer.append(log("lost"))
    await writer.close()
    assert "exists" in writer.problem
    assert path.read_text() == "mine"


async def test_what_must_be_dropped_is_counted_and_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_KEPT", 100)
    (tmp_path / "file").write_text("in the way")
    writer = SessionWriter(tmp_path / "file" / "session.rampdeck")
    writer.append(sample(0))
    writer.append(batch(0))
    for second in range(500):
        writer.append(log(f"line {second}", second))
    await writer.commit()
    assert writer.problem
    (tmp_path / "file").unlink()
    await writer.close()
    items = read(writer.path)
    lines = [item for item in items if isinstance(item, Event) and item.kind is EventKind.LOG]
    gaps = [item for item in items if isinstance(item, Event) and item.kind is EventKind.GAP]
    assert items[:2] == [sample(0), batch(0)]
    assert lines == [log(f"line {second}", second) for second in range(500 - len(lines), 500)]
    assert 0 < len(lines) <= 100
    assert writer.dropped == 500 - len(lines)
    assert [gap.fields["dropped"] for gap in gaps] == [str(writer.dropped)]
    assert float(gaps[0].fields["from"]) == log("", 0).at.utc
    assert float(gaps[0].fields["until"]) == log("", writer.dropped - 1).at.utc


async def test_a_size_that_no_answer_has_costs_no_other_item(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "session.rampdeck")
    home, *others = batch(1).entries
    for item in (log("before", 0), replace(batch(1), entries=(replace(home, bytes=2**70), *others))):
        writer.append(item)
    writer.append(log("after", 2))
    await writer.close()
    assert writer.problem == ""
    before, stored, after = read(writer.path)
    assert (before, after) == (log("before", 0), log("after", 2))
    assert isinstance(stored, RequestBatch)
    assert stored.entries[0].bytes == 2**63 - 1


async def test_few_but_huge_lines_are_dropped_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_TEXT", 10_000)
    writer = SessionWriter(tmp_path / "session.rampdeck")
    for second in range(30):
        writer.append(log("x" * 1_000, second))
    writer.append(sample())
    await writer.close()
    assert [item for item in read(writer.path) if isinstance(item, Sample)] == [sample()]
    assert writer.dropped >= 20


async def test_a_cancelled_commit_loses_and_repeats_nothing(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "session.rampdeck")
    items = [log(f"line {number}") for number in range(3_000)]
    for item in items:
        writer.append(item)
    commit = asyncio.create_task(writer.commit())
    await asyncio.sleep(0)
    commit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await commit
    await writer.close()
    assert read(writer.path) == items


KILLED = """
from rampdeck import loop
import asyncio, sys
from pathlib import Path
from rampdeck.store import SessionWriter
from tests.store.helpers import log

async def main():
    writer = SessionWriter(Path(sys.argv[1]))
    for number in range(100):
        writer.append(log(f"line {number}"))
    await writer.commit()
    writer.append(log("never committed"))
    print("committed", flush=True)
    await asyncio.sleep(600)

loop.run(main())
"""


def test_a_session_that_was_killed_reads_up_to_its_last_commit(tmp_path: Path) -> None:
    path = tmp_path / "session.rampdeck"
    command = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(Path.cwd())}
    ) as child:
        assert child.stdout
        assert child.stdout.readline() == b"committed\n"
        child.send_signal(signal.SIGKILL)
    with SessionReader(path) as reader:
        assert [item.text for item in reader.items() if isinstance(item, Event)] == [
            f"line {number}" for number in range(100)
        ]
        assert not reader.finished


async def test_a_newer_session_is_refused(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "session.rampdeck")
    await writer.close()
    with sqlite3.connect(writer.path) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(SessionError, match=r"newer Rampdeck \(format 4, this one reads up to 3\). Update"):
        SessionReader(writer.path)


async def test_an_older_session_is_read(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "session.rampdeck")
    writer.append(batch(1))
    await writer.close()
    with sqlite3.connect(writer.path) as connection:
        connection.executescript("DROP TABLE paces; PRAGMA user_version = 1")
    connection.close()
    assert read(writer.path) == [replace(batch(1), pace=None)]


@pytest.mark.parametrize("content", [b"", b"hello, world\n" * 100], ids=["empty", "text"])
def test_a_file_that_is_no_session_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(SessionError, match="it is no session of Rampdeck"):
        SessionReader(path)
    assert path.read_bytes() == content


def test_another_database_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE meta (key, value)")
    connection.close()
    with pytest.raises(SessionError, match="it is no session of Rampdeck"):
        SessionReader(tmp_path / "other.db")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="no such file or directory"):
        SessionReader(tmp_path / "none")
    with pytest.raises(SessionError, match="is a directory"):
        SessionReader(tmp_path)


async def test_a_file_that_was_cut_short_is_named(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "session.rampdeck")
    for number in range(5_000):
        writer.append(log(f"line {number}"))
    await writer.close()
    os.truncate(writer.path, writer.path.stat().st_size // 2)
    with pytest.raises(SessionError, match="it is damaged or was cut short"):
        read(writer.path)


async def test_a_page_that_was_overwritten_is_named(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "session.rampdeck")
    for number in range(5_000):
        writer.append(log(f"line {number}"))
    await writer.close()
    with writer.path.open("r+b") as file:
        file.seek(writer.path.stat().st_size // 2)
        file.write(b"\xff" * 100_000)
    with pytest.raises(SessionError, match="damaged"):
        read(writer.path)
