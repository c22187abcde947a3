"""What a source's pane says in words: why it is not seen, what its log leaves out, what it is for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rampdeck import format as fmt
from rampdeck.model import Health
from rampdeck.snapshot import SourceView
from rampdeck.view import Table, View

from ..drawing import Line, Span, Tone, line_width, safe, wrap
from ..logbook import Filter
from ..signs import HEALTH
from .log_lines import LEVELS, WORDS

STALE = 3.0
"""Seconds without a sample after which figures are dimmed: sources are read once a second."""

_LONGEST_WAIT = "next try in 30 s"


def is_old(source: SourceView) -> bool:
    """Tell whether a source's figures are not of this moment."""
    if source.health not in (Health.LIVE, Health.WARNING):
        return True
    return source.samples > 0 and source.age is not None and source.age > STALE


def reasons(sources: Sequence[SourceView], width: int, height: int) -> list[Line]:
    """Return why sources are not seen, or not as they should be, wrapped, and when they are tried next.

    The same reason is told once, for all hosts that it holds for.
    """
    why: dict[tuple[Health, str], list[SourceView]] = {}
    for source in sources:
        if source.health is not Health.LIVE and source.reason:
            why.setdefault((source.health, source.reason), []).append(source)
    lines: list[Line] = []
    for (health, reason), told in why.items():
        sign, tone = HEALTH[health]
        names = f"{', '.join(source.info.host for source in told)}: " if len(sources) > 1 else ""
        texts = wrap(safe(f"{names}{reason}", 1_000), width - 2, max(2, height // 2))
        for place, text in enumerate(texts):
            lines.append(((f"{sign} " if place == 0 else "  ", tone), (text, Tone.TEXT)))
        if health is Health.BLIND and (words := _next_try(told)):
            # By the longest words that there may be, so that a line does not come and go as they count down.
            if line_width(lines[-1]) + len(f" · {_LONGEST_WAIT}") <= width:
                lines[-1] = (*lines[-1], (f" · {words}", Tone.MUTED))
            else:
                lines.append((("  ", tone), (words, Tone.MUTED)))
    return lines


def _next_try(sources: Iterable[SourceView]) -> str:
    """Return when the first of some blind sources is tried next, in whole seconds; empty where none is."""
    waits = [source.next_try for source in sources if source.next_try is not None]
    if not waits:
        return ""
    seconds = math.ceil(min(waits))
    return f"next try in {seconds} s" if seconds else "being tried"


def lines_left_out(sources: Iterable[SourceView]) -> Line:
    """Return how many log lines we dropped and senders suppressed; nothing where there are none."""
    known = [source.lines for source in sources if source.lines is not None]
    counts = {
        "dropped": sum(lines.dropped for lines in known),
        "suppressed": sum(lines.suppressed for lines in known),
    }
    words = " · ".join(f"{fmt.count(count)} {name}" for name, count in counts.items() if count)
    sign, tone = HEALTH[Health.WARNING]
    return ((f"{sign} ", tone), (words, Tone.TEXT)) if words else ()


def tabs(table: Table, there: Iterable[Table], apart: bool) -> list[Span]:
    """Return the key of the tables and their names, the shown one bright."""
    spans: list[Span] = [("  " if apart else "", Tone.TEXT), ("v", Tone.KEY)]
    for one in there:
        spans += [(" ", Tone.TEXT), (safe(one.title, 20), Tone.STRONG if one is table else Tone.FAINT)]
    return spans


def filter_words(wanted: Filter) -> str:
    """Return what a log shows, shortly."""
    words = [f"“{safe(wanted.text, 40)}”"] if wanted.text else []
    if wanted.severity in LEVELS[1:]:
        words.append(f"≥{WORDS[wanted.severity][0]}")
    return " ".join(words)


def help_of(views: Iterable[View]) -> str:
    """Return what a pane shows and which keys it has, for the help screen."""
    known = list(views)
    if not known:
        return "Nothing of this kind is configured; the pane says how to add it."
    return " ".join(_help(view) for view in known)


def _help(view: View) -> str:
    figures = list(dict.fromkeys(figure.label for line in view.figures for figure in line))
    parts = [f"Figures: {', '.join(figures)}."] if figures else []
    for table in view.tables:
        titles = ", ".join(column.title.lower() for column in table.columns)
        parts.append(f"{table.title}: {titles}.")
    if len(view.tables) > 1:
        parts.append("`v` shows the next table.")
    if view.tables and not view.log:
        parts.append("`enter` opens a row whole.")
    parts += [f"`{action.key}` {action.help}." for action in view.actions]
    if view.log:
        parts.append(
            "Log: newest line last. Scrolling stops following, `end` or `f` resumes; `/` filters by text, "
            "`l` by severity, `enter` opens a line whole. A line like one near it counts up (×7)."
        )
    return " ".join(parts)
