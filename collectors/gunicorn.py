"""Gunicorn: what its workers and the application say, from the journal, a file or Docker Compose."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple

from pydantic import model_validator

from rampdeck.collector import CollectorConfig, Sink
from rampdeck.model import Health, Severity
from rampdeck.remote import Remote
from rampdeck.view import Figure, Metric, Unit, View

from ._compose import ComposeFollower
from ._follow import FileFollower, Hearer
from ._journal import Entry, JournalFollower
from ._lines import lines_of, text_of
from ._signals import GUNICORN, Signal, severity_of
from ._tasks import Pace, every, together
from ._times import utc_seconds
from ._tracebacks import Joiner

CONTEXT = 20
"""Lines from before the beginning that are shown."""
BEAT = 0.5
"""Seconds between looks at errors that are held for their traceback; every second look is a sample."""

_PREFIX = re.compile(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4})\] \[(\d{1,10})\] \[([A-Z]{3,10})\] ?")
_LEVEL = re.compile(r"\[?(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b")
_WORKER = re.compile(r"\bpid: ?(\d{1,10})|Worker with pid (\d{1,10})")
_BY_LEVEL = {name: Severity[name] for name in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")}


class GunicornConfig(CollectorConfig):
    """A table of ``kind = "gunicorn"``: one place where its log is.

    ``unit`` in the journal (of a ``namespace``, or in ``journal_file``), or
    ``file``, or ``compose_service``.
    """

    unit: str = "gunicorn.service"
    namespace: str = ""
    journal_file: str = ""
    file: str = ""
    compose_service: str = ""
    compose_file: str = ""
    project_directory: str = ""

    @model_validator(mode="after")
    def _one_source(self) -> GunicornConfig:
        given = [name for name in ("unit", "file", "compose_service") if name in self.model_fields_set]
        if len(given) > 1:
            raise ValueError(f"give one of {' and '.join(given)}: a log is read from one place")
        if (self.namespace or self.journal_file) and (self.file or self.compose_service):
            raise ValueError("namespace and journal_file belong to a unit's journal, not to another log")
        if self.namespace and self.journal_file:
            raise ValueError("give namespace or journal_file, not both")
        if (self.compose_file or self.project_directory) and not self.compose_service:
            raise ValueError("compose_file and project_directory need a compose_service")
        if self.file and not self.file.startswith("/"):
            raise ValueError(f'"{self.file}" must be a whole path on the host, such as /var/log/gunicorn.log')
        return self


class _Head(NamedTuple):
    """What an event knows of itself from its first line."""

    severity: Severity
    sent: float | None
    fields: dict[str, str]
    before: bool


_ALONE = {
    "worker_timeout",
    "worker_killed",
    "worker_signalled",
    "worker_exited",
    "boot_failed",
    "out_of_memory",
}
"""What the arbiter says of workers: no traceback follows, so it need not be held for one."""
_COUNTED = {
    "worker_timeout": "worker_timeouts",
    "worker_killed": "worker_kills",
    "booting": "worker_boots",
    "exiting": "worker_exits",
    "app_error": "app_errors",
    "database_full": "app_errors",
}
_COUNTS = {
    "lines": "lines of the log",
    "errors": "errors and worse; one with its traceback is one",
    "warnings": "warnings",
    "worker_timeouts": "workers that the arbiter found silent too long",
    "worker_kills": "workers ended by SIGKILL, after a timeout or for want of memory",
    "worker_boots": "workers started",
    "worker_exits": "workers that left",
    "app_errors": "requests that the application failed on, by its log",
}


class GunicornCollector:
    """Follows one Gunicorn's log; every line is an event, a traceback joins the error it belongs to."""

    kind: ClassVar[str] = "gunicorn"
    Config: ClassVar[type[CollectorConfig]] = GunicornConfig
    metrics: ClassVar[tuple[Metric, ...]] = (
        *(
            Metric(name, Unit.PER_SECOND, f"{text}, in the second of the sample")
            for name, text in _COUNTS.items()
        ),
        Metric("workers", Unit.COUNT, "workers at work; known once Gunicorn's start was seen"),
    )
    view: ClassVar[View] = View(
        title="Gunicorn journal",
        figures=(
            (
                Figure("lines", "lines/s", spark=True),
                Figure("errors", "errors", warn=1, bad=1),
                Figure("worker_timeouts", "timeouts", warn=1, bad=1),
                Figure("worker_kills", "killed", warn=1, bad=1),
                Figure("worker_boots", "boots", warn=1),
                Figure("workers", "workers"),
            ),
        ),
        log=True,
    )

    def __init__(self, config: GunicornConfig) -> None:
        self._follow = self._follower(config)
        self._sink: Sink | None = None
        self._pace = Pace()
        self._joiner: Joiner[_Head] = Joiner()
        self._counts = dict.fromkeys(_COUNTS, 0.0)
        self._workers: set[str] | None = None
        self._beats = 0

    def _follower(self, config: GunicornConfig) -> Callable[[Remote, Hearer], Coroutine[Any, Any, None]]:
        if config.file:
            file = FileFollower(config.file, context=CONTEXT)
            return lambda remote, hearer: file.follow(remote, hearer, self._take_block)
        if config.compose_service:
            compose = ComposeFollower(
                config.compose_service,
                file=config.compose_file,
                directory=config.project_directory,
                context=CONTEXT,
            )
            return lambda remote, hearer: compose.follow(remote, hearer, self._take)
        journal = JournalFollower(
            config.unit, namespace=config.namespace, file=config.journal_file, context=CONTEXT
        )
        return lambda remote, hearer: journal.follow(remote, hearer, self._take)

    def asks(self) -> tuple[str, ...]:
        """Return every command and statement that it may send."""
        return ()

    async def run(self, remote: Remote, sink: Sink) -> None:
        """Follow until the log cannot be read; goes on where it stood."""
        self._sink = sink
        try:
            await together(self._follow(remote, sink), every(BEAT, partial(self._beat, sink)))
        finally:
            for process in self._joiner.held():
                self._release(process)
            self._sample(sink)

    def _beat(self, sink: Sink) -> None:
        for process in self._joiner.ripe():
            self._release(process)
        self._beats += 1
        if self._beats % 2 == 0:
            self._sample(sink)

    def _sample(self, sink: Sink) -> None:
        if sink.health not in (Health.LIVE, Health.WARNING):
            return
        values = self._counts
        self._counts = dict.fromkeys(_COUNTS, 0.0)
        if self._workers is not None:
            values["workers"] = float(len(self._workers))
        sink.sample(values)

    async def _take_block(self, block: bytes, before: bool) -> None:
        for line in lines_of(block):
            self._line(Entry(text_of(line), before=before))
            await self._pace.breathe()

    async def _take(self, entries: Sequence[Entry]) -> None:
        if self._sink is not None and self._sink.health is Health.WARNING:
            self._sink.live()
        for entry in entries:
            self._line(entry)
        await self._pace.breathe()

    def _line(self, entry: Entry) -> None:
        if not entry.before:
            self._counts["lines"] += 1
        text, sent, process = entry.text, entry.sent, entry.pid
        fields = {"pid": process} if process else {}
        if prefix := _PREFIX.match(text):
            time, fields["pid"], fields["level"] = prefix.groups()
            sent = utc_seconds(time) if sent is None else sent
            text = text[prefix.end() :]
            own = _BY_LEVEL.get(fields["level"], Severity.INFO)
        elif self._joiner.joins(process, text):
            return
        elif level := _LEVEL.match(text):
            own = _BY_LEVEL[level[1]]
        else:
            own = Severity.INFO if entry.priority is None else Severity(entry.priority)
        self._release(process)
        signal = GUNICORN.find(text)
        head = _Head(severity_of(own, signal), sent, fields, entry.before)
        if head.severity <= Severity.ERROR and (signal is None or signal.name not in _ALONE):
            self._joiner.hold(process, head, text)
        else:
            self._emit(head, text, signal)

    def _release(self, process: str) -> None:
        if held := self._joiner.release(process):
            head, text = held
            signal = GUNICORN.find(text)
            self._emit(head._replace(severity=severity_of(head.severity, signal)), text, signal)

    def _emit(self, head: _Head, text: str, signal: Signal | None) -> None:
        assert self._sink is not None
        if signal:
            head.fields["signal"] = signal.name
            if worker := _WORKER.search(text):
                head.fields["worker"] = worker[1] or worker[2]
            self._know_workers(signal.name, head.fields.get("worker", ""))
        if head.before:
            head.fields["before"] = "start"
        else:
            self._count(head.severity, signal)
        self._sink.log(text, head.severity, sent=head.sent, fields=head.fields)

    def _count(self, severity: Severity, signal: Signal | None) -> None:
        if severity <= Severity.ERROR:
            self._counts["errors"] += 1
        elif severity is Severity.WARNING:
            self._counts["warnings"] += 1
        if signal and (name := _COUNTED.get(signal.name)):
            self._counts[name] += 1

    def _know_workers(self, signal: str, worker: str) -> None:
        """Keep the set of workers; it is known only once it was seen from its start."""
        if signal in ("starting", "stopping"):
            self._workers = set()
        elif self._workers is not None and worker:
            if signal == "booting":
                self._workers.add(worker)
            elif signal in ("exiting", "worker_exited", "worker_killed"):
                self._workers.discard(worker)
