"""Nginx: its access log as counts and times, its error log as events."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from pydantic import field_validator, model_validator

from rampdeck.collector import CollectorConfig, Sink
from rampdeck.errors import SourceError
from rampdeck.model import Health, Instant, Severity, Value
from rampdeck.remote import Remote
from rampdeck.view import Figure, Metric, Unit, View

from ._access import AccessLog, Line
from ._follow import FileFollower, Take
from ._lines import lines_of, text_of
from ._signals import NGINX, severity_of
from ._tasks import Pace, every, together
from ._times import utc_seconds, utc_seconds_of_local

CONTEXT = 20
"""Lines of the error log from before the beginning that are shown."""
RETRY = 10.0
"""Seconds after which a log that cannot be read is tried again while the other one is read."""

LEVELS = {
    "emerg": Severity.EMERGENCY,
    "alert": Severity.ALERT,
    "crit": Severity.CRITICAL,
    "error": Severity.ERROR,
    "warn": Severity.WARNING,
    "notice": Severity.NOTICE,
    "info": Severity.INFO,
    "debug": Severity.DEBUG,
}
_ERROR = re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[([a-z]+)\] (\d+)#\d+: (?:\*\d+ )?")
_FIELD = re.compile(r', (client|request|upstream|host): (?:"([^"]*)"|([^,]*))')


class NginxConfig(CollectorConfig):
    """A table of ``kind = "nginx"``: one log or both, by their paths on the host."""

    access_log: str = ""
    error_log: str = ""

    @field_validator("access_log", "error_log")
    @classmethod
    def _absolute(cls, path: str) -> str:
        if path and not path.startswith("/"):
            raise ValueError(f'"{path}" must be a whole path on the host, such as /var/log/nginx/access.log')
        return path

    @model_validator(mode="after")
    def _any(self) -> NginxConfig:
        if not (self.access_log or self.error_log or self.absent):
            raise ValueError("give access_log, error_log or both")
        return self


_SECOND = "in the second of the sample"
_COUNTS = {
    "requests": "lines of the access log",
    "2xx": "requests answered 200 to 299",
    "3xx": "requests answered 300 to 399",
    "4xx": "requests answered 400 to 499, without 499",
    "499": "requests whose client gave up before the answer, without those that we cut off",
    "499_ours": "requests that we cut off ourselves, by a step-down or a stop",
    "5xx": "requests answered 500 to 599",
    "other": "requests with another status, and lines that cannot be read",
    "upstream_2xx": "requests to which the application answered 200 to 299",
    "upstream_3xx": "requests to which the application answered 300 to 399",
    "upstream_4xx": "requests to which the application answered 400 to 499",
    "upstream_5xx": "requests to which the application, or Nginx for it, answered 500 to 599",
    "error_lines": "lines of the error log, error or worse",
    "warning_lines": "lines of the error log, warn",
}
_TIMES = {
    "request": "from a request's first byte to its answer's last one ($request_time)",
    "upstream": "in the application ($upstream_response_time)",
    "connect": "until the application took the connection ($upstream_connect_time)",
    "queue": "outside the application: request time less upstream time",
}


@dataclass(slots=True)
class _Log:
    """One of the two logs, and why it cannot be read; None until it was tried."""

    follower: FileFollower
    take: Take
    trouble: str | None = None


class NginxCollector:
    """Follows both logs of one Nginx.

    Of the access log only failures are events (status 400 and above); all
    else is counted. The sum of ``nginx.requests`` is the number of lines that
    the log gained; the rows of a sample say in which second (UTC, by the log's
    own time) how many of them ended, as far as the format tells.
    """

    kind: ClassVar[str] = "nginx"
    Config: ClassVar[type[CollectorConfig]] = NginxConfig
    metrics: ClassVar[tuple[Metric, ...]] = (
        *(Metric(name, Unit.PER_SECOND, f"{text}, {_SECOND}") for name, text in _COUNTS.items()),
        Metric("bytes", Unit.BYTES_PER_SECOND, f"bytes of the answers' bodies, {_SECOND}"),
        *(Metric(f"{name}_time", Unit.MILLISECONDS, f"mean time {text}") for name, text in _TIMES.items()),
        *(
            Metric(f"{name}_time_max", Unit.MILLISECONDS, f"longest time {text}")
            for name, text in _TIMES.items()
        ),
    )
    view: ClassVar[View] = View(
        title="Nginx",
        figures=(
            (
                Figure("requests", "req/s", spark=True),
                Figure("4xx", "4xx"),
                Figure("499", "499", warn=1),
                Figure("5xx", "5xx", warn=1, bad=1),
                Figure("upstream_time", "upstream"),
                Figure("queue_time", "queue"),
            ),
        ),
        log=True,
    )

    def __init__(self, config: NginxConfig) -> None:
        self._access = AccessLog()
        self._errors = {"error_lines": 0.0, "warning_lines": 0.0}
        self._sink: Sink | None = None
        self._pace = Pace()
        self._access_log = _Log(FileFollower(config.access_log), self._take_access)
        self._error_log = _Log(FileFollower(config.error_log, context=CONTEXT), self._take_errors)
        self._logs = [log for log in (self._access_log, self._error_log) if log.follower.path]

    def asks(self) -> tuple[str, ...]:
        """Return every command and statement that it may send."""
        return ()

    async def run(self, remote: Remote, sink: Sink) -> None:
        """Follow until neither log can be read; both go on where they stood."""
        self._sink = sink
        for log in self._logs:
            log.trouble = None
        try:
            parts = (self._keep(log, remote, sink) for log in self._logs)
            await together(*parts, every(1.0, partial(self._beat, sink)))
        finally:
            self._beat(sink)

    async def _keep(self, log: _Log, remote: Remote, sink: Sink) -> None:
        """Follow one log; when it cannot be read while the other one can, that is a warning."""
        while True:
            try:
                await log.follower.follow(remote, _Voice(self, log, sink), log.take)
            except SourceError as error:
                log.trouble = str(error)
                if all(each.trouble for each in self._logs):
                    raise
                self.tell(sink)
                await asyncio.sleep(RETRY)

    def tell(self, sink: Sink) -> None:
        """Pass on how well the logs can be read, once it is known of both."""
        if any(log.trouble is None for log in self._logs):
            return
        troubles = [log.trouble for log in self._logs if log.trouble]
        if troubles:
            sink.warn("; ".join(troubles))
        else:
            sink.live()

    def _beat(self, sink: Sink) -> None:
        if sink.health not in (Health.LIVE, Health.WARNING):
            return
        values: dict[str, float] = {}
        rows: tuple[dict[str, Value], ...] = ()
        # Of a log that cannot be read nothing is known; what it gave keeps for later.
        if self._access_log in self._logs and not self._access_log.trouble:
            rows = self._access.seconds()
            values.update(self._access.readings())
        if self._error_log in self._logs and not self._error_log.trouble:
            values.update(self._errors)
            self._errors = dict.fromkeys(self._errors, 0.0)
        sink.sample(values, rows)

    async def _take_access(self, block: bytes, before: bool) -> None:  # noqa: ARG002 - there is none before
        assert self._sink is not None
        for line in self._access.take(block):
            severity, signal = _access_severity(line)
            fields = dict(line.fields)
            sent = utc_seconds(fields.pop("time", ""))
            if signal:
                fields["signal"] = signal
            self._sink.log(line.text, severity, sent=sent, fields=fields)
        await self._pace.breathe()

    async def _take_errors(self, block: bytes, before: bool) -> None:
        assert self._sink is not None
        for line in lines_of(block):
            text, severity, sent, fields = read_error(text_of(line), self._error_log.follower.utc_offset)
            if before:
                fields["before"] = "start"
            elif severity <= Severity.ERROR:
                self._errors["error_lines"] += 1
            elif severity is Severity.WARNING:
                self._errors["warning_lines"] += 1
            self._sink.log(text, severity, sent=sent, fields=fields)
            await self._pace.breathe()


def _access_severity(line: Line) -> tuple[Severity, str]:
    if line.request is None:
        return Severity.NOTICE, "unreadable"
    status = line.request.status
    if status == b"499":
        return Severity.WARNING, "client_gave_up"
    return (Severity.NOTICE, "") if status < b"500" else (Severity.ERROR, "answered_5xx")


def read_error(line: str, utc_offset: int) -> tuple[str, Severity, float | None, dict[str, str]]:
    """Return text, severity, time and fields of a line of the error log.

    Its time names no zone: ``utc_offset`` is the host's, in seconds. A line of
    another shape is kept whole, as a notice.
    """
    found = _ERROR.match(line)
    if found is None:
        return line, Severity.NOTICE, None, {}
    time, level, pid = found.groups()
    text, client, rest = line[found.end() :].partition(", client: ")
    fields = {"level": level, "pid": pid}
    for name, quoted, plain in _FIELD.findall(client + rest):
        fields.setdefault(name, quoted or plain)
    signal = NGINX.find(text)
    if signal:
        fields["signal"] = signal.name
    severity = severity_of(LEVELS.get(level, Severity.NOTICE), signal)
    return text, severity, utc_seconds_of_local(time, utc_offset), fields


class _Voice:
    """Hears how one log fares and says how the source does."""

    def __init__(self, collector: NginxCollector, log: _Log, sink: Sink) -> None:
        self._collector = collector
        self._log = log
        self._sink = sink

    def live(self) -> None:
        self._log.trouble = ""
        self._collector.tell(self._sink)

    def warn(self, reason: str) -> None:
        self._log.trouble = reason
        self._collector.tell(self._sink)

    def gap(self, since: Instant, why: str) -> None:
        self._sink.gap(since, why)
