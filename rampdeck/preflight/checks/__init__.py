"""Every check, a file for each theme, in the order in which they are shown; and what they send."""

from rampdeck.preflight.asks import Asking
from rampdeck.preflight.check import Definition
from rampdeck.preflight.checks import data, generator, scenario, sources, target

ALL: tuple[Definition, ...] = (
    *target.CHECKS,
    *scenario.CHECKS,
    *sources.CHECKS,
    *data.CHECKS,
    *generator.CHECKS,
)

ASKS: tuple[Asking, ...] = (sources.asks,)
"""The ``asks`` of each file whose checks send something: ``rampdeck preflight --commands`` prints it."""
