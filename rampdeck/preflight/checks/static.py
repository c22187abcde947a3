"""Who serves the static files: the proxy, or Django? Asked with a mark that is looked for in the logs."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from rampdeck.config import Config, LoginConfig
from rampdeck.errors import NoAnswer, RampdeckError
from rampdeck.model import SourceInfo
from rampdeck.preflight.asks import TARGET, Asks
from rampdeck.preflight.check import Found, check, failed, ok, skipped, unknown, warning
from rampdeck.preflight.checks.pages import home, unanswered
from rampdeck.preflight.http import Answer, Browser, origin
from rampdeck.preflight.marks import new_mark
from rampdeck.preflight.markup import Page
from rampdeck.preflight.stack import Stack
from rampdeck.preflight.statuses import told
from rampdeck.text import clean

FIND = "LC_ALL=C tail -c 262144 -- FILE | grep -aF -- MARK"
"""Asked of the proxy's host: the last lines of its access log that have the mark."""
WAIT = 4.0
"""Seconds that the line may take into the log: Nginx may write it a little later (buffer=, flush=)."""
PAUSE = 0.25
PATIENCE = 25.0
"""Seconds that it may take: pages and files that Django serves are slow just when it matters."""
SUFFIXES = (
    ".css",
    ".js",
    ".mjs",
    ".svg",
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".webp",
    ".ico",
    ".woff2",
    ".woff",
)
SERVE = "In the proxy: location /static/ { alias STATIC_ROOT/; }, then manage.py collectstatic"
LOG = "Let the access log tell who answered: add us=$upstream_status to its log_format"
_UPSTREAM = re.compile(
    r'\b(?:us|ua|uct|uht|urt|upstream_(?:addr|status|connect_time|header_time|response_time))"?\s*[=:]\s*'
    r'"?([^"\s,}]*)'
)
"""What a line of Nginx's tells of the application, by name: ``-`` or nothing where it was not asked."""
_APPLICATION = ("gunicorn", "uvicorn", "hypercorn", "daphne", "wsgiserver", "waitress")
_DJANGO = ("Cross-Origin-Opener-Policy", "Referrer-Policy", "X-Frame-Options", "X-Content-Type-Options")
"""Headers that Django's middleware puts onto all that goes through it."""


@dataclass(frozen=True, slots=True)
class Log:
    """An access log of a proxy: its source, the host and the path there."""

    source: str
    host: str
    path: str


def logs(settings: Config) -> tuple[Log, ...]:
    """Return the access logs of the proxies that the configuration reads."""
    found = []
    for table in settings.collectors:
        kind, host = str(table.get("kind", "")), str(table.get("host", "local"))
        path = str(table.get("access_log") or (table.get("file") if kind == "caddy" else "") or "")
        if kind in ("nginx", "caddy") and path and not table.get("absent"):
            info = SourceInfo.of(kind, host, str(table.get("label", "")))
            found.append(Log(info.name, host, path))
    return tuple(found)


async def _file(stack: Stack) -> tuple[str, str]:
    """Return the address of a static file of the target, and of one elsewhere; either may be empty."""
    browser = Browser(stack.target)
    if named := stack.settings.preflight.static:
        return browser.url(named), ""
    pages = [(await stack.ask(home)).page]
    elsewhere = ""
    for path in (None, (stack.settings.preflight.login or LoginConfig()).path):
        page = pages[0] if path is None else (await browser.visit(browser.url(path))).page
        for file in Page(page.text).files:
            url = urljoin(page.url, file)
            if not urlsplit(url).path.lower().endswith(SUFFIXES):
                continue
            if browser.at_home(url):
                return url.partition("#")[0], ""
            elsewhere = elsewhere or url
    return "", elsewhere


@check(
    "static.proxy",
    "Static files come from the proxy",
    expected="a static file that the application is not asked for",
    why="Each file that Django serves takes a worker away from the pages; so no production is set up.",
    effect="The record would not say who served the static files: the workers may have.",
    patience=PATIENCE,
)
async def proxy(stack: Stack) -> Found:
    """Ask for a static file with a mark, and look for the mark in the proxies' logs."""
    try:
        await stack.ask(home)
    except NoAnswer as error:
        return unanswered(error)
    url, elsewhere = await _file(stack)
    if not url and elsewhere:
        return ok(f"they come from another host, {origin(elsewhere)}, which the load does not touch")
    if not url:
        return skipped("no page that was asked names a static file", "Name one: [preflight] static")
    mark = new_mark()
    browser = Browser(stack.target)
    answer = await browser.ask(f"{url}{'&' if '?' in url else '?'}rampdeck={mark}")
    if answer.status >= 400:
        return failed(f"{told(answer)}: it is not there", f"manage.py collectstatic. {SERVE}")
    if answer.status >= 300:
        return unknown(f"{told(answer)}: a redirect, no file", "Name a static file: [preflight] static")
    server = answer.header("Server")
    if any(name in server.lower() for name in _APPLICATION):
        return failed(f"{told(answer)}, Server: {server}: the application server itself answered", SERVE)
    lines, blind = await _seen(stack, mark)
    if not lines:
        return _unseen(stack, answer, blind)
    return _judged(answer, lines)


