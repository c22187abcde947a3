"""What a log line means: one table a kind, the first row that fits wins.

A row's needle must be in the text, which is quick to find out; its pattern,
where the needle alone could be somebody's input, must match too. A row's
severity raises the line's own, never lowers it, but for the rows that name
what is no concern at all (``calm``).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rampdeck.model import Severity
from rampdeck.view import Metric, Unit


class Signal(NamedTuple):
    """A row: the signal's name, its severity, what must be in the text, what the text must match."""

    name: str
    severity: Severity
    needle: str
    pattern: re.Pattern[str] | None = None
    calm: bool = False


class SignalTable:
    """The rows of one kind of log."""

    def __init__(self, *rows: Signal) -> None:
        # Most lines are no signal: for them this is a loop over needles only.
        self._rows = [(row.needle, row) for row in rows]

    def metrics(self) -> tuple[Metric, ...]:
        """Return one metric a signal, by its name: how many lines said it."""
        names = dict.fromkeys(row.name for _, row in self._rows)
        return tuple(
            Metric(
                name,
                Unit.PER_SECOND,
                f"lines that say: {name.replace('_', ' ')}, in the second of the sample",
            )
            for name in names
        )

    def find(self, text: str) -> Signal | None:
        """Return the first row that fits the text."""
        for needle, row in self._rows:
            if needle in text and (row.pattern is None or row.pattern.search(text)):
                return row
        return None


def severity_of(own: Severity, signal: Signal | None) -> Severity:
    """Return the severity of a line with its signal taken into account."""
    if signal is None:
        return own
    return signal.severity if signal.calm else min(own, signal.severity)


def _at_start(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\A(?:{pattern})")


_DATABASE_FULL = re.compile(r"too many clients already|remaining connection slots are reserved")
_ACCESS = r'\S+ \S+ \S+ \[[^\]]*\] "[^"]*" '

GUNICORN = SignalTable(
    Signal(
        "worker_timeout", Severity.CRITICAL, "WORKER TIMEOUT", _at_start(r"WORKER TIMEOUT \(pid:\s*\d+\)")
    ),
    # Up to 20.1 "with pid N was terminated due to signal 9", then "(pid:N) was sent SIGKILL!".
    Signal(
        "worker_killed", Severity.ERROR, "due to signal", _at_start(r"Worker with pid \d+ was terminated")
    ),
    Signal("worker_killed", Severity.ERROR, "was sent SIG", _at_start(r"Worker \(pid:\s*\d+\) .* SIGKILL!")),
    Signal("worker_signalled", Severity.INFO, "was sent SIG", _at_start(r"Worker \(pid:\s*\d+\) was sent")),
    Signal("worker_exited", Severity.INFO, "exited with code", _at_start(r"Worker \(pid:\s*\d+\) exited")),
    Signal("out_of_memory", Severity.CRITICAL, "OOM killer"),
    Signal("out_of_memory", Severity.CRITICAL, "Out of memory: Killed process"),
    Signal("boot_failed", Severity.CRITICAL, "failed to ", _at_start(r"Reason: (?:Worker|App) failed to ")),
    Signal("boot_failed", Severity.CRITICAL, "lifespan startup failed"),
    Signal("boot_failed", Severity.CRITICAL, "Application startup failed"),
    Signal("booting", Severity.INFO, "Booting worker", _at_start(r"Booting worker with pid:\s*\d+")),
    Signal("exiting", Severity.INFO, "Worker exiting", _at_start(r"Worker exiting \(pid:\s*\d+\)")),
    Signal("recycling", Severity.INFO, "Autorestarting worker after current request"),
    Signal("starting", Severity.NOTICE, "Starting gunicorn ", _at_start("Starting gunicorn ")),
    Signal("stopping", Severity.NOTICE, "Shutting down: Master", _at_start("Shutting down: Master")),
    Signal("reloading", Severity.NOTICE, "Hang up: Master", _at_start("Hang up: Master")),
    Signal("handling_signal", Severity.NOTICE, "Handling signal: ", _at_start("Handling signal: ")),
    Signal("overloaded", Severity.WARNING, "Exceeded concurrency limit."),
    Signal("lines_lost", Severity.WARNING, "Suppressed ", _at_start(r"Suppressed \d+ messages from ")),
    Signal("database_full", Severity.ERROR, "connection", _DATABASE_FULL),
    Signal("database_full", Severity.ERROR, "too many clients already"),
    Signal("app_error", Severity.ERROR, "Internal Server Error: "),
    Signal("app_error", Severity.ERROR, "Error handling request"),
    Signal("app_error", Severity.ERROR, "Socket error processing request"),
    Signal("app_error", Severity.ERROR, "Exception in worker process"),
    Signal("app_error", Severity.ERROR, "Exception in ASGI application"),
    Signal("app_error", Severity.ERROR, "ASGI callable returned without"),
    Signal("app_error", Severity.ERROR, "Traceback (most recent call last):"),
    Signal("csrf", Severity.WARNING, "Forbidden (", re.compile(r"Forbidden \((?:CSRF|Referer|Origin)")),
    Signal("host_refused", Severity.WARNING, "Invalid HTTP_HOST header"),
    Signal("client_junk", Severity.NOTICE, "Invalid request from ip=", calm=True),
    # An access log in the journal: kept, but beneath what a pane shows unasked.
    Signal("access", Severity.WARNING, '" 5', _at_start(_ACCESS + "5"), calm=True),
    Signal("access", Severity.NOTICE, '" 4', _at_start(_ACCESS + "4"), calm=True),
    Signal("access", Severity.DEBUG, '" ', _at_start(_ACCESS + "[1-3]"), calm=True),
)
"""Gunicorn 20 to 26, Uvicorn and Django, as their sources write them."""
