"""Reading a session file, item by item, in the order it was written."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from rampdeck.errors import SessionError
from rampdeck.histogram import Histogram
from rampdeck.model import (
    Event,
    EventKind,
    Health,
    Instant,
    Pace,
    RequestBatch,
    RequestStats,
    Sample,
    Severity,
    SourceInfo,
    Step,
    Tick,
    Value,
)
from rampdeck.store import sums
from rampdeck.store.schema import (
    APPLICATION_ID,
    COUNTS,
    PACE,
    VERSION,
    Item,
    unpack_fields,
    unpack_json,
    unpack_text,
)
from rampdeck.store.sums import Sums, histogram

Numbered = tuple[int, Item]


class SessionReader:
    """A session file, as it stood when it was opened.

    A session that was killed, or is still being written, reads up to its last
    commit; :attr:`finished` tells. Close it, or use it in a ``with`` block.
    Reading blocks: in the loop, take the items in small bites.

    Raises :class:`SessionError`, at once or while items are read, when the file
    is no session, damaged, or from a newer Rampdeck.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explained():
            self._connection = _open(path)
        try:
            with self._explained():
                self._check()
                # One transaction, so that all tables are read as of one moment.
                self._connection.execute("BEGIN")
                rows = self._connection.execute("SELECT key, value FROM meta").fetchall()
                self.meta: dict[str, Any] = {key: unpack_json(value) for key, value in rows}
                self._sources = self._table("SELECT id, name FROM sources")
                names = self._table("SELECT id, method, name FROM request_names")
                self._names = {id_: (method, name) for id_, (method, name) in names.items()}
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> SessionReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @property
    def version(self) -> int:
        """The format of the file (:data:`rampdeck.store.schema.VERSION`)."""
        return self._version

    @property
    def finished(self) -> bool:
        """Whether the session came to its end, rather than being killed or still going on."""
        return "ended" in self.meta

    def items(self) -> Iterator[Item]:
        """Yield all items in the order in which they were appended."""
        with self._explained():
            tables: tuple[Iterator[Numbered], ...] = (
                self._source_infos(),
                self._samples(),
                self._events(),
                self._batches(),
                self._steps(),
                self._ticks(),
            )
            for _, item in heapq.merge(*tables, key=lambda numbered: numbered[0]):
                yield item

    def sums(self) -> Sums | None:
        """Return what it all adds up to, if that stands in the file."""
        stored = self.meta.get(sums.KEY)
        with self._explained():
            if stored is None or not sums.usable(stored, self._count(), self._names):
                return None
        return Sums(
            self._connection, stored, self._names, {id_: name for id_, (name,) in self._sources.items()}
        )

    def what_is_judged(self, wanted: Callable[[str, str], bool]) -> Iterator[Item]:
        """Yield the items without what the sums have: plain lines, and names that are not ``wanted``.

        Of the others' requests there is the sum (:attr:`RequestBatch.whole`).
        """
        names = [id_ for id_, (method, name) in self._names.items() if id_ and wanted(method, name)]
        with self._explained():
            tables: tuple[Iterator[Numbered], ...] = (
                self._source_infos(),
                self._samples(),
                self._events(f"WHERE NOT {sums.SKIPPED}"),
                self._sums_of_batches(names),
                self._steps(),
                self._ticks(),
            )
            for _, item in heapq.merge(*tables, key=lambda numbered: numbered[0]):
                yield item

    def batches(self) -> Iterator[RequestBatch]:
        """Yield the requests alone, in their order."""
        with self._explained():
            for _, item in self._batches():
                if isinstance(item, RequestBatch):
                    yield item

    def steps(self) -> tuple[Step, ...]:
        """Return what became of each step, by number."""
        with self._explained():
            latest = {step.number: step for _, step in self._steps()}
        return tuple(latest[number] for number in sorted(latest))

    def request_names(self) -> tuple[tuple[str, str], ...]:
        """Return all request names, each with its method."""
        return tuple((method, name) for method, name in self._names.values())

    def sources(self) -> tuple[SourceInfo, ...]:
        """Return all sources that were observed."""
        with self._explained():
            return tuple(info for _, info in self._source_infos())

    def _check(self) -> None:
        ((application,),) = self._connection.execute("PRAGMA application_id")
        ((version,),) = self._connection.execute("PRAGMA user_version")
        if application != APPLICATION_ID:
            raise SessionError(f"cannot read {self.path}", "it is no session of Rampdeck")
        self._version: int = version
        if version > VERSION:
            raise SessionError(
                f"cannot read {self.path}",
                f"it was written by a newer Rampdeck (format {version}, this one reads up to {VERSION})",
                "Update Rampdeck",
            )

    @contextmanager
    def _explained(self) -> Generator[None]:
        what = f"cannot read {self.path}"
        try:
            yield
        except OSError as error:
            raise SessionError(what, (error.strerror or str(error)).lower()) from error
        except sqlite3.DatabaseError as error:
            name = str(getattr(error, "sqlite_errorname", ""))
            if name == "SQLITE_NOTADB":
                raise SessionError(what, "it is no session of Rampdeck") from error
            why = "it is damaged or was cut short" if name.startswith("SQLITE_CORRUPT") else "SQLite says"
            raise SessionError(what, f"{why} ({error})") from error
        except (KeyError, TypeError, ValueError) as error:
            raise SessionError(what, f"it is damaged ({type(error).__name__}: {error})") from error

    def _table(self, query: str) -> dict[int, tuple[str, ...]]:
        return {id_: tuple(map(unpack_text, rest)) for id_, *rest in self._connection.execute(query)}

    def _source_infos(self) -> Iterator[tuple[int, SourceInfo]]:
        query = "SELECT seq, name, kind, host FROM sources WHERE seq IS NOT NULL ORDER BY seq"
        for seq, *texts in self._connection.execute(query):
            yield seq, SourceInfo(*map(unpack_text, texts))

    def _samples(self) -> Iterator[Numbered]:
        query = "SELECT seq, utc, mono, source, metrics, rows FROM samples ORDER BY seq"
        for seq, utc, mono, source, metrics, rows in self._connection.execute(query):
            values = unpack_json(metrics) if metrics else {}
            yield (
                seq,
                Sample(
                    at=Instant(utc, mono),
                    source=self._sources[source][0],
                    values={key: float("nan") if value is None else value for key, value in values.items()},
                    rows=tuple(map(_table_row, unpack_json(rows))) if rows else (),
                ),
            )

    def _events(self, where: str = "") -> Iterator[Numbered]:
        columns = "seq, utc, mono, source, kind, severity, text, sent, fields"
        query = f"SELECT {columns} FROM events {where} ORDER BY seq"
        names = {id_: name for id_, (name,) in self._sources.items()}
        for seq, utc, mono, source, kind, severity, text, sent, fields in self._connection.execute(query):
            yield (
                seq,
                Event(
                    Instant(utc, mono),
                    names[source],
                    _KINDS[kind],
                    _SEVERITIES[severity],
                    unpack_text(text),
                    sent,
                    unpack_fields(fields) if fields else {},
                ),
            )

    def _batches(self) -> Iterator[Numbered]:
        stats = _Following(self._connection, "SELECT batch, * FROM request_stats ORDER BY rowid")
        errors = _Following(self._connection, "SELECT batch, * FROM errors ORDER BY rowid")
        known = "SELECT batch, * FROM paces ORDER BY batch"
        paces = _Following(self._connection, known if self._version > 1 else "SELECT 0 WHERE FALSE")
        query = "SELECT seq, utc, mono, seconds, users FROM batches ORDER BY seq"
        for seq, utc, mono, seconds, users in self._connection.execute(query):
            entries = self._entries(stats.of(seq), errors.of(seq))
            pace = next(map(_pace, paces.of(seq)), None)
            yield seq, RequestBatch(Instant(utc, mono), seconds, users, entries, pace)

    def _sums_of_batches(self, names: Sequence[int]) -> Iterator[Numbered]:
        """Yield the batches with their sums, and the entries of some names alone."""
        some = ",".join(map(str, names))
        query = f"SELECT batch, * FROM request_stats WHERE name IN ({some}) ORDER BY rowid"
        stats = _Following(self._connection, query)
        totals = _Following(
            self._connection, f"SELECT batch, batch, {_ALL}, {_STATS} FROM totals ORDER BY rowid"
        )
        paces = _Following(self._connection, "SELECT batch, * FROM paces ORDER BY batch")
        query = "SELECT seq, utc, mono, seconds, users FROM batches ORDER BY seq"
        for seq, utc, mono, seconds, users in self._connection.execute(query):
            whole = next(iter(self._entries(totals.of(seq), [])), None)
            pace = next(map(_pace, paces.of(seq)), None)
            entries = self._entries(stats.of(seq), [])
            yield seq, RequestBatch(Instant(utc, mono), seconds, users, entries, pace, whole)

    def _count(self) -> int:
        """Return how many items the file has."""
        ((count,),) = self._connection.execute(
            "SELECT max(seq) FROM (SELECT max(seq) AS seq FROM "
            + " UNION SELECT max(seq) FROM ".join(_ITEMS)
            + ")"
        )
        return int(count or 0)

    def _entries(self, stats: list[Any], errors: list[Any]) -> tuple[RequestStats, ...]:
        """Put the rows of one batch together by request name."""
        series: dict[int, dict[str, Histogram]] = {}
        counts: dict[tuple[int, str], int] = {}
        sizes: dict[int, int] = {}
        texts: dict[int, dict[str, int]] = {}
        for _, name, word, count, total, lowest, highest, buckets, size in stats:
            if word in COUNTS:
                counts[name, word] = count
                continue
            series.setdefault(name, {})[word] = histogram(total, lowest, highest, buckets)
            sizes[name] = sizes.get(name, 0) + (size or 0)
        for _, name, text, count in errors:
            texts.setdefault(name, {})[unpack_text(text)] = count
        return tuple(
            RequestStats(
                method=method,
                name=of,
                successes=found.get("ok") or Histogram(),
                failures=found.get("failed") or Histogram(),
                bytes=sizes[name],
                errors=texts.get(name, {}),
                locust=found.get("locust") or Histogram(),
                delay=found.get("delay") or Histogram(),
                corrected=found.get("corrected") or Histogram(),
                **{word: counts.get((name, word), 0) for word in COUNTS},
            )
            for name, found in series.items()
            for method, of in (self._names[name] if name else ("", ""),)
        )

    def _steps(self) -> Iterator[tuple[int, Step]]:
        for seq, number, users, rate, cause, stage, *moments in self._connection.execute(
            "SELECT * FROM steps ORDER BY seq"
        ):
            began, reached, measured, ended = (
                _moment(*moments[start : start + 2]) for start in range(0, 8, 2)
            )
            if began is None:
                raise ValueError(f"step {number} never began")
            warmup = any(moments[8:])  # older files have none
            stage = unpack_text(stage)
            yield seq, Step(number, users, rate, cause, began, stage, reached, measured, ended, warmup)

    def _ticks(self) -> Iterator[Numbered]:
        if self._version > 2:
            query = "SELECT seq, utc, mono, users, beat FROM ticks ORDER BY seq"
            for seq, utc, mono, users, beat in self._connection.execute(query):
                yield seq, Tick(Instant(utc, mono), users, bool(beat))


