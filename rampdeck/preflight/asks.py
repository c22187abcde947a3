"""What the preflight itself sends: told beside what the sources send, before anything is sent.

Each file of checks that asks something has a function ``asks(settings)``; all of
them stand in :data:`rampdeck.preflight.checks.ASKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rampdeck.config import Config

TARGET = ""
"""The place of what goes to the target, as requests over HTTP (``GET /accounts/login/``)."""


@dataclass(frozen=True, slots=True)
class Asks:
    """What a question of the preflight may send to a host of the configuration, or to :data:`TARGET`.

    ``name`` says who asks (``the settings of Django``); ``commands`` are whole,
    what is not known before is a word in capitals (``FOLDER``). Secrets are taken out where it is printed.
    """

    host: str
    name: str
    commands: tuple[str, ...]


Asking = Callable[[Config], Iterable[Asks]]
"""Tells all that the checks of one file would send with a configuration; nothing where they ask nothing."""
