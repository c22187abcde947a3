"""What a session added up to, stored when it ends, so that a report need not add it all up again.

Of an hour these are some thousand rows in place of a million: the requests by
name, over the whole run and each load level, their errors, and what the logs
said. They are what the live session held, and what its items give, to the last
bit. What is judged is judged from the items all the same.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from rampdeck.groups import Group, Groups
from rampdeck.histogram import Histogram
from rampdeck.model import Severity
from rampdeck.reconcile import METHODS
from rampdeck.requests import Key, Span, Tally
from rampdeck.session import Session
from rampdeck.store.rows import Ids, Row, stats_rows
from rampdeck.store.schema import COUNTS, SERIES, pack_text, unpack_buckets, unpack_text

KEY = "sums"
"""Its key in the meta: of how many items they are, and the few sums that have no table."""
SKIPPED = """(kind = 'log' AND (fields IS NULL OR
    (instr(fields, '"signal"') = 0 AND instr(fields, '"untold_since"') = 0)))"""
"""The events, in SQL, that only add to the groups of their log and to its count."""
WHOLE = 0
"""The ``step`` of what is of the whole run; levels are numbered from 1."""


def rows(session: Session, ids: Ids) -> dict[str, list[Row]]:
    """Return the rows of all sums by table."""
    made: defaultdict[str, list[Row]] = defaultdict(list)
    book = session.book
    for step, span in {WHOLE: book.whole, **book.steps}.items():
        for key, tally in span.names.items():
            made["tallies"] += [(step, ids.names[key], *row) for row in stats_rows(tally)]
    for (method, name, text), count in book.errors.items():
        seen = book.errors_seen[method, name, text]
        made["tallied_errors"].append((ids.names[method, name], pack_text(text), count, *seen))
    for source in session.sources.values():
        for group in source.groups:
            texts = (pack_text(group.template), int(group.severity), pack_text(group.signal))
            numbers = (group.count, group.first, group.last)
            made["log_groups"].append(
                (ids.sources[source.info.name], *texts, *numbers, pack_text(group.example))
            )
    return made


def meta(session: Session, seq: int) -> dict[str, object]:
    """Return the sums that have no table, of a file that holds ``seq`` items."""
    return {
        "items": seq,
        "errors_left_out": session.book.errors_left_out,
        "forgotten": [[step, span.forgotten] for step, span in session.book.steps.items() if span.forgotten],
        "logs": [
            [source.info.name, source.events, source.groups.others] for source in session.sources.values()
        ],
    }


def usable(stored: Any, items: int, names: Mapping[int, Key]) -> bool:
    """Return whether a file has sums, of all that is in it, that a report can go by.

    Requests that are no web server's are counted apart (:mod:`rampdeck.reconcile`).
    """
    return (
        isinstance(stored, dict)
        and stored.get("items") == items
        and all(method.upper() in METHODS for method, _ in names.values())
    )


class Sums:
    """The sums of a file; :meth:`restore` puts them into a session that has read the rest."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        stored: Mapping[str, Any],
        names: Mapping[int, Key],
        sources: Mapping[int, str],
    ) -> None:
        self._connection = connection
        self._stored = stored
        self._names = names
        self._sources = sources

    def restore(self, session: Session) -> None:
        """Give a session the sums of what it has not been told item by item."""
        self._requests(session)
        self._errors(session)
        self._logs(session)

    def _requests(self, session: Session) -> None:
        book = session.book
        forgotten = dict(self._stored["forgotten"])
        spans: dict[int, Span] = {WHOLE: book.whole, **book.steps}
        for step, span in spans.items():
            span.names = {}
            span.forgotten = forgotten.get(step, 0)
        for step, name, word, count, *parts, size in self._connection.execute(
            "SELECT * FROM tallies ORDER BY rowid"
        ):
            tally = spans[step].names.setdefault(self._names[name], Tally())
            if word in COUNTS:
                setattr(tally, word, count)
                continue
            setattr(tally, SERIES[word], histogram(*parts))
            tally.bytes += size or 0

    def _errors(self, session: Session) -> None:
        book = session.book
        book.errors, book.errors_seen = {}, {}
        book.errors_left_out = self._stored["errors_left_out"]
        for name, text, count, first, last in self._connection.execute(
            "SELECT * FROM tallied_errors ORDER BY rowid"
        ):
            key = (*self._names[name], unpack_text(text))
            book.errors[key] = count
            book.errors_seen[key] = (first, last)

    def _logs(self, session: Session) -> None:
        for name, events, others in self._stored["logs"]:
            session.sources[name].events = events
            session.sources[name].groups = Groups()
            session.sources[name].groups.others = others
        for source, template, severity, signal, count, first, last, example in self._connection.execute(
            "SELECT * FROM log_groups ORDER BY rowid"
        ):
            group = Group(
                unpack_text(template),
                Severity(severity),
                unpack_text(signal),
                count,
                first,
                last,
                unpack_text(example),
            )
            session.sources[self._sources[source]].groups.put(group)


def histogram(total: float, lowest: float | None, highest: float | None, packed: bytes) -> Histogram:
    """Return a histogram from its columns."""
    if lowest is None or highest is None:
        return Histogram()
    return Histogram.restored(unpack_buckets(packed), total, lowest, highest)
