"""When the cockpit has done all that a key set off.

Textual takes a process for done that hardly used its processor for 20 ms. So
does one that hardly got it, beside busy neighbours. Here it is done when its
widgets have nothing left to read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from textual._wait import wait_for_idle
from textual.app import App
from textual.message_pump import MessagePump

from .looking import PATIENCE

_ROUNDS = 3
"""Rounds in a row in which nobody had anything to read: a key goes from the app to the screen to a widget."""


@contextmanager
def settling(app: App[Any]) -> Iterator[None]:
    """Let every key and every pause of a test also wait until the app has settled."""
    idle = wait_for_idle

    async def settled(*seconds: float) -> None:
        await idle(*seconds)
        await _settled(app)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("textual.pilot.wait_for_idle", settled)
        patched.setattr("textual.app.wait_for_idle", settled)
        yield


async def _settled(app: App[Any]) -> None:
    quiet = 0
    async with asyncio.timeout(PATIENCE):
        while quiet < _ROUNDS and app.is_running and app._exception is None:
            app.screen._on_timer_update()  # lays out and paints, as Pilot.pause() does
            quiet = 0 if _has_work(app) else quiet + 1
            await _heard_by_all(app)


def _has_work(app: App[Any]) -> bool:
    """Return whether there are messages to read, or something to be laid out."""
    to_do = (app._resize_event, app.screen._callbacks, app.screen._layout_required)
    return any(to_do) or any(pump.message_queue_size for pump in _pumps(app))


def _pumps(app: App[Any]) -> list[MessagePump]:
    return [app, *(node for screen in app.screen_stack for node in screen.walk_children(with_self=True))]


async def _heard_by_all(app: App[Any]) -> None:
    """Wait until everybody has come to what was put at the end of his queue."""
    heard: set[MessagePump] = set()
    asked = [pump for pump in _pumps(app) if pump.call_later(lambda pump=pump: heard.add(pump))]
    while app._exception is None and any(pump.is_running and pump not in heard for pump in asked):
        await asyncio.sleep(0)
