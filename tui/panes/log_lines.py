"""How an entry of a log looks: time, host, severity, text, how often."""

from __future__ import annotations

from collections.abc import Collection

from rampdeck import format as fmt
from rampdeck.model import EventKind, Severity

from ..drawing import Line, Tone, cut, fit, safe, width_of
from ..logbook import Entry, Logbook

WORDS = {
    Severity.EMERGENCY: ("emerg", Tone.BAD),
    Severity.ALERT: ("alert", Tone.BAD),
    Severity.CRITICAL: ("crit", Tone.BAD),
    Severity.ERROR: ("error", Tone.BAD),
    Severity.WARNING: ("warn", Tone.WARNING),
    Severity.NOTICE: ("notice", Tone.TEXT),
    Severity.INFO: ("info", Tone.MUTED),
    Severity.DEBUG: ("debug", Tone.MUTED),
}
LEVELS = (Severity.DEBUG, Severity.NOTICE, Severity.WARNING, Severity.ERROR)
"""The severities that a key steps through."""
WIDEST_HOST = 14


def log_block(book: Logbook, width: int, height: int, hosts: Collection[str]) -> tuple[int, list[Line]]:
    """Return how many entries have room, and their lines around where one reads.

    One who reads what is older is told at the foot how much has come meanwhile.
    The host is shown where there are several, and the source where there are several kinds of them.
    """
    waiting = not book.following and book.unseen
    if waiting:
        height = max(height - 1, 1)
    top, entries = book.window(height)
    mixed = _are_mixed({entry.event.source for entry in book.shown[-200:]})
    known = {_whose(entry, mixed) for entry in book.shown[-200:]} | set(() if mixed else hosts)
    host_width = min(max(map(width_of, known)), WIDEST_HOST) + 1 if len(known) > 1 else 0
    lines = [
        log_line(entry, width, host_width, not book.following and top + place == book.cursor, "enter", mixed)
        for place, entry in enumerate(entries)
    ]
    if waiting:
        new = f"{fmt.count(book.unseen)} new line{'s' if book.unseen > 1 else ''} ▼ end"
        lines += [()] * (height - len(lines))
        lines.append(((new.rjust(width), Tone.FOCUS),))
    return height, lines


def _are_mixed(sources: Collection[str]) -> bool:
    """Tell whether lines of several kinds of sources are here: a host does not say whose they are."""
    return (
        any("@" in source for source in sources) and len({source.partition("@")[0] for source in sources}) > 1
    )


def _whose(entry: Entry, mixed: bool) -> str:
    return entry.event.source if mixed else entry.host


def log_line(
    entry: Entry, width: int, host_width: int, selected: bool, unfold_key: str, mixed: bool = False
) -> Line:
    """Return the line of an entry; ``host_width`` 0 leaves the host out, ``mixed`` names the source."""
    event = entry.event
    word, tone = WORDS[event.severity]
    moment = fmt.clock(entry.began)
    host = fit(safe(_whose(entry, mixed), 40), host_width - 1) + " " if host_width else ""
    times = f"×{fmt.count(entry.times)}" if entry.times > 1 else ""
    room = width - 9 - width_of(host) - 7 - (width_of(times) + 2 if times else 0)
    more = f" … {entry.more} more line{'s' if entry.more > 1 else ''} ({unfold_key})" if entry.more else ""
    if width_of(more) > room // 2:
        more = f" … +{entry.more}" if entry.more else ""
    text = cut(safe(entry.first, max(room * 2, 20)), max(room - width_of(more), 1))
    gap = room - width_of(text) - width_of(more)
    loud = Tone.BAD if event.severity <= Severity.CRITICAL else Tone.TEXT
    if event.kind is EventKind.GAP:
        loud = Tone.WARNING
    if selected:
        whole = f"{moment} {host}{fit(word, 6)} {text}{more}{' ' * max(gap, 0)}"
        return ((whole + (f"  {times}" if times else ""), Tone.SELECTED),)
    return (
        (f"{moment} ", Tone.MUTED),
        (host, Tone.MUTED),
        (f"{fit(word, 6)} ", tone),
        (text, loud),
        (more, Tone.MUTED),
        (" " * max(gap, 0), Tone.TEXT),
        (f"  {times}" if times else "", Tone.STRONG),
    )
