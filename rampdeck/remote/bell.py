"""News for all who wait for some at this moment."""

from __future__ import annotations

import asyncio


class Bell:
    """Wakes everyone who waits; who comes later waits for the next time."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake all who wait now."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the next ring."""
        await self._event.wait()
