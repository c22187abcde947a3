"""Every check, a file for each theme, in the order in which they are shown; and what they send."""

from rampdeck.preflight.asks import Asking
from rampdeck.preflight.check import Definition

ALL: tuple[Definition, ...] = ()

ASKS: tuple[Asking, ...] = ()
"""The ``asks`` of each file whose checks send something: ``rampdeck preflight --commands`` prints it."""
