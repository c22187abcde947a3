"""The files of ``--csv``, written while the run goes on.

Once a second what is needed of the requests is copied, which is quick; working
out percentiles and writing is done in a native thread. The history grows by whole lines, the
other files are replaced in one step every few seconds, so whoever reads them
meanwhile never sees half a file. A disk that takes nothing is told once, and
costs the run nothing else.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rampdeck.engine.locuststats import Exceptions, percentiles
from rampdeck.errors import RecordError
from rampdeck.loop import in_thread
from rampdeck.model import EventKind, Instant, Severity
from rampdeck.pace import Ticks
from rampdeck.record import csv
from rampdeck.record.write import replace

if TYPE_CHECKING:
    from rampdeck.run import Run

STATS_EVERY = 5
"""Seconds between two writings of the files that are replaced; Locust's interval, too."""
MOST_WAITING = 600
"""Seconds of history that are kept while the file cannot be written."""
_NAMES = ("_stats.csv", "_stats_history.csv", "_failures.csv", "_exceptions.csv")


class CsvFiles:
    """Writes Locust's four files for a run; :attr:`problem` says why they are not complete."""

    def __init__(self, run: Run, prefix: str, *, full_history: bool) -> None:
        self.problem = ""
        self._run = run
        self._full = full_history
        self._medians = csv.Medians()
        self._percents = percentiles()
        self._exceptions = Exceptions(run.engine.environment)
        self._stats, self._history, self._failures, self._raised = files(prefix)
        self._waiting: deque[csv.Second] = deque(maxlen=MOST_WAITING)
        self._good = 0
        self._writing: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin to follow the run."""
        self._run.also("csv", self._follow())
        self._run.also("csv files", self._keep_writing())

    async def finish(self) -> None:
        """Write everything as it stands now; the run is over."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        self._observe()
        await self._write(whole=True)

    async def _follow(self) -> None:
        async for _ in Ticks():
            self._observe()

    def _observe(self) -> None:
        book, users = self._run.session.book, self._run.engine.users
        self._waiting.append(csv.second(book, Instant.now().utc, users, self._medians, full=self._full))

    async def _keep_writing(self) -> None:
        beat = 0
        async for _ in Ticks():
            # A cancelled wait leaves a thread that writes; finish() waits for it.
            self._writing = asyncio.create_task(self._write(whole=beat % STATS_EVERY == 0))
            await asyncio.shield(self._writing)
            beat += 1

    async def _write(self, *, whole: bool) -> None:
        seconds = list(self._waiting)
        self._waiting.clear()
        try:
            self._good = await in_thread(_append, self._history, self._good, seconds, self._percents)
            seconds = []
            if whole:
                book = self._run.session.book
                found = csv.failures(book, self._run.engine.spelled)
                raised = [
                    (row.count, row.message, row.traceback, row.nodes) for row in self._exceptions.rows()
                ]
                await in_thread(self._replace, csv.totals(book.whole), found, raised)
        except RecordError as error:
            self._waiting = deque([*seconds, *self._waiting], maxlen=MOST_WAITING)
            self._failed(str(error))
        else:
            self.problem = ""

    def _replace(
        self,
        whole: csv.Totals,
        found: Sequence[csv.Failure],
        raised: Sequence[tuple[int, str, str, Sequence[str]]],
    ) -> None:
        replace(self._stats, csv.stats_csv(whole, self._percents))
        replace(self._failures, csv.failures_csv(found))
        replace(self._raised, csv.exceptions_csv(raised))

    def _failed(self, why: str) -> None:
        if not self.problem:
            self._run.session.say(EventKind.LOAD, why, severity=Severity.WARNING)
        self.problem = why


def files(prefix: str) -> tuple[Path, Path, Path, Path]:
    """Return the four files of a prefix: stats, history, failures, exceptions."""
    stats, history, failures, exceptions = (Path(prefix + name) for name in _NAMES)
    return stats, history, failures, exceptions


def _append(path: Path, good: int, seconds: Sequence[csv.Second], percents: Sequence[float]) -> int:
    """Append some seconds behind the first ``good`` bytes; return how many are good now.

    Lines that a full disk took only half of are taken back. A file that was
    moved away is begun anew.
    """
    if not good or not path.exists():
        head = csv.history_head(percents)
        replace(path, head)
        good = len(head.encode())
    data = csv.history_csv(seconds, percents).encode("utf-8", "replace")
    try:
        handle = os.open(path, os.O_WRONLY)
        try:
            written = 0
            os.lseek(handle, good, os.SEEK_SET)
            try:
                while written < len(data):
                    written += os.write(handle, data[written:])
            except OSError:
                os.ftruncate(handle, good)
                raise
        finally:
            os.close(handle)
    except OSError as error:
        raise RecordError(f"cannot write {path}", error.strerror or str(error)) from error
    return good + len(data)
