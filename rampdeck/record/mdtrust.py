"""What the Markdown record says of trust: doubts, the generator, how much was seen, clocks, lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple

from rampdeck.gate.words import NOTHING, told
from rampdeck.record import clocks
from rampdeck.record.gfm import MOST_SAID, bullets, code, prose, table
from rampdeck.record.result import LINES, Result, SourceResult
from rampdeck.record.words import clock, number
from rampdeck.snapshot import Coverage
from rampdeck.view import Unit

MOST_GAPS = 10
"""Gaps that are listed of each source; the JSON has all."""


def trust(result: Result) -> str:
    """Return the doubts, and what was seen of generator and sources."""
    doubts = bullets(prose(doubt, MOST_SAID) for doubt in result.doubts)
    parts = (
        f"Not without doubt:\n\n{doubts}" if doubts else "Nothing speaks against it.",
        _coverage(result.coverage),
        bullets(line for source in result.sources for line in _gaps(source)),
        _generator(result),
        clocks.section(result.clocks, table, code),
    )
    return "\n\n".join(part for part in parts if part)


def sources(result: Result) -> str:
    """Return how each source stood at the end."""
    rows = [
        (
            code(source.name),
            code(source.host),
            prose(source.state),
            code(source.reason),
            number(source.samples),
            number(source.events),
            number(source.gap_count),
        )
        for source in result.sources
    ]
    return table(("Source", "Host", "State", "Why", "Samples", "Events", "Gaps"), rows, 4) if rows else ""


def lines(sources: Sequence[SourceResult]) -> str:
    """Return what became of the lines that logs had."""
    rows = [
        (code(source.name), *map(number, astuple(source.lines)), number(source.gap_count))
        for source in sources
        if source.lines is not None
    ]
    if not rows:
        return ""
    head = ("Source", "Read", "Stored", "Counted", "Dropped", "Suppressed", "Gaps")
    return f"{LINES}\n\n{table(head, rows)}"


def _generator(result: Result) -> str:
    generator = result.generator
    highest = (
        ("CPU", generator.cpu_percent, Unit.PERCENT),
        ("memory", generator.memory_percent, Unit.PERCENT),
        ("loop lag p99", generator.lag_p99_ms, Unit.MILLISECONDS),
        ("loop lag max", generator.lag_max_ms, Unit.MILLISECONDS),
        ("delay p95", generator.delay_p95_ms, Unit.MILLISECONDS),
    )
    said = ", ".join(f"{name} {told(value, unit)}" for name, value, unit in highest if value is not None)
    return f"The generator at its highest: {said}." if said else "Of the generator nothing was measured."


def _coverage(coverage: Sequence[Coverage]) -> str:
    """Return how much of the measured seconds each source was seen, the least first."""
    rows = [
        (code(one.source), _share(one), f"{round(one.seen, 1):g}", f"{round(one.measured, 1):g}")
        for one in sorted(coverage, key=lambda one: one.seen / one.measured if one.measured else 0.0)
    ]
    return table(("Source", "Seen", "Seconds seen", "Seconds measured"), rows) if rows else ""


def _share(one: Coverage) -> str:
    """Return the share, which only reads 100 % when nothing is missing."""
    if not one.measured:
        return NOTHING
    if one.seen >= one.measured:
        return "100 %"
    return f"{min(99.9, one.seen / one.measured * 100):.1f} %"


def _gaps(source: SourceResult) -> Iterator[str]:
    for gap in source.gaps[:MOST_GAPS]:
        until = f"{clock(gap.until)} UTC" if gap.until is not None else "the end"
        why = prose(gap.why or "blind", MOST_SAID)
        yield f"{code(source.name)} from {clock(gap.begin)} to {until}: {why}"
    if (more := source.gap_count - MOST_GAPS) > 0:
        yield f"{code(source.name)} and {number(more)} more"
