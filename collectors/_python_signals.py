"""What Gunicorn, Uvicorn and Django say: Gunicorn 20 to 27, Uvicorn 0.15 to 0.54, Django 4 to 5.

Read from their sources and checked against what they wrote when all of it was
done to them (``tests/collectors/data``). What it takes more than a line to know
(whether a SIGKILL was a timeout's, whether a boot was planned) is found out in
:mod:`._crew`, under the names of the rows without a needle of their own.
"""

from __future__ import annotations

import re

from rampdeck.model import Severity

from ._signals import Signal, SignalTable

ACCESS = re.compile(
    r"(?P<client>\S{1,100}+) (?:\S+ \S+ \[[^\]\n]{1,64}\]|-) "
    r'"(?P<method>[A-Z]{1,20}) (?P<path>\S{1,4000}+) HTTP/[\d.]{1,4}" (?P<status>[1-5]\d\d)'
)
"""A line of an access log: Gunicorn's (as of Apache), or Uvicorn's."""

_PID = r"(?P<worker>\d{1,10})"
_PATH = r"(?P<path>[^\s\"]{1,1000})"


def _starts(
    name: str, severity: Severity, needle: str, rest: str = "", *, calm: bool = False, told: str = ""
) -> Signal:
    """Return a row of a text that begins with the needle, and goes on like the rest."""
    pattern = re.compile(rf"\A{re.escape(needle)}{rest}") if rest else None
    return Signal(name, severity, needle, pattern, calm, told, begins=True)


def _known(name: str, severity: Severity, told: str) -> Signal:
    """Return a row that no line has by itself."""
    return Signal(name, severity, "", help=told)


_CRITICAL, _ERROR, _WARNING, _NOTICE, _INFO = (
    Severity.CRITICAL,
    Severity.ERROR,
    Severity.WARNING,
    Severity.NOTICE,
    Severity.INFO,
)

_OF_A_CREW = (
    _known("worker_restarted", _WARNING, "workers started in place of one that was lost"),
    _known("request_timed_out", _ERROR, "requests that a worker was at when it was found silent too long"),
    _known(
        "stranger_exited", _NOTICE, "processes reaped that were no workers (Gunicorn up to 26.0 as PID 1)"
    ),
    _known("known_bug", _WARNING, "starts of a version with a fault that looks like the application's"),
)
_ACCESS = (
    _known("answered_5xx", _WARNING, "lines of an access log with a status of 500 and more"),
    _known("answered_4xx", _NOTICE, "lines of an access log with a status of 400 to 499"),
    _known("access", Severity.DEBUG, "lines of an access log with another status; they are counted only"),
)

