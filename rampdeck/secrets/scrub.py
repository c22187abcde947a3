"""Taking the secrets out of items, before anybody keeps, judges, shows or stores them.

:meth:`rampdeck.session.Session.append` is the one door that everything comes
in by: the lines of the servers, the scenario's own words, the operator's notes,
request names, error texts, rows of tables. What is redacted there is so in the
session file, in the record, on the screen, and in whatever is counted by its
text. Later would be too late for the screen and the groups of lines, and
earlier, in each collector, somebody would forget it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from rampdeck.histogram import Histogram
from rampdeck.model import Event, RequestBatch, RequestStats, Sample, Step, Value
from rampdeck.secrets import may_hold, redact, redact_again

if TYPE_CHECKING:
    from rampdeck.session import Item

Row = Mapping[str, Value]


def scrubbed(item: Item) -> Item:
    """Return an item without secrets; the same object where there were none."""
    if isinstance(item, Event):
        return _event(item)
    if isinstance(item, Sample):
        rows = _rows(item.rows) if item.rows else item.rows
        return item if rows is item.rows else replace(item, rows=rows)
    if isinstance(item, RequestBatch):
        entries = _entries(item.entries)
        return item if entries is item.entries else replace(item, entries=entries)
    if isinstance(item, Step):
        stage = redact_again(item.stage)
        return item if stage == item.stage else replace(item, stage=stage)
    return item


def _event(event: Event) -> Event:
    text, told = redact(event.text), event.fields
    if told and may_hold("\0".join(told.values())):
        told = {key: redact(value) for key, value in told.items()}
    if text is event.text and told is event.fields:
        return event
    return replace(event, text=text, fields=told)


def _rows(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    clean = tuple(_row(row) for row in rows)
    return rows if all(one is other for one, other in zip(clean, rows, strict=True)) else clean


def _row(row: Row) -> Row:
    found: dict[str, Value] = {}
    for key, cell in row.items():
        if isinstance(cell, str) and (clean := redact_again(cell)) != cell:
            found[key] = clean
    return {**row, **found} if found else row


def _entries(entries: tuple[RequestStats, ...]) -> tuple[RequestStats, ...]:
    """Return the figures under names without secrets; names that become one are counted as one."""
    clean = tuple(_stats(stats) for stats in entries)
    if all(one is other for one, other in zip(clean, entries, strict=True)):
        return entries
    found: dict[tuple[str, str], list[RequestStats]] = {}
    for stats in clean:
        found.setdefault((stats.method, stats.name), []).append(stats)
    return tuple(alike[0] if len(alike) == 1 else _together(alike) for alike in found.values())


def _stats(stats: RequestStats) -> RequestStats:
    method, name = redact_again(stats.method), redact_again(stats.name)
    errors: Counter[str] = Counter()
    for text, count in stats.errors.items():
        errors[redact_again(text)] += count
    if (method, name) == (stats.method, stats.name) and errors == stats.errors:
        return stats
    return replace(stats, method=method, name=name, errors=errors)


def _together(alike: Iterable[RequestStats]) -> RequestStats:
    first, *others = alike
    summed = {field.name: getattr(first, field.name) for field in fields(first)}
    for name, one in summed.items():
        rest = [getattr(other, name) for other in others]
        if isinstance(one, Histogram):
            summed[name] = Histogram()
            for histogram in (one, *rest):
                summed[name].add(histogram)
        elif isinstance(one, int):
            summed[name] = one + sum(rest)
        elif isinstance(one, Mapping):
            summed[name] = sum((Counter(errors) for errors in rest), Counter(one))
    return RequestStats(**summed)
