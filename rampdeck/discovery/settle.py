"""From a draft to a configuration that holds: a table that its collector refuses waits for a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rampdeck.collector import Collector
from rampdeck.config import Config, validate
from rampdeck.discovery.draft import Draft, Entry, Table
from rampdeck.errors import UsageError
from rampdeck.remote.hosts import Hosts
from rampdeck.sources import sources_of

Kinds = Mapping[str, type[Collector]]


def settle(draft: Draft, kinds: Kinds) -> None:
    """Label what would be there twice, and switch off what a collector would refuse."""
    there: dict[tuple[str, str], int] = {}
    for number, table in enumerate(draft.tables):
        if table.path == ("collectors",) and not table.open:
            data = table.data()
            key = str(data["kind"]), str(data["host"])
            there[key] = there.get(key, 0) + 1
            draft.tables[number] = _sound(_labelled(table, key[0], there[key]), kinds, draft)


def _labelled(table: Table, kind: str, count: int) -> Table:
    if count == 1:
        return table
    label = Entry("label", f"{kind}-{count}", "for there are several")
    return replace(table, entries=(*table.entries[:2], label, *table.entries[2:]))


def _sound(table: Table, kinds: Kinds, draft: Draft) -> Table:
    data = table.data()
    try:
        validate(kinds[data["kind"]].Config, data, str(data["kind"]))
    except UsageError as error:
        what = f"a table for {data['kind']} of {data['host']} that holds"
        draft.miss(what, error.why, "see what is written there, and mend it")
        return replace(table, open=True)
    return table


def configuration(data: Mapping[str, Any], kinds: Kinds, where: str) -> Config:
    """Return the configuration that data are, with collectors that can be made of it.

    Raises :class:`UsageError` where it is none.
    """
    config = validate(Config, data, where)
    sources_of(config, kinds, Hosts(config.hosts).check)
    return config
