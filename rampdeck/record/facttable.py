"""What the record says of the facts: what the stack was made of at the start and at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rampdeck.facts import Fact, FactPair
from rampdeck.record.gfm import MOST_SAID, bullets, code, details, prose, table
from rampdeck.record.words import number
from rampdeck.secrets import redact

_HEAD = ("Source", "Fact", "Value", "Asked by")


def section(pairs: Sequence[FactPair]) -> str:
    """Return the section of the Markdown record: what changed, then all of them, folded."""
    if not pairs:
        return ""
    changed = [pair for pair in pairs if pair.changed]
    unknown = sum(not pair.fact.value for pair in pairs)
    rows = [
        (
            code(pair.source),
            prose(pair.fact.title or pair.fact.name),
            _value(pair),
            code(pair.fact.provenance),
        )
        for pair in pairs
    ]
    told = [f"{number(len(pairs))} facts"]
    if changed:
        told.append(f"{number(len(changed))} changed")
    if unknown:
        told.append(f"{number(unknown)} not known")
    parts = (
        bullets(_changes(changed)) or unchanged(pairs),
        details(", ".join(told), table(_HEAD, rows, 4)),
    )
    return "\n\n".join(parts)


def unchanged(pairs: Sequence[FactPair]) -> str:
    """Return what can be said where nothing changed that is known of both the start and the end."""
    if any(pair.start and pair.end for pair in pairs):
        return "None of them was another at the end than at the start."
    return "They were asked for once only, so whether any of them changed is not known."


def to_json(pair: FactPair) -> dict[str, Any]:
    """Return a fact as the JSON record has it; ``value`` is the later one that is known."""
    fact = pair.fact
    return {
        "source": pair.source,
        "name": fact.name,
        "title": redact(fact.title),
        "value": redact(fact.value) or None,
        "why": redact(fact.why) or None,
        "provenance": redact(fact.provenance),
        "changed": pair.changed,
        "start": _then(pair.start),
        "end": _then(pair.end),
    }


def _then(fact: Fact | None) -> dict[str, str | None] | None:
    if fact is None:
        return None
    return {
        "value": redact(fact.value) or None,
        "why": redact(fact.why) or None,
        "provenance": redact(fact.provenance),
    }


def _changes(changed: Sequence[FactPair]) -> Iterator[str]:
    for pair in changed:
        title = prose(pair.fact.title or pair.fact.name)
        yield f"**{title}** of {code(pair.source)} changed: {_value(pair)}"


def _value(pair: FactPair) -> str:
    if pair.changed and pair.start is not None and pair.end is not None:
        return f"{code(pair.start.value)} → {code(pair.end.value)}"
    if pair.fact.value:
        return code(pair.fact.value)
    return f"not known: {prose(pair.fact.why, MOST_SAID)}" if pair.fact.why else "not known"
