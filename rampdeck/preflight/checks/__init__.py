"""Every check, a file for each theme, in the order in which they are shown."""

from rampdeck.preflight.asks import Asking
from rampdeck.preflight.check import Definition
from rampdeck.preflight.checks import (
    connections,
    files,
    limits,
    logs,
    release,
    rows,
    services,
    sessions,
    timeouts,
    versions,
)
from rampdeck.preflight.processes import asks as processes

ALL: tuple[Definition, ...] = (
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
)
ASKS: tuple[Asking, ...] = (processes,)
"""Tells what the checks themselves send, file by file."""
