"""From items to the rows of the session file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from rampdeck.histogram import Histogram
from rampdeck.model import Event, Instant, RequestBatch, RequestStats, Sample, SourceInfo, Step, Tick
from rampdeck.requests import Tally, sum_of
from rampdeck.store.schema import COUNTS, PACE, SERIES, Item, pack_buckets, pack_json, pack_text

Row = tuple[object, ...]
MOST_INTEGER = 2**63 - 1
"""SQLite's. What a scenario's client, or a stranger's worker, makes up of an answer's size may be more."""
_NOWHEN = (None, None)
_NOTHING = (0.0, None, None, b"", None)


class Ids:
    """The ids that sources and request names have in the file."""

    def __init__(self) -> None:
        self.sources: dict[str, int] = {}
        self.names: dict[tuple[str, str], int] = {}

    def copy(self) -> Ids:
        """Return a copy, for a transaction that may fail."""
        copy = Ids()
        copy.sources = dict(self.sources)
        copy.names = dict(self.names)
        return copy


class RowMaker:
    """Turns items into rows by table; asks for new ids as it meets new names."""

    def __init__(self, ids: Ids, seq: int) -> None:
        self._ids = ids
        self._seq = seq
        self._rows: defaultdict[str, list[Row]] = defaultdict(list)

    def make(self, items: Iterable[Item]) -> dict[str, list[Row]]:
        """Return the rows of some items by table, numbered on from the items before."""
        self._rows = defaultdict(list)
        for item in items:
            self._seq += 1
            match item:
                case Event():
                    self._event(item)
                case Sample():
                    self._sample(item)
                case RequestBatch():
                    self._batch(item)
                case Step():
                    self._step(item)
                case Tick():
                    at = item.at
                    self._rows["ticks"].append((self._seq, at.utc, at.mono, item.users, int(item.beat)))
                case SourceInfo():
                    self._source_info(item)
        return self._rows

    def _event(self, event: Event) -> None:
        self._rows["events"].append(
            (
                self._seq,
                event.at.utc,
                event.at.mono,
                self._ids.sources.get(event.source) or self._new_source(event.source),
                event.kind.value,
                event.severity.value,
                pack_text(event.text),
                event.sent,
                pack_json(dict(event.fields)) if event.fields else None,
            )
        )

    def _sample(self, sample: Sample) -> None:
        self._rows["samples"].append(
            (
                self._seq,
                sample.at.utc,
                sample.at.mono,
                self._ids.sources.get(sample.source) or self._new_source(sample.source),
                pack_json(dict(sample.values)) if sample.values else None,
                pack_json([dict(row) for row in sample.rows]) if sample.rows else None,
            )
        )

    def _batch(self, batch: RequestBatch) -> None:
        self._rows["batches"].append((self._seq, batch.at.utc, batch.at.mono, batch.seconds, batch.users))
        if (pace := batch.pace) is not None:
            numbers = (getattr(pace, name) for name in PACE)
            self._rows["paces"].append((self._seq, *numbers, *_parts(pace.lateness)))
        self._totals(batch)
        for entry in batch.entries:
            name = self._ids.names.get((entry.method, entry.name))
            name = name or self._new_name(entry.method, entry.name)
            self._rows["request_stats"] += [(self._seq, name, *row) for row in stats_rows(entry)]
            for text, count in entry.errors.items():
                self._rows["errors"].append((self._seq, name, pack_text(text), count))

    def _totals(self, batch: RequestBatch) -> None:
        if batch.entries:
            total = sum_of(batch)
            rows = [row for row in stats_rows(total) if row[0] not in COUNTS]
            counts = [(word, sum(getattr(entry, word) for entry in batch.entries)) for word in COUNTS]
            rows += [(word, count, *_NOTHING) for word, count in counts if count]
            self._rows["totals"] += [(self._seq, *row) for row in rows]

    def _step(self, step: Step) -> None:
        moments = (step.began, step.reached, step.measured_from, step.ended)
        stage = pack_text(step.stage)
        self._rows["steps"].append(
            (
                *(self._seq, step.number, step.users, step.spawn_rate, step.cause, stage),
                *(part for moment in moments for part in _both(moment)),
                step.warmup,
            )
        )

    def _source_info(self, info: SourceInfo) -> None:
        id_ = self._ids.sources.setdefault(info.name, len(self._ids.sources) + 1)
        row = (id_, self._seq, pack_text(info.name), pack_text(info.kind), pack_text(info.host))
        self._rows["sources"].append(row)

    def _new_source(self, name: str) -> int:
        self._ids.sources[name] = id_ = len(self._ids.sources) + 1
        self._rows["sources"].append((id_, None, pack_text(name), None, None))
        return id_

    def _new_name(self, method: str, name: str) -> int:
        self._ids.names[method, name] = id_ = len(self._ids.names) + 1
        self._rows["request_names"].append((id_, pack_text(method), pack_text(name)))
        return id_


def stats_rows(stats: RequestStats | Tally) -> list[Row]:
    """Return the rows of some requests, from the column ``series`` on."""
    series = [(word, getattr(stats, attribute)) for word, attribute in SERIES.items()]
    rows: list[Row] = []
    size: int | None = min(stats.bytes, MOST_INTEGER)
    # A name without any request keeps one empty row, so that it is not lost.
    for word, histogram in [pair for pair in series if pair[1].count] or series[:1]:
        rows.append((word, *_parts(histogram), size))
        size = None
    counts = ((word, getattr(stats, word, 0)) for word in COUNTS)
    return [*rows, *((word, count, *_NOTHING) for word, count in counts if count)]


def _parts(histogram: Histogram) -> Sequence[object]:
    if not histogram.count:
        return (0, 0.0, None, None, b"")
    buckets = pack_buckets(histogram.buckets)
    return (histogram.count, histogram.total, histogram.lowest, histogram.highest, buckets)


def _both(moment: Instant | None) -> tuple[float | None, float | None]:
    return _NOWHEN if moment is None else (moment.utc, moment.mono)
