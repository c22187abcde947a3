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
    State.OK: "✓",
    State.WARNING: "!",
    State.FAILED: "✗",
    State.UNKNOWN: "?",
    State.SKIPPED: "-",
    State.PENDING: "…",
}
COLOURS = {State.OK: "32", State.WARNING: "33", State.FAILED: "1;31", State.UNKNOWN: "35", State.SKIPPED: "2"}
"""ANSI (ECMA-48, SGR) colours of the glyphs."""
WIDTH, MIN_WIDTH = 120, 40
"""Columns of a line where no terminal says otherwise, and those that what is said gets at the least."""
TITLE, HOST = 42, 20
"""Columns that titles and hosts get at the most; what is longer pushes the rest of its line."""
_BELOW = (("expected", "expected"), ("why", "why"), ("fix", "do"), ("effect", "record"))
"""What stands below a check that is not as expected: its field, and what it is called."""


def names(view: PreflightView, state: State | None = None, without: Collection[str] = ()) -> list[str]:
    """Return the names of the checks that came out so, each once."""
    found = (one.name for one in view.checks if state is None or one.state is state)
    return [name for name in dict.fromkeys(found) if name not in without]


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


def text(view: PreflightView, *, everything: bool = True, colours: bool = False, width: int = WIDTH) -> str:
    """Return it for people, a line a check; below one that is not as expected, what to know and to do.

    Without ``everything``, only those, and nothing where there is none.
    """
    wrong = (State.WARNING, State.FAILED, State.UNKNOWN, State.PENDING)
    shown = [check for check in view.checks if everything or check.state in wrong]
    if not shown and not everything:
        return ""
    title = min(TITLE, max((len(check.title) for check in shown), default=0))
    host = min(HOST, max((len(check.host) for check in shown), default=0))
    lines = [line for check in shown for line in _lines(check, title, host, colours, width)]
    return "\n".join([*lines, "", summary(view)] if everything else lines)


def _lines(check: Check, title: int, host: int, colours: bool, width: int) -> Iterator[str]:
    glyph = GLYPHS[check.state]
    if colours and (colour := COLOURS.get(check.state)):
        glyph = f"\x1b[{colour}m{glyph}\x1b[0m"
    begin = f"{check.title:{title}}  {check.host:{host}}  "
    indent = len(begin) + 2
    yield from _beside(f"{glyph} {begin}", check.found or WORDS[check.state], indent, width)
    if check.state is State.SKIPPED and check.fix:
        yield from _beside(" " * indent, check.fix, indent, width)
    if check.state in (State.OK, State.SKIPPED):
        return
    for field, called in _BELOW:
        if said := str(getattr(check, field)):
            # What is to be pasted stays whole.
            yield from _beside(f"    {called:9}", said, 13, width, whole=field == "fix")


def _beside(head: str, said: str, indent: int, width: int, *, whole: bool = False) -> Iterator[str]:
    """Yield what is said beside a head that is ``indent`` columns wide, in lines that fit."""
    for line in said.split("\n"):
        room = len(line) + 1 if whole else max(width - indent, MIN_WIDTH)
        for part in textwrap.wrap(line, room, break_on_hyphens=False, break_long_words=False) or [""]:
            yield (head + part).rstrip()
            head = " " * indent
