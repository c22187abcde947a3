"""Whether the logs will say what happens: times, warnings, and no line suppressed."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rampdeck.preflight.check import Found, check, failed, ok, skipped, unknown, warning
from rampdeck.preflight.planned import Rate, planned_rate
from rampdeck.preflight.stack import Stack
from rampdeck.preflight.telling import APPLICATIONS, PATIENCE, PROXIES, Told, listed, told

WANTED = (
    "request_time",
    "upstream_connect_time",
    "upstream_header_time",
    "upstream_response_time",
    "upstream_status",
)
"""Without these Nginx's log does not tell who was slow and who answered."""
LOG_FORMAT = (
    'log_format timed \'$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent" rt=$request_time uct=$upstream_connect_time '
    "uht=$upstream_header_time urt=$upstream_response_time us=$upstream_status'; access_log {} timed;"
)
ROOM = 4
"""How many times its limit journald takes at the most: by the free space of the journal (journald.conf(5)),
``log2`` of it, four times at the 4 GiB that a journal may have by default."""
_LIMIT = re.compile(r"(\d+) lines in ([\d.]+) s")
_VERBOSE = ("warn", "notice", "info", "debug")


@check(
    "journal.rate",
    "Journal keeps up",
    expected="fewer lines a second than journald suppresses",
    why="When an access log goes to the journal and is suppressed, WORKER TIMEOUT and tracebacks are "
    "suppressed with it.",
    effect="Errors of the application may be missing; what the gate counts of the journal is not known.",
    patience=PATIENCE,
)
async def journal(stack: Stack) -> Iterable[Found]:
    """Compare the planned rate with what the journal takes from each application."""
    applications = await told(stack, *APPLICATIONS)
    rate = planned_rate(stack)
    found = [_journal(one, rate) for one in applications if _in_journal(one)]
    return found or [skipped("no application's log is read from the journal")]


def _in_journal(one: Told) -> bool:
    return not any(one.key(key) for key in ("file", "compose_service", "container", "journal_file"))


def _journal(one: Told, rate: Rate) -> Found:
    if one.down:
        return skipped(one.down, host=one.name)
    name = "accesslog" if one.kind == "gunicorn" else "access_log"
    access = one.value(name)
    if not access:
        return unknown(f"its access log is not known: {one.why_not(name)}", "Name its unit", one.name)
    if access not in ("-", "/dev/stdout", "/dev/stderr", "True"):
        return ok("its access log does not go to the journal", one.name)
    limit = one.value("journal_limit")
    if limit == "none":
        return ok("its access log goes to the journal, which has no limit", one.name)
    numbers = _LIMIT.fullmatch(limit)
    if numbers is None:
        why = one.why_not("journal_limit")
        return unknown(
            f"what the journal takes is not known: {why}", f"systemctl show {_unit(one)}", one.name
        )
    most = int(numbers[1]) / float(numbers[2])
    text = f"its access log goes to the journal: {rate}, which takes {limit} ({most:.0f}/s)"
    if rate.value > most * ROOM:
        return failed(text, _drop_in(one, rate), one.name)
    if rate.value > most:
        said = f"{text}, up to {ROOM} times that where it has much free space"
        return warning(said, _drop_in(one, rate), one.name)
    return ok(text, one.name)


def _drop_in(one: Told, rate: Rate) -> str:
    # Not LogRateLimitIntervalSec=0: in a unit that means journald's own limit (systemd#22034).
    lines = max(1_000_000, int(rate.value * 300))
    unit, text = _unit(one), f"[Service]\\nLogRateLimitIntervalSec=30s\\nLogRateLimitBurst={lines}\\n"
    folder = f"/etc/systemd/system/{unit}.d"
    return (
        f"sudo mkdir -p {folder} && printf '{text}' | sudo tee {folder}/journal.conf && "
        f"sudo systemctl daemon-reload && sudo systemctl restart {unit}"
    )


def _unit(one: Told) -> str:
    return one.key("unit") or f"{one.kind}.service"


@check(
    "access_log.times",
    "Access log tells times",
    expected="request time and times of the application in each line",
    why="Without them it cannot be told whether the proxy, the way to the application, or the application "
    "itself was slow.",
    effect="The record has no queue times and no times of the application.",
    patience=PATIENCE,
)
async def times(stack: Stack) -> Iterable[Found]:
    """Look what the format of each proxy's access log has."""
    proxies = [one for one in await told(stack, *PROXIES) if one.kind == "caddy" or one.key("access_log")]
    if not proxies:
        return [skipped("no access log of a proxy is read", 'access_log = "..." in the table of the proxy')]
    return [_caddy(one) if one.kind == "caddy" else _nginx(one) for one in proxies]


def _nginx(one: Told) -> Found:
    if one.down:
        return skipped(one.down, host=one.name)
    name = one.value("access_log_format")
    if not name:
        why = one.why_not("access_log_format", "config_sha256")
        return unknown(f"its format is not known: {why}", "Name its configuration with config", one.name)
    there = listed(one.value("access_log_variables"))
    missing = [f"${variable}" for variable in WANTED if variable not in there]
    if not missing:
        return ok(f"format {name} has all of them", one.name)
    fix = LOG_FORMAT.format(one.key("access_log"))
    text = f"format {name} has no {', '.join(missing)}"
    # One of them is told apart from none: without both nothing can be said of times at all.
    bare = "request_time" not in there or "upstream_response_time" not in there
    return failed(text, fix, one.name) if bare else warning(text, fix, one.name)


def _caddy(one: Told) -> Found:
    if one.down:
        return skipped(one.down, host=one.name)
    name = one.value("access_log_format")
    if name == "json":
        return ok("JSON, with duration; Caddy tells no times of the application", one.name)
    if name == "none":
        return failed("its configuration writes no access log", "log { output file PATH }", one.name)
    if not name:
        why = one.why_not("access_log_format", "config_sha256")
        return unknown(f"its format is not known: {why}", "Name its Caddyfile with config", one.name)
    return warning(f"format {name} is no JSON, which cannot be read", "log { format json }", one.name)


@check(
    "error_log.level",
    "Error log tells warnings",
    expected="warn, or more",
    why="Nginx says on level warn that it reuses connections or writes answers to disk, before it refuses.",
    effect="What Nginx warns of is missing in the record.",
    patience=PATIENCE,
)
async def level(stack: Stack) -> Iterable[Found]:
    """Look on which level each Nginx writes the error log that is read."""
    servers = [one for one in await told(stack, "nginx") if one.key("error_log")]
    if not servers:
        return [skipped("no error log of Nginx is read", 'error_log = "..." in the table of Nginx')]
    return [_level(one) for one in servers]


def _level(one: Told) -> Found:
    if one.down:
        return skipped(one.down, host=one.name)
    levels = listed(one.value("error_log_level"))
    if not levels:
        why = one.why_not("error_log_level", "config_sha256")
        return unknown(f"its level is not known: {why}", "Name its configuration with config", one.name)
    hiding = [text for text in levels if text not in _VERBOSE]
    if hiding:
        text = f"its level is {hiding[0]}: lines of level warn are hidden"
        return warning(text, f"error_log {one.key('error_log')} warn;", one.name)
    return ok(f"its level is {', '.join(levels)}", one.name)


CHECKS = (journal, times, level)
