"""The HTML report of a result: with the run over time, which its session file has."""

from __future__ import annotations

from pathlib import Path

from rampdeck.record.html import Page, html
from rampdeck.record.result import Result
from rampdeck.record.timeline import Timeline, timeline
from rampdeck.store.reader import SessionReader


def page(result: Result, line: Timeline, note: str = "") -> str:
    """Return the page; ``note`` says what its timeline lacks."""
    spreads = {(request.method, request.name): request.spreads for request in result.requests}
    return html(Page(result, line, spreads, result.total.spreads, note))


def timeline_of(path: Path) -> Timeline:
    """Read the run over time from a session file; raises :class:`SessionError`."""
    with SessionReader(path) as reader:
        return timeline(reader.batches())
