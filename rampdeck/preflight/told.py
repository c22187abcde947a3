"""A preflight in words: lines for a terminal, JSON for programs, and how many of each."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence

from rampdeck import __version__
from rampdeck.preflight.check import Check, State
from rampdeck.preflight.inspection import PreflightView

SCHEMA = 1
WORDS = {
    State.OK: "ok",
    State.WARNING: "warning",
    State.FAILED: "failed",
    State.UNKNOWN: "not known",
    State.SKIPPED: "left out",
    State.PENDING: "to come",
}
"""How a person calls the states, in the order of a summary."""
GLYPHS = {
    State.OK: "●",
    State.WARNING: "▲",
    State.FAILED: "✖",
    State.UNKNOWN: "?",
    State.SKIPPED: "○",
    State.PENDING: "◌",
}
"""The signs of the cockpit."""
COLOURS = {State.OK: "32", State.WARNING: "33", State.FAILED: "1;31", State.UNKNOWN: "35", State.SKIPPED: "2"}
"""ANSI (ECMA-48, SGR) colours of the glyphs."""
WRONG = (State.WARNING, State.PENDING, State.UNKNOWN, State.FAILED)
"""What is not as expected, as it is told: the worst last, where a terminal ends."""
WIDTH, MIN_WIDTH = 120, 40
"""Columns of a line where no terminal says otherwise, and those that what is said gets at the least."""
TITLE, HOST = 42, 22
"""Columns that titles and hosts get at the most; what is longer pushes the rest of its line."""
FEW = 3
"""Checks that were left out up to which each has its line; of more, only the names are told."""
BEHIND = "hides"
"""What those are called below a check that nothing is known of because of it."""
_BELOW = (("expected", "expected"), ("fix", "do"), ("effect", "record"), ("why", "why"))
"""What stands below a check that is not as expected, in the order of the screen: its field, and its label."""


def names(view: PreflightView, state: State | None = None, without: Collection[str] = ()) -> list[str]:
    """Return the names of the checks that came out so, each once."""
    found = (one.name for one in view.checks if state is None or one.state is state)
    return [name for name in dict.fromkeys(found) if name not in without]


def behind(view: PreflightView, check: Check) -> list[str]:
    """Return the names of the checks that are not known because this one failed, each once."""
    return list(dict.fromkeys(one.name for one in view.checks if one.because == check.label))


def counted(things: Sequence[object], what: str) -> str:
    """Return how many there are: ``1 check``, ``3 checks``."""
    return f"{len(things)} {what}" + ("" if len(things) == 1 else "s")


def summary(view: PreflightView) -> str:
    """Return it in a line: ``10 ok · 1 failed · 2 not known   in 1.4 s``."""
    counts = ((view.count(state), word) for state, word in WORDS.items())
    said = " · ".join(f"{count} {word}" for count, word in counts if count)
    return f"{said or 'nothing to look at'}   in {view.seconds:.1f} s"


def data(check: Check) -> dict[str, object]:
    """Return a check as JSON's own types."""
    return {
        "name": check.name,
        "host": check.host,
        "state": check.state.value,
        "expected": check.expected,
        "found": check.found,
        "fix": check.fix,
        "title": check.title,
        "why": check.why,
        "effect": check.effect,
        "because": check.because,
        "seconds": round(check.took, 3),
    }


def as_json(view: PreflightView, about: Mapping[str, object]) -> str:
    """Return it for programs; ``about`` says what was looked at, and the exit code."""
    document = {
        **about,
        "state": view.state.value,
        "seconds": round(view.seconds, 3),
        "counts": {state.value: view.count(state) for state in WORDS if state is not State.PENDING},
        "checks": [data(check) for check in view.checks],
    }
    return json_of(document)


def json_of(document: Mapping[str, object]) -> str:
    """Return a document with the number of its schema."""
    whole = {"schema": SCHEMA, "rampdeck": __version__, **document}
    return json.dumps(whole, indent=2, ensure_ascii=False)


