"""A journal is read to the last line and nothing twice, whatever becomes of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from collectors._journal import Entry, JournalFollower
from rampdeck.demo.journal import JournalWriter
from rampdeck.errors import SourceError
from rampdeck.remote import Stream
from rampdeck.remote.local import LocalRemote
from tests.journald import JournaldServer

from .lines import Heard, reading


@pytest.fixture
def heard(journal_writer: JournalWriter) -> Heard:
    return Heard(JournalFollower("gunicorn.service", file=str(journal_writer.path)))


async def test_lines_that_come_while_a_first_connection_is_lost_are_new(
    journal_writer: JournalWriter, heard: Heard
) -> None:
    async with reading(heard):
        assert heard.warnings[0].startswith("the journal has no line of gunicorn.service yet")
    numbers = [str(number) for number in range(50)]
    for number in numbers:
        journal_writer.write(number.encode())
    async with reading(heard):
        await heard.has(*numbers)
    assert heard.before == []


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_journal_that_vanishes_is_told_and_its_successor_read(
    journal_writer: JournalWriter, heard: Heard, tmp_path: Path, at_once: bool
) -> None:
    async with reading(heard):
        journal_writer.write(b"1")
        await heard.has("1")
        await asyncio.sleep(1)  # a file has a second of birth
        journal_writer.stop()
        journal_writer.path.unlink()
        if at_once:
            tmp_path.joinpath("other").touch()
            tmp_path.joinpath("other").rename(journal_writer.path)
        await heard.until(lambda: heard.failure)
    assert isinstance(heard.failure, SourceError)
    assert "its file is gone" in str(heard.failure)
    [gap] = heard.gaps
    assert gap.startswith("lines of gunicorn.service may be missing: the journal vanished")
    journal_writer.path.unlink(missing_ok=True)
    with JournalWriter.create(tmp_path) as successor:
        successor.write(b"2")
        async with reading(heard):
            successor.write(b"3")
            await heard.has("1", "2", "3")
    assert len(heard.gaps) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run journald")
async def test_journalds_own_rotation_is_no_loss(tmp_path: Path) -> None:
    with JournaldServer(tmp_path) as journald:
        heard = Heard(JournalFollower("gunicorn.service", namespace=journald.namespace))
        async with reading(heard):
            numbers = [str(number) for number in range(200)]
            for number in numbers:
                journald.write(number.encode())
                if number == "100":
                    journald.rotate()
                await asyncio.sleep(0.02)
            await heard.has(*numbers)
            await asyncio.sleep(4)  # longer than between two looks for the file
            journald.write(b"the end")
            await heard.has(*numbers, "the end")
    assert heard.gaps == []
    assert heard.failure is None


async def test_lines_that_journald_suppressed_are_counted(
    journal_writer: JournalWriter,
) -> None:
    told: list[Entry] = []
    follower = JournalFollower("gunicorn.service", file=str(journal_writer.path))
    heard = Heard(follower)
    heard.take = lambda given, before=False: told.extend(given)  # type: ignore[method-assign] # noqa: ARG005
    async with reading(heard):
        journal_writer.write(
            b"Suppressed 4711 messages from gunicorn.service",
            unit="systemd-journald.service",
            N_DROPPED="4711",
            OBJECT_SYSTEMD_UNIT="gunicorn.service",
            _UID="0",
        )
        journal_writer.write(b"on it goes")
        await heard.until(lambda: len(told) == 2)
    assert [entry.suppressed for entry in told] == [4711, 0]


class RebootedHost(LocalRemote):
    """This machine, with a boot of its own."""

    def __init__(self, boot: Path) -> None:
        super().__init__()
        self.boot = boot

    @asynccontextmanager
    async def _running(self, command: str, *, stdin: bool, short: bool) -> AsyncIterator[Stream]:
        command = command.replace("/proc/sys/kernel/random/boot_id", str(self.boot))
        async with super()._running(command, stdin=stdin, short=short) as stream:
            yield stream


async def test_after_a_reboot_every_new_line_comes_though_the_clock_was_set_back(
    journal_writer: JournalWriter, heard: Heard, tmp_path: Path
) -> None:
    host = RebootedHost(tmp_path / "boot")
    first, second = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
    host.boot.write_text(f"{first}\n")
    hour = 3_600_000_000
    now = 1_790_000_000_000_000

    def write(text: bytes, boot: str, at: int) -> None:
        journal_writer.write(
            text,
            _BOOT_ID=boot.replace("-", ""),
            __REALTIME_TIMESTAMP=str(at),
            __MONOTONIC_TIMESTAMP=str(at % hour),
        )

    async with reading(heard, host):
        write(b"1", first, now)
        write(b"2", first, now + 1)
        await heard.has("1", "2")
    write(b"3", second, now - hour)
    write(b"4", second, now - hour + 1)
    host.boot.write_text(f"{second}\n")
    async with reading(heard, host):
        write(b"5", second, now - hour + 2)
        await heard.has("1", "2", "3", "4", "5")
    [gap] = heard.gaps
    assert "the host was rebooted" in gap


def test_every_command_is_told_before() -> None:
    look, first, _, later = JournalFollower("shop.service").asks()
    assert "journalctl -u shop.service --no-pager -o json -a" in look
    assert "-f --no-tail" in first
    assert later == first.replace("-f --no-tail", "--cursor=CURSOR -f --no-tail")
