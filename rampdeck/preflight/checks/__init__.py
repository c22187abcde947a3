"""Every check, a file for each theme, in the order in which they are shown; and what they send."""

from rampdeck.preflight.asks import Asking
from rampdeck.preflight.check import Definition
from rampdeck.preflight.checks import (
    connections,
    data,
    files,
    generator,
    limits,
    logs,
    release,
    rows,
    scenario,
    services,
    sessions,
    sources,
    target,
    timeouts,
    versions,
)
from rampdeck.preflight.processes import asks as processes

ALL: tuple[Definition, ...] = (
    *target.CHECKS,
    *sources.CHECKS,
    *services.CHECKS,
    *release.CHECKS,
    *timeouts.CHECKS,
    *connections.CHECKS,
    *sessions.CHECKS,
    *files.CHECKS,
    *logs.CHECKS,
    *limits.CHECKS,
    *versions.CHECKS,
    *rows.CHECKS,
    *data.CHECKS,
    *scenario.CHECKS,
    *generator.CHECKS,
)

ASKS: tuple[Asking, ...] = (sources.asks, processes)
"""The ``asks`` of each file whose checks send something: ``rampdeck preflight --commands`` prints it."""
