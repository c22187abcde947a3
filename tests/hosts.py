"""Hosts for the tests: the table of a server, and what of ours runs there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import psutil

from rampdeck.config import HostConfig
from rampdeck.demo.sshd import SshdServer


def host_of(server: SshdServer, **changes: object) -> HostConfig:
    """Return the table that a person would write for the server."""
    given: dict[str, object] = {
        "address": server.host,
        "port": server.port,
        "user": server.user,
        "identity_file": server.client_key,
        "known_hosts": server.known_hosts,
    }
    return HostConfig.model_validate(given | changes)


def running(marker: str) -> list[str]:
    """Return the command lines of this machine that have the marker: ours, on the host."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or ())
        if marker in line and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(line)
    return found


def commands(marker: str) -> list[str]:
    """Return those of them that are the commands themselves: no guard, no login shell on its way there."""
    return [line for line in running(marker) if " rampdeck " not in line]


async def becomes_true(condition: Callable[[], bool], patience: float = 60.0) -> bool:
    """Wait until a condition holds; false when it does not within the patience."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while not condition():
                await asyncio.sleep(0.02)
            return True
    return False
