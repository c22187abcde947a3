"""The one connection of a host, and the one loop that gets it back.

Everything that is read on a host waits for the same attempt. While somebody
waits, a lost or refused connection is tried again and again, and each learns
why it cannot be had and when it is tried next. Others are told at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import asyncssh

from rampdeck.backoff import Backoff
from rampdeck.errors import RemoteError
from rampdeck.model import Instant
from rampdeck.remote import Hear
from rampdeck.remote.bell import Bell
from rampdeck.remote.command import LEAVE

Connection = asyncssh.SSHClientConnection


class Link:
    """One connection, made by ``connect``; ``lost`` says that it was lost, ``bell`` rings at any change."""

    def __init__(
        self, connect: Callable[[], Awaitable[Connection]], lost: Callable[[], RemoteError], bell: Bell
    ) -> None:
        self._connect = connect
        self._lost = lost
        self._bell = bell
        self._connection: Connection | None = None
        self._made_at = 0.0
        self._attempt: asyncio.Task[Connection] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._loop: asyncio.Task[None] | None = None
        self._waiting = 0
        self._backoff = Backoff()
        self._refusal: RemoteError | None = None
        self._next: Instant | None = None

    @property
    def up(self) -> bool:
        """Whether the connection stands."""
        return self._connection is not None and not self._connection.is_closed()

    async def get(self, *, now: bool = False) -> Connection:
        """Return the connection, made now if there is none; while the loop rests, raise why there is none.

        With ``now`` it is tried, whether the loop rests or not; all who wait learn what came of it.
        """
        if self._connection is not None and self.up:
            return self._connection
        if self._attempt is None and self._refusal is not None and not now:
            raise type(self._refusal)(*self._refusal.args)
        attempt = self._tried()
        self._bell.ring()  # the loop rests no longer, so all who wait learn what comes of it
        return await attempt

    async def wait(self, hear: Hear) -> None:
        """Wait until the connection stands; ``hear`` is told why it does not and when it is tried next."""
        self._waiting += 1
        try:
            while not self.up:
                if self._loop is None:
                    self._loop = asyncio.create_task(self._get_back())
                if self._refusal is not None:
                    hear(self._refusal, self._next)
                loop = self._loop
                await self._bell.wait()
                if loop.done() and not loop.cancelled() and (defect := loop.exception()):
                    raise defect
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """Give the connection up; the next call would make a new one."""
        tasks = [task for task in (self._loop, self._attempt) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        connection, self._connection = self._connection, None
        if connection is not None and self._watch is not None:
            connection.close()
            try:
                await asyncio.wait_for(self._watch, LEAVE)
            except TimeoutError:
                connection.abort()  # a host that has gone silent takes no good-bye

    async def _get_back(self) -> None:
        try:
            if self._connection is not None and not self.up:
                self._connection = None
                self._backoff.went_well(asyncio.get_running_loop().time() - self._made_at)
                await self._rest(self._lost())
            while self._waiting and not self.up:
                try:
                    await self._tried()
                except RemoteError as error:
                    await self._rest(error)
        finally:
            self._loop = self._refusal = self._next = None
            self._bell.ring()

    async def _rest(self, error: RemoteError) -> None:
        pause = self._backoff.failed()
        self._refusal, self._next = error, Instant.now().plus(pause)
        self._bell.ring()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                while not self.up and self._attempt is None:
                    await self._bell.wait()

    def _tried(self) -> asyncio.Future[Connection]:
        """Return the outcome of the attempt that is under way, or of a new one."""
        if self._attempt is None:
            self._attempt = asyncio.create_task(self._connect_once())
            self._attempt.add_done_callback(self._attempted)
        # One who no longer waits must not end the attempt for the others.
        return asyncio.shield(self._attempt)

    async def _connect_once(self) -> Connection:
        connection = await self._connect()
        self._connection = connection
        self._made_at = asyncio.get_running_loop().time()
        self._watch = asyncio.create_task(self._watched(connection))
        return connection

    def _attempted(self, attempt: asyncio.Task[Connection]) -> None:
        self._attempt = None
        if not attempt.cancelled():
            attempt.exception()  # may be nobody's any more
        self._bell.ring()

    async def _watched(self, connection: Connection) -> None:
        await connection.wait_closed()
        self._bell.ring()
