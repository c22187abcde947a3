"""The HTML report of a result: with the run over time, which its session file has."""

from __future__ import annotations

from pathlib import Path

from rampdeck.errors import SessionError
from rampdeck.record.html import Page, html
from rampdeck.record.result import Result
from rampdeck.record.timeline import Timeline, recent, timeline
from rampdeck.snapshot import Trend
from rampdeck.store.reader import SessionReader


def page(result: Result, line: Timeline, note: str = "") -> str:
    """Return the page; ``note`` says what its timeline lacks."""
    spreads = {(request.method, request.name): request.spreads for request in result.requests}
    return html(Page(result, line, spreads, result.total.spreads, note))


def page_of_run(result: Result, path: Path, trend: Trend) -> str:
    """Return the page of a run that is over; ``trend`` is what there is where its file cannot be read."""
    try:
        return page(result, timeline_of(path))
    except SessionError as error:
        note = f"The session file cannot be read, so this is only the last minutes: {error}"
        return page(result, recent(trend, result.ended.utc), note)


def timeline_of(path: Path) -> Timeline:
    """Read the run over time from a session file; raises :class:`SessionError`."""
    with SessionReader(path) as reader:
        return timeline(reader.batches(names=False))
