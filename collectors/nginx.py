"""Nginx: its access log as counts and times, its error log as events."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache, partial
from itertools import chain
from typing import ClassVar, NamedTuple

from pydantic import field_validator, model_validator

from rampdeck.collector import LINE_METRICS, CollectorConfig, Sink
from rampdeck.facts import Fact
from rampdeck.model import Health, Severity, Value
from rampdeck.remote import Remote, Shell
from rampdeck.view import Figure, Metric, Unit, View

from ._access import AccessLog
from ._facts_nginx import NginxFacts
from ._follow import FileFollower, Hearer
from ._lines import lines_of, text_of
from ._logs import Log, Logs
from ._nginx_signals import NGINX
from ._places import CONTEXT
from ._requests import tell_failure
from ._signals import Signal, severity_of
from ._times import utc_seconds_of_local

LONGEST_MESSAGE = 2048
"""Characters in which a message's meaning is looked for; Nginx cuts its lines there."""

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
_ERROR = re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[([a-z]+)\] (\d+)#\d+: (?:\*(\d+) )?")
_CLIENT = re.compile(
    r'([^,]*)(?:, server: ([^,]*))?(?:, request: "([^"]*)")?(?:, subrequest: "[^"]*")?'
    r'(?:, upstream: "([^"]*)")?(?:, host: "([^"]*)")?(?:, referrer: .*)?'
)
_CLIENT_FIELDS = ("client", "server", "request", "upstream", "host")
_FIELD = re.compile(r', (client|server|request|upstream|host): (?:"([^"]*)"|([^,]*))')
_ERRNO = re.compile(r"\((\d{1,4}): [^()]*\)")
_ACTION = re.compile(
    r" while ((?:SSL handshaking|connecting|sending|reading|closing|waiting|logging|proxying)[^,\"]*)"
)
_ZONE = re.compile(r'by zone "([^"]*)"')
LOG_FORMAT = (
    'log_format timed \'$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent" rt=$request_time uct=$upstream_connect_time '
    "uht=$upstream_header_time urt=$upstream_response_time us=$upstream_status ucs=$upstream_cache_status'; "
    "access_log /var/log/nginx/access.log timed;"
)
"""What Nginx's configuration needs for all that is read here."""


class NginxConfig(CollectorConfig):
    """A table of ``kind = "nginx"``: one log or both, by their paths on the host."""

    access_log: str = ""
    error_log: str = ""
    config: str = ""
    """Its configuration file, where several run on a host or none can be seen; for the record only."""

    @field_validator("access_log", "error_log", "config")
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
    "502": "requests answered 502: the application refused or broke off",
    "503": "requests answered 503",
    "504": "requests answered 504: the application was too slow",
    "other": "requests with another status, and lines that cannot be read",
    "own_5xx": "requests answered 500 to 599 by Nginx itself, without an answer of the application",
    "upstream_2xx": "requests to which the application answered 200 to 299",
    "upstream_3xx": "requests to which the application answered 300 to 399",
    "upstream_4xx": "requests to which the application answered 400 to 499",
    "upstream_5xx": "requests to which the application itself answered 500 to 599",
    "static_upstream": "requests for files (.css, .js, images, fonts) that went to the application",
    "cached": "requests answered from Nginx's cache ($upstream_cache_status)",
    "error_lines": "lines of the error log, error or worse",
    "warning_lines": "lines of the error log, warn",
}
_TIMES = {
    "request": "from a request's first byte to its answer's last one ($request_time)",
    "upstream": "in the application ($upstream_response_time)",
    "connect": "until the application took the connection ($upstream_connect_time)",
    "queue": "outside the application: request time less upstream time",
}


