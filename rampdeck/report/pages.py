"""The HTML report of a session: its result, and the run over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rampdeck.errors import SessionError
from rampdeck.gate import Gate
from rampdeck.record.html import Page, html
from rampdeck.record.result import Result
from rampdeck.record.timeline import Timeline, TimelineMaker, recent
from rampdeck.report.rebuild import Follow, Kinds, Rebuilt, rebuild
from rampdeck.snapshot import Trend
from rampdeck.store.reader import SessionReader
from rampdeck.view import View


def page_of_file(path: Path, kinds: Kinds, thresholds: Sequence[str] = ()) -> tuple[str, Rebuilt]:
    """Return the page of a session file, and what it tells of, from one reading of the file.

    See :func:`rampdeck.report.rebuild.rebuild`.
    """
    makers: list[TimelineMaker] = []

    def follow(gate: Gate) -> Follow:
        makers.append(_maker(kinds.views, gate))
        return makers[0].take

    rebuilt = rebuild(path, kinds, thresholds, follow)
    return html(Page(rebuilt.result, makers[0].timeline())), rebuilt


def page_of_run(result: Result, gate: Gate, views: Mapping[str, View], path: Path, trend: Trend) -> str:
    """Return the page of a run that is over; ``trend`` is what there is where its file cannot be read."""
    try:
        return html(Page(result, _timeline(path, _maker(views, gate))))
    except SessionError as error:
        note = f"The session file cannot be read, so this is only the last minutes: {error}"
        return html(Page(result, recent(trend, result.ended.utc), note))


def _maker(views: Mapping[str, View], gate: Gate) -> TimelineMaker:
    return TimelineMaker(views, [threshold.metric for threshold in gate.thresholds])


def _timeline(path: Path, maker: TimelineMaker) -> Timeline:
    with SessionReader(path) as reader:
        for item in reader.what_is_judged(lambda *_: False) if reader.sums() else reader.items():
            maker.take(item)
    return maker.timeline()
