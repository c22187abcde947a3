"""Who sits here."""

from __future__ import annotations

import getpass


def who() -> str:
    """Return the login name of whoever sits here, empty where the system knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
