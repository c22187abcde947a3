"""The hook: where CPython says what is about to happen, before it does.

Audit events (PEP 578) are raised in C, under every client that is written in
Python: ``socket.connect`` by ``connect`` and ``connect_ex``, ``socket.sendto``
and ``socket.sendmsg`` by what sends without a connection or opens one with its
first packet. What the hook raises is raised there, and nothing has been sent.

A hook cannot be taken away again, so there is one, which asks whoever watches
an event, if anybody does. It runs for every event of the process, some ten a
request (``id()`` has one), and takes 0.2 µs.
"""

from __future__ import annotations

import _posixsubprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

FORK_EXEC = "rampdeck.fork_exec"
"""Our own event: multiprocessing starts programs (spawn, forkserver) past every event of CPython."""
Arguments = tuple[Any, ...]
Watcher = Callable[[str, Arguments], None]

_watchers: dict[str, Watcher] = {}
_installed = False


def watch(watchers: Mapping[str, Watcher]) -> None:
    """Have these told of their events from now on, in place of those before; what they raise prevents it."""
    global _installed
    if not _installed:
        sys.addaudithook(_hook)
        _posixsubprocess.fork_exec = _telling(_posixsubprocess.fork_exec)
        _installed = True
    _watchers.clear()
    _watchers.update(watchers)


def _telling(fork_exec: Any) -> Any:
    """Have the way told by which multiprocessing starts programs; subprocess has its own, and its event."""

    def telling(*arguments: Any) -> Any:
        sys.audit(FORK_EXEC, *arguments[:1])
        return fork_exec(*arguments)

    return telling


def _hook(event: str, arguments: Arguments, find: Callable[[str], Watcher | None] = _watchers.get) -> None:
    watcher = find(event)
    if watcher is not None:
        watcher(event, arguments)
