"""What a line of Caddy's log means: 2.6 to 2.11, as its sources and Go's libraries write it.

The message of ``http.log.error`` is the error itself, as Go's ``net`` and
``net/http`` word it. An error that belongs to a message follows it after a colon.
"""

from __future__ import annotations

import re

from rampdeck.model import Severity

from ._signals import Signal, SignalTable


def _row(name: str, severity: Severity, needle: str, pattern: str = "", *, calm: bool = False) -> Signal:
    return Signal(name, severity, needle, re.compile(pattern) if pattern else None, calm)


_DIAL = r"\bdial (?:tcp|unix)\S* .*"

CADDY = SignalTable(
    # -- the client went away, or never came: mostly no concern of the server's
    _row(
        "client_gone",
        Severity.NOTICE,
        "aborting with incomplete response",
        r": (?:context canceled|write tcp)",
        calm=True,
    ),
    _row("ssl_failed", Severity.NOTICE, "TLS handshake error", r"\Ahttp: TLS handshake error"),
    # -- the application behind does not answer
    _row("upstream_refused", Severity.ERROR, "connect: connection refused"),
    _row("upstream_missing", Severity.ERROR, "connect: no such file or directory"),
    _row("upstream_forbidden", Severity.ERROR, "connect: permission denied"),
    _row("upstream_queue_full", Severity.ERROR, "connect: resource temporarily unavailable"),
    _row("upstream_ports_exhausted", Severity.CRITICAL, "cannot assign requested address"),
    _row(
        "upstream_unreachable",
        Severity.ERROR,
        "connect: ",
        r"connect: (?:no route to host|network is unreachable)",
    ),
    _row(
        "upstream_connect_timed_out", Severity.ERROR, "dial ", _DIAL + r"(?:i/o timeout|connection timed out)"
    ),
    _row(
        "upstream_unresolved",
        Severity.ERROR,
        "lookup ",
        r"\blookup \S+.*: (?:no such host|server misbehaving|i/o timeout)",
    ),
    _row("upstream_timed_out", Severity.ERROR, "timeout awaiting response headers"),
    _row("upstream_timed_out", Severity.ERROR, "context deadline exceeded"),
    _row("upstream_timed_out", Severity.ERROR, "i/o timeout", r"\A(?:read tcp|reading from backend)"),
    _row(
        "upstream_reset",
        Severity.ERROR,
        "connection reset by peer",
        r"\A(?:read|write|readfrom) (?:tcp|unix)|\Areading",
    ),
    _row("upstream_reset", Severity.ERROR, "broken pipe", r"\A(?:write|readfrom) (?:tcp|unix)"),
    _row("answer_cut_short", Severity.ERROR, "aborting with incomplete response"),
    _row("upstream_prematurely_closed", Severity.ERROR, "EOF", r"(?:\A|: )(?:unexpected )?EOF\Z"),
    _row("upstream_prematurely_closed", Severity.ERROR, "server closed idle connection"),
    _row("upstream_invalid", Severity.ERROR, "malformed "),
    _row("no_live_upstreams", Severity.ERROR, "no upstreams available"),
    *(
        _row("upstream_unhealthy", Severity.WARNING, words, rf"\A{words}")
        for words in (
            "HTTP request failed",
            "unexpected status code",
            "status code out of tolerances",
            "active health check failed",
            "failed to read response body",
            "response body failed expectations",
        )
    ),
    _row("upstream_healthy", Severity.NOTICE, "host is up", r"\Ahost is up\Z"),
    _row("upstream_ssl_failed", Severity.ERROR, "tls: ", r"\A(?:remote error: )?tls: "),
    _row("upstream_ssl_failed", Severity.ERROR, "x509: ", r"\A(?:tls: [^:]*: )?x509: "),
    # -- Caddy's own limits and its certificates
    _row("body_too_large", Severity.ERROR, "request body too large"),
    _row("too_many_files", Severity.CRITICAL, "too many open files"),
    *(
        _row("certificate_failed", Severity.ERROR, words, rf"\A{words}")
        for words in ("could not get certificate", "job failed", "will retry")
    ),
    _row("panic", Severity.ERROR, "panic", r"\A(?:http: panic serving|panic: |panic)"),
    # -- by journald's word
    _row("lines_lost", Severity.WARNING, "Suppressed ", r"\ASuppressed \d+ messages from "),
    # -- what somebody did
    _row("config_changed", Severity.NOTICE, "load complete", r"\Aload complete\Z"),
    _row("config_changed", Severity.NOTICE, "reloaded config", r"\Asuccessfully reloaded config"),
    _row("starting", Severity.NOTICE, "serving initial configuration", r"\Aserving initial configuration\Z"),
    _row("stopping", Severity.NOTICE, "shutting down apps", r"\Ashutting down apps"),
)
