"""Stacks that are made up: what checks look at, without a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collectors import COLLECTORS
from rampdeck.config import Config
from rampdeck.errors import SourceError
from rampdeck.facts import Fact, known
from rampdeck.gatherer import Gatherer
from rampdeck.preflight.stack import Stack
from rampdeck.remote.hosts import Hosts
from rampdeck.session import Session
from rampdeck.sources import Source, sources_of

TARGET = "https://staging.example.com"


class ToldFacts(Gatherer):
    """A gatherer whose sources have told already: facts by source, or why there are none."""

    def __init__(self, told: Mapping[str, Mapping[str, Any] | str]) -> None:
        super().__init__((), Config().release, lambda _: None)  # type: ignore[arg-type, return-value]
        self._told = told

    async def told(self, name: str) -> tuple[Fact, ...]:
        told = self._told.get(name, "nobody asked")
        if isinstance(told, str):
            raise SourceError(f"{name} tells nothing of itself", told)
        return tuple(known(key, key, value, "made up") for key, value in told.items())


def stack(
    data: Mapping[str, Any] | None = None,
    *,
    facts: Mapping[str, Mapping[str, Any] | str] | None = None,
    target: str = TARGET,
    **words: Any,
) -> Stack:
    """Return a stack of a configuration as ``rampdeck.toml`` would have it, whose sources told ``facts``."""
    settings = Config.model_validate({"target": {"host": target}, **(data or {})})
    sources: Sequence[Source] = sources_of(settings, COLLECTORS, lambda _: None)
    return Stack(
        settings=settings,
        target=target,
        sources=sources,
        hosts=Hosts(settings.hosts),
        session=Session({}, lambda _: None),
        gatherer=ToldFacts(facts or {}),
        plan=settings.plan(),
        **words,
    )
