"""Committing the session file once a second, and saying when that cannot be done."""

from __future__ import annotations

from collections.abc import Callable

from rampdeck.model import Severity
from rampdeck.pace import Ticks
from rampdeck.store import SessionWriter


async def keep_committing(writer: SessionWriter, say: Callable[[str, Severity], None]) -> None:
    """Commit for ever; say once when the file takes nothing any more, and once when it does again."""
    broken = False
    async for _ in Ticks():
        await writer.commit()
        if bool(writer.problem) is broken:
            continue
        broken = bool(writer.problem)
        if broken:
            say(f"the session file is not complete: {writer.problem}", Severity.ERROR)
        else:
            lost = (
                f", without {writer.dropped} log lines and samples" if writer.dropped else ", nothing is lost"
            )
            say(f"the session file is written again{lost}", Severity.NOTICE)
