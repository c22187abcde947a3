"""Every check, a file for each theme, in the order in which they are shown."""

from rampdeck.preflight.check import Definition
from rampdeck.preflight.checks import data

ALL: tuple[Definition, ...] = (*data.CHECKS,)
