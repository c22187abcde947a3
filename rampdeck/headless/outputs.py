"""What the command line wants of a run beside its record: CSV files, a web page, JSON, a mark."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from argparse import Namespace
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rampdeck import defects
from rampdeck.errors import RecordDefect, RecordError, SessionError, UsageError
from rampdeck.headless import console, documents, github
from rampdeck.headless.csvfiles import CsvFiles, files
from rampdeck.headless.telling import PAUSE
from rampdeck.loop import in_thread
from rampdeck.model import RequestBatch
from rampdeck.record import Result, write, write_json
from rampdeck.record.locustjson import locust_json
from rampdeck.record.markdown import markdown
from rampdeck.record.write import replace
from rampdeck.report.pages import page_of_run
from rampdeck.store import SessionReader

if TYPE_CHECKING:
    from rampdeck.headless.signals import Signals
    from rampdeck.run import Run

T = TypeVar("T")
Tell = Callable[[str], None]


def check(options: Namespace) -> None:
    """Make the folders of the files that are wanted, as Locust does, and see that they can be written.

    Raises :class:`UsageError`: better before the load than after it.
    """
    wanted = [Path(name) for name in (options.html_file, options.json_file) if name]
    wanted += files(options.csv_prefix) if options.csv_prefix else ()
    reports = [documents.wanted(given) for given in options.report]
    spoken = [f"--report {one.format}" for one in reports if one.path is None]
    spoken += ["--json"] if options.json else []
    if len(spoken) > 1:
        why = "standard output has room for one document"
        raise UsageError(" and ".join(spoken), why, "Give the others a file: --report FORMAT=FILE")
    wanted += [one.path for one in reports if one.path is not None]
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


def _elsewhere(result: Result) -> Path | None:
    """Write the record where temporary files go, in a private folder; ``None`` if there is no room either."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="rampdeck-record-"))
    except OSError:
        return None
    try:
        return write(result, folder)
    except RecordError:
        shutil.rmtree(folder, ignore_errors=True)
        return None


class Outputs:
    """Writes what the command line wants; whatever cannot be written is told and costs nothing else."""

    def __init__(self, run: Run, options: Namespace, tell: Tell) -> None:
        self._run = run
        self._options = options
        self._tell = tell
        self._inform: Tell = (lambda _: None) if options.quiet else tell
        self._csv: CsvFiles | None = None
        self.broken = False
        """Whether a part could not be made, for Rampdeck has a defect."""
        if options.csv_prefix:
            full = options.stats_history_enabled
            self._csv = CsvFiles(run, options.csv_prefix, full_history=full)

    def begin(self) -> None:
        """Begin with what goes on during the run, which is open."""
        if self._csv:
            self._csv.begin()
        if self._options.reset_stats:
            self._run.engine.when_spawned(self._spawned)

    async def finish(self, result: Result, signals: Signals) -> None:
        """Say how it ended and write what is made of that, the record first; the run is closed.

        A reader of standard output is waited for until a signal comes.
        """
        self._tell(await self._whole("the table", self._ending(result)) or str(result.result))
        page = await self._whole("the HTML report", in_thread(self._html, result)) or ""
        await self._whole("the record", self._record(result, page))
        if self._csv:
            await self._whole("the CSV files", self._csv.finish())
            if self._csv.problem:
                self._tell(f"The CSV files are not complete: {self._csv.problem}")
        if name := self._options.json_file:
            await self._whole(name, in_thread(write_json, result, Path(name)))
        if (name := self._options.html_file) and page:
            await self._whole(name, self._into(Path(name), page))
        answers = [await self._whole("--json", in_thread(self._json))] if self._options.json else []
        answers += [
            await self._whole(f"--report {one.format}", self._report(one, result, page))
            for one in map(documents.wanted, self._options.report)
        ]
        await self._whole("what GitHub is told", self._github(result))
        heard = signals.heard
        for answer in filter(None, answers):
            for _ in self._run.setup.output.answer(answer):
                if signals.heard > heard:
                    return
                await asyncio.sleep(PAUSE)

    async def _ending(self, result: Result) -> str:
        return console.ending(result, self._options)

    async def _whole(self, what: str, work: Awaitable[T]) -> T | None:
        """Do a piece of the work; whatever goes wrong with it is told and costs no other piece."""
        try:
            return await work
        except RecordDefect as error:
            self.broken = True
            self._tell(str(error))
        except RecordError as error:
            self._tell(str(error))
        except Exception as error:  # noqa: BLE001 - the supervising edge
            self.broken = True
            self._tell(
                f"Rampdeck has a defect, {what} cannot be made: {defects.told(error)}. Please report it."
            )
        return None

    async def _record(self, result: Result, page: str) -> None:
        """Write the record beside the session, or else where there is room, or else say it."""
        folder = self._run.writer.path.parent
        try:
            path = await in_thread(write, result, folder, page)
        except RecordDefect:
            raise
        except RecordError as error:
            self._tell(str(error))
            elsewhere = await in_thread(_elsewhere, result)
            if elsewhere is None:
                self._tell("The record cannot be written anywhere, so it stands here:\n")
                self._tell(markdown(result))
                return
            self._tell(f"The record is in {elsewhere} instead")
        else:
            others = sorted(file.name for file in folder.iterdir() if file != path and file.is_file())
            self._inform(f"The record is in {path}, and beside it: {', '.join(others)}")

    async def _report(self, wanted: documents.Wanted, result: Result, page: str) -> str:
        """Write a document into its file, or return it for standard output."""
        if wanted.format == documents.HTML:
            text = page
        else:
            text = await in_thread(documents.document, wanted.format, result)
        if wanted.path is None:
            return text
        if text:
            await self._into(wanted.path, text)
        return ""

    async def _into(self, path: Path, text: str) -> None:
        await in_thread(replace, path, text)
        self._inform(f"The report is in {path}")

    async def _github(self, result: Result) -> None:
        """Show the verdict on the page of a run of GitHub's, if a runner asks for it."""
        if path := github.summary_file():
            text = await in_thread(documents.document, "summary", result)
            try:
                await in_thread(github.append, path, text)
            except OSError as error:
                self._tell(f"The summary cannot be appended to {path}: {error.strerror or error}")
        if github.is_runner():
            self._run.setup.output.command(github.annotation(result))

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
