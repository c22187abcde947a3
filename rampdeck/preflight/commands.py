"""``rampdeck preflight --commands``: everything that Rampdeck would ever send to the hosts.

Whoever lets a load test onto a host can read here what it does there, before it
does it. Nothing is connected to, and no secret is read.
"""

from __future__ import annotations

import json
import re
import textwrap
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rampdeck import __version__, hands
from rampdeck.collector import Collector
from rampdeck.config import Config
from rampdeck.preflight.asks import TARGET, Asking
from rampdeck.preflight.checks import ASKS as QUESTIONS
from rampdeck.record import facts
from rampdeck.remote.command import guarded_line
from rampdeck.remote.hosts import LOCAL, Hosts
from rampdeck.remote.own import ASKS
from rampdeck.secrets import redact
from rampdeck.sources import sources_of
from rampdeck.text import clean

RULES = (
    "One SSH connection a host, kept for the whole session, with at most 8 channels in it; databases are "
    "reached through it by forwards.",
    "Read only: no file is written, nothing is installed, no root is asked for.",
    "Whatever runs ends with Rampdeck, within a second, also when that is killed.",
)
WORKERS = (
    "Only workers that make the load write: [workers] puts their locustfiles into a private folder below "
    "/tmp, removed afterwards."
)
GUARD = (
    "Each COMMAND is sent as one line. It runs beside a guard, a shell that waits for the end of our "
    "connection and then kills the process group, here for a command that is only read and for one that is "
    "written to, too:"
)
WORDS = "A word in capitals, such as OFFSET, stands for what is not known before."
_COMMENTED = re.compile(r"^# (?=[\[\]]| {4}\"|[\w.\"]+ = )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Asker:
    """A source, a question of the preflight, a fact of the release or the workers, and what they may send."""

    name: str
    asks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostCommands:
    """A host, how it is reached, and everybody who sends something there."""

    name: str
    place: str
    askers: tuple[Asker, ...]


def example(template: Path) -> Config:
    """Return hosts and collectors of the commented file that ``rampdeck init`` writes, all switched on."""
    data = tomllib.loads(_COMMENTED.sub("", template.read_text(encoding="utf-8")))
    return Config.model_validate({"hosts": data["hosts"], "collectors": data["collectors"]})


def everything(
    settings: Config, kinds: Mapping[str, type[Collector]], questions: Sequence[Asking] = QUESTIONS
) -> tuple[HostCommands, ...]:
    """Return all that the hosts of a configuration and the target would be sent, those far away first.

    Raises :class:`UsageError` for a configuration that cannot be.
    """
    known = Hosts(settings.hosts).known
    found: dict[str, list[Asker]] = {}
    for source in sources_of(settings, kinds, known):
        if not source.absent:
            found.setdefault(source.host, []).append(Asker(source.info.name, source.collector.asks()))
    for asking in questions:
        for asks in asking(settings):
            asker = Asker(f"preflight: {asks.name}", tuple(map(redact, asks.commands)))
            found.setdefault(asks.host, []).append(asker)
    for host, asker in (*_facts(settings), *_workers(settings)):
        found.setdefault(host, []).append(asker)
    for name, askers in found.items():
        if name != TARGET:
            known(name)
            if not _is_local(name, settings):
                askers.insert(0, Asker("the connection itself", ASKS))
    return tuple(
        HostCommands(name or "the target", _place(name, settings), tuple(found[name]))
        for name in sorted(found, key=lambda name: _is_local(name, settings))
    )


def _facts(settings: Config) -> Iterator[tuple[str, Asker]]:
    for question in facts.questions(settings.release):
        if question.commands:
            yield question.host, Asker(f"[release] {question.key}", tuple(map(redact, question.commands)))


def _workers(settings: Config) -> Iterator[tuple[str, Asker]]:
    if settings.workers.local:
        yield LOCAL, Asker("[workers] local", hands.asks())
    for workers in settings.workers.remote:
        yield workers.host, Asker("[[workers.remote]]", tuple(map(redact, hands.asks(workers))))


def _is_local(name: str, settings: Config) -> bool:
    return name == LOCAL or (name != TARGET and settings.hosts[name].local)


def _place(name: str, settings: Config) -> str:
    """Return where a host is, as far as the configuration says; ``~/.ssh/config`` may say more."""
    if _is_local(name, settings):
        return "this machine"
    if name == TARGET:
        return settings.target.host or "over HTTP"
    host = settings.hosts[name]
    user = f"{host.user}@" if host.user else ""
    port = f" port {host.port}" if host.port else ""
    through = f" through {host.jump}" if host.jump else ""
    return f"ssh {user}{host.address or name}{port}{through}"


def _rules(settings: Config) -> tuple[str, ...]:
    return (*RULES, WORKERS) if settings.workers.remote else RULES


def _guards() -> tuple[str, ...]:
    return guarded_line("COMMAND", stdin=False), guarded_line("COMMAND", stdin=True)


def as_text(settings: Config, hosts: tuple[HostCommands, ...], whence: str) -> str:
    """Return it for people; ``whence`` says which configuration it is."""
    parts = [f"What the hosts would be sent, with {whence}."]
    parts += [_wrapped(f"- {rule}", "  ") for rule in _rules(settings)]
    parts += [_wrapped(GUARD), *(_indented(guard) for guard in _guards()), _wrapped(WORDS)]
    for host in hosts:
        parts.append(f"== {clean(host.name)} ({clean(host.place)})")
        for asker in host.askers:
            parts.append(f"-- {clean(asker.name)}")
            parts += [_indented(ask) for ask in asker.asks or ("nothing",)]
    return "\n\n".join(parts)


def as_json(settings: Config, hosts: tuple[HostCommands, ...], whence: str) -> str:
    """Return it for programs."""
    data = {
        "schema": 1,
        "rampdeck": __version__,
        "configuration": whence,
        "rules": _rules(settings),
        "guards": _guards(),
        "hosts": [
            {
                "name": host.name,
                "place": host.place,
                "sources": [{"name": asker.name, "asks": asker.asks} for asker in host.askers],
            }
            for host in hosts
        ],
    }
    return json.dumps(data, indent=2)


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, 100, subsequent_indent=indent, break_on_hyphens=False)


def _indented(command: str) -> str:
    lines = (clean(line, len(line) + 1) for line in command.strip("\n").split("\n"))
    return textwrap.indent("\n".join(lines), "    ")
