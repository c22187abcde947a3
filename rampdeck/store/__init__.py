"""The session file: one SQLite database that holds all that a session saw.

:class:`SessionWriter` is fed while the load runs and commits once a second;
:class:`SessionReader` gives the same items back in the same order, for the
replay, the report and the comparison. :mod:`rampdeck.store.schema` says what
stands in the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rampdeck.store.reader import SessionReader
from rampdeck.store.schema import Item

if TYPE_CHECKING:
    from rampdeck.store.writer import SessionWriter

__all__ = ["Item", "SessionReader", "SessionWriter"]


def __getattr__(name: str) -> Any:
    """Import the writer when it is asked for: it needs the live loop, which a reader does without."""
    if name == "SessionWriter":
        from rampdeck.store.writer import SessionWriter

        return SessionWriter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
