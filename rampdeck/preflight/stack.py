"""The stack as the checks see it: what is configured, and what can be asked, each thing once.

Checks run side by side and many want the same: the settings of Django, the
home page, the facts of a source. :meth:`Stack.ask` asks once and gives every one
of them the answer, or the same refusal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from rampdeck.config import Config
from rampdeck.errors import HostKeyRefused, HostUnreachable, LoginRefused, RemoteError
from rampdeck.facts import Fact
from rampdeck.gatherer import Gatherer
from rampdeck.model import Health, Stage
from rampdeck.pace import Ticks
from rampdeck.remote import Completed, Shell
from rampdeck.remote.hosts import Hosts
from rampdeck.session import Session
from rampdeck.sources import Source
from rampdeck.view import Metric

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")
WHAT_IT_IS = "uname -sr"
"""Asked of a host far away: that it answers says that we are let in."""
REACHED = 8.0
"""Seconds that a login may take, of the ten that a check has."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is to make the load: the locustfiles, the chosen user classes, and what their options said.

    ``tasks`` counts those of each class; ``processes`` share the users;
    ``problem`` says why there is no scenario, if it could not be loaded.
    ``allowed`` are the hosts that its users may contact, as they are written.
    """

    files: tuple[str, ...] = ()
    user_classes: tuple[str, ...] = ()
    tasks: Mapping[str, int] = field(default_factory=dict)
    shape: bool = False
    processes: int = 1
    problem: str = ""
    allowed: tuple[str, ...] = ()
    accounts: Path | None = None
    """The file of ``--users-csv``, where the scenario has that option."""
    arguments: tuple[str, ...] = ()
    """The command line behind ``rampdeck run``, for whoever loads the scenario again."""


@dataclass
class Stack:
    """What there is to be checked; ``session`` is fed by the sources, ``gatherer`` asks for their facts."""

    settings: Config
    target: str
    """Where the load goes, ``https://staging.example.com``; empty where it is not known."""
    sources: Sequence[Source]
    hosts: Hosts
    session: Session
    gatherer: Gatherer
    plan: tuple[Stage, ...] = ()
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    scenario: Scenario = field(default_factory=Scenario)
    _asked: dict[Hashable, asyncio.Task[Any]] = field(default_factory=dict)

    async def ask(self, question: Callable[[Stack], Awaitable[T]]) -> T:
        """Return the answer to a question, which is asked once; whoever gives up does not end it for others.

        Raises what the question raises.
        """
        return await self._once(question, partial(question, self))

    async def reach(self, host: str) -> Completed:
        """Return what a host far away answers to :data:`WHAT_IT_IS`; asked once.

        Raises :class:`RemoteError` where it does not, in time for those who
        have waited for it to say so.
        """
        return await self._once((WHAT_IT_IS, host), partial(self._reached, host))

    async def let_in(self, host: str) -> None:
        """Return once a host lets us in, which is tried once for all who need it; this machine does.

        Raises the :class:`RemoteError` that says why it does not.
        """
        if self.hosts.remote(host).local:
            return
        try:
            await self.reach(host)
        except (HostUnreachable, HostKeyRefused, LoginRefused):
            raise
        except RemoteError:
            pass  # we are in; how many sessions there are, and what its shell can do, is another matter

    async def _reached(self, host: str) -> Completed:
        try:
            async with asyncio.timeout(REACHED):
                return await self.hosts.remote(host).run(WHAT_IT_IS)
        except TimeoutError:
            why, fix = f"no login within {REACHED:g} s", "Look whether this machine may reach it"
            raise HostUnreachable(f"{host} cannot be reached", why, fix) from None

    async def _once(self, key: Hashable, asking: Callable[[], Awaitable[T]]) -> T:
        if key not in self._asked:
            self._asked[key] = asyncio.ensure_future(asking())
            self._asked[key].add_done_callback(lambda done: done.cancelled() or done.exception())
        return cast("T", await asyncio.shield(self._asked[key]))

    async def seen(self, patience: float) -> None:
        """Wait until every source has been seen or has failed, so many seconds at the most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                async for _ in Ticks(0.05):
                    if all(one.health is not Health.CONNECTING for one in self.session.sources.values()):
                        return

    def forget(self) -> None:
        """Ask everything anew from now on: somebody has mended something."""
        for task in self._asked.values():
            task.cancel()
        self._asked.clear()

    @property
    def target_name(self) -> str:
        """The host name of the target, as people name it; empty where there is none."""
        return urlsplit(self.target).hostname or ""

    def of_kind(self, *kinds: str) -> list[Source]:
        """Return the sources of some kinds, without those that are left out."""
        return [source for source in self.sources if source.info.kind in kinds and not source.absent]

    def shell(self, host: str) -> Shell:
        """Return a host of the configuration to run short commands on, two at a time.

        Raises :class:`UsageError` for a name that the configuration does not have.
        """
        return self.gatherer.shell(host)

    async def facts(self, source: Source) -> Mapping[str, Fact]:
        """Return what a source told of itself, by name; waits until it has.

        Raises :class:`SourceError` with the reason where it told nothing.
        """
        return {fact.name: fact for fact in await self.gatherer.told(source.info.name)}

    @property
    def peak(self) -> int:
        """The most users that are planned: of the plan, or else ``max_users``."""
        return max((stage.users for stage in self.plan), default=self.settings.load.max_users)
