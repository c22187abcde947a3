"""What changed between the start and the end: findings, and doubts where it is another system then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rampdeck.facts import Fact, FactPair
from rampdeck.record.result import Finding

SHOWN = 120
"""Characters of a value that a sentence has room for; the fact has all."""
_ADVICE = "What changed in mid-run was tested neither before nor after: run it again with one of them"
_OF_WORKERS = "The lines of their log at that time say why: a deploy, a reload, a timeout, max_requests"


def findings(pairs: Iterable[FactPair]) -> Iterator[Finding]:
    """Return each difference between start and end with both values and where they are from."""
    for pair in pairs:
        if pair.changed and pair.start and pair.end:
            evidence = (f"at the start {_value(pair.start)}", f"at the end {_value(pair.end)}")
            text, weight, advice = _sentence(pair, pair.end)
            yield Finding(pair.end.kind, weight, text, evidence, advice)


def doubts(pairs: Iterable[FactPair]) -> tuple[str, ...]:
    """Return why a run is not one of a single system; it takes a PASS away."""
    return tuple(
        f"{_what(pair, pair.end)} changed during the run: "
        f"{_short(pair.start.value)} → {_short(pair.end.value)}"
        for pair in pairs
        if pair.changed and pair.start and pair.end and not pair.end.moves
    )


def _sentence(pair: FactPair, fact: Fact) -> tuple[str, str, str]:
    if fact.name.endswith(".worker_pids"):
        return f"{pair.source}: workers were restarted during the run", "warning", _OF_WORKERS
    if fact.moves:
        return f"{_what(pair, fact)} changed during the run", "notice", ""
    return f"{_what(pair, fact)} changed during the run", "warning", _ADVICE


def _what(pair: FactPair, fact: Fact) -> str:
    if fact.kind == "release":
        return fact.title
    return f"{pair.source}: {fact.title}"


def _value(fact: Fact) -> str:
    return f"{_short(fact.value)} ({fact.provenance})" if fact.provenance else _short(fact.value)


def _short(value: str) -> str:
    return value if len(value) <= SHOWN else value[: SHOWN - 1] + "…"
