"""Every check, a file for each theme, in the order in which they are shown."""

from rampdeck.preflight.check import Definition

ALL: tuple[Definition, ...] = ()
