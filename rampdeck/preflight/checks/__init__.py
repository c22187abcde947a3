"""Every check, a file for each theme, in the order in which they are shown; and what they send."""

from rampdeck.preflight.asks import Asking
from rampdeck.preflight.check import Definition
from rampdeck.preflight.checks import (
    baseline,
    connections,
    data,
    django,
    errors,
    files,
    flows,
    generator,
    guard,
    isolation,
    limits,
    login,
    logs,
    pages,
    release,
    rows,
    scenario,
    services,
    sessions,
    settings,
    sources,
    static,
    target,
    timeouts,
    tls,
    versions,
)
from rampdeck.preflight.django.application import asks as application
from rampdeck.preflight.processes import asks as processes

ALL: tuple[Definition, ...] = (
    *target.CHECKS,
    *guard.CHECKS,
    *pages.CHECKS,
    *tls.CHECKS,
    *sources.CHECKS,
    *services.CHECKS,
    *release.CHECKS,
    *django.CHECKS,
    *settings.CHECKS,
    *isolation.CHECKS,
    *baseline.CHECKS,
    *login.CHECKS,
    *static.CHECKS,
    *errors.CHECKS,
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
    *flows.CHECKS,
    *generator.CHECKS,
)

ASKS: tuple[Asking, ...] = (
    pages.asks,
    tls.asks,
    sources.asks,
    processes,
    application,
    login.asks,
    static.asks,
    errors.asks,
    flows.asks,
)
"""The ``asks`` of each file whose checks send something: ``rampdeck preflight --commands`` prints it."""
