"""The session file: one SQLite database that holds all that a session saw.

:class:`SessionWriter` is fed while the load runs and commits once a second;
:class:`SessionReader` gives the same items back in the same order, for the
replay, the report and the comparison. :mod:`rampdeck.store.schema` says what
stands in the file.
"""

from __future__ import annotations

from rampdeck.store.reader import SessionReader
from rampdeck.store.schema import Item
from rampdeck.store.writer import SessionWriter

__all__ = ["Item", "SessionReader", "SessionWriter"]
