"""The application as it says of itself: checks, migrations, DEBUG, where errors go, the test accounts."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from rampdeck.preflight.check import Found, check, failed, ok, skipped, unknown, warning
from rampdeck.preflight.django.answer import Answer, Database, Handler, Message
from rampdeck.preflight.django.application import (
    NOBODY,
    NOBODY_FIX,
    PATIENCE,
    application,
    fix_of,
    judged,
    names_of,
    where,
)
from rampdeck.preflight.stack import Stack

MOST = 12
"""Names that one sentence lists."""
ERROR = 40
ELSEWHERE = ("security.W018", "security.W020")
"""Warnings that another check owns: DEBUG, ALLOWED_HOSTS."""
OF_TLS = tuple(f"security.W{number:03}" for number in (4, 5, 8, 12, 16, 17, 18, 21) if number != 18)
"""Warnings that ask for TLS (HSTS, redirect, secure cookies): over plain HTTP they would break the site."""
SLOWING = ("debug_toolbar", "silk", "nplusone", "pyinstrument")
LOGGED = ("stderr", "stdout", "journal", "syslog")


def listed(names: Iterable[str], most: int = MOST) -> str:
    """Return names as a sentence has them, the first of many."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


@check(
    "django.reachable",
    "Django can be asked",
    expected="the application's settings can be loaded where it runs",
    why="What the load tests is decided by its settings; only the application itself knows them all.",
    effect="The record will not say with which settings the application ran.",
    patience=PATIENCE,
)
async def reachable(stack: Stack) -> Found:
    """Tell which application it is, or why it cannot be asked."""
    answer = await stack.ask(application)
    place = await stack.ask(where)
    if answer is None or place is None:
        return skipped(NOBODY, NOBODY_FIX)
    versions = answer.versions
    python = f"Python {versions.get('python', '?')} ({versions.get('executable', '?')})"
    who = f"{python} in {place.folder or 'its container'}"
    if not answer.loaded:
        return unknown(f"{answer.problem('settings')} with {who}", fix_of(answer), place.host)
    told = f"Django {versions.get('django', '?')}, settings {answer.module}, {who}"
    if "apps" in answer.problems:
        return unknown(f"{told}; its applications: {answer.problems['apps']}", fix_of(answer), place.host)
    return ok(f"{told}, told in {answer.seconds:.1f} s", place.host)


@check(
    "django.check_deploy",
    "Django's own checks pass",
    expected="no error, and no warning that is not silenced",
    why="Django knows what stands against a release; what nobody would release is not to be tested.",
    effect="The record lists what Django warned of.",
    patience=PATIENCE,
)
async def check_deploy(stack: Stack) -> Found:
    """Judge what Django's own checks say."""
    return await judged(stack, _checked, "checks")


def _checked(stack: Stack, answer: Answer) -> Found:
    found = [one for one in answer.checks or () if one.id not in ELSEWHERE and one.level >= 30]
    errors = [one for one in found if one.level >= ERROR]
    if errors:
        text = "; ".join(map(_message, errors[:MOST]))
        return failed(
            f"{len(errors)} error{'s' * (len(errors) != 1)}: {text}",
            errors[0].hint or "manage.py check --deploy",
        )
    plain = stack.target.startswith("http:")
    of_tls = [one.id for one in found if plain and one.id in OF_TLS]
    warnings = [one for one in found if one.id not in of_tls]
    silenced = answer.listed("SILENCED_SYSTEM_CHECKS")
    more = f"; silenced: {listed(silenced)}" if silenced else ""
    more += f"; of TLS, which the target does not speak: {listed(of_tls)}" if of_tls else ""
    if warnings:
        text = "; ".join(map(_message, warnings[:MOST]))
        fix = "Mend them, or put those that are meant so into SILENCED_SYSTEM_CHECKS"
        return warning(f"{len(warnings)} warning{'s' * (len(warnings) != 1)}: {text}{more}", fix)
    return ok(f"no warning{more}")


def _message(one: Message) -> str:
    first = one.message.partition(". ")[0].strip()
    return f"{one.id or 'without an id'} ({first[:160]})"


@check(
    "django.migrations",
    "Migrations are applied",
    expected="every migration of the release is applied, and none besides",
    why="Without its migrations the release runs on another schema: missing indexes, columns, constraints.",
    effect="The figures are of another database than the release's.",
    patience=PATIENCE,
)
async def migrations(stack: Stack) -> Found:
    """Judge what ``migrate --plan`` would say, of each database."""
    return await judged(stack, _migrated, "databases")


def _migrated(_: Stack, answer: Answer) -> Found:
    databases = answer.databases or {}
    for alias, database in databases.items():
        if database.migrations is None:
            part = "migrations" if database.reached else "server"
            why = answer.problems.get(f"databases.{alias}.{part}", "it was not told")
            return unknown(f'database "{alias}": {why}', "Mend it, or ask by hand: manage.py migrate --plan")
    clashes = _names(databases, "clashes")
    if clashes:
        return failed(f"migrations that clash: {listed(clashes)}", "manage.py makemigrations --merge")
    pending = _names(databases, "pending")
    if pending:
        are = "migration is" if len(pending) == 1 else "migrations are"
        return failed(f"{len(pending)} {are} not applied: {listed(pending)}", "manage.py migrate")
    unknown_here = _names(databases, "unknown")
    if unknown_here:
        text = f"the database is ahead of the release, which does not have {listed(unknown_here)}"
        return warning(text, "Deploy the release that they are of, or migrate back")
    return ok("all are applied" + ("" if len(databases) == 1 else f", in {len(databases)} databases"))


