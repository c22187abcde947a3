"""What the record says of the sources' logs: the worst and most frequent lines, folded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rampdeck.record.counted import Table, number
from rampdeck.record.result import LogResult, LogsResult
from rampdeck.secrets import redact
from rampdeck.session import Source

MOST = 10
"""Groups of lines that are told of each source."""
_HEAD = ("Source", "Severity", "Signal", "What it said", "Count", "First (UTC)", "Last (UTC)")


def said(source: Source) -> LogsResult:
    """Return what a source's log said since the beginning."""
    groups = source.groups
    worst = tuple(
        LogResult(
            group.severity, group.signal, group.count, group.first, group.last, group.template, group.example
        )
        for group in groups.worst(MOST)
    )
    return LogsResult(source.info.name, worst, groups.lines - sum(one.count for one in worst))


def section(
    logs: tuple[LogsResult, ...],
    table: Table,
    code: Callable[[str], str],
    paragraph: Callable[[str], str] = str,
) -> str:
    """Return the section of the record, written by these; empty where no log said anything."""
    rows: list[tuple[str, ...]] = [
        (
            code(log.source),
            one.severity.name.lower(),
            one.signal.replace("_", " "),
            code(_shown(one)),
            number(one.count),
            _clock(one.first),
            _clock(one.last),
        )
        for log in logs
        for one in log.said
    ]
    if not rows:
        return ""
    more = [f"{number(log.others)} more lines of {code(log.source)}" for log in logs if log.others]
    left = paragraph(f"Not listed: {', '.join(more)}.") if more else ""
    return "\n\n".join(part for part in (table(_HEAD, rows, 4), left) if part)


def of_source(log: LogsResult) -> dict[str, Any]:
    """Return a source's log as the JSON record has it."""
    return {
        "source": log.source,
        "said": [
            {
                "severity": one.severity.name.lower(),
                "signal": one.signal or None,
                "count": one.count,
                "first": _moment(one.first),
                "last": _moment(one.last),
                "template": redact(one.template),
                "example": redact(one.example),
            }
            for one in log.said
        ],
        "others": log.others,
    }


def _shown(one: LogResult) -> str:
    """Return the first line: as it came where it came once, else what all of them have in common."""
    return (one.example if one.count == 1 else one.template).partition("\n")[0]


def _clock(utc: float) -> str:
    return datetime.fromtimestamp(utc, UTC).strftime("%H:%M:%S")


def _moment(utc: float) -> str:
    return datetime.fromtimestamp(utc, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
