"""What every host promises, reached over SSH or this machine itself."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from rampdeck.errors import CommandFailed
from rampdeck.remote import Completed, Remote
from tests.hosts import becomes_true, commands, running

SILENT = [
    "sleep 1000; : {marker}",
    "while :; do sleep 0.2; done; : {marker}",
    "trap '' HUP TERM INT; while :; do sleep 0.2; done; : {marker}",
    "sh -c 'sleep 1000; : {marker}' & sh -c 'sleep 1001; : {marker}' & wait",
    "exec tail -n0 -F /dev/null --pid=1 {marker}",
]
"""Commands that never write, so that no closed pipe ends them."""


async def test_a_short_command_gives_its_bytes_and_status(remote: Remote) -> None:
    done = await remote.run("printf 'a\\377\\n'; echo problem >&2; exit 3")
    assert done == Completed("printf 'a\\377\\n'; echo problem >&2; exit 3", 3, b"a\xff\n", b"problem\n")


async def test_any_quotes_and_newlines_in_a_command_arrive(remote: Remote) -> None:
    done = await remote.run("""printf '%s|' "it's" '"$HOME"' \\\\ `echo x`\nprintf 'second line'""")
    assert done.stdout == b"""it's|"$HOME"|\\|x|second line"""


async def test_a_command_that_a_signal_ended_has_the_status_of_a_shell(remote: Remote) -> None:
    assert (await remote.run("kill -9 $$")).status == 137


async def test_a_command_reads_nothing_from_us(remote: Remote) -> None:
    assert (await remote.run("cat; echo over")).stdout == b"over\n"


async def test_a_command_that_does_not_end_in_time_is_stopped_there_too(remote: Remote, marker: str) -> None:
    with pytest.raises(CommandFailed, match=r"had not ended after 0\.5 s and was stopped"):
        await remote.run(f"echo begun; sleep 1000; : {marker}", timeout=0.5)
    assert await becomes_true(lambda: not running(marker))


async def test_a_command_that_writes_without_end_is_stopped(remote: Remote, marker: str) -> None:
    with pytest.raises(CommandFailed, match="more than 16 MiB"):
        await remote.run(f"yes {marker}")
    assert await becomes_true(lambda: not running(marker))


async def test_short_commands_at_once_take_turns_and_all_answer(remote: Remote) -> None:
    done = await asyncio.gather(*(remote.run(f"echo {number}") for number in range(8)))
    assert [completed.stdout for completed in done] == [b"%d\n" % number for number in range(8)]


@pytest.mark.parametrize("command", SILENT)
async def test_nothing_of_ours_runs_after_a_stream_is_left(remote: Remote, marker: str, command: str) -> None:
    async with remote.stream(command.format(marker=marker)):
        assert await becomes_true(lambda: bool(commands(marker)))
    assert await becomes_true(lambda: not running(marker))


async def test_nothing_of_ours_runs_after_a_stream_with_stdin_is_left(remote: Remote, marker: str) -> None:
    async with remote.stream(f"cat; sleep 1000; : {marker}", stdin=True) as stream:
        await stream.write(b"here\n")
        assert await anext(aiter(stream.chunks())) == b"here\n"
    assert await becomes_true(lambda: not running(marker))


async def test_nothing_of_ours_runs_after_an_unread_flood_is_left(remote: Remote, marker: str) -> None:
    async with remote.stream(f"yes {marker}") as stream:
        assert await anext(aiter(stream.chunks()))
        await asyncio.sleep(0.3)
    assert await becomes_true(lambda: not running(marker))


async def test_what_a_command_leaves_in_the_background_goes_with_it(remote: Remote, marker: str) -> None:
    done = await remote.run(f"sh -c 'sleep 1000; : {marker}' & echo started")
    assert done.stdout == b"started\n"
    assert await becomes_true(lambda: not running(marker))


async def test_a_cancelled_reader_leaves_nothing_behind(remote: Remote, marker: str) -> None:
    async def read() -> None:
        async with remote.stream(f"sleep 1000; : {marker}") as stream:
            async for _ in stream.chunks():
                pass

    task = asyncio.create_task(read())
    assert await becomes_true(lambda: bool(commands(marker)))
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert await becomes_true(lambda: not running(marker))


async def test_twenty_thousand_lines_at_once_arrive_complete(remote: Remote) -> None:
    lines = b"".join(b"line %d of a log that is written all at once\n" % number for number in range(20_000))
    async with remote.stream("seq -f 'line %.0f of a log that is written all at once' 0 19999") as stream:
        chunks = [chunk async for chunk in stream.chunks()]
        done = await stream.wait()
    assert b"".join(chunks) == lines
    assert max(map(len, chunks)) <= 65536
    assert (done.status, done.stdout, done.stderr) == (0, b"", b"")


async def test_a_slow_reader_makes_the_command_wait_and_loses_nothing(remote: Remote) -> None:
    async with remote.stream("head -c 8000000 /dev/zero; echo written >&2") as stream:
        await asyncio.sleep(0.5)
        size = 0
        async for chunk in stream.chunks():
            size += len(chunk)
            await asyncio.sleep(0)
        done = await stream.wait()
    assert size == 8_000_000
    assert done.stderr == b"written\n"


async def test_only_the_end_of_stderr_is_kept(remote: Remote) -> None:
    async with remote.stream("seq 100000 >&2; exit 4") as stream:
        done = await stream.wait()
    assert done.status == 4
    assert len(done.stderr) == 4096
    assert done.stderr.endswith(b"99999\n100000\n")


async def test_a_command_answers_line_by_line(remote: Remote) -> None:
    async with remote.stream('while read -r line; do echo "got $line"; done; exit 5', stdin=True) as stream:
        chunks = aiter(stream.chunks())
        for number in range(3):
            await stream.write(b"tick %d\n" % number)
            assert await anext(chunks) == b"got tick %d\n" % number


async def test_writing_to_a_command_that_has_ended_says_so(remote: Remote) -> None:
    async with remote.stream("exit 0", stdin=True) as stream:
        assert (await stream.wait()).status == 0
        with pytest.raises(CommandFailed, match="it has ended"):
            await stream.write(b"x")


async def test_a_stream_opened_without_stdin_takes_none(remote: Remote) -> None:
    async with remote.stream("sleep 5") as stream:
        with pytest.raises(TypeError, match="stdin=True"):
            await stream.write(b"x")


async def test_short_commands_that_are_talked_with_take_turns_and_all_answer(remote: Remote) -> None:
    async def talk(word: bytes) -> bytes:
        async with remote.talk("read -r line; echo got $line") as stream:
            await stream.write(word + b"\n")
            return b"".join([chunk async for chunk in stream.chunks()])

    words = [b"%d" % number for number in range(10)]
    assert await asyncio.gather(*map(talk, words)) == [b"got %b\n" % word for word in words]
