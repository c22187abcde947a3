"""What was tested: the facts that the stack said of itself at the start and the end, and the nine fields."""

from __future__ import annotations

from collections.abc import Sequence

from rampdeck import format as fmt
from rampdeck.facts import Fact, FactPair
from rampdeck.record import settings
from rampdeck.record.facttable import unchanged
from rampdeck.record.html.words import NOTHING, code, table, tag, text
from rampdeck.record.result import Result

_ABSENT = '<span class="muted">not given</span>'


def fields(result: Result) -> str:
    """Return the nine fields of the record."""
    facts = "".join(
        f"<dt>{name}</dt><dd>{text(fact) or _ABSENT}</dd>" for name, fact in result.record.named().items()
    )
    return f'<dl class="facts">{facts}</dl>'


def facts(pairs: Sequence[FactPair]) -> str:
    """Return every fact with where it comes from; what changed during the run is marked."""
    if not pairs:
        return ""
    rows = [
        (
            text(pair.fact.title),
            f"{_value(pair.start)}<br>{tag('changed', 'at the end')} {_value(pair.end)}"
            if pair.changed
            else _value(pair.fact),
            code(pair.source),
            code(pair.fact.provenance),
        )
        for pair in pairs
    ]
    head = ("Fact", "Value", "Source", "Where from")
    changed = [row for row, pair in zip(rows, pairs, strict=True) if pair.changed]
    unknown = sum(not pair.fact.value for pair in pairs)
    shown = table(head, changed, 4, wide=(1, 3)) if changed else f"<p>{unchanged(pairs)}</p>"
    counts = [f"{fmt.count(len(pairs))} facts"]
    counts += [f"{fmt.count(len(changed))} changed"] * bool(changed)
    counts += [f"{fmt.count(unknown)} not known"] * bool(unknown)
    every = table(head, rows, 4, wide=(1, 3), sort=True)
    return f"{shown}<details><summary>{', '.join(counts)}</summary>{every}</details>"


def configuration(result: Result) -> str:
    """Return the command line and the configuration, folded."""
    lines = settings.lines(result.settings)
    if not lines:
        return ""
    written = "\n".join(text(line, 2_000) for line in lines)
    return (
        "<details><summary>With what it was run, defaults too, without secrets</summary>"
        f'<pre tabindex="0"><code>{written}</code></pre></details>'
    )


def origin(result: Result) -> str:
    """Return where all of it stands."""
    session = f" <code>{text(str(result.session))}</code>" if result.session else ""
    digest = (
        f"<br>sha256 of the session <code>{text(result.session_sha256)}</code>"
        if result.session_sha256
        else ""
    )
    return (
        f"Rampdeck {text(result.version)}. Times are at most 1 % off, and wire times where the kernel "
        f"stamped the answer. The session file has everything{':' if session else '.'}{session}{digest}"
    )


def _value(fact: Fact | None) -> str:
    if fact is None:
        return NOTHING
    if fact.value:
        return code(fact.value)
    return f'<span class="muted">○ not known: {text(fact.why) or "no reason given"}</span>'
