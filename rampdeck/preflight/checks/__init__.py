"""Every check, a file for each theme, in the order in which they are shown; and what they send."""

from rampdeck.preflight.asks import Asking
from rampdeck.preflight.check import Definition
from rampdeck.preflight.checks import errors, flows, login, pages, static, tls

ALL: tuple[Definition, ...] = (
    *pages.CHECKS,
    *tls.CHECKS,
    *login.CHECKS,
    *static.CHECKS,
    *errors.CHECKS,
    *flows.CHECKS,
)

ASKS: tuple[Asking, ...] = (pages.asks, tls.asks, login.asks, static.asks, errors.asks, flows.asks)
"""The ``asks`` of each file whose checks send something: ``rampdeck preflight --commands`` prints it."""