def _names(databases: dict[str, Database] | object, kind: str) -> list[str]:
    assert isinstance(databases, dict)
    found = []
    for alias, database in databases.items():
        names = getattr(database.migrations, kind)
        found += [name if alias == "default" else f"{name} ({alias})" for name in names]
    return found


@check(
    "django.debug",
    "DEBUG is off",
    expected="DEBUG = False, and nothing that records each request",
    why="With DEBUG every query is kept in memory and every error is a page of its own: slower, and growing.",
    effect="The response times are not those of production.",
    patience=PATIENCE,
)
async def debug(stack: Stack) -> Found:
    """Judge DEBUG, and what else is there for developers."""
    return await judged(stack, _debug)


def _debug(_: Stack, answer: Answer) -> Found:
    if answer.setting("DEBUG") is not False:
        return failed("DEBUG is on", f"DEBUG = False in {answer.module}, then start the application anew")
    installed = (*answer.listed("INSTALLED_APPS"), *answer.listed("MIDDLEWARE"))
    slowing = [name for name in SLOWING if any(name in one.split(".") for one in installed)]
    if slowing:
        return warning(f"DEBUG is off, but {listed(slowing)} is installed", "Leave it out, as in production")
    return ok("DEBUG is off")


@check(
    "django.logging",
    "Django logs its errors",
    expected="the logger django.request writes errors where they can be read",
    why="With DEBUG off Django's default mails errors to ADMINS and writes them nowhere.",
    effect="Errors will be counted, but no traceback will say why.",
    patience=PATIENCE,
)
async def logs(stack: Stack) -> Found:
    """Judge LOGGING as it came out; that an error really comes is proved by another check."""
    return await judged(stack, _logged, "logging")


def _logged(stack: Stack, answer: Answer) -> Found:
    logs = answer.logging
    assert logs is not None
    fix = (
        'LOGGING = {"version": 1, "disable_existing_loggers": False, '
        '"handlers": {"console": {"class": "logging.StreamHandler"}}, '
        '"root": {"handlers": ["console"], "level": "WARNING"}}'
    )
    if logs.own:
        return skipped(f"LOGGING_CONFIG is the application's own ({logs.own}): only a real error can show it")
    if logs.disabled:
        return warning("LOGGING switches the logger django.request off (disable_existing_loggers)", fix)
    if logs.level:
        return warning(f"django.request tells nothing below {logs.level}", fix)
    followed = {str(table.get("file")) for table in stack.settings.collectors if table.get("file")}
    there = [one for one in logs.handlers if one.passes and (one.to in LOGGED or one.to in followed)]
    if there:
        return ok(f"errors go to {listed(dict.fromkeys(one.to for one in there))}, by {_by(there[0])}")
    told = listed(_by(one) + ("" if one.passes else ", which lets none through") for one in logs.handlers)
    return warning(f"errors go to no log that is read, only to {told}" if told else "errors go nowhere", fix)


def _by(one: Handler) -> str:
    name = one.cls.rpartition(".")[2]
    where = f" ({one.to})" if one.to and one.to not in LOGGED else ""
    return f"{name}{where} of {one.logger}"


@check(
    "django.accounts",
    "Test accounts exist",
    expected="every test account exists, is active and has a password",
    why="A user who cannot log in tests the login page, again and again.",
    effect="The load will not be that of users who are logged in.",
    patience=PATIENCE,
)
async def test_accounts(stack: Stack) -> Found:
    """Judge whether the accounts of the scenario are there."""
    names = names_of(stack)
    if not names:
        fix = '[preflight.login] accounts = "users.csv", with the columns username and password'
        return skipped("no test accounts are named", fix)
    return await judged(stack, partial(_accounts, names), "accounts")


def _accounts(names: tuple[str, ...], _: Stack, answer: Answer) -> Found:
    told = answer.accounts
    assert told is not None
    # An address may have been found in other letters than it was asked for in.
    states = {name.lower(): state for name, state in told.found.items()}
    wrong = {
        "are not there": [name for name in names if name.lower() not in states],
        "are not active": [name for name in names if states.get(name.lower()) == "inactive"],
        "have no password": [name for name in names if states.get(name.lower()) == "no password"],
    }
    said = [f"{len(found)} {what} ({listed(found, 5)})" for what, found in wrong.items() if found]
    if said:
        return failed(
            f"of {len(names)} accounts that were looked up, {'; '.join(said)}", "Seed the test accounts anew"
        )
    return ok(f"{len(names)} looked up in {told.model}, all active, with a password")


CHECKS = (reachable, check_deploy, migrations, debug, logs, test_accounts)
