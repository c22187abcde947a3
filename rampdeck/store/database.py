"""The writing end of a session file; everything here blocks, so it runs in a native thread."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

from rampdeck.errors import SessionError
from rampdeck.session import Session
from rampdeck.store import sums
from rampdeck.store.rows import Ids, Row, RowMaker
from rampdeck.store.schema import APPLICATION_ID, TABLES, VERSION, WIDTHS, Item, pack_json

SLICE = 200
"""Items turned into rows at a time; between slices SQLite works and the GIL is free."""
ROWS_AT_ONCE = 40
"""Rows a statement. SQLite lets the GIL go for the length of a statement, so few
long ones disturb the loop for a third of the time that a row a statement does."""
_BUSY_S = 2.0
_REASONS = {
    "SQLITE_FULL": "the disk is full",
    "SQLITE_READONLY": "the file or its folder is read-only",
    "SQLITE_CANTOPEN": "the file cannot be opened",
    "SQLITE_CORRUPT": "the file is damaged",
    "SQLITE_NOTADB": "another file stands in its place",
    "SQLITE_BUSY": "another program has locked the file",
    "SQLITE_IOERR": "the disk does not take it",
}


class Database:
    """One session file that is being written.

    Made by the first :meth:`write`, mode 0600, in a folder of mode 0700. Not
    safe for two threads at once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._ids = Ids()
        self._seq = 0

    def write(self, items: Sequence[Item], meta: Mapping[str, object]) -> int:
        """Store items and meta in one transaction; return the size of the file in bytes.

        Raises :class:`SessionError` when nothing was stored.
        """
        try:
            connection = self._connected()
            ids = self._ids.copy()
            rows = RowMaker(ids, self._seq)
            connection.execute("BEGIN IMMEDIATE")
            for start in range(0, len(items), SLICE):
                for table, made in rows.make(items[start : start + SLICE]).items():
                    _insert(connection, table, made)
            pairs = [(key, pack_json(value)) for key, value in meta.items()]
            connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", pairs)
            connection.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            self._back_out()
            raise SessionError(f"cannot write {self._path}", _reason(error, self._path)) from error
        self._ids = ids
        self._seq += len(items)
        return self._size()

    def sum_up(self, session: Session) -> None:
        """Store what the session, all of whose items are stored, has added up to.

        Raises :class:`SessionError` when nothing was stored.
        """
        try:
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            for table, made in sums.rows(session, self._ids).items():
                _insert(connection, table, made)
            stored = pack_json(sums.meta(session, self._seq))
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (sums.KEY, stored))
            connection.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            self._back_out()
            raise SessionError(f"cannot write {self._path}", _reason(error, self._path)) from error

    def close(self) -> int:
        """End writing, leave one file behind and return its size in bytes."""
        connection, self._connection = self._connection, None
        if connection is None:
            return self._size()
        try:
            connection.rollback()  # what a defect left behind
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            # A file in WAL mode cannot be read from a folder that is read-only.
            connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            # Somebody is reading: the file stays in WAL mode, which costs nothing but a second file.
            if not _name(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise SessionError(f"cannot finish {self._path}", _reason(error, self._path)) from error
        finally:
            connection.close()
        return self._size()

    def _connected(self) -> sqlite3.Connection:
        """Return the connection to the file, made or found again where needed."""
        if self._identity is None:
            self._create(_lay_out)
        elif (found := _identity(self._path)) is None:
            self._restore()
        elif found != self._identity:
            raise FileExistsError(0, "another file stands in its place")
        if self._connection is None:
            self._connection = _connect(self._path)
        return self._connection

    def _create(self, fill: Callable[[sqlite3.Connection], None]) -> None:
        """Make the file anew, filled; it is there whole or not at all."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            try:
                fill(connection)
            finally:
                connection.close()
        except BaseException:
            self._path.unlink(missing_ok=True)
            raise
        self._identity = _identity(self._path)

    def _restore(self) -> None:
        """Write the session anew from the file that is still open though its name is gone."""
        lost = self._connection
        if lost is None:
            raise FileNotFoundError(0, "the file is gone")
        self._create(lost.backup)
        # Closed before the new file gets a write-ahead log: closing removes the log by its name.
        lost.close()
        self._connection = None

    def _back_out(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            # Should even this fail, the next BEGIN says so.
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    def _size(self) -> int:
        size = 0
        for path in (self._path, self._path.with_name(self._path.name + "-wal")):
            try:
                size += path.stat().st_size
            except OSError:
                continue
        return size


def _lay_out(connection: sqlite3.Connection) -> None:
    connection.executescript(
        f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; BEGIN; {TABLES} COMMIT;"
    )


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    # With a write-ahead log a commit is an append, without waiting for the disk.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[Row]) -> None:
    verb = "INSERT OR REPLACE" if table == "sources" else "INSERT"
    one = "(" + ",".join("?" * WIDTHS[table]) + ")"
    whole = len(rows) - len(rows) % ROWS_AT_ONCE
    many = f"{verb} INTO {table} VALUES " + ",".join([one] * ROWS_AT_ONCE)
    for start in range(0, whole, ROWS_AT_ONCE):
        connection.execute(many, list(chain.from_iterable(rows[start : start + ROWS_AT_ONCE])))
    connection.executemany(f"{verb} INTO {table} VALUES {one}", rows[whole:])


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another of the same name, ``None`` where there is none."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return (found.st_dev, found.st_ino)


def _name(error: sqlite3.Error) -> str:
    """Return SQLite's name for an error; extended ones begin with the plain one."""
    return str(getattr(error, "sqlite_errorname", ""))


def _reason(error: OSError | sqlite3.Error, path: Path) -> str:
    if isinstance(error, OSError):
        place = f" ({error.filename})" if error.filename and error.filename != str(path) else ""
        return f"{(error.strerror or str(error)).lower()}{place}"
    name = _name(error)
    found = next((text for key, text in _REASONS.items() if name.startswith(key)), "")
    return f"{found} ({error})" if found else str(error)
