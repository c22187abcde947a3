"""What a line of Nginx's error log means: 1.20 to 1.31, as its sources write it.

A message may name what a client asked for (``open() "/srv/static/..." failed``),
so every row looks at the beginning of the message, never into it.
"""

from __future__ import annotations

import re

from rampdeck.model import Severity

from ._signals import Signal, SignalTable


def _row(name: str, severity: Severity, needle: str, pattern: str = "", *, calm: bool = False) -> Signal:
    return Signal(name, severity, needle, re.compile(rf"\A(?:{pattern or re.escape(needle)})"), calm)


_CONNECT = r"(?:kevent\(\) reported that )?connect\(\) (?:to .+ )?failed "
_UPSTREAM_IO = (
    r"(?:kevent\(\) reported about an closed connection|(?:recv|readv|send|writev|sendfile)\(\) failed) "
)
_FROM_UPSTREAM = (
    r"\(\d+: [^)]*\) while (?:reading (?:response header from )?upstream|sending request to upstream)"
)

NGINX = SignalTable(
    # -- the application behind does not answer
    _row(
        "upstream_connect_timed_out",
        Severity.ERROR,
        "while connecting to upstream",
        rf"upstream timed out \(110: .*connecting to upstream|{_CONNECT}\(110: ",
    ),
    _row("upstream_timed_out", Severity.ERROR, "upstream timed out"),
    # EAGAIN from a unix socket: the listen queue of what is behind is full.
    _row("upstream_queue_full", Severity.ERROR, "(11: ", rf"{_CONNECT}\(11: "),
    _row("upstream_refused", Severity.ERROR, "(111: ", rf"{_CONNECT}\(111: "),
    _row("upstream_missing", Severity.ERROR, "(2: ", rf"{_CONNECT}\(2: "),
    _row("upstream_forbidden", Severity.ERROR, "(13: ", rf"{_CONNECT}\(13: "),
    # No local port is left: too many connections a second to one upstream, without keepalive.
    _row("upstream_ports_exhausted", Severity.CRITICAL, "(99: ", rf"{_CONNECT}\(99: "),
    _row("upstream_unreachable", Severity.ERROR, "connect()", rf"{_CONNECT}\((?:101|112|113): "),
    _row("upstream_prematurely_closed", Severity.ERROR, "upstream prematurely closed connection"),
    _row("upstream_reset", Severity.ERROR, "upstream", _UPSTREAM_IO + _FROM_UPSTREAM),
    _row("no_live_upstreams", Severity.ERROR, "no live upstreams"),
    _row("upstream_disabled", Severity.WARNING, "upstream server temporarily disabled"),
    _row("upstream_unresolved", Severity.ERROR, "could not be resolved", r"\S+ could not be resolved \("),
    _row("upstream_unresolved", Severity.ERROR, "no resolver defined to resolve"),
    _row("upstream_unresolved", Severity.ERROR, "host not found in upstream"),
    _row("header_too_big", Severity.ERROR, "upstream sent too big header"),
    _row(
        "upstream_invalid",
        Severity.ERROR,
        "upstream sent ",
        r"upstream sent (?:invalid|no valid|unsupported|duplicate|unexpected)",
    ),
    # -- Nginx's own limits
    _row(
        "worker_connections_low",
        Severity.WARNING,
        "worker_connections are not enough, reus",
        r"\d+ worker_connections are not enough, reusing",
    ),
    _row(
        "worker_connections",
        Severity.WARNING,
        "worker_connections are not enough",
        r"\d+ worker_connections are not enough",
    ),
    _row(
        "too_many_files",
        Severity.CRITICAL,
        "Too many open files",
        r'(?:\w+\(\)|open\(\) ".*"|.*) failed \((?:23|24): Too many open files',
    ),
    _row("too_many_files", Severity.CRITICAL, "the new socket has number"),
    _row("limiting", Severity.WARNING, "limiting ", r"limiting (?:requests|connections)(?! ?, dry run)"),
    _row("delaying", Severity.WARNING, "delaying request", r"delaying request(?!, dry run)"),
    _row(
        "zone_full",
        Severity.ERROR,
        "could not allocate",
        r"could not allocate (?:node|new session|new entry)",
    ),
    _row("disk_full", Severity.CRITICAL, "(28: ", r".* failed \(28: "),
    _row(
        "buffered",
        Severity.WARNING,
        "buffered to a temporary file",
        r"an? (?:upstream response|client request body) is buffered to a temporary file",
    ),
    _row("body_too_large", Severity.ERROR, "client intended to send too large "),
    # -- TLS
    _row(
        "upstream_ssl_failed",
        Severity.ERROR,
        "upstream",
        r"(?:SSL_\w+\(\) failed|peer closed connection in SSL handshake) .*while SSL handshaking to upstream"
        r"|upstream SSL certificate ",
    ),
    _row(
        "ssl_failed",
        Severity.NOTICE,
        "SSL",
        r"SSL_\w+\(\) failed|peer closed connection in SSL handshake|cannot load certificate",
    ),
    # -- what somebody did, or what happened to Nginx itself
    _row("worker_died", Severity.ALERT, " exited ", r".*process \d+ exited (?:on signal|with fatal code)"),
    _row(
        "config_changed",
        Severity.NOTICE,
        "signal ",
        r"signal \d+ \(SIGHUP\) received.*reconfiguring",
    ),
    # nginx -s, whatever for: reopening the logs is no change.
    _row("signalled", Severity.NOTICE, "signal process started"),
    _row(
        "stopping",
        Severity.NOTICE,
        "signal ",
        r"signal \d+ \(SIG(?:TERM|INT|QUIT)\) received(?: from \d+)?, (?:exiting|shutting down)",
    ),
    _row("starting", Severity.NOTICE, "start worker processes"),
    _row("bind_failed", Severity.EMERGENCY, "bind() to ", r"bind\(\) to \S+ failed"),
    # -- files and rules of its own
    _row("file_missing", Severity.WARNING, "(2: ", r'(?:open|stat|opendir)\(\) ".*" failed \(2: '),
    _row("file_missing", Severity.WARNING, " is not found (2: ", r'".*" is not found \(2: '),
    _row("file_forbidden", Severity.ERROR, "(13: ", r'(?:open|stat|opendir)\(\) ".*" failed \(13: '),
    _row("access_forbidden", Severity.WARNING, "access forbidden by rule"),
    _row("access_forbidden", Severity.WARNING, " is forbidden", r'directory index of ".*" is forbidden'),
    _row("redirect_cycle", Severity.ERROR, "redirection cycle", "rewrite or internal redirection cycle"),
)
