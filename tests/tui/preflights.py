"""What a preflight can have found: made-up checks of every state, with the words that the true ones have."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from rampdeck.preflight.check import Check, State
from rampdeck.preflight.inspection import PreflightView

HOSTILE = "\x1b]52;c;cm0=\x07[/orders/] [b]x[/b]\nrm -rf ~\u202e"
"""What a server may have written."""

PG = Check(
    "postgres.complete",
    "pg_stat_activity complete",
    "db-1",
    State.FAILED,
    "the role sees what every backend does",
    "the role “monitor” sees 93 of 96 queries as <insufficient privilege>",
    "Without them nobody can tell which query holds the lock that all others wait for.",
    "GRANT pg_monitor TO monitor;",
    "Findings about locks are off; the record will say “postgres: partial”.",
    0.08,
)
DEBUG = Check(
    "django.debug",
    "DEBUG is off",
    "app-1",
    State.FAILED,
    "DEBUG = False",
    "DEBUG is True in shop.settings.staging",
    "With DEBUG on Django keeps every query in memory and draws error pages of its own: slower than "
    "production, and growing.",
    "Set DEBUG = False, then: sudo systemctl restart gunicorn",
    "The record will say that the release was tested with DEBUG on.",
    0.61,
)
LEVEL = Check(
    "nginx.error_log",
    "nginx error log readable",
    "web-1",
    State.WARNING,
    "error_log at level warn",
    "readable, but its level is “error”: lines of level warn are hidden",
    "Buffering to a file and limits reached are told at level warn.",
    "error_log /var/log/nginx/error.log warn;",
    "The record will not know of answers that were buffered to a file.",
    0.11,
)
RIGHTS = Check(
    "journal.rate",
    "journal keeps the planned rate",
    "app-2",
    State.UNKNOWN,
    "RateLimitBurst above the lines of a peak second",
    "journald.conf could not be read: permission denied",
    "Suppressed lines look like a quiet server.",
    "sudo usermod -aG systemd-journal rampdeck",
    "The record will say that lines may be missing.",
    0.34,
)


def ok(name: str, title: str, host: str, found: str, took: float) -> Check:
    return Check(name, title, host, State.OK, "as configured", found, "It makes the figures true.", took=took)


CHECKS: tuple[Check, ...] = (
    ok("ssh.connect", "ssh connect + host key", "app-1", "OpenSSH 9.6, ed25519 key known", 0.21),
    ok("ssh.connect", "ssh connect + host key", "app-2", "OpenSSH 9.6, ed25519 key known", 0.19),
    ok("ssh.connect", "ssh connect + host key", "db-1", "OpenSSH 9.2, ed25519 key known", 0.22),
    ok("target.answers", "target answers", "shop-staging.example", "GET /healthz → 200 in 23 ms", 0.03),
    DEBUG,
    ok("django.debug", "DEBUG is off", "app-2", "DEBUG is False", 0.58),
    ok("django.migrations", "migrations applied", "app-1", "all 41 are applied", 0.72),
    ok("django.static", "static files come from the proxy", "web-1", "nginx answers for app.css", 0.09),
    ok("services.active", "services active", "app-1", "gunicorn.service, running for 4 h 12 min", 0.12),
    ok("services.active", "services active", "db-1", "postgresql@16-main.service, running for 9 d", 0.14),
    ok("journal.readable", "journal readable", "app-1", "unit gunicorn.service, group systemd-journal", 0.34),
    RIGHTS,
    LEVEL,
    PG,
    ok("redis.info", "redis INFO", "cache-1", "7.2.4, maxmemory 512 MB, policy allkeys-lru", 0.05),
    ok("clock.offset", "clock offset", "all hosts", "worst app-2 +38 ms (limit 250 ms)", 0.40),
    ok("scenario.loads", "scenario loads", "checkout-peak", "2 user classes, 6 tasks", 0.62),
    ok("generator.limits", "load generator", "this machine", "2 cores, 65 536 open files, lag 3 ms", 1.0),
    ok("thresholds.parse", "thresholds parse", "rampdeck.toml", "6 thresholds, all metrics known", 0.0),
    Check(
        "data.rows", "enough rows", "db-1", State.SKIPPED, "", "no [preflight.rows] in rampdeck.toml",
        "Small tables are fast tables.", "Name tables and minimums under [preflight.rows]",
    ),
    ok("guard.hosts", "only allowed hosts", "shop-staging.example", "no host is on the production list", 0.0),
)  # fmt: skip
"""In their order; of every state one at least."""


def preflight(*checks: Check, running: bool = False, seconds: float = 1.4) -> PreflightView:
    return PreflightView(checks or CHECKS, running, seconds)


def green() -> PreflightView:
    return preflight(*(one for one in CHECKS if one.state is State.OK))


def looking_again(view: PreflightView, names: Collection[str] | None = None) -> PreflightView:
    """Return the view while checks of these names, or all, are being looked at: one row each, as truly."""
    return PreflightView(tuple(_pending(view.checks, names)), running=True, seconds=0.2)


def _pending(checks: Collection[Check], names: Collection[str] | None) -> Iterator[Check]:
    seen = set()
    for one in checks:
        if names is not None and one.name not in names:
            yield one
        elif one.name not in seen:
            seen.add(one.name)
            yield Check(one.name, one.title, "", State.PENDING, one.expected, why=one.why)
