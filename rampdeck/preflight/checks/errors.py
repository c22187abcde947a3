"""Do errors of Django reach the log that is read? A harmless one is provoked, and looked for there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath

from rampdeck.config import Config
from rampdeck.errors import NoAnswer, RampdeckError, RemoteError
from rampdeck.facts import Fact
from rampdeck.model import Health
from rampdeck.preflight.asks import TARGET, Asks
from rampdeck.preflight.check import Found, check, failed, ok, skipped, unknown
from rampdeck.preflight.http import Answer, Browser, Way
from rampdeck.preflight.marks import events_with, new_mark
from rampdeck.preflight.stack import Stack
from rampdeck.sources import Source

KINDS = ("gunicorn", "uvicorn")
LIVE = 5.0
"""Seconds that the log may take until it is read."""
ARRIVES = 5.0
"""Seconds that the error may take into the log, and from there to us."""
LOOK = 0.05
LOGGING = (
    'In the settings: LOGGING = {"version": 1, "disable_existing_loggers": False, "handlers": {"console": '
    '{"class": "logging.StreamHandler"}}, "root": {"handlers": ["console"], "level": "WARNING"}}; and leave '
    "django.security.DisallowedHost on for the test"
)
_PORT = re.compile(r"(?:(?:https?|tcp)://)?(?P<host>\[[^\]]+\]|[^:/\s,]*):(?P<port>\d+)")
_ANY = ("", "0.0.0.0", "::", "*")


@dataclass(frozen=True, slots=True)
class Door:
    """Where an application server listens, as seen from its host."""

    host: str = ""
    port: int = 0
    socket: str = ""

    def __str__(self) -> str:
        return self.socket or f"{self.host}:{self.port}"


@check(
    "errors.journal",
    "Errors reach the log",
    expected="a provoked error stands in the log that is read, within 5 s",
    why="With DEBUG off Django mails errors and writes nothing: a 500 under load would leave no trace.",
    effect="The record would lack the errors of the application: that it names none would prove nothing.",
    patience=20.0,
)
async def journal(stack: Stack) -> list[Found]:
    """Provoke an error in each application server whose log is read."""
    sources = stack.of_kind(*KINDS)
    if not sources:
        fix = 'Read its log: [[collectors]] kind = "gunicorn", unit = "gunicorn.service"'
        return [skipped("no log of an application server is read", fix)]
    return list(await asyncio.gather(*(_provoked(stack, source) for source in sources)))


async def _provoked(stack: Stack, source: Source) -> Found:
    name = source.info.name
    if why := await _blind(stack, name):
        return unknown(f"{name} cannot be read: {why}", "Mend this source first", host=name)
    mark, cursor = new_mark(), stack.session.events
    answer, by, why = await _send(stack, source, mark)
    if answer is None:
        return unknown(why, _FIX_DOOR, host=name)
    if answer.status != 400:
        what = f"a request with an impossible Host was answered {answer.status} {by}, not 400 as by Django"
        return unknown(what, _FIX_DOOR, host=name)
    clock = asyncio.get_running_loop().time
    sent = clock()
    while clock() < sent + ARRIVES:
        if events_with(stack, cursor, mark, *KINDS):
            took = clock() - sent
            return ok(f"a provoked error (an impossible Host, 400) {by} stood there after {took:.1f} s", name)
        await asyncio.sleep(LOOK)
    if not _of_django(answer) and by == THROUGH:
        what = f"a request with an impossible Host was answered 400 {by}, perhaps by the proxy itself"
        return unknown(what, _FIX_DOOR, host=name)
    what = f"a provoked error (an impossible Host, 400) {by} is not in the log after {ARRIVES:g} s"
    return failed(what, LOGGING, host=name)


THROUGH = "through the proxy"
HTTPS = {"X-Forwarded-Proto": "https"}
"""As the proxy would say: without it, Django may redirect before it looks at the host."""
_FIX_DOOR = (
    "Let it be asked past the proxy: the user of the login must reach Gunicorn's bind (AllowTcpForwarding, "
    "AllowStreamLocalForwarding); or look by hand whether an error stands in the log"
)


async def _blind(stack: Stack, name: str) -> str:
    """Return why a source is not read, once it is known."""
    for _ in range(int(LIVE / LOOK)):
        source = stack.session.sources.get(name)
        if source is not None and source.health in (Health.LIVE, Health.WARNING):
            return ""
        if source is not None and source.health is Health.BLIND:
            return source.reason
        await asyncio.sleep(LOOK)
    return f"it was not read after {LIVE:g} s"


async def _send(stack: Stack, source: Source, mark: str) -> tuple[Answer | None, str, str]:
    """Ask with a host that cannot be; return the answer, by which way, or why there is none."""
    headers = {
        "Host": f"rampdeck_{mark}.invalid"
    }  # with the low line it is no host even where all are allowed
    reasons = []
    for door in await _doors(stack, source):
        try:
            async with _through(stack, source.host, door) as way:
                browser = Browser("http://localhost", way)
                return (
                    await browser.ask(browser.url("/"), headers=headers | HTTPS, timeout=5.0),
                    f"at {door}",
                    "",
                )
        except (NoAnswer, RemoteError) as error:
            reasons.append(f"{door} cannot be asked: {error.why or error.what}")
    try:
        browser = Browser(stack.target)
        return await browser.ask(browser.url("/"), headers=headers, timeout=5.0), THROUGH, ""
    except NoAnswer as error:
        reasons.append(f"{THROUGH}: {error.why or error.what}")
    return None, "", "; ".join(reasons)


async def _doors(stack: Stack, source: Source) -> tuple[Door, ...]:
    """Return where the server listens, as far as it told; in a container, that is not known on its host."""
    try:
        facts = await stack.facts(source)
    except RampdeckError:
        return ()
    if facts.get(f"{source.info.kind}.containers"):
        return ()
    return tuple(doors_of(source.info.kind, facts))


def doors_of(kind: str, facts: Mapping[str, Fact]) -> Iterator[Door]:
    """Yield where a server listens: Gunicorn's ``bind``, or Uvicorn's ``uds`` or ``host`` and ``port``."""

    def value(name: str) -> str:
        fact = facts.get(f"{kind}.{name}")
        return fact.value if fact else ""

    bind = value("bind")
    if kind == "uvicorn":
        uds = value("uds")
        bind = f"unix:{uds}" if uds else f"{value('host')}:{value('port')}"
    if "'" in bind or '"' in bind:  # a list of Python
        bind = bind.strip("[]()")
    for part in re.split(r"[,\s]+", bind):
        word = part.strip("'\"")
        if word.startswith("unix:"):
            path = word.removeprefix("unix:")
            path = "/" + path.lstrip("/") if path.startswith("//") else path
            if path.startswith("/"):
                yield Door(socket=path)
        elif found := _PORT.fullmatch(word):
            host = found["host"].strip("[]")
            yield Door("127.0.0.1" if host in _ANY else host, int(found["port"]))


@asynccontextmanager
async def _through(stack: Stack, host: str, door: Door) -> AsyncIterator[Way]:
    remote = stack.hosts.remote(host)
    if door.socket:
        async with remote.tunnel_socket(PurePosixPath(door.socket)) as path:
            yield Way(socket=path)
    else:
        async with remote.tunnel(door.host, door.port) as (address, port):
            yield Way(address, port)


def _of_django(answer: Answer) -> bool:
    """Return whether an answer 400 has what Django's own page has."""
    return "Bad Request (400)" in answer.text or "DisallowedHost" in answer.text


def asks(settings: Config) -> Iterator[Asks]:
    """Yield the requests: through the connection to the host, or else through the proxy."""
    request = "GET / with the header Host: rampdeck_MARK.invalid, which Django answers 400"
    for table in settings.collectors:
        if table.get("kind") in KINDS and not table.get("absent"):
            command = f"{request} (through a forward to the bind of {table['kind']})"
            yield Asks(str(table.get("host", "local")), "an error that is looked for in the log", (command,))
    yield Asks(TARGET, "an error that is looked for in the log", (f"{request} (where no bind is reached)",))


CHECKS = (journal,)
