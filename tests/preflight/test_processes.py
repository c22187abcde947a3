"""What this machine itself says of processes that run here."""

from __future__ import annotations

import os
import resource

import psutil

from rampdeck.preflight.processes import LOOK, _read, processes
from rampdeck.remote.local import LocalRemote

from .looking import GUNICORN, of, process


async def test_a_process_tells_its_start_and_its_files_as_the_kernel_does() -> None:
    own = os.getpid()
    done = await LocalRemote().run(LOOK.replace("PIDS", f"{own} 99999999"))
    found = _read(done.stdout.decode())
    assert set(found) == {own}, "one that is gone is left out"
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert found[own].files == soft
    assert abs(found[own].started - psutil.Process().create_time()) < 1.5
    assert found[own].name == psutil.Process().name()


async def test_a_name_may_be_anything() -> None:
    text = process(7, 5, 10, "a) S 1 (b").replace("\n", "\n", 1)
    assert _read(f"100\nbtime 0\n{text}")[7].started == 5


async def test_a_host_that_says_nothing_has_no_processes() -> None:
    there = of({"gunicorn": GUNICORN | {"gunicorn.master_pid": "7"}})
    assert await there.ask(processes) == {"gunicorn@local": []}
