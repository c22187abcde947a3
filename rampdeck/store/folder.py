"""Where a session goes: a folder of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

_MOST = 60


def session_folder(folder: Path, title: str, now: datetime | None = None) -> Path:
    """Return a folder for a new session that does not exist yet: ``2026-11-22T1221Z-checkout-peak``.

    It is only named here; the writer makes it.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    words = re.sub(r"[^a-z0-9]+", "-", title.lower())[:_MOST].strip("-")
    name = moment.strftime("%Y-%m-%dT%H%MZ") + (f"-{words}" if words else "")
    return next(path for path in _names(folder, name) if not path.exists())


def _names(folder: Path, name: str) -> Iterator[Path]:
    yield folder / name
    for number in count(2):
        yield folder / f"{name}-{number}"
