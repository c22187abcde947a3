"""In one process: who is apart, what is refused in which phase, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import gevent
import pytest

from rampdeck.errors import UsageError
from rampdeck.guard.apart import apart, guarded
from rampdeck.guard.door import GuardRefused
from rampdeck.guard.guard import Guard, present

Address = tuple[str, int]


@pytest.fixture
def server() -> Iterator[Address]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()


@pytest.fixture
def guard() -> Iterator[Guard]:
    with Guard().shut() as guard:
        yield guard


def contact(address: Address) -> bool:
    """Whether somebody gets through."""
    try:
        socket.create_connection(address, 5).close()
    except GuardRefused:
        return False
    return True


async def opened(address: Address) -> bool:
    try:
        _, writer = await asyncio.open_connection(*address)
    except GuardRefused:
        return False
    writer.close()
    return True


async def in_callback(address: Address) -> bool:
    running = asyncio.get_running_loop()
    future: asyncio.Future[bool] = running.create_future()
    running.call_soon(lambda: future.set_result(contact(address)))
    return await future


OURS = """
import asyncio, sys
from rampdeck import loop
from rampdeck.guard.apart import guarded
from rampdeck.guard.guard import Guard
from tests.guard.test_guard import contact, in_callback, opened, as_a_user
server = ("127.0.0.1", int(sys.argv[1]))

async def main():
    ours = [await opened(server), await asyncio.create_task(opened(server)), await in_callback(server)]
    ours.append((await (await asyncio.create_subprocess_exec("true")).wait()) == 0)
    theirs = await loop.in_greenlet(as_a_user, asyncio.get_running_loop(), server)
    theirs.append(await loop.in_thread(lambda: contact(server)))
    with guarded():
        theirs += [await opened(server), await asyncio.create_task(opened(server))]
    print(ours, theirs)

with Guard().shut():
    loop.run(main())
"""


def as_a_user(running: asyncio.AbstractEventLoop, server: Address) -> list[bool]:
    """What a user's greenlet gets through to: by itself, by a task in our loop, by a native thread."""
    task = asyncio.run_coroutine_threadsafe(opened(server), running)
    while not task.done():
        gevent.sleep(0.01)
    return [contact(server), task.result(), gevent.get_hub().threadpool.apply(contact, (server,))]


def test_our_own_tasks_are_apart_and_whatever_users_make_is_not(server: Address) -> None:
    """In a process of its own: the loop of the tests is none of ours."""
    done = subprocess.run(
        [sys.executable, "-c", OURS, str(server[1])], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    assert done.stdout == f"{[True] * 4} {[False] * 6}\n"


def test_a_block_can_be_put_apart_and_back_under_the_guard(guard: Guard, server: Address) -> None:
    assert not contact(server)
    with apart():
        assert contact(server)
        with guarded():
            assert not contact(server)
        assert contact(server)
        greenlet = gevent.spawn(contact, server)
        assert not greenlet.get()
    assert not contact(server)
    assert guard.refusals.total == 4


def test_a_log_handler_of_the_scenario_is_not_apart_where_we_log(guard: Guard, server: Address) -> None:
    went: list[bool] = []

    class Shipping(logging.Handler):
        def emit(self, _: logging.LogRecord) -> None:
            went.append(contact(server))

    logger = logging.Logger("shipped")
    logger.addHandler(Shipping())
    with apart():
        logger.warning("something of ours")
    assert went == [False]


def test_a_guard_that_is_over_is_in_nobodys_way(server: Address) -> None:
    with Guard().shut() as guard:
        assert present() is guard
        assert not contact(server)
    assert present() is None
    assert contact(server)
    assert guard.refusals.total == 1


def test_who_is_admitted_is_let_through_and_keeps_its_addresses(guard: Guard, server: Address) -> None:
    assert guard.admit(["127.0.0.1", "nowhere.invalid"])[0].what.endswith("nowhere.invalid is")
    assert guard.hosts.names == ("127.0.0.1",)
    assert contact(server)
    guard.settle(["127.0.0.1"], [])
    assert contact(server)
    with pytest.raises(UsageError, match=r"nowhere\.invalid"):
        guard.settle(["nowhere.invalid"], [])


def test_programs_are_told_while_the_scenario_is_imported_and_refused_afterwards(guard: Guard) -> None:
    assert subprocess.run(["true"], check=True).returncode == 0
    assert guard.blind == (
        "true was started while the locustfile was imported: the guard cannot see what it connects to",
    )
    guard.settle([], [])
    with pytest.raises(GuardRefused, match=r"the scenario starts true, which .* \[guard\] programs = true"):
        subprocess.run(["true"], check=True)
    assert [one.place for one in guard.refusals.all] == ["true"]


def test_programs_that_are_allowed_are_a_blind_spot() -> None:
    with Guard(programs=True).shut() as guard:
        guard.settle([], [])
        subprocess.run(["true"], check=True)
    assert guard.refusals.total == 0
    assert guard.blind == ("the scenario may start programs ([guard] programs): the guard cannot see them",)


def test_a_client_in_c_that_a_library_brings_is_told(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not guard.blind
    monkeypatch.setitem(sys.modules, "curl_cffi", ModuleType("curl_cffi"))
    assert guard.blind == ("the guard cannot see what curl_cffi (libcurl) connects to",)


def test_a_process_of_multiprocessing_is_a_program_too(guard: Guard) -> None:
    guard.settle([], [])
    for method in ("spawn", "forkserver", "fork"):
        context: Any = multiprocessing.get_context(method)
        process = context.Process(target=print)
        with pytest.raises(GuardRefused, match="the scenario starts "):
            process.start()


UNCALLED = """
import asyncio, gc, logging, os, signal, sys
from pathlib import Path
from rampdeck import loop
from rampdeck.guard.guard import Guard
from tests.guard.test_guard import contact
server = ("127.0.0.1", int(sys.argv[1]))
file = Path(sys.argv[2]) / "locustfile.py"
scenario = {"contact": contact, "server": server, "met": []}

async def main():
    await asyncio.sleep(0)
    gc.collect()
    os.kill(os.getpid(), signal.SIGUSR1)
    logging.getLogger("ours").warning("something")
    scenario["met"].append(contact(server))

guard = Guard()
with guard.shut(for_good=True):
    exec(compile(file.read_text(), file, "exec"), scenario)
    guard.settle([], [str(file)])
    loop.run(main())
print(scenario["met"])
"""
LOCUSTFILE = """
import atexit, logging, signal, socket

class Left:
    def __del__(self):
        met.append(contact(server))

left = Left()
left.itself = left
del left
signal.signal(signal.SIGUSR1, lambda *_: met.append(contact(server)))
handler = logging.Handler()
handler.emit = lambda _: met.append(contact(server))
logging.getLogger("ours").addHandler(handler)
atexit.register(lambda: print(contact(server)))
"""


def test_what_of_a_scenario_runs_uncalled_is_not_ours_wherever_it_runs(
    server: Address, tmp_path: Path
) -> None:
    """Garbage, signals and the logging within a task of ours; an exit handler when all is over."""
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    done = subprocess.run(
        [sys.executable, "-c", UNCALLED, str(server[1]), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == f"{[False] * 3 + [True]}\nFalse\n"
