"""The supervisor that keeps a collector reading."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from rampdeck import defects
from rampdeck.backoff import Backoff
from rampdeck.collector import Collector, Sink
from rampdeck.errors import HostUnreachable, NoSession, RampdeckError, RemoteError, SourceError
from rampdeck.model import Health, Instant
from rampdeck.remote import Remote, reader

T = TypeVar("T")


class Defect(SourceError):
    """A failure that no collector, and no host, raises on purpose."""


async def supervise(collector: Collector, remote: Remote, sink: Sink, rank: int = 0) -> None:
    """Keep a collector reading for ever, or until it calls its source absent.

    A lost host is tried by the host itself, for all that is read there; when it
    is back they begin together, or in the order of ``rank`` where it gives few
    sessions. A failure of the source's own makes it blind, with the reason, and is
    tried again as :mod:`rampdeck.backoff` says. A defect in a collector is reported
    in its own pane and takes no other one down. Cancelling ends it; closing the sink
    is the caller's.
    """
    reader.set(sink.info.name)
    backoff = Backoff()
    while True:
        failure: RampdeckError = SourceError("the source ended", "its command stopped writing")
        try:
            await guarded(partial(_read, collector, remote, sink, backoff, rank), collector.kind)
        except RampdeckError as error:
            failure = error
        if sink.health is Health.ABSENT:
            return
        pause = backoff.failed()
        since = remote.heard if isinstance(failure, HostUnreachable) else None
        sink.blind(str(failure), Instant.now().plus(pause), since=since, fix=failure.fix)
        if isinstance(failure, Defect):
            # Not as long as there is a connection: the defect may be in the way to it.
            await asyncio.sleep(pause)
        else:
            await remote.pause(pause, session=isinstance(failure, NoSession))


async def _read(collector: Collector, remote: Remote, sink: Sink, backoff: Backoff, rank: int) -> None:
    """Wait for the host and for those who come first, then read until it cannot go on."""

    def hear(error: RemoteError, next_try: Instant | None) -> None:
        backoff.forget()  # what is the host's trouble is not the source's
        sink.blind(str(error), next_try, since=remote.heard, fix=error.fix)

    with await remote.turn(rank, hear) as turn:
        sink.settled = turn.settled
        began = time.monotonic()
        try:
            await collector.run(remote, sink)
        finally:
            if sink.health is not Health.BLIND:
                backoff.went_well(time.monotonic() - began)


async def guarded(work: Callable[[], Awaitable[T]], kind: str) -> T:
    """Let a collector do something; whatever goes wrong is raised as one of our errors.

    A defect of its own is a :class:`Defect`, so that nothing else is taken down.
    """
    try:
        return await work()
    except RampdeckError:
        raise
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # Not ours: something that the collector waited for was cancelled.
        raise Defect(f"the {kind} collector has a defect", "what it waited for was cancelled") from None
    except Exception as error:  # the supervising edge: a defect must stay in its own pane
        raise _first(error) or _defect(kind, error) from error


def _first(error: BaseException) -> RampdeckError | None:
    """Return the first of our errors that a task group brought together."""
    if isinstance(error, RampdeckError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next((found for inner in error.exceptions if (found := _first(inner))), None)
    return None


def _defect(kind: str, error: BaseException) -> Defect:
    """Say what is wrong in a collector, and where, for whoever mends it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return Defect(f"the {kind} collector has a defect", defects.told(error), "Please report it.")
