"""The cockpit: what an operator sees of a session, and the keys that steer it.

It stands on :class:`rampdeck.deck.Deck` alone: a live session, a replay and
the tests feed it alike.
"""

from .app import Cockpit

__all__ = ["Cockpit"]
