"""The sha256 of a session file, once it is final."""

from __future__ import annotations

import hashlib
from pathlib import Path

WAL = 2
"""The journal mode in bytes 18 and 19 of SQLite's header; 1 is a rollback journal."""
READ = "another program was reading it when it was closed, so what came last stands in a file beside it"


def sealed(path: Path) -> tuple[str, str]:
    """Return a file's sha256, or an empty one and a sentence that says why it has none.

    A database in WAL mode is not final: a part of it may stand in its log, and
    whoever opens it next may move that part over.
    """
    try:
        with path.open("rb") as file:
            head = file.read(20)
            if WAL in head[18:20]:
                return "", f"the session file has no sha256: {READ}"
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest(), ""
    except OSError as error:
        return "", f"the session file has no sha256: {(error.strerror or str(error)).lower()}"