class NginxCollector:
    """Follows both logs of one Nginx.

    Of the access log only failures are events (status 400 and above), of a
    flood of them the first ones of a second and then one event a group; all
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
        *NGINX.metrics(),
        *LINE_METRICS,
    )
    view: ClassVar[View] = View(
        title="Nginx",
        figures=(
            (
                Figure("requests", "req/s", spark=True),
                Figure("4xx", "4xx"),
                Figure("499", "499", warn=1),
                Figure("5xx", "5xx", warn=1, bad=1),
                Figure("own_5xx", "own", warn=1, bad=1),
                Figure("upstream_time", "upstream"),
                Figure("queue_time", "queue"),
            ),
        ),
        log=True,
    )

    def __init__(self, config: NginxConfig) -> None:
        self.config = config
        self._access = AccessLog()
        self._lines = {"error_lines": 0.0, "warning_lines": 0.0}
        self._signals: Counter[str] = Counter()
        self._sink: Sink | None = None
        self._format_told = False
        self._error_file = FileFollower(config.error_log, context=CONTEXT) if config.error_log else None
        self._access_file = FileFollower(config.access_log) if config.access_log else None
        self._facts = NginxFacts(config.config, config.access_log, config.error_log)
        self._error_log = Log(self._follow_errors)
        self._access_log = Log(self._follow_access)
        logs = ((self._error_file, self._error_log), (self._access_file, self._access_log))
        self._logs = Logs(*(log for file, log in logs if file))

    def asks(self) -> tuple[str, ...]:
        """Return every command and statement that it may send."""
        return tuple(
            chain(*(one.asks() for one in (self._error_file, self._access_file, self._facts) if one))
        )

    async def facts(self, shell: Shell) -> tuple[Fact, ...]:
        """Ask once what this Nginx is made of."""
        return await self._facts.facts(shell)

    async def run(self, remote: Remote, sink: Sink) -> None:
        """Follow until neither log can be read; both go on where they stood."""
        self._sink = sink
        await self._logs.run(remote, sink, self._beat)

    async def _follow_errors(self, remote: Remote, hearer: Hearer) -> None:
        assert self._error_file is not None
        await self._error_file.follow(remote, hearer, self._take_errors)

    async def _follow_access(self, remote: Remote, hearer: Hearer) -> None:
        assert self._access_file is not None
        await self._access_file.follow(remote, hearer, self._take_access)

    def _beat(self) -> None:
        sink = self._sink
        if sink is None or sink.health not in (Health.LIVE, Health.WARNING):
            return
        values: dict[str, float] = {}
        rows: tuple[dict[str, Value], ...] = ()
        # Of a log that cannot be read nothing is known, but for what it gave before.
        if self._access_file and (self._access_log.readable or self._access.counted):
            rows = self._access.seconds()
            counted, floods = self._access.readings()
            values.update(counted)
            for failure in floods:
                tell_failure(sink, failure)
        if self._error_file and (self._error_log.readable or any(self._lines.values()) or self._signals):
            values.update(self._lines)
            values.update({metric.name: self._signals[metric.name] for metric in _SIGNAL_METRICS})
            self._lines = dict.fromkeys(self._lines, 0.0)
            self._signals.clear()
        sink.sample(values, rows)

    def _take_access(self, block: bytes, before: bool) -> None:  # noqa: ARG002 - there is none before
        assert self._sink is not None
        failures = self._access.take(block)
        read = block.count(b"\n")
        self._sink.lines(read=read, counted=read - len(failures))
        for failure in failures:
            tell_failure(self._sink, failure)
        if not self._format_told and self._access.tells:
            self._format_told = True
            self._tell_format(self._sink)

    def _tell_format(self, sink: Sink) -> None:
        """Say once what the log's format does not tell, and which one would."""
        wanted = {"request_time": "how long a request took", "upstream_status": "who answered it"}
        lacking = [text for field, text in wanted.items() if field not in self._access.tells]
        if lacking:
            text = f"the access log does not tell {' or '.join(lacking)}; in nginx.conf: {LOG_FORMAT}"
            sink.log(text, Severity.NOTICE, fields={"signal": "format_without_times"}, lines=0)

    def _take_errors(self, block: bytes, before: bool) -> None:
        if before:
            self._logs.when_settled(partial(self._tell_errors, block, before=True))
        else:
            self._logs.release()
            self._tell_errors(block, before=False)

    def _tell_errors(self, block: bytes, *, before: bool) -> None:
        assert self._sink is not None
        assert self._error_file is not None
        lines = lines_of(block)
        self._sink.lines(read=0 if before else len(lines))
        for line in lines:
            text, severity, sent, fields = read_error(text_of(line), self._error_file.utc_offset)
            if before:
                fields["before"] = "start"
            else:
                self._count_error(severity, fields.get("signal", ""))
            self._sink.log(text, severity, sent=sent, fields=fields, lines=not before)

    def _count_error(self, severity: Severity, signal: str) -> None:
        if severity <= Severity.ERROR:
            self._lines["error_lines"] += 1
        elif severity is Severity.WARNING:
            self._lines["warning_lines"] += 1
        if signal:
            self._signals[signal] += 1


_SIGNAL_METRICS = NGINX.metrics()


class _Meaning(NamedTuple):
    """What a message says, whoever asked."""

    signal: Signal | None
    fields: dict[str, str]


@lru_cache(maxsize=1024)
def _meaning(message: str) -> _Meaning:
    """Return the signal, errno, action and zone of a message; most are said again and again."""
    signal = NGINX.find(message)
    parts = {"errno": _ERRNO, "action": _ACTION, "zone": _ZONE}
    found = {name: pattern.search(message) for name, pattern in parts.items()}
    fields = {name: match[1] for name, match in found.items() if match}
    if signal:
        fields["signal"] = signal.name
    return _Meaning(signal, fields)


def read_error(line: str, utc_offset: int) -> tuple[str, Severity, float | None, dict[str, str]]:
    """Return text, severity, time and fields of a line of the error log.

    Its time names no zone: ``utc_offset`` is the host's, in seconds. A line of
    another shape is kept whole, as a notice.
    """
    found = _ERROR.match(line)
    if found is None:
        return line, Severity.NOTICE, None, {}
    time, level, pid, connection = found.groups()
    text, comma, rest = line[found.end() :].partition(", client: ")
    meaning = _meaning(text[:LONGEST_MESSAGE])
    fields = {"level": level, "pid": pid, **meaning.fields}
    if connection:
        fields["conn"] = connection
    if comma:
        _read_client(rest, fields)
    severity = severity_of(LEVELS.get(level, Severity.NOTICE), meaning.signal)
    return text, severity, utc_seconds_of_local(time, utc_offset), fields


def _read_client(rest: str, fields: dict[str, str]) -> None:
    """Read what Nginx adds of the client and its request, always in this order."""
    if found := _CLIENT.fullmatch(rest):
        told = zip(_CLIENT_FIELDS, found.groups(), strict=True)
        fields.update({name: value for name, value in told if value})
        return
    # A client may have sent a quotation mark, or a line cut the rest off.
    for name, quoted, plain in _FIELD.findall(", client: " + rest):
        fields.setdefault(name, quoted or plain)
