"""Caddy: its access log as counts and times, its own log as events; both may be one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import ClassVar

from pydantic import field_validator

from rampdeck.collector import LINE_METRICS, CollectorConfig, Sink
from rampdeck.facts import Fact
from rampdeck.model import Health, Severity, Value
from rampdeck.remote import Remote, Shell
from rampdeck.view import Figure, Metric, Unit, View

from ._caddy_log import CaddyLog, Message, described
from ._caddy_signals import CADDY
from ._facts_caddy import CaddyFacts
from ._follow import FileFollower
from ._journal import Entry
from ._lines import lines_of, text_of
from ._logs import Log, Logs
from ._places import LogConfig, follower_of
from ._requests import tell_failure
from ._signals import Signal, severity_of

LONGEST_MESSAGE = 4096
"""Characters in which a message's meaning is looked for."""
LEVELS = {
    "debug": Severity.DEBUG,
    "info": Severity.INFO,
    "warn": Severity.WARNING,
    "error": Severity.ERROR,
    "dpanic": Severity.CRITICAL,
    "panic": Severity.CRITICAL,
    "fatal": Severity.CRITICAL,
}
_DIALLED = re.compile(r"\bdial (?:tcp|unix)\S* (\S+?): ")


class CaddyConfig(LogConfig):
    """A table of ``kind = "caddy"``: where its own log is, and its access log where that is another one.

    Without ``access_log`` requests are looked for in its own log as well.
    """

    access_log: str = ""
    unit: str = "caddy.service"
    config: str = ""
    """Its configuration file, where no process names it; for the record only."""

    @field_validator("access_log", "config")
    @classmethod
    def _absolute(cls, path: str) -> str:
        if path and not path.startswith("/"):
            raise ValueError(f'"{path}" must be a whole path on the host, such as /var/log/caddy/access.log')
        return path


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
    "other": "requests with another status",
    "own_5xx": "requests answered 500 to 599 by Caddy itself, without an answer of the application",
    "upstream_2xx": "requests to which the application answered 200 to 299",
    "upstream_3xx": "requests to which the application answered 300 to 399",
    "upstream_4xx": "requests to which the application answered 400 to 499",
    "upstream_5xx": "requests to which the application itself answered 500 to 599",
    "static_upstream": "requests for files (.css, .js, images, fonts) that went to the application",
    "error_lines": "lines of its own log, error or worse",
    "warning_lines": "lines of its own log, warn",
}


