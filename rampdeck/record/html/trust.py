"""Why to believe it, and why not: findings with their evidence, doubts, what was seen of each source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from datetime import UTC

from rampdeck import format as fmt
from rampdeck.record import clocks
from rampdeck.record.html.verdict import generator
from rampdeck.record.html.words import NOTHING, Cell, Number, code, items, note, table, tag, text
from rampdeck.record.result import LINES, Finding, Result, SourceResult
from rampdeck.snapshot import Coverage


def findings(found: Sequence[Finding]) -> str:
    """Return what was found out, in the order of the record."""
    if not found:
        return "<p>Nothing was found.</p>"
    lines = []
    for finding in found:
        evidence = items(code(piece) for piece in finding.evidence)
        advice = f"<p><b>What to do.</b> {text(finding.advice)}</p>" if finding.advice else ""
        since = (
            f' <span class="muted">first at {fmt.clock(finding.since, UTC)} UTC</span>'
            if finding.since is not None and fmt.clock(finding.since, UTC) not in " ".join(finding.evidence)
            else ""
        )
        lines.append(
            f"{tag(finding.severity)} <b>{text(finding.layer)}</b>: {text(finding.text)}{since}"
            f"{evidence}{advice}"
        )
    return items(lines, "ol").replace("<ol>", '<ol class="findings">', 1)


def trust(result: Result) -> str:
    """Return what speaks for and against the run."""
    doubts = items(text(doubt) for doubt in result.doubts)
    parts = [
        f'<div class="doubts"><p>{tag("warn", "Not without doubt")}</p>{doubts}</div>'
        if doubts
        else f"<p>{tag('pass', 'Nothing speaks against it.')}</p>",
        f"<p>{generator(result)}</p>",
        _sources(result.sources, {one.source: one for one in result.coverage}),
        items(line for source in result.sources for line in _gaps(source)),
        _clocks(result),
    ]
    return "\n".join(part for part in parts if part)


def lines(sources: Sequence[SourceResult]) -> str:
    """Return what became of the lines of the logs."""
    rows: list[tuple[Cell, ...]] = [
        (
            code(source.name),
            *(Number(fmt.count(number), number) for number in astuple(source.lines)),
            Number(str(source.gap_count), source.gap_count),
        )
        for source in sources
        if source.lines is not None
    ]
    if not rows:
        return ""
    head = ("Source", "Read", "Stored", "Counted", "Dropped", "Suppressed", "Gaps")
    return table(head, rows, sort=True) + note(text(LINES))


def _sources(sources: Sequence[SourceResult], seen: dict[str, Coverage]) -> str:
    if not sources:
        return ""
    rows = [
        (
            code(source.name),
            tag(source.state),
            text(source.reason) or NOTHING,
            _coverage(seen.get(source.name)),
            Number(fmt.count(source.samples), source.samples),
            Number(fmt.count(source.events), source.events),
            Number(str(source.gap_count), source.gap_count),
        )
        for source in sources
    ]
    return table(("Source", "State", "Why", "Seen", "Samples", "Events", "Gaps"), rows, 3, wide=2, sort=True)


def _coverage(coverage: Coverage | None) -> Number:
    """Return how much of the measured seconds was seen, with a bar."""
    if coverage is None or coverage.measured <= 0:
        return Number(NOTHING, None)
    share = max(0.0, min(1.0, coverage.seen / coverage.measured))
    percent = f"{share * 100:.0f}" if share in (0.0, 1.0) else f"{min(share * 100, 99.9):.1f}"
    kind = "full" if share == 1.0 else "part"
    bar = (
        f'<svg class="bar {kind}" viewBox="0 0 100 8" width="100" height="8" preserveAspectRatio="none" '
        f'aria-hidden="true"><rect width="100" height="8" rx="2"/>'
        f'<rect class="in" width="{share * 100:.1f}" height="8" rx="2"/></svg>'
    )
    words = f"{coverage.seen:.0f} of {coverage.measured:.0f} measured seconds"
    return Number(f'<span title="{words}">{bar}<span class="part">{percent} %</span></span>', share)


def _gaps(source: SourceResult) -> Iterator[str]:
    for gap in source.gaps:
        until = f"{fmt.clock(gap.until, UTC)} UTC" if gap.until is not None else "the end"
        yield f"{code(source.name)} from {fmt.clock(gap.begin, UTC)} to {until}: {text(gap.why or 'blind')}"
    if source.gaps_left_out:
        yield f"{code(source.name)}: {fmt.count(source.gaps_left_out)} more"


def _clocks(result: Result) -> str:
    """Return the hosts' clocks, from the words of the Markdown record."""
    written = clocks.section(result.clocks, table, code)
    parts = []
    for part in written.split("\n\n"):
        if part.startswith("- "):
            parts.append(items(line.removeprefix("- ").replace("`", "") for line in part.splitlines()))
        elif part:
            parts.append(part if part.startswith("<div") else note(part))
    return "<h3>Clocks</h3>" + "\n".join(parts) if parts else ""
