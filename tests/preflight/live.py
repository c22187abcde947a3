"""A stack whose sources are really read: for checks that look into logs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from collectors import COLLECTORS
from rampdeck.config import Config
from rampdeck.duties import Duties
from rampdeck.gatherer import Gatherer
from rampdeck.preflight.stack import Stack
from rampdeck.readers import Readers
from rampdeck.remote.hosts import Hosts
from rampdeck.session import Session
from rampdeck.sources import sources_of

from .stacks import ToldFacts


@asynccontextmanager
async def live(settings: Config, told: Mapping[str, str] | None = None, **words: Any) -> AsyncIterator[Stack]:
    """Read the sources of a configuration and ask for their facts while the block lasts.

    ``told`` says in their place why there are no facts, by source.
    """
    hosts = Hosts(settings.hosts)
    sources = sources_of(settings, COLLECTORS, hosts.check)
    session = Session({}, lambda _: None)
    defects: list[str] = []
    duties = Duties(defects.append)
    gatherer = Gatherer(sources, settings.release, hosts.remote) if told is None else ToldFacts(told)
    try:
        Readers(sources, hosts, session).connect(duties)
        if told is None:
            duties.start("facts", gatherer.begin())
        yield Stack(settings, settings.target.host or "", sources, hosts, session, gatherer, **words)
    finally:
        await duties.cancel(2.0)
        await hosts.close()
    assert defects == []