class CaddyCollector:
    """Follows the logs of one Caddy.

    Of the requests only failures are events (status 400 and above), as of
    Nginx; everything else that Caddy says is an event of its own.
    """

    kind: ClassVar[str] = "caddy"
    Config: ClassVar[type[CollectorConfig]] = CaddyConfig
    metrics: ClassVar[tuple[Metric, ...]] = (
        *(Metric(name, Unit.PER_SECOND, f"{text}, {_SECOND}") for name, text in _COUNTS.items()),
        Metric("bytes", Unit.BYTES_PER_SECOND, f"bytes of the answers' bodies, {_SECOND}"),
        Metric("request_time", Unit.MILLISECONDS, "mean time that Caddy took for a request (duration)"),
        Metric("request_time_max", Unit.MILLISECONDS, "longest time that Caddy took for a request"),
        *CADDY.metrics(),
        *LINE_METRICS,
    )
    view: ClassVar[View] = View(
        title="Caddy",
        figures=(
            (
                Figure("requests", "req/s", spark=True),
                Figure("4xx", "4xx"),
                Figure("499", "499", warn=1),
                Figure("5xx", "5xx", warn=1, bad=1),
                Figure("own_5xx", "own", warn=1, bad=1),
                Figure("request_time", "time"),
            ),
        ),
        log=True,
    )

    def __init__(self, config: CaddyConfig) -> None:
        self.config = config
        self._log = CaddyLog()
        self._lines = {"error_lines": 0.0, "warning_lines": 0.0}
        self._signals: Counter[str] = Counter()
        self._sink: Sink | None = None
        follow, asks = follower_of(config, self._take_block, self._take_entries)
        self._own = self._access = Log(follow)
        self._facts = CaddyFacts(config.config)
        self._asks = [asks, self._facts.asks]
        if config.access_log:
            access = FileFollower(config.access_log)
            self._asks.append(access.asks)
            self._access = Log(lambda remote, hearer: access.follow(remote, hearer, self._take_block))
        self._logs = Logs(*dict.fromkeys((self._own, self._access)))

    def asks(self) -> tuple[str, ...]:
        """Return every command and statement that it may send."""
        return tuple(chain(*(asks() for asks in self._asks)))

    async def facts(self, shell: Shell) -> tuple[Fact, ...]:
        """Ask once what this Caddy is made of."""
        return await self._facts.facts(shell)

    async def run(self, remote: Remote, sink: Sink) -> None:
        """Follow until no log can be read; goes on where it stood."""
        self._sink = sink
        await self._logs.run(remote, sink, self._beat)

    def _beat(self) -> None:
        sink = self._sink
        if sink is None or sink.health not in (Health.LIVE, Health.WARNING):
            return
        values: dict[str, float] = {}
        rows: tuple[dict[str, Value], ...] = ()
        # Of a log that cannot be read nothing is known, but for what it gave before.
        if self._access.readable or self._log.counted:
            rows = self._log.seconds()
            values, floods = self._log.readings()
            for failure in floods:
                tell_failure(sink, failure)
        if self._own.readable or any(self._lines.values()) or self._signals:
            values.update(self._lines)
            values.update({metric.name: self._signals[metric.name] for metric in _SIGNAL_METRICS})
            self._lines = dict.fromkeys(self._lines, 0.0)
            self._signals.clear()
        sink.sample(values, rows)

    def _take_block(self, block: bytes, before: bool) -> None:
        if before:
            self._show([Entry(text_of(line), before=True) for line in lines_of(block)])
        else:
            self._take(lines_of(block), block)

    def _take_entries(self, entries: Sequence[Entry]) -> None:
        if any(entry.before for entry in entries):
            self._show(entries)
        else:
            # Entries may hold line ends, lines may not.
            lines = [entry.text.replace("\n", " ").encode() for entry in entries]
            self._take(lines, b"\n".join(lines) + b"\n", entries)
            assert self._sink is not None
            self._sink.lines(suppressed=sum(entry.suppressed for entry in entries))

    def _show(self, entries: Sequence[Entry]) -> None:
        """Show lines from before the beginning, which count as nothing."""

        def tell() -> None:
            for entry in entries:
                self._tell(described(entry.text.encode()), entry, {"before": "start"}, lines=0)

        self._logs.when_settled(tell)

    def _take(self, lines: Sequence[bytes], block: bytes, entries: Sequence[Entry] = ()) -> None:
        assert self._sink is not None
        self._logs.release()
        failures, messages = self._log.take(lines, block)
        self._sink.lines(read=len(lines), counted=len(lines) - len(failures) - len(messages))
        for place, message in messages:
            signal, severity = self._tell(message, entries[place] if entries else _NO_ENTRY, {})
            if severity <= Severity.ERROR:
                self._lines["error_lines"] += 1
            elif severity is Severity.WARNING:
                self._lines["warning_lines"] += 1
            if signal:
                self._signals[signal.name] += 1
        for failure in failures:
            tell_failure(self._sink, failure)

    def _tell(
        self, message: Message, entry: Entry, more: dict[str, str], *, lines: int = 1
    ) -> tuple[Signal | None, Severity]:
        """Hand over what Caddy says; what its line does not tell, the journal may."""
        assert self._sink is not None
        signal = _meaning(message.text[:LONGEST_MESSAGE])
        own = LEVELS.get(message.level)
        if own is None:
            own = Severity.NOTICE if entry.priority is None else Severity(entry.priority)
        severity = severity_of(own, signal)
        fields = {**message.fields, **more}
        if entry.pid:
            fields["pid"] = entry.pid
        if signal:
            fields["signal"] = signal.name
        if dialled := _DIALLED.search(message.text[:LONGEST_MESSAGE]):
            fields["upstream"] = dialled[1]
        sent = entry.sent if message.sent is None else message.sent
        self._sink.log(message.text, severity, sent=sent, fields=fields, lines=lines)
        return signal, severity


_SIGNAL_METRICS = CADDY.metrics()
_NO_ENTRY = Entry("")


@lru_cache(maxsize=1024)
def _meaning(text: str) -> Signal | None:
    """Return the signal of a message; most are said again and again."""
    return CADDY.find(text)
