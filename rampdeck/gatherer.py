"""Asking for the facts: all sources side by side, once at the start and once at the end.

It stays out of the way. A host's sources begin to read first, and then no more
than two short commands at a time run there; the load waits for none of it. A
source that cannot answer says why, and is asked again at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from rampdeck.collector import Teller
from rampdeck.config import ReleaseConfig
from rampdeck.errors import RampdeckError, RemoteError, SourceError
from rampdeck.facts import Fact, FactPair, to_meta, unknown
from rampdeck.model import Instant
from rampdeck.record import facts as releases
from rampdeck.remote import Completed, Remote, Shell, reader
from rampdeck.setup import Setup
from rampdeck.sources import Source
from rampdeck.supervise import guarded

PATIENCE = 30.0
"""Seconds that a source gets at the start, once its host is there."""
LAST_PATIENCE = 6.0
"""Seconds that all of them together get at the end, after the load."""
LAST = 1_000
"""The rank of whom all others on a host come before (:meth:`Remote.turn`)."""
AT_ONCE = 2
"""Commands of ours on a host side by side: its sources have up to six sessions of the eight."""
NO_ANSWER = "no answer within {:g} s"

Facts = tuple[Fact, ...]


@dataclass(frozen=True)
class Asked:
    """Somebody who can tell facts: ``name`` as the record calls it, and the host that must be there first."""

    name: str
    kind: str
    host: str
    ask: Callable[[], Awaitable[Facts]]


class Gatherer:
    """Asks, and holds what was told; ``store`` keeps it (:meth:`SessionWriter.set_meta`) as soon as it is."""

    def __init__(
        self,
        sources: Sequence[Source],
        release: ReleaseConfig,
        remote_of: Callable[[str], Remote],
        store: Callable[[str, object], None] = lambda *_: None,
    ) -> None:
        self._remote_of = remote_of
        self._store = store
        self._places: dict[str, asyncio.Semaphore] = {}
        self._waits: dict[str, str] = {}
        self._asked = [*self._of_release(release), *self._of_sources(sources)]
        self._start: dict[str, Facts | str] = {}
        self._end: dict[str, Facts | str] = {}
        self._beginning: list[asyncio.Task[None]] = []
        self._answered = asyncio.Condition()

    @classmethod
    def of(cls, setup: Setup) -> Gatherer:
        """Return the one of a run."""
        return cls(setup.sources, setup.config.release, setup.hosts.remote, setup.writer.set_meta)

    @property
    def pairs(self) -> tuple[FactPair, ...]:
        """What is known by now, source by source."""
        return tuple(
            pair
            for asked in self._asked
            for pair in paired(asked.name, asked.kind, self._start.get(asked.name), self._end.get(asked.name))
        )

    async def told(self, name: str) -> Facts:
        """Return what a source (or ``[release] KEY``) told first; waits until it has.

        Raises :class:`SourceError` with the reason where it told nothing.
        """
        if all(asked.name != name for asked in self._asked):
            raise SourceError(f"{name} tells nothing of itself", "it is left out, or of a kind that cannot")
        async with self._answered:
            await self._answered.wait_for(lambda: name in self._start)
        answer = self._start[name]
        if isinstance(answer, str):
            raise SourceError(f"{name} tells nothing of itself", answer)
        return answer

    async def begin(self) -> None:
        """Ask everybody for the first time; returns when all have answered or will not."""
        for asked in self._asked:
            self._beginning.append(asyncio.create_task(self._first(asked)))
        try:
            await asyncio.gather(*self._beginning)
        finally:
            for task in self._beginning:
                task.cancel()

    async def end(self, patience: float = LAST_PATIENCE) -> None:
        """Ask everybody again, for so many seconds at the most; who owes the first answer gives that."""
        ending = [asyncio.create_task(self._last(asked)) for asked in self._asked]
        try:
            if ending:
                await asyncio.wait(ending, timeout=patience)
        finally:
            for task in (*self._beginning, *ending):
                task.cancel()
            await asyncio.gather(*self._beginning, *ending, return_exceptions=True)
            for asked in self._asked:
                why = self._waits.get(asked.name) or NO_ANSWER.format(patience)
                self._start.setdefault(asked.name, why)
                self._end.setdefault(asked.name, why)
            self._store("facts", to_meta(self.pairs))

    async def _first(self, asked: Asked) -> None:
        await self._there(asked)
        self._start[asked.name] = await _answer(asked, PATIENCE)
        self._store("facts", to_meta(self.pairs))
        async with self._answered:
            self._answered.notify_all()

    async def _last(self, asked: Asked) -> None:
        place = self._asked.index(asked)
        # Never twice at once.
        if beginning := self._beginning[place : place + 1]:
            await asyncio.wait(beginning)
        await self._there(asked)
        self._end[asked.name] = await _answer(asked, None)

    async def _there(self, asked: Asked) -> None:
        """Wait until the host can be used and those who read there have begun."""
        reader.set(f"facts of {asked.name}")

        def hear(error: RemoteError, _: Instant | None) -> None:
            self._waits[asked.name] = str(error)

        with suppress(RampdeckError):  # a host that cannot be: who asks there is told
            (await self._remote_of(asked.host).turn(LAST, hear)).over()
        self._waits.pop(asked.name, None)

    def _of_sources(self, sources: Sequence[Source]) -> list[Asked]:
        return [
            Asked(
                source.info.name,
                source.info.kind,
                source.host,
                partial(source.collector.facts, self.shell(source.host)),
            )
            for source in sources
            if isinstance(source.collector, Teller) and not source.absent
        ]

    def _of_release(self, release: ReleaseConfig) -> list[Asked]:
        return [
            Asked(f"[release] {question.key}", "release", question.host, partial(self._ask_release, question))
            for question in releases.questions(release)
        ]

    async def _ask_release(self, question: releases.Question) -> Facts:
        return await question.ask(self.shell(question.host))

    def shell(self, host: str) -> Shell:
        """Return a host to run short commands on, few at a time."""
        return _Shell(
            partial(self._remote_of, host), host, self._places.setdefault(host, asyncio.Semaphore(AT_ONCE))
        )


class _Shell:
    """A host that runs few commands of ours at a time, so that sessions are left for the sources."""

    def __init__(self, remote: Callable[[], Remote], host: str, place: asyncio.Semaphore) -> None:
        self.host = host
        self._remote = remote
        self._place = place

    @property
    def local(self) -> bool:
        """Whether it is this machine, without a connection."""
        return self._remote().local

    async def run(self, command: str, *, timeout: float = 10.0) -> Completed:
        """Run a short command to its end, when it is its turn."""
        async with self._place:
            return await self._remote().run(command, timeout=timeout)


async def _answer(asked: Asked, patience: float | None) -> Facts | str:
    """Return what one is told, or why nothing."""
    try:
        async with asyncio.timeout(patience):
            return await guarded(asked.ask, asked.kind)
    except TimeoutError:
        return NO_ANSWER.format(patience)
    except RampdeckError as error:
        return str(error)


def paired(source: str, kind: str, start: Facts | str | None, end: Facts | str | None) -> list[FactPair]:
    """Join two answers name by name; in place of an answer may stand why there was none."""
    if not isinstance(start, tuple) and not isinstance(end, tuple):
        if start is None and end is None:
            return []
        pair = [None if why is None else unknown(f"{kind}.facts", "Facts", str(why)) for why in (start, end)]
        return [FactPair(source, *pair)]
    first, last = _by_name(start), _by_name(end)
    return [
        FactPair(
            source,
            first.get(name) or _instead(last[name], start),
            last.get(name) or _instead(first[name], end),
        )
        for name in dict.fromkeys((*first, *last))
    ]


def _by_name(facts: Facts | str | None) -> Mapping[str, Fact]:
    return {fact.name: fact for fact in facts} if isinstance(facts, tuple) else {}


def _instead(fact: Fact, why: Facts | str | None) -> Fact | None:
    """Return what stands beside a fact that was told only once."""
    if why is None:
        return None
    reason = why if isinstance(why, str) else "it was not told then"
    return replace(fact, value="", why=unknown("", "", reason).why)
