"""What the command line wants of a run beside its record: CSV files, a web page, JSON, a mark."""

from __future__ import annotations

import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from rampdeck.csvfiles import CsvFiles, files
from rampdeck.errors import RecordError, SessionError, UsageError
from rampdeck.loop import in_thread
from rampdeck.model import RequestBatch
from rampdeck.pages import page_of_run
from rampdeck.record import Result, write, write_json
from rampdeck.record.locustjson import locust_json
from rampdeck.record.write import replace
from rampdeck.store import SessionReader

if TYPE_CHECKING:
    from rampdeck.run import Run

Tell = Callable[[str], None]


def check(options: Namespace) -> None:
    """Make the folders of the files that are wanted, as Locust does, and see that they can be written.

    Raises :class:`UsageError`: better before the load than after it.
    """
    wanted = [Path(name) for name in (options.html_file, options.json_file) if name]
    wanted += files(options.csv_prefix) if options.csv_prefix else ()
    for path in wanted:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise UsageError(f"cannot write {path}", "it is a folder", "Name a file")
            if path.exists() and not path.is_file():
                continue  # a device, a pipe
            with tempfile.NamedTemporaryFile(prefix=f".{path.name}.", dir=path.resolve().parent):
                pass
        except OSError as error:
            raise UsageError(f"cannot write {path}", error.strerror or str(error), "Name another") from None


class Outputs:
    """Writes what the command line wants; whatever cannot be written is told and costs nothing else."""

    def __init__(self, run: Run, options: Namespace, tell: Tell) -> None:
        self._run = run
        self._options = options
        self._tell = tell
        self._csv: CsvFiles | None = None
        if options.csv_prefix:
            full = options.stats_history_enabled
            self._csv = CsvFiles(run, options.csv_prefix, full_history=full, tell=tell)

    def begin(self) -> None:
        """Begin with what goes on during the run, which is open."""
        if self._csv:
            self._csv.begin()
        if self._options.reset_stats:
            self._run.engine.when_spawned(self._spawned)

    async def finish(self, result: Result) -> None:
        """Write what is made of the end, the record first; the run is closed."""
        page = await in_thread(self._html, result)
        await in_thread(write, result, self._run.writer.path.parent, page)
        if self._csv:
            await self._csv.finish()
            if self._csv.problem:
                self._tell(f"The CSV files are not complete: {self._csv.problem}")
        try:
            if self._options.json_file:
                await in_thread(write_json, result, Path(self._options.json_file))
            if self._options.html_file:
                await in_thread(replace, Path(self._options.html_file), page)
                self._tell(f"The report is in {self._options.html_file}")
        except RecordError as error:
            self._tell(str(error))
        if self._options.json:
            self._run.setup.output.answer(await in_thread(self._json))

    def _spawned(self, users: int) -> None:
        self._run.mark(f"{users} users spawned; --reset-stats: a mark, never a reset")

    def _html(self, result: Result) -> str:
        run = self._run
        return page_of_run(result, run.gate, run.views, run.writer.path, run.session.trend())

    def _json(self) -> str:
        book = self._run.session.book
        try:
            return locust_json(book, self._batches())
        except SessionError as error:
            self._tell(f"--json has no requests by second: {error}")
            return locust_json(book, ())

    def _batches(self) -> Iterator[RequestBatch]:
        with closing(SessionReader(self._run.writer.path)) as reader:
            yield from reader.batches()
