"""The one loop: greenlets and tasks side by side, and the two bridges between them."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time

import gevent
import pytest

from rampdeck import loop


async def test_a_greenlet_and_a_task_run_at_the_same_time() -> None:
    order: list[str] = []

    def green() -> None:
        for _ in range(3):
            order.append("greenlet")
            gevent.sleep(0.02)

    async def task() -> None:
        for _ in range(3):
            order.append("task")
            await asyncio.sleep(0.02)

    await asyncio.gather(loop.in_greenlet(green), task())
    assert sorted(order[:2]) == ["greenlet", "task"]
    assert sorted(order[2:4]) == ["greenlet", "task"]


async def test_what_a_greenlet_returns_or_raises_arrives() -> None:
    assert await loop.in_greenlet(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await loop.in_greenlet(divmod, 7, 0)


async def test_work_in_a_thread_leaves_the_loop_free() -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.01)

    # The unpatched sleep really blocks its thread.
    sleep = gevent.monkey.get_original("time", "sleep")
    beating = asyncio.create_task(beat())
    await loop.in_thread(sleep, 0.3)
    beating.cancel()
    assert beats > 3
    with pytest.raises(ZeroDivisionError):
        await loop.in_thread(divmod, 7, 0)


async def test_a_wait_that_is_given_up_leaves_the_greenlet_to_its_end() -> None:
    done: list[bool] = []

    def work() -> None:
        gevent.sleep(0.2)
        done.append(True)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await loop.in_greenlet(work)
    async with asyncio.timeout(30):
        while not done:
            await asyncio.sleep(0.01)
    assert done == [True]


async def test_names_are_resolved_without_any_executor() -> None:
    running = asyncio.get_running_loop()
    found = await running.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
    assert any(address[4][0] in ("127.0.0.1", "::1") for address in found)
    with pytest.raises(socket.gaierror):
        await running.getaddrinfo("no-such-name.invalid", 80)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "localhost", 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("localhost", port)
    assert await reader.read() == b""
    writer.close()
    server.close()
    assert getattr(running, "_default_executor", None) is None


def test_a_program_runs_to_its_end_and_its_result_is_returned() -> None:
    async def main() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    assert loop.run(main()) == threading.main_thread().name


async def test_sys_exit_in_a_greenlet_is_told_and_ends_nothing_else() -> None:
    heard: list[object] = []

    def listener(exit_: SystemExit) -> None:
        heard.append(exit_.code)

    loop.exits.append(listener)
    try:
        gevent.spawn(lambda: exec("raise SystemExit('enough')"))
        started = time.monotonic()
        while not heard:
            assert time.monotonic() < started + 60
            await asyncio.sleep(0.01)
    finally:
        loop.exits.remove(listener)
    assert heard == ["enough"]


async def test_a_key_press_is_answered_before_all_users_have_had_their_turn_again() -> None:
    turns = 0

    def user() -> None:
        nonlocal turns
        while True:
            turns += 1
            gevent.sleep(0)

    async def turns_of_users_during_ten_of_ours() -> int:
        before = turns
        for _ in range(10):
            await asyncio.sleep(0)
        return turns - before

    users = [gevent.spawn(user) for _ in range(30)]
    try:
        await asyncio.sleep(0.05)
        at_ease = await turns_of_users_during_ten_of_ours()
        loop.hurry()
        await asyncio.sleep(0.001)  # the key arrives
        hurried = await turns_of_users_during_ten_of_ours()
        before = turns
        loop.hurry()
        busy_until = time.monotonic() + 0.05
        while time.monotonic() < busy_until:
            await asyncio.sleep(0)
        assert turns > before, "a hurry does not stop the users"
    finally:
        gevent.killall(users)
    assert hurried < at_ease / 2


async def test_what_the_program_brought_along_is_not_searched_for_garbage_under_load() -> None:
    gc.disable()
    try:
        loop.freeze(collect=True)
        assert gc.isenabled()
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()
        gc.enable()
