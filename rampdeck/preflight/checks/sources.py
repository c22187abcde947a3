"""The hosts let us in, every source can really be read, and the clocks agree."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice

from rampdeck.clocks import KIND as CLOCK
from rampdeck.clocks import LIMIT, HostClock, span
from rampdeck.config import Config
from rampdeck.errors import RampdeckError
from rampdeck.format import value, with_unit
from rampdeck.model import Health
from rampdeck.pace import Ticks
from rampdeck.preflight.asks import Asks
from rampdeck.preflight.check import Definition, Found, check, failed, ok, skipped, unknown, warning
from rampdeck.preflight.stack import WHAT_IT_IS, Stack
from rampdeck.preflight.telling import is_down
from rampdeck.remote.hosts import LOCAL
from rampdeck.session import Source as Live
from rampdeck.sources import GENERATOR, Source
from rampdeck.text import clean
from rampdeck.trust.watch import unneeded
from rampdeck.view import Figure, Unit
from rampdeck.workers.crew import Crew

PATIENCE = 8.0
"""Seconds that a source gets until it is seen."""
SOON = 5.0
"""Seconds within which the next try of a source that could not be read is waited for."""
FIGURES = 3
"""Figures of its pane that tell what a source sees."""
HERE = "this machine"
_NOT_HERE = (GENERATOR, CLOCK, Crew.kind)
"""Kinds of sources that have checks of their own, or need no rights."""


def asks(settings: Config) -> Iterator[Asks]:
    """Return what these checks send."""
    for host in _far(settings):
        yield Asks(host, "is it reached", (WHAT_IT_IS,))


@check(
    "host.connects",
    "Host lets us in",
    expected="SSH answers, its host key is known and the login is accepted",
    why="A layer that cannot be looked at cannot be what a slow answer is explained by.",
    effect="Every source on that host is missing, and the verdict is INCONCLUSIVE where it is needed.",
    blinds=True,
)
async def connects(stack: Stack) -> list[Found]:
    """Run a short command on every host far away."""
    hosts = list(_far(stack.settings))
    if not hosts:
        return [skipped("everything is on this machine", host=HERE)]
    return list(await asyncio.gather(*(_reached(stack, host) for host in hosts)))


async def _reached(stack: Stack, host: str) -> Found:
    try:
        answer = await stack.reach(host)
    except RampdeckError as error:
        found = f"{error.what}: {error.why}" if error.why else error.what
        return failed(found, error.fix or f"Try it by hand: ssh {host}", host)
    system = clean(answer.stdout.decode(errors="replace").strip(), 80)
    if answer.status or not system:
        return warning("logged in, but its shell runs no commands", "Give the user a POSIX shell", host)
    return ok(f"logged in, host key known, {system}", host)


@check(
    "source.readable",
    "Source can be read",
    expected="it is read, with every right that it needs",
    why="What is not seen during the load cannot be made up for afterwards.",
    effect="The source is missing or only in part in the record; a PASS needs every source that is needed.",
    patience=PATIENCE + SOON + 2.0,
)
async def readable(stack: Stack) -> list[Found]:
    """Look whether every source is really being read, and what it sees."""
    await stack.seen(PATIENCE)
    await _tried_again(stack)
    found = [_readable(stack, source) for source in stack.sources if source.info.kind not in _NOT_HERE]
    return found or [skipped("no server is read", 'Name them: [[collectors]] kind = "nginx" ...', HERE)]


def _readable(stack: Stack, source: Source) -> Found:
    name = source.info.name
    if source.absent:
        return skipped(f"left out: {source.absent}", host=name)
    live = stack.session.sources.get(name)
    if live is None or live.health is Health.CONNECTING:
        fix = "Look whether its host and its service answer, then look again"
        return unknown(f"nothing came from it within {PATIENCE:g} s", fix, name)
    if live.health is Health.LIVE:
        return ok(_sees(stack, source, live), name)
    if live.health is Health.ABSENT:
        return skipped(live.reason, host=name)  # the collector itself found nothing to read
    if live.health is Health.WARNING:
        return warning(f"only in part: {live.reason}", "Do what it says there, then look again", name)
    if is_down(source.info.kind, live.reason):
        return skipped("its server does not run", "services.active says what to do", name)
    found = live.reason.removesuffix(live.fix).rstrip(". \n") if live.fix else live.reason
    fix = live.fix or 'Mend that, or say in its table why it is left out: absent = "..."'
    if name in unneeded(stack.settings):
        return warning(found, fix, name, expected="it is read, though a PASS does not need it")
    return failed(found, fix, name)


async def _tried_again(stack: Stack) -> None:
    """Wait for the next try of sources that cannot be read, if that is soon: somebody may have mended it."""
    tries = {
        name: live.next_try
        for name, live in stack.session.sources.items()
        if live.health is Health.BLIND and live.next_try is not None
    }
    with suppress(TimeoutError):
        async with asyncio.timeout(SOON):
            async for _ in Ticks(0.05):
                if not any(_still(stack, name, next_try) for name, next_try in tries.items()):
                    return


def _still(stack: Stack, name: str, next_try: float) -> bool:
    live = stack.session.sources[name]
    return live.health is Health.BLIND and live.next_try == next_try


def _sees(stack: Stack, source: Source, live: Live) -> str:
    """Return the first figures of its pane, or at least that it is read."""
    values: Mapping[str, float] = live.last.values if live.last else {}
    shown = (figure for row in source.collector.view.figures for figure in row if figure.metric in values)
    told = ", ".join(_figure(stack, source.info.kind, figure, values) for figure in islice(shown, FIGURES))
    return f"it is read: {told}" if told else "it is read"


def _figure(stack: Stack, kind: str, figure: Figure, values: Mapping[str, float]) -> str:
    metric = stack.metrics.get(f"{kind}.{figure.metric}")
    unit = metric.unit if metric else Unit.COUNT
    most = f" of {with_unit(values[figure.limit], unit)}" if figure.limit in values else ""
    return f"{figure.label} {value(values[figure.metric], unit)}{most}"


@check(
    "clock.offset",
    "Clock agrees",
    expected=f"less than {LIMIT * 1000:g} ms from this machine's",
    why="Lines of logs are laid over the load by their time; sessions and certificates hang on it, too.",
    effect="The record tells the offset, and times in that host's log are told by this machine's clock.",
)
async def offset(stack: Stack) -> list[Found]:
    """Look at what was measured of every host's clock."""
    sources = stack.of_kind(CLOCK)
    if not sources:
        return [skipped("everything is on this machine", host=HERE)]
    await stack.seen(PATIENCE)
    return [_offset(stack, source) for source in sources]


def _offset(stack: Stack, source: Source) -> Found:
    host = source.host
    clock = stack.session.clocks.of(host)
    if clock is None:
        live = stack.session.sources.get(source.info.name)
        why = live.reason if live is not None and live.reason else "it has not been read"
        return unknown(why, "Look whether the host answers, and date there", host)
    found = _told(clock)
    if clock.last.beyond:
        fix = "timedatectl set-ntp true   (or chrony), there and here"
        return failed(found, fix, host)
    return ok(found, host)


def _told(clock: HostClock) -> str:
    last = clock.last
    sign = "+" if last.seconds >= 0 else "-"
    return f"{sign}{span(last.seconds)}, known to {span(last.error)}"


def _far(settings: Config) -> Iterator[str]:
    """Yield the hosts that are read over SSH, each once; the application may be on one without a source."""
    named = (str(table.get("host", LOCAL)) for table in settings.collectors if not table.get("absent"))
    for host in dict.fromkeys((*named, settings.django.host)):
        if host in settings.hosts and not settings.hosts[host].local:
            yield host


CHECKS: tuple[Definition, ...] = (connects, readable, offset)
