"""Reading what Python servers write: a line becomes an event, a traceback joins the error before it.

Pure: lines go in, events come out by a call, nothing is awaited. So it can be
measured and fuzzed without a host.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from rampdeck.model import Severity

from ._crew import Crew, known_bugs
from ._journal import Entry
from ._python_signals import ACCESS
from ._signals import Found, Signal, SignalTable, severity_of
from ._times import utc_seconds
from ._tracebacks import START, Joiner

_GUNICORN = re.compile(
    r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4})\] \[(\d{1,10})\] \[([A-Z]{3,10})\] ?"
).match
# In colour where a terminal is feigned. Level, colon and blanks are ten columns: nobody else writes that.
_UVICORN = re.compile(
    r"(?:\x1b\[\d{1,3}m)?(INFO|ERROR|WARNING|CRITICAL|DEBUG|TRACE)(?:\x1b\[0m)?:( {1,5})"
).match
_COLUMNS = 9
"""Columns of level and blanks."""
_INITIALS = "DIWECT\x1b"
_LEVEL = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b").match
_JSON_LEVEL = re.compile(r'"(?:level|levelname|log_level|severity)" ?: ?"(\w{1,10})"').search
_BY_LEVEL = {name: Severity[name] for name in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")}
_BY_LEVEL |= {"TRACE": Severity.DEBUG, "WARN": Severity.WARNING, "FATAL": Severity.CRITICAL}

_EXCEPTION = re.compile(r"^(?: *\| +)?((?:[A-Za-z_]\w{0,80}\.){0,12}[A-Za-z_]\w{0,80})(?::|$)", re.MULTILINE)
_LAST = 4_096
"""Characters at the end of a traceback in which the exception is looked for."""
_SERVER = re.compile(
    r'connection to server (?:at "([^"\n]{1,200})"(?: \([^)\n]{1,100}\))?, port (\d+)'
    r'|on socket "([^"\n]{1,200})")'
)
_REQUEST = re.compile(r"(?:Internal Server Error|Bad Request): (\S{1,1000})")
_HELD = Severity.WARNING
"""From this severity on a traceback may follow."""
_ALONE = {
    "worker_timeout",
    "worker_killed",
    "worker_signalled",
    "worker_crashed",
    "worker_exited",
    "worker_died",
    "boot_failed",
    "config_changed",
    "overloaded",
    "lines_lost",
}
"""What no traceback follows: it need not be held for one."""
_OF_CREW = {
    *(
        "worker_timeout",
        "worker_killed",
        "worker_crashed",
        "worker_exited",
        "worker_died",
        "worker_signalled",
    ),
    *("worker_stopped", "booting", "exiting", "recycling", "draining", "app_error"),
    *("starting", "stopping", "reloading", "config_changed"),
}
_BY_CREW = {
    "out_of_memory": Severity.CRITICAL,
    "worker_restarted": Severity.WARNING,
    "stranger_exited": Severity.NOTICE,
}
"""How grave is what the crew makes of a signal."""


class Tell(Protocol):
    """Takes an event; :meth:`rampdeck.collector.Sink.log` is one."""

    def __call__(
        self,
        text: str,
        severity: Severity,
        *,
        sent: float | None,
        fields: Mapping[str, str],
        lines: int,
    ) -> None: ...


class _Head(NamedTuple):
    """What an event knows of itself from its first line."""

    severity: Severity
    sent: float | None
    fields: dict[str, str]
    before: bool


class Reader:
    """Reads one server's log.

    ``counts`` are the events of each signal since they were last taken, with
    ``errors`` and ``warnings``; what is from before the beginning is not in
    them, and stands for no line. ``counted`` are the lines that became a count only.
    """

    def __init__(self, table: SignalTable, tell: Tell, clock: Callable[[], float] = time.time) -> None:
        self.crew = Crew()
        self.counts = table.counts() | {"errors": 0.0, "warnings": 0.0}
        self.counted = 0
        self._table = table
        self._tell = tell
        self._clock = clock
        self._joiner: Joiner[tuple[_Head, Found | None]] = Joiner()
        self._time: tuple[str, float | None] = ("", None)

    def take_counts(self) -> dict[str, float]:
        """Return the counts, and begin anew."""
        counts, self.counts = self.counts, dict.fromkeys(self.counts, 0.0)
        return counts

    def read(self, entry: Entry) -> None:
        """Take in one line."""
        text, sent, process = entry.text, entry.sent, entry.pid
        first = text[:1]
        if first == "[" and (prefix := _GUNICORN(text)):
            stamp, pid, level = prefix.groups()
            if sent is None:
                sent = self._seconds(stamp)
            head = _Head(
                _BY_LEVEL.get(level, Severity.INFO), sent, {"pid": pid, "level": level}, entry.before
            )
            self._event(head, text[prefix.end() :], process or pid, levelled=True)
            return
        fields = {"pid": process} if process else {}
        levelled = True
        if first in _INITIALS and (prefix := _UVICORN(text)) and len(prefix[1] + prefix[2]) == _COLUMNS:
            fields["level"] = prefix[1]
            own = _BY_LEVEL[prefix[1]]
            text = text[prefix.end() :]
        elif self._joiner.errors and self._joiner.joins(process or self._joiner.latest, text):
            return
        elif first in _INITIALS and (found := _LEVEL(text)):
            own = _BY_LEVEL[found[1]]
        elif first == "{" and (found := _JSON_LEVEL(text, 0, _LAST)):
            own = _BY_LEVEL.get(found[1].upper(), Severity.INFO)
        else:
            own = Severity.INFO if entry.priority is None else Severity(entry.priority)
            levelled = False
        if not process:
            self._release(self._joiner.latest)
        head = _Head(own, sent, fields, entry.before)
        if not ((access := ACCESS.match(text)) and self._access(access, head, text, process)):
            self._event(head, text, process, levelled=levelled)

    def ripen(self) -> None:
        """Tell of the errors that nothing has followed for a while."""
        for process in self._joiner.ripe():
            self._release(process)

    def flush(self) -> None:
        """Tell of everything that is held."""
        for process in self._joiner.held():
            self._release(process)

    def _seconds(self, stamp: str) -> float | None:
        if stamp != self._time[0]:
            self._time = (stamp, utc_seconds(stamp))
        return self._time[1]

    def _event(self, head: _Head, text: str, process: str, *, levelled: bool) -> None:
        """Take in a line that begins an event."""
        if process in self._joiner.errors:
            self._release(process)
        # Of a line that says itself that it is no warning only its first words can say otherwise.
        quiet = levelled and head.severity > _HELD
        found = self._table.read_beginning(text) if quiet else self._table.read(text)
        severity = severity_of(head.severity, found and found[0])
        if min(head.severity, severity) <= _HELD and (found is None or found[0].name not in _ALONE):
            self._joiner.hold(process, (head, found), text)
        else:
            self._tell_of(head, text, 1, found)

    def _release(self, process: str) -> None:
        if held := self._joiner.release(process):
            (head, found), text, lines = held
            self._tell_of(head, text, lines, found if lines == 1 else self._table.read(text))

    def _tell_of(self, head: _Head, text: str, lines: int, found: Found | None) -> None:
        if found is None:
            self._emit(head, text, head.severity, lines)
        else:
            self._say(head, text, lines, *found)

    def _access(self, access: re.Match[str], head: _Head, text: str, process: str) -> bool:
        """Take a line of an access log: a failure is an event, all else a count; whether it was taken."""
        if process in self._joiner.errors:
            self._release(process)
        status = access["status"]
        if status < "400":
            if head.before:
                return False
            self.counted += 1
            self.counts["access"] += 1
            return True
        head.fields.update(access.groupdict())
        head.fields["signal"] = name = "answered_5xx" if status >= "500" else "answered_4xx"
        if not head.before:
            self.counts[name] += 1
        self._emit(head, text, Severity.WARNING if status >= "500" else Severity.NOTICE, 1)
        return True

    def _say(self, head: _Head, text: str, lines: int, signal: Signal, more: dict[str, str]) -> None:
        """Tell of an event that is a signal."""
        fields = head.fields
        fields |= more
        if START in text:
            _learn(text, fields)
        severity, name = severity_of(head.severity, signal), signal.name
        if name in _OF_CREW:
            name = self.crew.see(name, fields, self._clock() if head.sent is None else head.sent)
            severity = _BY_CREW.get(name, severity)
        if not name:
            fields["repeats"] = signal.name
            self._emit(head, text, Severity.INFO, lines)
            return
        fields["signal"] = name
        if not head.before:
            self.counts[name] += 1
        self._emit(head, text, severity, lines)
        if name == "worker_class":
            self._warn_of_bugs(more["worker_class"], head)

    def _warn_of_bugs(self, worker_class: str, head: _Head) -> None:
        for bug in known_bugs(self.crew.version, worker_class):
            if not head.before:
                self.counts["known_bug"] += 1
            fields = {"signal": "known_bug", "version": self.crew.version}
            self._emit(head._replace(fields=fields), bug, Severity.WARNING, 0)

    def _emit(self, head: _Head, text: str, severity: Severity, lines: int) -> None:
        if head.before:
            head.fields["before"] = "start"
            lines = 0
        elif severity <= Severity.ERROR:
            self.counts["errors"] += 1
        elif severity is Severity.WARNING:
            self.counts["warnings"] += 1
        self._tell(text, severity, sent=head.sent, fields=head.fields, lines=lines)


def _learn(text: str, fields: dict[str, str]) -> None:
    """Add what a traceback tells: the exception, the request, the database's address."""
    # Not DETAIL or HINT, and not a word of a message.
    names = [name for name in _EXCEPTION.findall(text[-_LAST:]) if name not in (name.lower(), name.upper())]
    if names:
        fields["exception"] = names[-1]
    if "path" not in fields and (request := _REQUEST.search(text[:_LAST])):
        fields["path"] = request[1]
    if server := _SERVER.search(text):
        host, port, socket = server.groups()
        fields["database"] = socket or f"{host}:{port}"
