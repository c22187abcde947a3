"""``rampdeck run --on HOST``: what is there is found for this one run, and no file is written."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from rampdeck import loop, wanted
from rampdeck.config import Config
from rampdeck.discovery import terminal
from rampdeck.discovery.draft import shown
from rampdeck.discovery.finder import Found, Tell, discover
from rampdeck.discovery.hosts import hosts_of, tables_of
from rampdeck.discovery.settle import Kinds, configuration, settle
from rampdeck.discovery.ways import Target
from rampdeck.remote.hosts import Hosts


def configured(argv: Sequence[str], kinds: Kinds) -> Config:
    """Return the configuration of a command line: that of a file, or with ``--on`` what is found.

    Raises :class:`UsageError` where both are given, and whatever keeps a host
    from being looked at: what was asked for cannot be watched then.
    """
    settings = wanted.configured(list(argv))
    given = _given(argv)
    if not given.on:
        return settings
    hosts = hosts_of(given.on)
    target = Target(given.host or os.environ.get("LOCUST_HOST", ""))
    asker = terminal.Terminal() if terminal.is_there() and not given.headless else None
    tell = _silent if given.quiet else told
    found = loop.run(look(target, Hosts(hosts, asker), list(hosts), tell))
    for error in found.refused.values():
        raise error
    found.draft.add(*tables_of(hosts))
    settle(found.draft, kinds)
    for missing in found.draft.missing:
        tell(f"could not find: {missing}")
    return configuration(found.draft.data(), kinds, "what was found")


async def look(target: Target, hosts: Hosts, names: Sequence[str], tell: Tell) -> Found:
    """Look at hosts, and give the connections up."""
    try:
        return await discover(target, names, hosts, tell)
    finally:
        await hosts.close()


def told(text: str) -> None:
    """Write a line to stderr, as it may be shown."""
    sys.stderr.write(f"{shown(text, 700)}\n")


def _silent(text: str) -> None:
    pass


def _given(argv: Sequence[str]) -> argparse.Namespace:
    """Return what matters here of the command line of a run; all of it is read later."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--on", action="append", default=[])
    parser.add_argument("-H", "--host", default="")
    parser.add_argument("-q", "--quiet", action="store_true")
    parser.add_argument("--headless", action="store_true")
    return parser.parse_known_args(list(argv))[0]
