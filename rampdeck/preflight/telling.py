"""What the sources told of themselves, as the checks of the servers want it: values by name, and why not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from rampdeck.errors import RampdeckError, RemoteError
from rampdeck.facts import Fact
from rampdeck.model import Health
from rampdeck.preflight.stack import Stack
from rampdeck.sources import Source

WAIT = 20.0
"""Seconds that one source may take: on a host that is busy, or far away, its turn comes late."""
PATIENCE = 25.0
"""Seconds that a check of these may take: more than a source, so that the others still come out."""
LOOK = 0.2
"""Seconds between looks whether what is waited for cannot come."""
TIRED = "Look whether its host is busy, then look again"
"""What is to be done about a source that told nothing in its time."""
APPLICATIONS = ("gunicorn", "uvicorn")
PROXIES = ("nginx", "caddy")
RUNS = ("active", "running", "reloading")
"""How the states of a server that runs begin."""
CONNECTED = ("postgres", "redis")
"""Kinds that tell of themselves through the connection that they are read by."""
_NOBODY = ("connection refused", "nothing listens", "no such file")
"""What is said where a server is not there, other than one that does not let us in."""


def is_down(kind: str, why: str) -> bool:
    """Return whether a source cannot be read because its server does not run, by the reason given."""
    return kind in CONNECTED and any(word in why.lower() for word in _NOBODY)


@dataclass(frozen=True)
class Told:
    """What one source told of itself; ``why`` it told nothing, and whether it is blind altogether.

    ``silent`` says that it did not come to tell anything in its time.
    """

    source: Source
    facts: Mapping[str, Fact] = field(default_factory=dict)
    why: str = ""
    blind: bool = False
    silent: str = ""

    @property
    def kind(self) -> str:
        """The kind of the source, with which the names of its facts begin."""
        return self.source.info.kind

    @property
    def name(self) -> str:
        """The source as people name it: its place in a check."""
        return self.source.info.name

    def value(self, name: str) -> str:
        """Return a fact's value, empty where it is not known."""
        fact = self.facts.get(f"{self.kind}.{name}")
        return fact.value if fact else ""

    def number(self, name: str) -> int | None:
        """Return a fact that is a whole number."""
        value = self.value(name)
        return int(value) if value.isdecimal() else None

    def why_not(self, *names: str) -> str:
        """Return why one of these facts is not known."""
        if self.why:
            return self.why
        facts = (self.facts.get(f"{self.kind}.{name}") for name in names)
        said = next((fact.why for fact in facts if fact and fact.why), "")
        return said or f"it does not tell {' and '.join(name.replace('_', ' ') for name in names)}"

    @property
    def down(self) -> str:
        """Why nothing more of it can be judged: another check says it, once; empty where it runs."""
        if self.blind:
            return f"{self.name} cannot be read: {self.why.partition('. ')[0]}"
        if self.silent:
            return f"{self.name} {self.silent}"
        states = listed(self.value("state"))
        if states and not all(state.startswith(RUNS) for state in states):
            return f"{self.name} does not run: {', '.join(states)}"
        return ""

    def key(self, name: str) -> str:
        """Return a key of its table in the configuration (``unit``), empty where it has none."""
        return str(getattr(getattr(self.source.collector, "config", None), name, "") or "")


async def told(stack: Stack, *kinds: str) -> list[Told]:
    """Return what the sources of some kinds told, each within its time."""
    return list(await asyncio.gather(*(_told(stack, source) for source in stack.of_kind(*kinds))))


async def _told(stack: Stack, source: Source) -> Told:
    try:
        await stack.let_in(source.host)
    except RemoteError as error:
        # Its facts would be waited for until the host can be used, which may be never.
        return Told(source, why=f"{error.what}: {error.why}" if error.why else error.what, blind=True)
    asking = asyncio.ensure_future(stack.facts(source))
    try:
        async with asyncio.timeout(WAIT):
            while not (await asyncio.wait({asking}, timeout=LOOK))[0]:
                if source.info.kind in CONNECTED and (reason := _blind(stack, source)):
                    return Told(source, why=reason, blind=True)
        return Told(source, asking.result())
    except TimeoutError:
        silent = f"told nothing within {WAIT:g} s"
        if blind := _blind(stack, source):
            return Told(source, why=blind)
        return Told(source, why=f"it {silent}", silent=silent)
    except RampdeckError as error:
        blind = _blind(stack, source)
        return Told(source, why=blind or error.why or error.what, blind=bool(blind))
    finally:
        asking.cancel()
        with suppress(asyncio.CancelledError, RampdeckError):
            await asking


def _blind(stack: Stack, source: Source) -> str:
    """Return why a source is read no more, empty where it is read, or was never tried."""
    seen = stack.session.sources.get(source.info.name)
    return seen.reason if seen is not None and seen.health is Health.BLIND else ""


def listed(value: str) -> list[str]:
    """Return the parts of a fact that is a list."""
    return [part.strip() for part in value.split(",") if part.strip()]
