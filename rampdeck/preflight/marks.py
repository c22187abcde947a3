"""Marks: words that nobody else says, by which a request of ours is known again in a log."""

from __future__ import annotations

import secrets
import string

from rampdeck.model import Event
from rampdeck.preflight.stack import Stack

_LETTERS = string.ascii_lowercase + string.digits
MOST = 5_000


def new_mark() -> str:
    """Return a new one: short, so that no rule takes it for a secret and blots it out of the log."""
    return "mark" + "".join(secrets.choice(_LETTERS) for _ in range(10))


def events_with(stack: Stack, cursor: int, mark: str, *kinds: str) -> list[Event]:
    """Return the events of sources of some kinds since a cursor that have a mark."""
    _, events = stack.session.events_after(cursor, kinds, MOST)
    return [
        event
        for event in events
        if mark in event.text or any(mark in value for value in event.fields.values())
    ]