_ARBITER = (
    _starts(
        "worker_timeout",
        _CRITICAL,
        "WORKER TIMEOUT (pid:",
        rf"\s*{_PID}",
        told="workers that the arbiter found silent too long",
    ),
    # 20.1: "with pid N was terminated due to signal 9"; from 21.0 on: "(pid:N) was sent SIGKILL!".
    _starts(
        "worker_killed",
        _ERROR,
        "Worker with pid ",
        rf"{_PID} was terminated due to (?P<signal_name>signal 9)\b",
        told="workers ended by SIGKILL after a timeout",
    ),
    _starts("worker_killed", _ERROR, "Worker (pid:", rf"\s*{_PID}\) was sent (?P<signal_name>SIGKILL)"),
    _starts(
        "worker_signalled",
        _INFO,
        "Worker with pid ",
        rf"{_PID} was terminated due to (?P<signal_name>signal (?:1|2|3|15))\b",
        calm=True,
        told="workers that were asked to end, by SIGTERM or the like",
    ),
    _starts(
        "worker_signalled",
        _INFO,
        "Worker (pid:",
        rf"\s*{_PID}\) was sent (?P<signal_name>SIG(?:TERM|INT|QUIT|HUP))\b",
        calm=True,
    ),
    _starts(
        "worker_crashed",
        _ERROR,
        "Worker with pid ",
        rf"{_PID} was terminated due to (?P<signal_name>signal \d+)",
        told="workers ended by another signal, such as SIGSEGV, or SIGABRT after a timeout",
    ),
    _starts("worker_crashed", _ERROR, "Worker (pid:", rf"\s*{_PID}\) was sent (?P<signal_name>\w+(?: \d+)?)"),
    _starts(
        "worker_exited",
        _ERROR,
        "Worker (pid:",
        rf"\s*{_PID}\) exited with code (?P<code>-?\d+)",
        told="workers that ended by themselves, with a code that is not 0",
    ),
    _starts(
        "boot_failed",
        _CRITICAL,
        "Reason: ",
        r"(?P<reason>(?:Worker|App) failed to \w+)",
        told="starts that ended because worker or application cannot start",
    ),
    _starts(
        "booting",
        _INFO,
        "Booting worker with pid: ",
        _PID,
        told="workers started at a start, a reload, in turn",
    ),
    _starts("exiting", _INFO, "Worker exiting (pid: ", _PID, told="workers that left"),
    _starts(
        "recycling",
        _INFO,
        "Autorestarting worker after current request",
        told="workers that were to be replaced after so many requests (max_requests)",
    ),
    _starts(
        "starting", _NOTICE, "Starting gunicorn ", r"(?P<version>[\w.+-]{1,40})", told="starts of the server"
    ),
    _starts(
        "listening",
        _NOTICE,
        "Listening at: ",
        r"(?P<address>.{1,300}?)(?: \(\d+\))?\Z",
        told="addresses served",
    ),
    _starts(
        "worker_class", _NOTICE, "Using worker: ", r"(?P<worker_class>\S{1,200})", told="worker classes named"
    ),
    _starts("stopping", _NOTICE, "Shutting down: ", r"(?P<master>\S+)", told="ends of the server", calm=True),
    _starts("reloading", _NOTICE, "Hang up: ", r"(?P<master>\S+)", told="reloads of the server"),
    _starts(
        "config_changed",
        _WARNING,
        "Handling signal: ",
        r"(?P<signal_name>hup|ttin|ttou|usr2|winch)\b",
        told="reloads, upgrades, workers added or taken away: the test is not of one configuration",
    ),
    _starts("handling_signal", _NOTICE, "Handling signal: ", r"(?P<signal_name>\w+)", told="other signals"),
    _starts(
        "backlog", Severity.DEBUG, "socket backlog: ", r"(?P<queued>\d+)", told="readings of the accept queue"
    ),
    _starts(
        "address_in_use", _ERROR, "Connection in use: ", r"(?P<address>.{1,200})", told="addresses taken"
    ),
    _starts("address_in_use", _ERROR, "Can't connect to ", r"(?P<address>.{1,200})"),
    _starts(
        "graceful_timeout",
        _WARNING,
        "Worker graceful timeout (pid:",
        _PID,
        told="workers cut off at their end",
    ),
    # The ASGI worker of Gunicorn 25 and later.
    _starts(
        "serving", _INFO, "ASGI server listening on ", r"(?P<address>\S{1,200})", told="ASGI workers ready"
    ),
    _starts(
        "draining", _INFO, "Worker shutting down...", told="ASGI workers that finish what they have begun"
    ),
    _starts("draining", _INFO, "Waiting for ", r"(?P<connections>\d+) connections to finish"),
    _starts(
        "connections_cut",
        _WARNING,
        "Forcing close of ",
        r"(?P<connections>\d+) connections",
        told="ends of a worker that cut connections off",
    ),
    Signal(
        "boot_failed",
        _CRITICAL,
        "lifespan startup failed",
        re.compile(r"lifespan startup failed(?:: (?P<reason>.{1,300}))?"),
    ),
    _starts("client_junk", _NOTICE, "Error handling connection: Invalid ", calm=True),
    _starts(
        "client_junk",
        _NOTICE,
        "Invalid request from ip=",
        r"(?P<client>\S{1,100}?):? ",
        calm=True,
        told="malformed requests",
    ),
)
_UVICORN_WORKER = (
    _starts("server_started", _INFO, "Started server process [", _PID, told="Uvicorn workers started"),
    _starts("server_finished", _INFO, "Finished server process [", _PID, told="Uvicorn workers that ended"),
)
_UVICORN_ALONE = (
    _starts(
        "starting", _NOTICE, "Started parent process [", r"(?P<parent>\d+)", told="starts of the supervisor"
    ),
    _starts("starting", _NOTICE, "Started reloader process [", r"(?P<parent>\d+)"),
    _starts(
        "worker_died",
        _ERROR,
        "Child process [",
        rf"{_PID}\] died",
        told="workers that the supervisor found dead, or silent too long",
    ),
    _starts("boot_failed", _CRITICAL, "Child process [", rf"{_PID}\] failed to start"),
    _starts(
        "booting",
        _INFO,
        "Started server process [",
        _PID,
        told="processes started at a start, a reload, in turn",
    ),
    _starts("exiting", _INFO, "Finished server process [", _PID, told="processes that ended as they should"),
    _starts(
        "worker_stopped", _INFO, "Terminated child process [", _PID, told="workers that were asked to end"
    ),
    _starts("worker_awaited", _INFO, "Waiting for child process [", _PID, told="waits for a worker to end"),
    _starts(
        "listening",
        _NOTICE,
        "Uvicorn running on ",
        r"(?P<address>.{1,200}?)(?: \(Press|\Z)",
        told="addresses served",
    ),
    _starts("stopping", _NOTICE, "Stopping parent process [", r"(?P<parent>\d+)", told="ends of the server"),
    _starts("draining", _INFO, "Shutting down", told="processes that finish what they have begun"),
    _starts(
        "config_changed",
        _WARNING,
        "Received SIG",
        r"(?P<signal_name>HUP|TTIN|TTOU)\b",
        told="reloads, workers added or taken away by a signal: the test is not of one configuration",
    ),
    _starts(
        "handling_signal", _NOTICE, "Received SIG", r"(?P<signal_name>\w+), exiting", told="other signals"
    ),
    Signal(
        "address_in_use",
        _ERROR,
        "address already in use",
        re.compile(r"bind on address (?P<address>.{1,200}?): address already in use"),
        help="addresses taken",
    ),
    _starts("boot_failed", _CRITICAL, "Error loading ASGI app", told="starts that failed"),
)
_UVICORN = (
    _starts(
        "app_starting", _INFO, "Waiting for application startup", told="applications that begin to start"
    ),
    _starts("app_started", _INFO, "Application startup complete", told="applications that have started"),
    _starts("app_stopping", _INFO, "Waiting for application shutdown", told="applications that begin to end"),
    _starts("app_stopped", _INFO, "Application shutdown complete", told="applications that have ended"),
    _starts("boot_failed", _CRITICAL, "Application startup failed", told="starts that failed"),
    _starts(
        "overloaded",
        _WARNING,
        "Exceeded concurrency limit",
        told="requests refused with 503 for the concurrency limit",
    ),
    _starts(
        "recycling",
        _INFO,
        "Maximum request limit of ",
        r"(?P<limit>\d+) exceeded",
        told="workers replaced in turn",
    ),
    _starts("client_junk", _NOTICE, "Invalid HTTP request received", calm=True, told="malformed requests"),
)
_ANSWERS = "Not Found", "Bad Request", "Forbidden", "Unauthorized", "Method Not Allowed", "Too Many Requests"
# Before all that looks into a text: the path is whatever a client asked for, "deadlock detected" too.
_REFUSED = (
    Signal(
        "csrf",
        _WARNING,
        "Forbidden (",
        re.compile(rf"Forbidden \((?P<reason>(?:CSRF|Referer|Origin)[^\n]{{0,300}}?)\): {_PATH}"),
        help="requests refused for CSRF",
    ),
    Signal(
        "host_refused",
        _WARNING,
        "Invalid HTTP_HOST header: ",
        re.compile(r"Invalid HTTP_HOST header: '(?P<host>[^'\n]{0,300})'"),
        help="requests refused for their Host",
    ),
    *(
        Signal(
            "refused_by_app",
            _WARNING,
            said,
            re.compile(rf"\A[^\n]*?(?P<reason>{said}[^\n:]{{0,100}}): (?P<path>/[^\s\"]{{0,1000}})"),
            help="requests answered 4xx by Django",
        )
        for said in _ANSWERS
    ),
)
_SYSTEM = (
    Signal(
        "out_of_memory",
        _CRITICAL,
        "OOM killer",
        help="workers killed without a timeout before: mostly for memory",
    ),
    Signal("out_of_memory", _CRITICAL, "Out of memory: Killed process"),
    Signal("out_of_memory", _CRITICAL, "\nMemoryError"),
    Signal("too_many_files", _CRITICAL, "Too many open files", help="lines that want more open files"),
    _starts(
        "lines_lost",
        _WARNING,
        "Suppressed ",
        r"(?P<lines>\d+) messages from (?P<unit>\S+)",
        told="notes of the journal that it left lines out",
    ),
)
_DATABASE = (
    Signal(
        "database_full", _ERROR, "too many clients already", help="errors for want of a database connection"
    ),
    Signal("database_full", _ERROR, "remaining connection slots are reserved"),
    Signal("database_full", _ERROR, "too many connections for "),
    Signal("database_full", _ERROR, "couldn't get a connection after "),  # psycopg's own pool
    Signal("deadlock", _ERROR, "deadlock detected", help="transactions that PostgreSQL ended as deadlocked"),
    Signal(
        "statement_timeout",
        _ERROR,
        "canceling statement due to ",
        re.compile(
            r"canceling statement due to (?P<reason>statement timeout|lock timeout|conflict|user request)"
        ),
        help="statements that PostgreSQL ended, for a timeout or a lock",
    ),
    Signal("database_gone", _ERROR, "connection already closed", help="database connections that were lost"),
    Signal("database_gone", _ERROR, "the connection is closed"),
    Signal("database_gone", _ERROR, "server closed the connection unexpectedly"),
    Signal("database_gone", _ERROR, "terminating connection due to "),
    Signal(
        "database_refused", _ERROR, "the database system is ", help="database connections that were refused"
    ),
    Signal("database_refused", _ERROR, "Is the server running on "),
    Signal(
        "redis_refused", _ERROR, "OOM command not allowed", help="commands or connections that Redis refused"
    ),
    Signal("redis_refused", _ERROR, "MISCONF Redis is configured"),
    Signal("redis_refused", _ERROR, "max number of clients reached"),
    Signal("redis_gone", _ERROR, "redis.exceptions.ConnectionError", help="errors for want of Redis"),
    Signal("redis_gone", _ERROR, "redis.exceptions.TimeoutError"),
)
_DJANGO = (
    Signal("too_large", _WARNING, "exceeded settings.DATA_UPLOAD_MAX", help="requests with too much in them"),
    Signal("client_gone", _NOTICE, "OSError: write error", help="answers that the client did not wait for"),
    Signal("client_gone", _NOTICE, "Broken pipe"),
    Signal(
        "app_error",
        _ERROR,
        "Internal Server Error: ",
        re.compile(rf"Internal Server Error: {_PATH}"),
        help="requests that the application failed on, by its log",
    ),
    # From 26 on with the method.
    _starts(
        "app_error", _ERROR, "Error handling request", rf"(?: (?P<method>[A-Z]{{1,20}})(?= /))?(?: {_PATH})?"
    ),
    _starts("app_error", _ERROR, "Error handling HTTP/2 request"),
    _starts("app_error", _ERROR, "Error handling connection"),
    _starts("app_error", _ERROR, "Socket error "),
    _starts("app_error", _ERROR, "Exception in worker process"),
    _starts("app_error", _ERROR, "Exception in ASGI application"),
    _starts("app_error", _ERROR, "Error in ASGI application"),
    _starts("app_error", _ERROR, "Error in WebSocket ASGI application"),
    _starts("app_error", _ERROR, "ASGI callable returned without "),
    _starts("app_error", _ERROR, "ASGI application returned without "),
    _starts("app_error", _ERROR, "ASGI callable should return None"),
    Signal("app_error", _ERROR, "Traceback (most recent call last):"),
)

GUNICORN = SignalTable(
    *_OF_A_CREW, *_ACCESS, *_ARBITER, *_UVICORN_WORKER, *_UVICORN, *_REFUSED, *_SYSTEM, *_DATABASE, *_DJANGO
)
"""Gunicorn, with workers of its own or Uvicorn's, and what runs in it."""
UVICORN = SignalTable(
    *_OF_A_CREW[:2],
    *_OF_A_CREW[3:],
    *_ACCESS,
    *_UVICORN_ALONE,
    *_UVICORN,
    *_REFUSED,
    *_SYSTEM,
    *_DATABASE,
    *_DJANGO,
)
"""Uvicorn alone or with its supervisor, and what runs in it."""