def text(
    view: PreflightView,
    *,
    everything: bool = True,
    reasons: bool = False,
    colours: bool = False,
    width: int = WIDTH,
) -> str:
    """Return it for people, a line a check: first what is fine, last what is not, and what to know and to do.

    Without ``everything``, only what is not as expected, and nothing where there is none. ``reasons``:
    why something was left out is told of each, however many they are.
    """
    wrong = [check for state in WRONG for check in view.checks if check.state is state]
    if not reasons:
        wrong = [check for check in wrong if not check.because]
    calm = [check for check in view.checks if check.state not in WRONG] if everything else []
    left = [check for check in calm if check.state is State.SKIPPED]
    folded = len(left) > FEW and not reasons
    if folded:
        calm = [check for check in calm if check.state is not State.SKIPPED]
    columns = _columns([*calm, *wrong], width)
    blocks = [
        [line for check in calm for line in _lines(check, columns, colours, width)],
        list(_left_out(left, colours, width)) if folded else [],
        [line for check in wrong for line in _lines(check, columns, colours, width, behind(view, check))],
        [summary(view)] if everything else [],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _columns(shown: Sequence[Check], width: int) -> tuple[int, int]:
    """Return the columns of titles and hosts; none for hosts where that leaves too little for the rest."""
    title = min(TITLE, max((len(check.title) for check in shown), default=0))
    host = min(HOST, max((len(check.host) for check in shown), default=0))
    return title, host if width - title - host - 6 >= MIN_WIDTH else 0


def _lines(
    check: Check, columns: tuple[int, int], colours: bool, width: int, hidden: Sequence[str] = ()
) -> Iterator[str]:
    title, host = columns
    found = check.found or WORDS[check.state]
    if host:
        begin = f"{check.title:{title}}  {check.host:{host}}  "
    else:
        begin = f"{check.title:{title}}  "
        found = f"{check.host}: {found}" if check.host else found
    glyph, indent = _painted(GLYPHS[check.state], COLOURS.get(check.state, ""), colours), len(begin) + 2
    if check.state is State.FAILED:
        begin = _painted(begin, "1", colours)
    yield from _beside(f"{glyph} {begin}", found, indent, width)
    if check.state is State.SKIPPED and check.fix:
        yield from _beside(" " * indent, check.fix, indent, width)
    if check.state in (State.OK, State.SKIPPED):
        return
    for field, called in _BELOW:
        if said := str(getattr(check, field)):
            # What is to be pasted stays whole.
            label = _painted(f"    {called:9}", "2", colours)
            yield from _beside(label, said, 13, width, whole=field == "fix")
    if hidden:
        yield from _beside(_painted(f"    {BEHIND:9}", "2", colours), ", ".join(hidden), 13, width)


def _left_out(checks: Sequence[Check], colours: bool, width: int) -> Iterator[str]:
    """Yield the names of what nobody configured: a line for each would hide the rest."""
    called = ", ".join(dict.fromkeys(check.name for check in checks))
    said = f"left out, --only NAME says why: {called}"
    yield from _beside(f"{_painted(GLYPHS[State.SKIPPED], COLOURS[State.SKIPPED], colours)} ", said, 2, width)


def _painted(words: str, colour: str, colours: bool) -> str:
    return f"\x1b[{colour}m{words}\x1b[0m" if colours and colour else words


def _beside(head: str, said: str, indent: int, width: int, *, whole: bool = False) -> Iterator[str]:
    """Yield what is said beside a head that is ``indent`` columns wide, in lines that fit."""
    for line in said.split("\n"):
        room = len(line) + 1 if whole else max(width - indent, MIN_WIDTH)
        for part in textwrap.wrap(line, room, break_on_hyphens=False, break_long_words=False) or [""]:
            yield (head + part).rstrip()
            head = " " * indent
