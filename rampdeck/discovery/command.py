"""``rampdeck init``: asks, connects, finds what is there, and writes a commented ``rampdeck.toml``."""

from __future__ import annotations

import argparse
import os
import sys
import tomllib
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from rampdeck import __version__, loop
from rampdeck.config import HostConfig, TargetConfig, validate
from rampdeck.discovery import terminal, writing
from rampdeck.discovery.draft import Draft, Entry, Table
from rampdeck.discovery.finder import LOCAL_NAMES, Found
from rampdeck.discovery.hosts import hosts_of, tables_of
from rampdeck.discovery.once import look, told
from rampdeck.discovery.settle import Kinds, configuration, settle
from rampdeck.discovery.ways import Target
from rampdeck.errors import UsageError
from rampdeck.exits import Exit
from rampdeck.remote.hosts import LOCAL, Hosts
from rampdeck.secrets import know_environment
from rampdeck.wanted import DEFAULT_FILE

USAGE = """\
Usage: rampdeck init [FILE] [--on [user@]HOST[:PORT]] ... [options]

Writes a commented rampdeck.toml (or FILE, or - for the standard output). With hosts it connects to
them, as ssh does, and finds what is there by itself: servers, units, logs, and the database and the
cache of the settings of Django. It only reads, and says what it could not find. On a terminal it
asks for what is not given; elsewhere, without --on, it writes the template to be filled in.

Options:
  --on [user@]HOST[:PORT]   a host to look at, or local; may be given several times
  --target URL              where the load is to go: its port shows which of several servers is meant
  --environment NAME        how a run is to name what it loads
  --scenario FILE           the locustfile
  --yes                     ask nothing, take what is found

It never overwrites. RAMPDECK_PG_USER, RAMPDECK_PG_PASSWORD and RAMPDECK_REDIS_PASSWORD are the login
for watching the servers; a password is never written, and never taken from the application.
"""
_UNKNOWN = "find out"


def init(argv: Sequence[str], parser: argparse.ArgumentParser, kinds: Kinds) -> int:
    """Write the file; returns the exit code. Raises :class:`UsageError` where it cannot be."""
    options = _options(argv, parser)
    path = Path(options.file or DEFAULT_FILE)
    if options.file != "-" and os.path.lexists(path):
        raise _there(path)
    know_environment(os.environ)
    asking = terminal.is_there() and not options.yes
    if asking:
        _ask(options)
    hosts = hosts_of(options.on)
    if options.target:
        validate(TargetConfig, {"host": options.target}, "--target")
    found = _found(options, hosts, asking=asking)
    if asking and not options.target and found.candidates:
        options.target = terminal.ask("Where the load is to go (of ALLOWED_HOSTS)", found.candidates[0])
    text = _text(found, options, hosts, kinds)
    if options.file == "-":
        sys.stdout.write(text)
    else:
        _write(path, text)
    for missing in found.draft.missing:
        told(f"could not find: {missing}")
    if options.file != "-":
        sys.stdout.write(_then(path, looked=bool(hosts)))
    return Exit.PASS


def _options(argv: Sequence[str], parser: argparse.ArgumentParser) -> Namespace:
    parser.add_argument("file", nargs="?", default="")
    parser.add_argument("--on", action="append", default=[])
    for name in ("--target", "--environment", "--scenario"):
        parser.add_argument(name, default="")
    parser.add_argument("--yes", action="store_true")
    return parser.parse_args(list(argv))


def _ask(options: Namespace) -> None:
    """Ask for what the command line does not say."""
    while not options.target:
        said = terminal.ask("Where the load is to go, as https://staging.example.com", _UNKNOWN)
        if said == _UNKNOWN:
            break
        options.target = said if "://" in said else f"https://{said}"
        if not urlsplit(options.target).hostname:
            options.target = ""
    if not options.environment:
        options.environment = terminal.ask("What it is called", "staging")
    if not options.on:
        name = urlsplit(options.target).hostname or LOCAL
        default = LOCAL if name in LOCAL_NAMES else name
        said = terminal.ask('The hosts of the stack, as ssh knows them, or "none"', default)
        options.on = [] if said == "none" else said.replace(",", " ").split()


def _found(options: Namespace, hosts: Mapping[str, HostConfig], *, asking: bool) -> Found:
    if not hosts:
        return Found(Draft(), {})
    known = Hosts(hosts, terminal.Terminal() if asking else None)
    return loop.run(look(Target(options.target), known, list(hosts), told))


def _text(found: Found, options: Namespace, hosts: Mapping[str, HostConfig], kinds: Kinds) -> str:
    """Return the whole file, which can be read as it stands."""
    draft = found.draft
    if not options.target and hosts:
        draft.miss("the target", "nobody named it", "write [target] host, or give --target")
    if options.target or options.environment or hosts:
        draft.tables.insert(0, _target(options, found.candidates))
    if options.scenario:
        draft.add(Table(("scenario",), (Entry("file", options.scenario),)))
    draft.add(*tables_of(hosts))
    settle(draft, kinds)
    if not draft.tables:
        return writing.TEMPLATE.read_text(encoding="utf-8")
    looked = f"This is what it found on {', '.join(hosts)}" if hosts else "It looked at no host"
    text = writing.text(draft, f"Written by rampdeck init {__version__}. {looked}.")
    configuration(tomllib.loads(text), kinds, "what was found")
    return text


def _target(options: Namespace, candidates: Sequence[str]) -> Table:
    host = Entry("host", options.target)
    if not options.target and candidates:
        host = Entry("host", candidates[0], "of ALLOWED_HOSTS; is it this?", open=True)
    elif not options.target:
        host = Entry("host", "https://staging.example.com", open=True)
    name = Entry("environment", options.environment)
    if not options.environment:
        name = Entry("environment", "staging", "a run must name what it loads", open=True)
    return Table(("target",), (host, name))


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise _there(path) from None
    except OSError as error:
        raise UsageError(f"cannot write {path}", error.strerror or str(error)) from None


def _there(path: Path) -> UsageError:
    return UsageError(f"{path} exists", "", "Remove it first, or name another file")


def _then(path: Path, *, looked: bool) -> str:
    named = "" if path == DEFAULT_FILE else f" -c {path}"
    if looked:
        return f"{path} is written. See what it says, then: rampdeck preflight{named}\n"
    return (
        f"{path} is written, as a template. Fill in the hosts (or have them looked at: --on HOST), then: "
        + (f"rampdeck run{named}\n")
    )
