"""The question that all checks of the application share: where it is, and what it tells."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from rampdeck.config import Config, DjangoConfig
from rampdeck.errors import RampdeckError, SourceError, UsageError
from rampdeck.preflight.accounts import accounts
from rampdeck.preflight.asks import Asks
from rampdeck.preflight.check import Found, skipped, unknown
from rampdeck.preflight.django import asking, place
from rampdeck.preflight.django.answer import Answer
from rampdeck.preflight.django.baseline import Baseline
from rampdeck.preflight.django.place import Hint, Place
from rampdeck.preflight.production import Production
from rampdeck.preflight.stack import Stack

MOST_ACCOUNTS = 50
"""Accounts that are looked up, spread over the file."""
PATIENCE = asking.PATIENCE + 15
"""Seconds that a check of the application may take: to find it, and to be told."""
KINDS = ("gunicorn", "uvicorn")
NOBODY = "there is no [django], and no Gunicorn or Uvicorn among the sources"
NOBODY_FIX = 'Say where the application is: [django] host = "app-1", folder = "/srv/app"'


async def application(stack: Stack) -> Answer | None:
    """Ask the application everything at once; ``None`` where nobody says where one is.

    Raises :class:`RampdeckError` where it cannot be asked.
    """
    if (found := await stack.ask(where)) is None:
        return None
    salt: dict[str, Any] = {}
    with suppress(UsageError):  # the check of the baseline says what is wrong with it
        if stack.settings.preflight.baseline:
            salt["salt"] = Baseline.load(stack.settings.preflight.baseline).salt
    names: tuple[str, ...] = ()
    with suppress(UsageError):  # the check of the accounts says what is wrong with their file
        names = names_of(stack)
    wanted = asking.Wanted(
        accounts=names,
        names=Production(stack.settings.target.production).names,
        stubs={party.setting: party.stub for party in stack.settings.third_parties},
        **salt,
    )
    return await asking.ask(stack.hosts.remote(found.host), found, wanted)


async def where(stack: Stack) -> Place | None:
    """Return where the application is; ``None`` where nobody says so."""
    settings = stack.settings
    table = server_table(settings)
    if settings.django == DjangoConfig() and table is None:
        return None
    host, hint = host_and_hint(settings)
    remote = stack.hosts.remote(host)
    await stack.let_in(host)
    try:
        return await place.find(remote, settings.django, hint)
    except SourceError:
        # Which of several servers is meant, the log of the source tells.
        pid = await _told_pid(stack)
        if not pid:
            raise
        return await place.find(remote, settings.django, Hint(pid=pid))


def server_table(settings: Config) -> Mapping[str, Any] | None:
    """Return the table of the first source that is a Python server."""
    tables = (one for one in settings.collectors if one.get("kind") in KINDS and not one.get("absent"))
    return next(tables, None)


def host_and_hint(settings: Config) -> tuple[str, Hint]:
    """Return the application's host, and what the table of its server says of where it runs."""
    table = server_table(settings) or {}
    host = str(table.get("host", "local"))
    if "host" in settings.django.model_fields_set:
        if host != settings.django.host:
            return settings.django.host, Hint()
        host = settings.django.host
    if table.get("container"):
        return host, Hint(container=str(table["container"]))
    if table.get("compose_service"):
        return host, Hint(compose=_compose(table), service=str(table["compose_service"]))
    if not table or table.get("file") or table.get("journal_file"):
        return host, Hint()
    return host, Hint(unit=str(table.get("unit", f"{table['kind']}.service")))


def asks(settings: Config) -> Iterator[Asks]:
    """Yield what finds the application, and the probe; what it is asked besides goes the same way."""
    if settings.django != DjangoConfig() or server_table(settings) is not None:
        host, hint = host_and_hint(settings)
        found = place.given(host, settings.django, hint)
        yield Asks(host, "the settings of Django", asking.asks(found, hint.unit))


def names_of(stack: Stack) -> tuple[str, ...]:
    """Return the login names of test accounts, spread over all that there are.

    Raises :class:`UsageError` for a file that is named and has none.
    """
    names = list(dict.fromkeys(account.username for account in accounts(stack)))
    return tuple(names[:: max(1, -(-len(names) // MOST_ACCOUNTS))])


async def judged(stack: Stack, judge: Callable[[Stack, Answer], Found], *parts: str) -> Found:
    """Judge the application's settings; where they, or these parts, could not be had, it says why."""
    answer = await stack.ask(application)
    if answer is None:
        return skipped(NOBODY, NOBODY_FIX)
    if missing := [part for part in ("settings", *parts) if getattr(answer, part) is None]:
        return unknown(answer.problem(*missing, "apps"), fix_of(answer))
    return judge(stack, answer)


def fix_of(answer: Answer) -> str:
    """Return what may help an application to be loaded."""
    if answer.unread:
        return f"Let our user read it, or give [django] env_file ({answer.unread[0]})"
    if answer.loaded:
        return "Mend what the application says, or ask it by hand: manage.py check"
    return "Give what the service has: [django] settings, env_file, environment"


async def _told_pid(stack: Stack) -> int:
    for source in stack.of_kind(*KINDS):
        with suppress(RampdeckError):
            fact = (await stack.facts(source)).get(f"{source.info.kind}.master_pid")
            if fact and fact.value.isdecimal():
                return int(fact.value)
    return 0


def _compose(table: Mapping[str, Any]) -> str:
    words = ["docker", "compose"]
    if file := table.get("compose_file"):
        words += ["-f", str(file)]
    if folder := table.get("project_directory"):
        words += ["--project-directory", str(folder)]
    return shlex.join(words)
