"""The sources of a configuration: what it names, and what comes with it unasked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rampdeck import clocks
from rampdeck.collector import Collector
from rampdeck.config import Config, nearest, validate
from rampdeck.errors import UsageError
from rampdeck.flood import LIMIT
from rampdeck.model import SourceInfo
from rampdeck.remote.hosts import LOCAL

GENERATOR = "generator"
"""The kind that watches this machine; it is there in any case."""


@dataclass(frozen=True)
class Source:
    """A collector that is to be read, on which host, or why it is left out.

    ``limit`` is how many lines a second of it are stored.
    """

    collector: Collector
    info: SourceInfo
    host: str
    absent: str = ""
    limit: int = LIMIT


def sources_of(
    settings: Config, kinds: Mapping[str, type[Collector]], check: Callable[[str], None]
) -> list[Source]:
    """Make the collectors of a configuration, the generator's, and last a clock for each host far away.

    ``check`` raises for a host that cannot be (:meth:`Hosts.check`). Raises
    :class:`UsageError` for a table that cannot be.
    """
    tables = list(settings.collectors)
    if not any(table.get("kind") == GENERATOR for table in tables):
        tables.append({"kind": GENERATOR})
    sources: list[Source] = []
    for number, table in enumerate(tables, 1):
        where = f"[[collectors]] number {number}"
        source = _made(settings, kinds, table, where)
        if any(other.info.name == source.info.name for other in sources):
            raise UsageError(where, f"{source.info.name} is there already", 'Give it a label = "..."')
        check(source.host)
        sources.append(source)
    measured = {source.host for source in sources if source.info.kind == clocks.KIND}
    read = dict.fromkeys(source.host for source in sources if not source.absent)
    far = (host for host in read if host != LOCAL and not settings.hosts[host].local)
    return sources + [
        _made(settings, kinds, {"kind": clocks.KIND, "host": host}, f"[hosts.{host}]")
        for host in far
        if host not in measured
    ]


def _made(
    settings: Config, kinds: Mapping[str, type[Collector]], table: Mapping[str, Any], where: str
) -> Source:
    kind = str(table.get("kind", ""))
    if kind not in kinds:
        raise UsageError(where, f'no kind "{kind}"{nearest(kind, kinds)}', f"There are {', '.join(kinds)}")
    if kind == GENERATOR:
        table = {"limits": settings.generator} | dict(table)
    checked = settings.anchored(validate(kinds[kind].Config, table, f'{where}, kind "{kind}"'))
    # Whoever counts rows for the record counts those that the preflight wants to know as well.
    if settings.preflight.rows and (counted := getattr(checked, "row_counts", None)) is not None:
        every = dict.fromkeys((*counted, *settings.preflight.rows))
        checked = checked.model_copy(update={"row_counts": tuple(every)})
    return Source(kinds[kind](checked), checked.source, checked.host, checked.absent, checked.limit)
