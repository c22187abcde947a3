"""Who is apart from the guard: the tasks of Rampdeck itself.

The mark is a context variable. asyncio hands it on from a task of ours to
every task and callback that it makes; a greenlet begins without any, so no user
has it, nor has an asyncio task that a user makes, nor a native thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_OURS: ContextVar[bool] = ContextVar("rampdeck_ours", default=False)

is_ours = _OURS.get
"""Return whether what runs now is Rampdeck itself."""


@contextmanager
def apart() -> Iterator[None]:
    """Let a block be Rampdeck's own, whoever it may contact; no line of a scenario may run in it."""
    with _marked(True):
        yield


@contextmanager
def guarded() -> Iterator[None]:
    """Let a block of our own be guarded like a user: it may contact what users may."""
    with _marked(False):
        yield


@contextmanager
def _marked(ours: bool) -> Iterator[None]:
    token = _OURS.set(ours)
    try:
        yield
    finally:
        _OURS.reset(token)
