"""Every check, a file for each theme, in the order in which they are shown."""

from rampdeck.preflight.check import Definition
from rampdeck.preflight.checks import baseline, data, django, isolation, settings

ALL: tuple[Definition, ...] = (
    *django.CHECKS,
    *settings.CHECKS,
    *isolation.CHECKS,
    *baseline.CHECKS,
    *data.CHECKS,
)