async def _seen(stack: Stack, mark: str) -> tuple[dict[str, str], list[str]]:
    """Return the lines of the proxies' logs that have the mark, by source; and which logs cannot be read."""
    lines: dict[str, str] = {}
    blind: list[str] = []

    async def look(log: Log) -> None:
        command = FIND.replace("FILE", shlex.quote(log.path)).replace("MARK", mark)
        for _ in range(int(WAIT / PAUSE)):
            try:
                done = await stack.shell(log.host).run(command)
            except RampdeckError as error:
                blind.append(f"{log.source}: {error.what}")
                return
            if found := done.stdout.decode("utf-8", "replace").strip():
                lines[log.source] = found.splitlines()[-1]
                return
            if lines:
                return
            if done.stderr:
                said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1]
                blind.append(f"{log.source}: {clean(said, 200)}")
                return
            await asyncio.sleep(PAUSE)

    await asyncio.gather(*(look(log) for log in logs(stack.settings)))
    return lines, blind


def _judged(answer: Answer, lines: dict[str, str]) -> Found:
    """Judge what the access log says of the request, and where it says nothing, the headers."""
    for source, line in lines.items():
        asked = [value for value in _UPSTREAM.findall(line) if value not in ("", "-", "0", "null")]
        if asked:
            return failed(f"{told(answer)}: {source} handed it on to the application", SERVE)
        if _UPSTREAM.search(line):
            return ok(f"{told(answer)}: {source} served it, and asked nobody{_kind(answer)}")
    (source, *_) = lines
    if marks := [name for name in _DJANGO if name in answer.headers]:
        what = f"{told(answer)}, through {source}, with headers as Django sets them ({', '.join(marks)})"
        return failed(f"{what}: the application answered", SERVE)
    if source.startswith("caddy"):
        # Its log does not tell, but it adds its name to what it hands on, and has nobody else's otherwise.
        if len(answer.headers.get_all("Server") or ()) > 1 or "caddy" in answer.header("Via").lower():
            return failed(f"{told(answer)}: {source} handed it on to the application{_kind(answer)}", SERVE)
        return ok(f"{told(answer)}: {source} served it{_kind(answer)}")
    what = f"{told(answer)}, through {source}, without a header of Django's{_kind(answer)}"
    return warning(f"{what}; the access log itself does not tell who answered", LOG)


def _unseen(stack: Stack, answer: Answer, blind: Sequence[str]) -> Found:
    if blind:
        what = f"{told(answer)}; the access log cannot be read: {'; '.join(blind)}"
        return unknown(what, "Let the user of the login read it: usermod -aG adm USER")
    if known := logs(stack.settings):
        names = ", ".join(log.source for log in known)
        what = f"{told(answer)}; it does not stand in the access log of {names}"
        return unknown(what, "Look whether access_log is the proxy's of this target, and not switched off")
    what = f"{told(answer)}; no access log of a proxy is read"
    return unknown(what, 'Name it: [[collectors]] kind = "nginx", access_log = "/var/log/nginx/access.log"')


def _kind(answer: Answer) -> str:
    etag, server = answer.header("ETag"), answer.header("Server")
    said = [f"Server: {server}"] if server else []
    said += [f"ETag: {clean(etag, 60)}"] if etag else []
    return f" ({', '.join(said)})" if said else ""


def asks(settings: Config) -> Iterator[Asks]:
    """Yield the request and what is looked for in the logs."""
    named = settings.preflight.static or "a static file that the home page or the login page names"
    yield Asks(TARGET, "a static file", (f"GET {named}?rampdeck=MARK",))
    for log in logs(settings):
        yield Asks(log.host, "who served a static file", (FIND.replace("FILE", shlex.quote(log.path)),))


CHECKS = (proxy,)
