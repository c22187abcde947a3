"""What the record says of the sources' logs: the worst and most frequent lines, folded."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rampdeck.record.counted import Table, number
from rampdeck.record.result import LogResult, LogsResult
from rampdeck.secrets import redact
from rampdeck.session import Source
from rampdeck.templates import GAP

MOST = 10
"""Groups of lines that are told of each source."""
_WORD = re.compile(rf"(?<![\w={GAP}])[^\W\d_]{{3,}}(?![\w={GAP}])")
"""A word, but not the name of a value."""
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
    words: Callable[[str], str] = str,
) -> str:
    """Return the section of the record, written by these; empty where no log said anything."""
    rows: list[tuple[str, ...]] = [
        (
            code(log.source),
            one.severity.name.lower(),
            words(one.signal.replace("_", " ")),
            _shown(one, code),
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


def _shown(one: LogResult, code: Callable[[str], str]) -> str:
    """Return the line: as it came where it came once, else what all of them have in common.

    Of a traceback its first and its last line, which says what was raised. What
    has no word in common, as lines of an access log, is shown by an example.
    """
    text = one.example if one.count == 1 else one.template
    if one.count > 1 and not _WORD.search(text):
        return f"such as {code(_ends(one.example))}"
    return code(_ends(text))


def _ends(text: str) -> str:
    first, _, rest = text.rstrip("\n").partition("\n")
    return f"{first} {GAP} {rest[rest.rfind(chr(10)) + 1 :].strip()}" if rest else first


def _clock(utc: float) -> str:
    return datetime.fromtimestamp(utc, UTC).strftime("%H:%M:%S")


def _moment(utc: float) -> str:
    return datetime.fromtimestamp(utc, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