_KINDS = {kind.value: kind for kind in EventKind}
_SEVERITIES = {severity.value: severity for severity in Severity}
_ALL = 0
"""Stands for the id of a name where a row is of all of them."""
_STATS = "series, count, total, lowest, highest, buckets, bytes"
_ITEMS = ("sources", "samples", "events", "batches", "steps", "ticks")


class _Following:
    """Rows of a table that belong to another one's, both in the same order."""

    def __init__(self, connection: sqlite3.Connection, query: str) -> None:
        self._rows = connection.execute(query)
        self._next: Any = self._rows.fetchone()

    def of(self, owner: int) -> list[Any]:
        """Return the rows whose first column is ``owner``."""
        found = []
        while self._next is not None and self._next[0] <= owner:
            if self._next[0] == owner:
                found.append(self._next[1:])
            self._next = self._rows.fetchone()
        return found


def _open(path: Path) -> sqlite3.Connection:
    with path.open("rb"):
        pass  # SQLite does not say why a file cannot be opened
    address = path.resolve().as_uri() + "?mode=ro"
    connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if not str(getattr(error, "sqlite_errorname", "")).startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
            raise
        # A killed session in a folder that is read-only: what its log holds cannot be read there.
        return sqlite3.connect(
            address + "&immutable=1", uri=True, isolation_level=None, check_same_thread=False
        )
    return connection


def _pace(row: Any) -> Pace:
    _, *numbers = row
    _, *lateness = numbers[len(PACE) :]
    return Pace(**dict(zip(PACE, numbers, strict=False)), lateness=histogram(*lateness))


def _moment(utc: float | None, mono: float | None) -> Instant | None:
    return None if utc is None or mono is None else Instant(utc, mono)


def _table_row(row: dict[str, Value]) -> dict[str, Value]:
    health = row.get("_health")
    return row if health is None else row | {"_health": Health(str(health))}
