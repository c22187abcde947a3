"""The sessions of one connection: who holds them, and what to say when they are out.

sshd gives a connection ten (MaxSessions) or fewer, and tells only by refusing
one. Each command takes one, forwards take none. Short commands end: whoever
finds no free session while one of these has it, waits. Streams do not, and
then it is said who has the sessions and what to do.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from rampdeck.errors import NoSession
from rampdeck.remote.bell import Bell
from rampdeck.remote.command import brief

MOST = 8
"""Sessions of a connection at once: two fewer than sshd gives by default."""

LINGER = 1.0
"""Seconds for which sshd may still count a session that was given back: until its command has been ended."""
AGAIN = 0.05
"""Seconds after which one that it may give by now is asked for again."""

T = TypeVar("T")


class Refused(Exception):
    """The host gives no further session; its words."""


@dataclass(frozen=True, eq=False, slots=True)
class Holder:
    """A command that has a session, or wants one: for whom, and whether it is a short one."""

    name: str
    command: str
    short: bool

    def __str__(self) -> str:
        return self.name or f'"{brief(self.command)}"'


class Sessions:
    """Counts the sessions of one connection; ``bell`` rings when one is free again.

    ``short`` is called when there are not enough for all who want one.
    """

    def __init__(self, host: str, bell: Bell, short: Callable[[], None] = lambda: None) -> None:
        self.freed = 0
        """How many sessions streams have given back."""
        self._host = host
        self._bell = bell
        self._short = short
        self._held: list[Holder] = []
        self._given_back = float("-inf")

    @asynccontextmanager
    async def take(self, holder: Holder, start: Callable[[], Awaitable[T]]) -> AsyncIterator[T]:
        """Start something that takes a session, and yield it; the session is free when the context is left.

        ``start`` raises :class:`Refused` when the host gives none. Raises
        :class:`NoSession` when there is none and streams hold all of them.
        """
        started = await self._started(holder, start)
        try:
            yield started
        finally:
            self._held.remove(holder)
            self._given_back = time.monotonic()
            self.freed += not holder.short
            self._bell.ring()

    async def _started(self, holder: Holder, start: Callable[[], Awaitable[T]]) -> T:
        while True:
            why = ""
            if len(self._held) < MOST:
                self._held.append(holder)
                try:
                    return await start()
                except Refused as refused:
                    why = str(refused)
                    self._short()
                    self._held.remove(holder)
                except BaseException:
                    self._held.remove(holder)
                    self._bell.ring()
                    raise
            if why and time.monotonic() - self._given_back < LINGER:
                await asyncio.sleep(AGAIN)
            elif any(held.short for held in self._held):
                await self._bell.wait()
            else:
                self._short()
                raise self._none(why)

    def _none(self, why: str) -> NoSession:
        what = f"{self._host} has no session left"
        number = f"{len(self._held)} session{'s' * (len(self._held) != 1)}"
        has = f"{_listed(self._held)} {'has it' if len(self._held) == 1 else 'have them'}"
        fewer = f"read fewer sources on {self._host}"
        if not why:
            said = f"Rampdeck takes no more than {number} of a connection, and {has}"
            return NoSession(what, said, f"{fewer.capitalize()}.")
        if not self._held:
            said = f'the host gives a connection no session ("{why}")'
            return NoSession(what, said, "Set MaxSessions 10 in its sshd_config.")
        said = f"its sshd gives a connection no more than {number}, and {has}"
        return NoSession(what, said, f"Set MaxSessions 10 in its sshd_config, or {fewer}.")


def _listed(held: list[Holder]) -> str:
    """Return who holds sessions, in the order in which they were taken."""
    counts = Counter(map(str, held))
    return ", ".join(f"{name} ({count})" if count > 1 else name for name, count in counts.items())
