"""Whether a run has workers, how many, where they are started and where they join."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rampdeck.config import Config, GeneratorLimits, RemoteWorkers
from rampdeck.engine.distributed import MasterDriver
from rampdeck.engine.master import make_master
from rampdeck.errors import UsageError
from rampdeck.hands import HERE, Hand
from rampdeck.model import EventKind, Severity, SourceInfo
from rampdeck.remote.hosts import LOCAL, Hosts
from rampdeck.sources import Source
from rampdeck.workers.crew import Crew

if TYPE_CHECKING:
    from rampdeck.run import Run

LOOPBACK = "127.0.0.1"
PROGRESS = 5.0
"""Seconds between words on how many are still waited for."""
USUAL_PORT = 5557
"""Locust's own, for workers that somebody else starts."""


@dataclass(frozen=True)
class CrewPlan:
    """The workers of a run.

    ``expected`` of them are to be there before the load begins, at most after
    ``max_wait`` seconds (0: however long it takes). They join at ``bind_host``
    and ``bind_port``; port 0 is a free one.
    """

    local: int
    remote: tuple[RemoteWorkers, ...]
    files: tuple[Path, ...]
    locustfiles: tuple[Path, ...]
    expected: int
    max_wait: float
    bind_host: str
    bind_port: int
    limits: GeneratorLimits
    argv: tuple[str, ...]
    options: Namespace

    def make_master(self, environment: Any) -> object:
        """Make the cockpit the master. Raises :class:`UsageError` when its port is taken."""
        return make_master(environment, self.bind_host, self.bind_port)

    @property
    def started(self) -> int:
        """How many are started by the cockpit."""
        return self.local + sum(remote.count for remote in self.remote)

    def hands(self, port: int) -> list[Hand]:
        """Return the workers to start, once the port is known."""
        here = [*HERE, "--master-host", LOOPBACK, "--master-port", str(port), *self.argv]
        hands = [Hand(f"local-{number}", LOCAL, tuple(here)) for number in range(1, self.local + 1)]
        for remote in self.remote:
            names = [remote.host] if remote.count == 1 else _numbered(remote.host, remote.count)
            master = remote.master_host
            allowed = tuple(self.options.allow_host)
            hands += [
                Hand(name, remote.host, self._told(port), remote.command, master, allowed) for name in names
            ]
        return hands

    def _told(self, port: int) -> tuple[str, ...]:
        """Return what a worker elsewhere is told; the rest, and its own options, come with the load."""
        options = self.options
        told = ["-f", ",".join(file.name for file in self.locustfiles), "--master-port", str(port)]
        told += ["--loglevel", options.loglevel]
        for setting in options.config_users or ():
            told += ["--config-users", *setting] if all(isinstance(text, str) for text in setting) else []
        told += ["--equal-weights"] if options.equal_weights else []
        return (*told, *options.user_classes)


def planned(
    settings: Config, options: Namespace, argv: Sequence[str], files: Sequence[str]
) -> CrewPlan | None:
    """Return the workers that the command line and the configuration ask for; ``None`` for a load in here.

    Raises :class:`UsageError` where they ask for what cannot be.
    """
    local = settings.workers.local if options.workers is None else options.workers
    remote = settings.workers.remote
    if local < 0:
        raise UsageError("the command line is wrong", f"{local} workers cannot be had")
    asked = options.master or options.expect_workers
    if not (local or remote or asked):
        return None
    options.master = True
    only_here = not remote and not asked
    options.master_bind_host = options.master_bind_host or (LOOPBACK if only_here else "*")
    if options.master_bind_port is None:
        options.master_bind_port = 0 if only_here else USUAL_PORT
    started = local + sum(table.count for table in remote)
    options.expect_workers = max(options.expect_workers, started, 1)
    return CrewPlan(
        local=local,
        remote=remote,
        files=settings.workers.files,
        locustfiles=tuple(map(Path, files)),
        expected=options.expect_workers,
        max_wait=float(options.expect_workers_max_wait),
        bind_host=options.master_bind_host,
        bind_port=options.master_bind_port,
        limits=settings.generator,
        argv=tuple(argv),
        options=options,
    )


def crew_of(plan: CrewPlan, driver: MasterDriver, hosts: Hosts, tell: Callable[[str], None] | None) -> Crew:
    """Return what starts and watches the workers.

    Raises :class:`UsageError` for a host that the configuration does not have.
    """
    for remote in plan.remote:
        hosts.check(remote.host)
    return Crew(
        driver,
        plan.hands(driver.port),
        hosts,
        files=(*plan.locustfiles, *plan.files),
        expected=plan.expected,
        max_wait=plan.max_wait,
        limits=plan.limits,
        tell=tell or (lambda _: None),
    )


def source(crew: Crew) -> Source:
    """Return it as a source."""
    return Source(crew, SourceInfo(f"{Crew.kind}@{LOCAL}", Crew.kind, LOCAL), LOCAL)


async def wait_for(run: Run, *, needed: bool, tell: Callable[[str], None] = lambda _: None) -> None:
    """Wait until the workers are there, if the run has any; without them one that ``needed`` them is over."""
    crew = run.setup.crew
    if crew is None:
        return
    manned = asyncio.ensure_future(crew.manned())
    over = asyncio.ensure_future(run.over.wait())
    try:
        while not (await asyncio.wait({manned, over}, timeout=PROGRESS, return_when="FIRST_COMPLETED"))[0]:
            tell(f"Waiting for workers: {crew.here} of {crew.expected} are here")
        if manned.done() and (why := manned.result()):
            if needed:
                run.fail(why, "workers")
            else:
                run.session.say(EventKind.LOAD, why, severity=Severity.ERROR)
    finally:
        manned.cancel()
        over.cancel()


def _numbered(host: str, count: int) -> list[str]:
    return [f"{host}-{number}" for number in range(1, count + 1)]
